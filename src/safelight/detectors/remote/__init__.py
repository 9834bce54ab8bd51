"""Detectors that call a server: guard models and transcribers behind OpenAI-compatible endpoints."""
