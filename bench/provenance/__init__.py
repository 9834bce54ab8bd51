"""Clips for `safelight eval provenance`."""
