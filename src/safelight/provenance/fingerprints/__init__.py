"""Fingerprints of delivered files: they find the registered video that a changed copy was made from."""
