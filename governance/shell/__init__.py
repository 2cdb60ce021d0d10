"""
Command lines, understood: what a line of shell runs, reads, writes, removes and talks to.

Nothing is executed, no file is looked at. `read_line` gives a `Line` for every text; what
cannot be known of it is said in it.
"""
