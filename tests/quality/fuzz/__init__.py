"""
Random command lines and packs in their hundred thousands, and what must hold for each.

``python -m tests.quality.fuzz shell|packs --cases N --seed S [--first K]`` runs them. A case is
made from the seed and its number alone, so that a run can be cut in pieces, gone on with, and
a finding be made again.
"""
