"""The registry of delivered files: their seals, fingerprints, and checks of origin for strangers."""
