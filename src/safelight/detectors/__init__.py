"""Detectors: content in, findings out."""
