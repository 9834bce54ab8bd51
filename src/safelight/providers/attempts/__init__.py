"""Attempts at generators: what was refused, by which party, and what it cost."""
