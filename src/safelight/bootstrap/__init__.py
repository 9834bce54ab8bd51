"""The composition root: settings in, a working installation out. The only reader of settings."""

from __future__ import annotations

from .container import Container, load

__all__ = ["Container", "load"]
