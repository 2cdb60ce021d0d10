"""
What programs do that no table says: one function for each, called with the command's draft.
"""
