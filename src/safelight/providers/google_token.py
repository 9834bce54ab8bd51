"""Access tokens for a service account of Google Cloud (OAuth 2.0, RFC 7523)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from safelight.core.errors import SettingsError, UpstreamUnavailable
from safelight.core.net.json_client import JsonClient, JsonExchangeFailed

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: Google accepts an assertion for at most one hour.
_ASSERTION_S = 3600
#: A token is renewed this long before its end, so that it does not end during a request.
_MARGIN_S = 120.0


class GoogleToken:
    """The token of the service account in a key file. It is kept until shortly before its end."""

    def __init__(self, credentials_file: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._account = _read(credentials_file)
        self._clock = clock
        host = httpx.URL(self._account["token_uri"])
        # The operator's own file names this server.
        self._client = JsonClient(allow_hosts=[f"{host.host}:{host.port or 443}"])
        self._lock = threading.Lock()
        self._token, self._ends = "", 0.0

    def read(self) -> str:
        """Raises `UpstreamUnavailable` if the token cannot be renewed now."""
        with self._lock:
            if self._clock() > self._ends - _MARGIN_S:
                self._renew()
            return self._token

    @property
    def last(self) -> str:
        """The last token, which may have ended; empty if there was none."""
        return self._token

    def _renew(self) -> None:
        form = {"grant_type": _GRANT, "assertion": self._assertion()}
        try:
            status, answer = self._client.post_form(self._account["token_uri"], form, {})
        except JsonExchangeFailed as error:
            raise UpstreamUnavailable("The token server of Google does not answer.") from error
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if status != 200 or not isinstance(token, str) or not isinstance(seconds, int):
            raise UpstreamUnavailable(
                f"The token server of Google gave no token (status {status}). "
                "The operator must check `credentials_file`."
            )
        self._token, self._ends = token, self._clock() + seconds

    def _assertion(self) -> str:
        from joserfc import jwt
        from joserfc.jwk import RSAKey

        now = int(self._clock())
        claims = {
            "iss": self._account["client_email"],
            "scope": _SCOPE,
            "aud": self._account["token_uri"],
            "iat": now,
            "exp": now + _ASSERTION_S,
        }
        return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(self._account["private_key"]))


def _read(file: Path) -> dict[str, Any]:
    try:
        account = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"The credentials file {file} cannot be read as JSON.") from error
    needed = {"client_email", "private_key", "token_uri"}
    if not isinstance(account, dict) or not all(isinstance(account.get(name), str) for name in needed):
        raise SettingsError(
            f"The credentials file {file} is not the key of a service account.",
            remedy="Create a key in the form JSON for a service account that may use Vertex AI.",
        )
    return account
