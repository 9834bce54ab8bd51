"""The suite: all sets of the manifests in one run, on one page, beside other screeners and other policies."""
