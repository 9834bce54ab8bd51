"""Detectors inspect content and return findings."""
