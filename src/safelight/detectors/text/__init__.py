"""Text detectors (word lists, patterns, entities, classifiers), the views they read, and their pipeline."""
