"""Detectors: they inspect content and return findings."""
