"""Detectors and transcribers for sound."""
