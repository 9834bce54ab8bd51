"""The composition root: builds a `Container` from the settings. The only package that reads settings."""

from __future__ import annotations

from .container import Container, load

__all__ = ["Container", "load"]
