"""Detectors of pictures and frames."""
