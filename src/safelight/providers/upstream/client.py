"""HTTP client of one upstream server. `get` is only for requests that may be repeated."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import httpx

from safelight.core.errors import UpstreamInvalidResponse, UpstreamRejected, UpstreamUnavailable
from safelight.core.net.client import AnswerTooLong, Timeouts, read_limited, upstream_client
from safelight.core.net.redaction import redact

from .bodies import decode, error_text, retry_after
from .download import Download
from .options import RemoteOptions

_log = logging.getLogger(__name__)

MAX_ANSWER = 4 * 1024 * 1024
#: Polls before an unknown request or an unreadable answer is believed.
_MAX_POLL_ATTEMPTS = 3
#: HTTP statuses (in addition to 5xx) after which a request may be repeated.
_LATER = frozenset({408, 409, 425, 429})

#: Status, headers and JSON object of a response; no object if it is unreadable.
Answer: TypeAlias = "tuple[int, httpx.Headers, dict[str, Any] | None]"


def _is_unknown(status: int, _body: dict[str, Any] | None) -> bool:
    """Whether the server answers that it does not know what was asked for."""
    return status == 404


class UpstreamClient:
    """Connections to one server. `submitting` opens a new one for each request, `asking` reuses them.

    `headers` carry the key if the server does not take it as a bearer token.
    """

    def __init__(self, options: RemoteOptions, *, headers: Mapping[str, str] | None = None) -> None:
        self._options = options
        self._headers = headers
        self.submitting = self._client(options.submit_timeout_s, keep_alive=False)
        self.asking = self._client(options.poll_timeout_s, keep_alive=True)

    def close(self) -> None:
        self.submitting.close()
        self.asking.close()

    def get(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        document: dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_ANSWER,
        is_answer: Callable[[int, dict[str, Any] | None], bool] = _is_unknown,
    ) -> Answer:
        """Status, headers and JSON object of the response: a success, or an error that `is_answer` accepts.

        `document` is sent as JSON. `UpstreamUnavailable`: retry later. It is also raised if the server
        rejects our key or redirects, because the operator can correct `api_key` or `url`, or a login page in
        between can go away, while the request waits.
        `UpstreamRejected`: the server does not serve this request.
        """
        within_s = self._options.poll_timeout_s
        with (
            self.reachable(),
            self.asking.stream(
                method, path, params=params or {}, json=document, headers=dict(headers or {})
            ) as response,
        ):
            body = decode(read_limited(response, max_bytes=max_bytes, within_s=within_s))
            if not response.is_success and not is_answer(response.status_code, body):
                self.error_for(response)
                if response.is_redirect:
                    raise UpstreamUnavailable(redirected(self._options.name, response))
                why = f"{self._options.name} rejected a request (status {response.status_code}). "
                raise UpstreamRejected((why + error_text(body, secrets=self._options.secrets)).strip())
            return response.status_code, response.headers, body

    def download(self, path: str, download: Download) -> str:
        """Receive a file of this server. Returns the address if the server redirects to another one."""
        with self.reachable(), self.asking.stream("GET", path, headers=download.headers()) as response:
            self.error_for(response)
            if response.has_redirect_location:
                return str(response.url.join(response.headers["location"]))
            download.receive(response.status_code, response.headers, response.iter_raw())
            return ""

    def error_for(self, response: httpx.Response) -> None:
        """Raises `UpstreamUnavailable` if the status allows a retry."""
        status = response.status_code
        if status in {401, 403}:
            raise UpstreamUnavailable(no_access(self._options.name, status))
        if is_temporary(status):
            raise UpstreamUnavailable(
                f"{self._options.name} is not available now (status {status}).",
                retry_after_s=retry_after(response.headers),
            )

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """Converts connection errors into `UpstreamUnavailable`."""
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL, AnswerTooLong) as error:
            raise UpstreamUnavailable(
                f"{self._options.name} cannot be reached or does not answer in time."
            ) from error

    def _client(self, read_s: float, *, keep_alive: bool) -> httpx.Client:
        options = self._options
        return upstream_client(
            options.url.rstrip("/") + "/",
            api_key="" if self._headers else options.api_key,
            headers=self._headers,
            timeouts=Timeouts(connect_s=options.connect_timeout_s, read_s=read_s),
            keep_alive=keep_alive,
            ca_file=Path(options.ca_file) if options.ca_file else None,
            proxy=options.proxy or None,
        )


def poll(
    ask: Callable[[], Answer], name: str, sleep: Callable[[float], None]
) -> tuple[int, httpx.Headers, dict[str, Any]]:
    """The answer about a request; status 404 if the server does not know it.

    Proxies can fail temporarily. Only after three attempts, one second apart, is a request unknown or an
    answer unreadable. Raises `UpstreamInvalidResponse` if it is unreadable.
    """
    for attempt in range(_MAX_POLL_ATTEMPTS):
        status, headers, body = ask()
        if status != 404 and body is not None:
            break
        if attempt + 1 < _MAX_POLL_ATTEMPTS:
            sleep(1.0)
    if status != 404 and body is None:
        raise UpstreamInvalidResponse(f"{name} returned an unreadable status of a request.")
    return status, headers, body or {}


def is_temporary(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status >= 500 or status in _LATER


def no_access(name: str, status: int) -> str:
    """The message when a server rejects the API key (401), or what its owner asks for (403).

    It does not contain the reason that the server gives, which is about the account of the operator.
    """
    if status == 401:
        return f"{name} does not accept our API key (status 401). The operator must check `api_key`."
    return (
        f"{name} denies access (status {status}). "
        "The operator must check `api_key` and what its account may use."
    )


def redirected(name: str, response: httpx.Response) -> str:
    """The message when a server redirects a request of the API, which is not followed."""
    # The client that reads this sentence must not learn an address of the operator's network.
    to = redact(response.headers.get("location", "").split("?")[0], longest=120)
    _log.warning("%s redirects requests to %s. Correct its `url`.", name, to)
    return f"{name} redirects requests to another address. The operator must correct `url`."


def video_path(upstream_id: str) -> str:
    """The path of one video below the base URL."""
    return f"videos/{quote(upstream_id, safe='')}"
