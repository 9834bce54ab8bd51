"""Attempts at generators: what was refused, by which party, what it cost, and the claim for a refund."""
