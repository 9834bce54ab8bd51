"""Ownership challenge: a token that only the operator of a server can put at a fixed path of it."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

import httpcore

from safelight.app.settings.addresses import is_loopback
from safelight.core.errors import Forbidden, InvalidField, NotFound, SafelightError, Unavailable
from safelight.core.fileio import write_atomic
from safelight.core.net.addresses import Target, parse_url
from safelight.core.net.guarded_client import GuardedClient

PATH = "/.well-known/safelight-redteam.txt"
MAX_AGE_S = 24 * 3600
_FILE = "challenge.json"
#: A token has 60 characters.
_MAX_BYTES = 1024
_TOTAL_S, _IDLE_S = 10.0, 5.0
_NEW = "Make a new one: safelight redteam challenge URL"


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """A token for one server."""

    url: str
    token: str
    made_at: float

    @property
    def answer_url(self) -> str:
        return self.url + PATH


def normalize_url(url: str) -> str:
    """The base URL without `/v1`. Raises `InvalidField`: neither https nor loopback, or with other parts."""
    target = _parse(url)
    host = target.host.strip("[]")
    if target.scheme != "https" and not is_loopback(host):
        raise InvalidField("Only https, or http on this machine, can be tested.", param="against")
    if target.url.query or target.url.fragment:
        raise InvalidField("The URL of the server has a query or a fragment.", param="against")
    path = target.url.path.rstrip("/").removesuffix("/v1")
    named = f"[{host}]" if ":" in host else host
    standard = {"http": 80, "https": 443}[target.scheme]
    port = "" if target.port == standard else f":{target.port}"
    return f"{target.scheme}://{named}{port}{path}"


def allowed_host(url: str) -> str:
    """Host and port of a normalized URL, which the operator named and which may be in a private network."""
    target = _parse(url)
    host = target.host.strip("[]")
    return f"{f'[{host}]' if ':' in host else host}:{target.port}"


def make_challenge(url: str, folder: Path, *, now: float) -> Challenge:
    """A new challenge for the server, kept in the folder in place of an earlier one."""
    url = normalize_url(url)
    secret = secrets.token_urlsafe(32)
    challenge = Challenge(url=url, token=f"{secret}.{_bind(secret, url)}", made_at=now)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(folder / _FILE, json.dumps(asdict(challenge)).encode() + b"\n")
    except OSError as error:
        raise SafelightError(f"{folder / _FILE} cannot be written: {error.strerror}.") from error
    return challenge


def check_ownership(url: str, folder: Path, *, now: float) -> Challenge:
    """The challenge of the folder, which the server answered. Raises `SafelightError`: it did not."""
    url, challenge = normalize_url(url), _read(folder / _FILE)
    secret, _, bound = challenge.token.rpartition(".")
    if challenge.url != url or not hmac.compare_digest(bound, _bind(secret, url)):
        raise Forbidden(f"The challenge in {folder} is not for {url}.", remedy=_NEW)
    if not 0 <= now - challenge.made_at <= MAX_AGE_S:
        raise Forbidden("The challenge is older than 24 hours.", remedy=_NEW)
    found = _fetch(challenge.answer_url)
    if not hmac.compare_digest(found.strip(), challenge.token.encode()):
        raise Forbidden(
            f"{challenge.answer_url} has another text than the token of the challenge.",
            remedy="Its operator must put the token there: server.redteam_challenge of Safelight.",
        )
    return challenge


def _parse(url: str) -> Target:
    try:
        return parse_url(url)
    except SafelightError as error:
        raise InvalidField(error.message, param="against", remedy=error.remedy) from error


def _bind(secret: str, url: str) -> str:
    return hashlib.sha256(f"{secret} {url}".encode()).hexdigest()[:16]


def _read(path: Path) -> Challenge:
    try:
        found = json.loads(path.read_bytes())
        url, token, made_at = (found[name] for name in ("url", "token", "made_at"))
        if isinstance(url, str) and isinstance(token, str):
            return Challenge(url=url, token=token, made_at=float(made_at))
    except OSError as error:
        raise NotFound(f"{path} has no challenge: {error.strerror}.", remedy=_NEW) from error
    except (ValueError, KeyError, TypeError):
        pass
    raise InvalidField(f"{path} is not a challenge.", remedy=_NEW)


def _fetch(url: str) -> bytes:
    client = GuardedClient(allow_hosts=[allowed_host(url)], idle_s=_IDLE_S)
    headers = [(b"accept", b"text/plain"), (b"accept-encoding", b"identity")]
    deadline = client.clock() + _TOTAL_S
    body = bytearray()
    try:
        with client.stream("GET", client.target(url), headers=headers, deadline=deadline) as answer:
            if answer.status != 200:
                raise Forbidden(
                    f"{url} answered with status {answer.status}, without the token of the challenge.",
                    remedy="Its operator must put the token there: server.redteam_challenge of Safelight.",
                )
            for chunk in answer.iter_stream():
                body += chunk
                if len(body) > _MAX_BYTES:
                    raise Forbidden(f"{url} answered with more than {_MAX_BYTES} bytes.")
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise Unavailable(f"{url} cannot be fetched: no connection, or no answer in time.") from error
    return bytes(body)
