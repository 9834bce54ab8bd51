"""Safelight: the content-safety stack for AI video generation, self-hosted, for any generator."""

import os

__version__ = "0.1.0"

# onnxruntime sends usage data to its vendor by default. It reads this variable when it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
