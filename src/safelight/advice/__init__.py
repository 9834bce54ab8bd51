"""Help for what our own policy allows: what providers document about refusals, and ten things to look at.

Nothing here decides, and nothing here is learned: no row claims how often a provider refuses.
"""
