"""Questions to one upstream server that may be asked again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from safelight.errors import UpstreamRejected, UpstreamUnavailable
from safelight.net.client import AnswerTooLong, Timeouts, read_limited, upstream_client

from .options import Options
from .responses import decode, error_text, retry_after

MAX_ANSWER = 4 * 1024 * 1024
#: Statuses that say "not now" to a question.
_LATER = frozenset({408, 409, 425, 429})


class UpstreamClient:
    """The connections to one server: `submitting` has one per request, `asking` keeps them."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.submitting = self._client(options.submit_timeout_s, keep_alive=False)
        self.asking = self._client(options.poll_timeout_s, keep_alive=True)

    def close(self) -> None:
        self.submitting.close()
        self.asking.close()

    def get(
        self, method: str, path: str, *, params: dict[str, str] | None = None
    ) -> tuple[int, httpx.Headers, dict[str, Any] | None]:
        """Status (2xx or 404), headers and object of the answer.

        `UpstreamUnavailable`: ask again later, also after a refused key, because the operator can mend that
        while the order goes on. `UpstreamRejected`: it does not answer this question.
        """
        with self.reachable(), self.asking.stream(method, path, params=params or {}) as response:
            self.error_for(response)
            body = decode(read_limited(response, max_bytes=MAX_ANSWER, within_s=self._options.poll_timeout_s))
            if not response.is_success and response.status_code != 404:
                why = f"{self._options.name} refused a question (status {response.status_code}). "
                raise UpstreamRejected((why + error_text(body, secrets=(self._options.api_key,))).strip())
            return response.status_code, response.headers, body

    def error_for(self, response: httpx.Response) -> None:
        """`UpstreamUnavailable` where the status says that the question may be asked again."""
        status = response.status_code
        if status in {401, 403}:
            raise UpstreamUnavailable(bad_key(self._options.name, status))
        if status >= 500 or status in _LATER:
            raise UpstreamUnavailable(
                f"{self._options.name} does not answer just now (status {status}).",
                retry_after_s=retry_after(response.headers),
            )

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """Turns trouble with the connection into `UpstreamUnavailable`."""
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL, AnswerTooLong) as error:
            raise UpstreamUnavailable(f"{self._options.name} cannot be reached or takes too long.") from error

    def _client(self, read_s: float, *, keep_alive: bool) -> httpx.Client:
        options = self._options
        return upstream_client(
            options.url.rstrip("/") + "/",
            api_key=options.api_key,
            timeouts=Timeouts(connect_s=options.connect_timeout_s, read_s=read_s),
            keep_alive=keep_alive,
            ca_file=Path(options.ca_file) if options.ca_file else None,
            proxy=options.proxy or None,
        )


def bad_key(name: str, status: int) -> str:
    """The sentence for an operator whose key is not accepted."""
    return f"{name} does not accept our API key (status {status}). The operator must check `api_key`."


def video_path(upstream_id: str) -> str:
    """The path of one video below the base URL."""
    return f"videos/{quote(upstream_id, safe='')}"
