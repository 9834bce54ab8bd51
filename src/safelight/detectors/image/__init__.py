"""Detectors for images and frames."""
