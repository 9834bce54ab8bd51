"""The Python client: the same names as the package `safelight_client`, which needs nothing of Safelight."""

from __future__ import annotations

from safelight_client import *  # noqa: F403
from safelight_client import __all__ as __all__
