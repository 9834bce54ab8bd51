"""Safelight: the content-safety stack for AI video generation, self-hosted, for any generator."""

from __future__ import annotations

import os

__version__ = "0.1.0"

# onnxruntime reports usage to its maker unless it is told otherwise before it is imported. We never report.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
