"""Detectors that ask a server: guard models behind OpenAI-compatible endpoints."""
