"""Text detectors (word lists, patterns, entities, classifiers), the views of a text that they read, and
the text pipeline.
"""
