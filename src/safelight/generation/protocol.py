"""`providers/protocol.py`, at the path that installed packages import."""

from __future__ import annotations

from safelight.providers.protocol import *  # noqa: F403
