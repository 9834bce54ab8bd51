"""Finds the registered video that a file comes from, also after changes. Names what that proves."""
