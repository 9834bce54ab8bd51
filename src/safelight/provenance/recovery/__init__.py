"""Finds the registered video that a file comes from, also after changes, and says what that proves."""
