"""Detectors of sound."""
