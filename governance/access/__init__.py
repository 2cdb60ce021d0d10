"""
Who may do what, and who looked: grants, the guard that asks them, and the audit of reads.

`governance.access.guard.guard_of` makes the guard of a project. Without ``[access]`` and
``[audit]`` there is none, nothing is asked, and nothing of this room is imported but
`governance.access.actors`.
"""
