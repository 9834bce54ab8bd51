"""Generator for servers with OpenAI's Videos API: vLLM-Omni, SGLang, LiteLLM, resellers, Safelight."""

from __future__ import annotations

from typing import Any

from .generator import VideosApiGenerator
from .options import read_options

__all__ = ["VideosApiGenerator", "create"]


def create(options: dict[str, Any]) -> VideosApiGenerator:
    """Creates a generator from its settings table. Raises `SettingsError`, which names the invalid option."""
    return VideosApiGenerator(read_options(options))
