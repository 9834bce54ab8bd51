"""Detectors that read words: views, lists, the conjunction for minors, heads, and their pipeline."""
