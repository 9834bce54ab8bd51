"""Models: those of the catalogue, and the operator's own classifiers, each in its own process."""
