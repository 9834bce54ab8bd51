"""The version of the client that commands use."""

from __future__ import annotations

from safelight import __version__
from safelight.core.errors import ConfigurationError


def require_same_client() -> None:
    """Raises `ConfigurationError` if the installed client is of another version."""
    import safelight_client

    if safelight_client.__version__ != __version__:
        raise ConfigurationError(
            f"safelight-client {safelight_client.__version__} is installed; this is safelight {__version__}.",
            remedy=f"Install safelight-client {__version__}, or remove it: safelight includes the client.",
        )
