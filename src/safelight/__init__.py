"""Safelight: the content-safety stack for AI video generation, self-hosted, for any generator."""

__version__ = "0.1.0"
