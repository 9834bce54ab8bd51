"""Steering and watching of video generation, where the pixels are made. Needs torch, nothing of the gateway.

The first module to read is `steered_pipeline`.
"""

from __future__ import annotations

__version__ = "0.1.0"
