"""A small `/v1/videos` server over one local pipeline, with steering and watching."""

from __future__ import annotations
