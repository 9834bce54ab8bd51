"""Training of the prompt classifiers and their operating points."""
