"""The errors of `core/errors.py`, at the path that installed packages import (docs/extending.md)."""

from __future__ import annotations

from safelight.core.errors import *  # noqa: F403
