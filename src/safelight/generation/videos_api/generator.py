"""Orders from one `/v1/videos` server, with an exact word on what became of each."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from safelight.errors import (
    SafelightError,
    SubmissionUnconfirmed,
    UpstreamError,
    UpstreamInvalidResponse,
    UpstreamModerationBlocked,
    UpstreamRejected,
    UpstreamUnavailable,
)
from safelight.generation.protocol import GenerationRequest, GeneratorInfo, Progress
from safelight.generation.provider_errors import read as read_refusal
from safelight.net.client import AnswerTooLong, read_limited
from safelight.net.fetch import Fetcher, FetchLimits
from safelight.net.redaction import redact

from .client import MAX_ANSWER, UpstreamClient, bad_key, video_path
from .download import check_file, check_headers, receive
from .options import Options
from .request import build_request
from .responses import decode, error_text, read_progress, retry_after

_PAGE, _MAX_PAGES = 100, 50
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_BUSY = frozenset({425, 429, 503})
#: The order may have been taken: the request was cut off, or an order with our key is known already.
_DOUBTFUL = frozenset({408, 409})
_LOOKS = 3


class VideosApiGenerator:
    """A remote generator behind any server that speaks the OpenAI Videos API.

    Submissions go out on connections of their own, so that a failure before sending is told from a lost
    answer. `sleep` waits between two looks at something that is not there yet.
    """

    def __init__(
        self,
        options: Options,
        *,
        sleep: Callable[[float], None] = time.sleep,
        fetcher: Fetcher | None = None,
    ) -> None:
        self.name = options.name
        self.ownership = options.billing
        self._options = options
        self._sleep = sleep
        self._server = UpstreamClient(options)
        self._fetcher = fetcher or Fetcher(
            allow_hosts=options.content_hosts, limits=FetchLimits(total_s=options.fetch_timeout_s, idle_s=30.0)
        )

    def close(self) -> None:
        self._server.close()

    def info(self) -> GeneratorInfo:
        return self._options.info()

    def submit(self, order: GenerationRequest) -> str:
        with ExitStack() as stack:
            client = self._server.submitting
            request = build_request(client, order, self._options, stack)
            try:
                response = client.send(request, stream=True)
            except _NOT_SENT as error:
                raise UpstreamUnavailable(
                    f"{self.name} cannot be reached; it has not got the order."
                ) from error
            except (httpx.HTTPError, OSError) as error:
                raise SubmissionUnconfirmed(f"The answer of {self.name} to the order was lost.") from error
            stack.callback(response.close)
            try:
                body = decode(read_limited(response, max_bytes=MAX_ANSWER, within_s=self._options.submit_timeout_s))
            except (httpx.HTTPError, AnswerTooLong):
                body = None
            return self._taken(response, body)

    def find(self, key: str) -> str | None:
        """The id of the order with our key, from the server's list, looked at twice where it is not there.

        Only a server that gives our metadata back (`idempotency_metadata_key`) can tell; of any other, and of a list
        that is longer than we read, `SubmitUnknown`.
        """
        if not self._options.idempotency_metadata_key:
            raise SubmissionUnconfirmed(f"{self.name} cannot say whether it took the order.")
        found = self._look(key)
        if found is None:
            self._sleep(self._options.list_lag_s)
            found = self._look(key)
        return found

    def progress(self, upstream_id: str) -> Progress:
        """The state of an order.

        Proxies have bad moments: it takes three looks, a second apart, before an order that the server does
        not know has failed, and before an answer that is no answer is a lie.
        """
        for look in range(_LOOKS):
            status, headers, body = self._server.get("GET", video_path(upstream_id))
            if status != 404 and body is not None:
                break
            if look + 1 < _LOOKS:
                self._sleep(1.0)
        if status == 404:
            body = {"status": "failed", "error": "The generator no longer knows this order."}
        if body is None:
            raise UpstreamInvalidResponse(
                f"{self.name} answered the question for an order with something unreadable."
            )
        return read_progress(
            body,
            headers,
            ownership=self.ownership,
            usd_per_second=self._options.usd_per_second,
            secrets=(self._options.api_key,),
        )

    def fetch(self, upstream_id: str, into: Path, *, max_bytes: int) -> None:
        headers = {"accept": "video/mp4, application/binary", "accept-encoding": "identity"}
        elsewhere = ""
        try:
            with (
                self._server.reachable(),
                self._server.asking.stream(
                    "GET", f"{video_path(upstream_id)}/content", headers=headers
                ) as response,
            ):
                self._server.error_for(response)
                if response.has_redirect_location:
                    elsewhere = str(response.url.join(response.headers["location"]))
                elif response.status_code == 200:
                    self._receive(response, into, max_bytes)
                else:
                    raise UpstreamInvalidResponse(
                        f"{self.name} says the video is finished and does not have it "
                        f"(status {response.status_code})."
                    )
            if elsewhere:
                self._fetch_elsewhere(elsewhere, into, max_bytes)
        except OSError as error:
            raise UpstreamError("The finished video could not be stored.") from error

    def delete(self, upstream_id: str) -> bool:
        """Whether the server's copy is gone; True also where it was gone before."""
        try:
            status, _, body = self._server.get("DELETE", video_path(upstream_id))
        except UpstreamRejected:
            return False
        if status in {204, 404}:
            return True
        return body is not None and body.get("deleted") is not False and not body.get("error")

    def _taken(self, response: httpx.Response, body: dict[str, Any] | None) -> str:
        status = response.status_code
        upstream_id = body.get("id") if body and response.is_success else None
        if isinstance(upstream_id, str) and _is_id(upstream_id):
            return upstream_id
        if (refusal := read_refusal(body)) is not None:
            raise UpstreamModerationBlocked(f"The filter of {self.name} refused the order.", refusal=refusal)
        if status in _BUSY:
            raise UpstreamUnavailable(
                f"{self.name} takes no orders just now (status {status}).",
                retry_after_s=retry_after(response.headers),
            )
        if response.is_success or status in _DOUBTFUL or status >= 500:
            raise SubmissionUnconfirmed(
                f"{self.name} answered the order with status {status} and no order number."
            )
        raise UpstreamRejected(self._why_rejected(response, body))

    def _why_rejected(self, response: httpx.Response, body: dict[str, Any] | None) -> str:
        status = response.status_code
        if status in {401, 403}:
            return bad_key(self.name, status)
        if status == 402:
            return f"The account with {self.name} has no credit left. The operator must see to it."
        if response.is_redirect:
            to = redact(response.headers.get("location", "").split("?")[0], longest=120)
            return f"{self.name} redirects orders to {to or 'elsewhere'}. The operator must correct `url`."
        sentence = error_text(body, secrets=(self._options.api_key,))
        return f"{self.name} refused the order as malformed (status {status}). {sentence}".strip()

    def _look(self, key: str) -> str | None:
        field, after, told = self._options.idempotency_metadata_key, "", False
        for _ in range(_MAX_PAGES):
            params = {"limit": str(_PAGE), "order": "desc"} | ({"after": after} if after else {})
            try:
                status, _, page = self._server.get("GET", "videos", params=params)
            except UpstreamRejected as error:
                raise SubmissionUnconfirmed(f"{self.name} gives no list of its orders.") from error
            videos = page.get("data") if page is not None and status == 200 else None
            if page is None or not isinstance(videos, list):
                raise SubmissionUnconfirmed(f"{self.name} gives no list of its orders.")
            rows = [video for video in videos if isinstance(video, dict) and isinstance(video.get("id"), str)]
            for row in rows:
                metadata = row.get("metadata")
                if isinstance(metadata, dict) and field in metadata:
                    told = True
                    if metadata[field] == key:
                        return str(row["id"])
            if not page.get("has_more", len(videos) >= _PAGE):
                if videos and not told:
                    raise SubmissionUnconfirmed(f"The list of {self.name} does not name our keys.")
                return None
            if not rows or rows[-1]["id"] == after:
                break
            after = str(rows[-1]["id"])
        raise SubmissionUnconfirmed(f"The list of {self.name} could not be read to its end.")

    def _receive(self, response: httpx.Response, into: Path, max_bytes: int) -> None:
        promised = check_headers(response.headers, max_bytes)
        try:
            receive(
                response.iter_raw(65536),
                into,
                promised=promised,
                max_bytes=max_bytes,
                within_s=self._options.fetch_timeout_s,
            )
        except httpx.RemoteProtocolError as error:
            raise UpstreamInvalidResponse("The finished video was cut off.") from error

    def _fetch_elsewhere(self, location: str, into: Path, max_bytes: int) -> None:
        # A file store of somebody's choice: no key goes there, and it may not be in our own network.
        try:
            fetched = self._fetcher.fetch(location, into, max_bytes=max_bytes)
        except SafelightError as error:
            raise UpstreamInvalidResponse(
                f"The finished video is not where {self.name} says. {error.message}"
            ) from error
        try:
            with into.open("rb") as file:
                check_file(file, fetched.size, None)
        except UpstreamInvalidResponse:
            into.unlink()
            raise


def _is_id(text: str) -> bool:
    return 0 < len(text) <= 512 and text.isprintable() and bool(text.strip("."))
