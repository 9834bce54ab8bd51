"""Settings from `safelight.toml` and the environment (`SAFELIGHT_SERVER__PORT=8000`), validated at start.

Only `app` and `cli` read them; every other module gets plain values.
"""

from .loader import read_settings
from .models import (
    DPIA_HEADINGS,
    DPIA_PLACEHOLDER,
    LikenessSettings,
    LogSettings,
    Settings,
)
from .section import Section

__all__ = [
    "DPIA_HEADINGS",
    "DPIA_PLACEHOLDER",
    "LikenessSettings",
    "LogSettings",
    "Section",
    "Settings",
    "read_settings",
]
