"""A remote generator on one `/v1/videos` server, which reports the exact outcome of each request."""

from __future__ import annotations

import base64
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from safelight.core.errors import (
    StorageFull,
    SubmissionUnconfirmed,
    UpstreamInvalidResponse,
    UpstreamRejected,
)
from safelight.core.net.client import read_limited
from safelight.providers.protocol import (
    Derivation,
    GenerationRequest,
    GeneratorInfo,
    Progress,
    ReferenceFile,
)
from safelight.providers.upstream.client import UpstreamClient, poll, video_path
from safelight.providers.upstream.download import Download, is_video
from safelight.providers.upstream.link import LinkDownload, link_fetcher
from safelight.providers.upstream.submission import Submission

from .options import Options
from .profiles import OMNI
from .responses import read_progress
from .statuses import may_be_finished, read_id, read_video

_LIST_PAGE_SIZE, _MAX_PAGES = 100, 50


def build_request(
    client: httpx.Client, generation: GenerationRequest, options: Options, stack: ExitStack
) -> httpx.Request:
    """The HTTP request. Its files stay open until `stack` closes. Raises `UpstreamRejected`."""
    path, fields, files = (
        _route(generation, options),
        _fields(generation, options),
        _files(generation, options),
    )
    headers = {"idempotency-key": generation.key, "accept": "application/json"}
    try:
        fields |= _media_texts(generation, options)
        if not files and (options.request_encoding == "json" or path.endswith("/remix")):
            return client.build_request("POST", path, json=fields, headers=headers)
        parts: list[tuple[str, Any]] = [(name, (None, text.encode())) for name, text in _flat(fields)]
        for name, reference in files:
            file = stack.enter_context(reference.path.open("rb"))
            parts.append((name, (_file_name(reference.media_type), file, reference.media_type)))
        return client.build_request("POST", path, files=parts, headers=headers)
    except OSError as error:
        raise UpstreamRejected("A reference file of the request can no longer be read.") from error
    except ValueError as error:
        raise UpstreamRejected(f"The request cannot be expressed for {options.name}.") from error


def _route(generation: GenerationRequest, options: Options) -> str:
    """The route of a request: that of the derivation if there is a source clip and the server supports it,
    else `videos`.
    """
    if generation.source_clip is None or _as_new_video(generation, options):
        return "videos"
    if generation.source_clip.derivation not in options.operations:
        raise UpstreamRejected(f"{options.name} cannot {generation.source_clip.derivation} a video.")
    if generation.source_clip.derivation is Derivation.EDIT:
        return "videos/edits"
    if generation.source_clip.derivation is Derivation.EXTEND:
        return "videos/extensions"
    if not generation.source_clip.upstream_id:
        raise UpstreamRejected(f"{options.name} no longer has the video to remix.")
    return f"{video_path(generation.source_clip.upstream_id)}/remix"


def _as_new_video(generation: GenerationRequest, options: Options) -> bool:
    """Whether a remix is sent as a new video with all prompts combined."""
    basis = generation.source_clip
    if basis is None or basis.derivation is not Derivation.REMIX or not options.remix_as_new:
        return False
    return Derivation.REMIX not in options.operations or not basis.upstream_id


def _files(generation: GenerationRequest, options: Options) -> list[tuple[str, ReferenceFile]]:
    """The files of the request, each with the server's name for its field."""
    files = []
    if generation.source_clip is not None and generation.source_clip.derivation is not Derivation.REMIX:
        files.append(("video", generation.source_clip.clip))
    for reference in generation.references:
        base = reference.field.partition("[")[0]
        form = options.media_fields.get(base)
        name = {"characters": options.character_field, "input_reference": options.reference_field}.get(
            base, base if form else ""
        )
        if not name:
            raise UpstreamRejected(f"{options.name} does not accept a file in {reference.field}.")
        if form in (None, "file"):
            files.append((name, reference))
    return files


def _media_texts(generation: GenerationRequest, options: Options) -> dict[str, str]:
    """The references that the server expects as text, with their bytes as a data URL.

    It gets no URL that it would fetch itself: the bytes at that URL may differ from those that were screened.
    """
    texts: dict[str, str] = {}
    for reference in generation.references:
        name = reference.field.partition("[")[0]
        form = options.media_fields.get(name)
        if form is None or form == "file":
            continue
        if name in texts:
            raise UpstreamRejected(f"{options.name} accepts one file in {name}.")
        content = base64.b64encode(reference.path.read_bytes()).decode()
        url = f"data:{reference.media_type};base64,{content}"
        key = "image_url" if reference.media_type.startswith("image/") else "video_url"
        texts[name] = url if form == "url" else json.dumps({key: url})
    return texts


def _fields(generation: GenerationRequest, options: Options) -> dict[str, Any]:
    unknown = generation.extra.keys() - options.extra_fields.keys()
    if unknown and not options.pass_unknown_fields:
        raise UpstreamRejected(f"The field {min(unknown)!r} is not on the allow-list of {options.name}.")
    fields: dict[str, Any] = {
        "prompt": generation.composed if _as_new_video(generation, options) else generation.prompt
    }
    if generation.source_clip is None or _as_new_video(generation, options):
        fields["seconds"] = str(generation.seconds)
        if generation.width and generation.height:
            fields["size"] = f"{generation.width}x{generation.height}"
    elif generation.source_clip.derivation is Derivation.EXTEND:
        fields["seconds"] = str(generation.seconds - generation.source_clip.seconds)
    # The server uses the model of the source for a remix.
    if generation.model and _route(generation, options).rpartition("/")[2] != "remix":
        fields["model"] = generation.model
    fields |= generation.extra
    if generation.steering is not None and options.steering:
        asked = generation.steering.as_field()
        if options.profile == OMNI:
            fields["extra_params"] = json.dumps({"steering": asked})
        else:
            fields["steering"] = json.dumps(asked)
    if options.idempotency_metadata_key:
        fields["metadata"] = {options.idempotency_metadata_key: generation.key}
    return fields


def _flat(fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Form fields, nested ones in the bracket notation of the SDK."""
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from ((f"{name}[{inner}]", text) for inner, text in _flat(value))
        elif isinstance(value, bool):
            yield name, "true" if value else "false"
        else:
            yield name, str(value)


def _file_name(media_type: str) -> str:
    return f"reference.{media_type.rsplit('/', 1)[-1].split('+')[0]}"


class VideosApiGenerator:
    """A remote generator for any server with the OpenAI Videos API.

    Each submission uses a new connection, so that a request that was never sent differs from a lost response.
    `sleep` is called between repeated polls or searches.
    """

    def __init__(
        self,
        options: Options,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = options.name
        self.billing = options.billing
        self._options = options
        self._sleep = sleep
        self._server = UpstreamClient(options)
        self._submission = Submission(name=self.name, billing=self.billing, secrets=options.secrets)
        self._link = LinkDownload(name=self.name, fetcher=link_fetcher(options))

    def close(self) -> None:
        self._server.close()

    def info(self) -> GeneratorInfo:
        return self._options.info()

    def submit(self, request: GenerationRequest) -> str:
        with ExitStack() as stack:
            client = self._server.submitting
            http_request = build_request(client, request, self._options, stack)
            within_s = min(self._options.submit_timeout_s, request.time_left_s or math.inf)
            return self._submission.send(client, http_request, within_s=within_s, read_id=read_id)

    def find(self, key: str) -> str | None:
        """The id of the request with our idempotency key in the server's list. If it is missing, searches
        a second time.

        That it is missing is certain only if the server returns our metadata (`idempotency_metadata_key`).
        Raises `SubmissionUnconfirmed` if it does not, or if the list is longer than we read.
        """
        found = self._find_once(key)
        if found is None:
            self._sleep(self._options.list_lag_s)
            found = self._find_once(key)
        return found

    def progress(self, upstream_id: str) -> Progress:
        """The status of a request. An unknown one is reported as failed."""
        path = video_path(upstream_id)
        status, headers, body = poll(lambda: self._server.get("GET", path), self.name, self._sleep)
        if status == 404:
            body = {"status": "failed", "error": "it no longer knows this request"}
        video = read_video(body)
        return read_progress(
            video,
            headers,
            has_clip=may_be_finished(video) and self._has_clip(upstream_id),
            billing=self.billing,
            usd_per_second=self._options.usd_per_second,
            secrets=self._options.secrets,
            steers=self._options.steering,
        )

    def fetch(self, upstream_id: str, into: Path, *, max_bytes: int) -> None:
        download = Download(into=into, max_bytes=max_bytes, within_s=self._options.fetch_timeout_s)
        try:
            if elsewhere := self._server.download(f"{video_path(upstream_id)}/content", download):
                self._link.fetch(elsewhere, download)
        except OSError as error:
            raise StorageFull("The finished video cannot be stored on this disk now.") from error

    def fetch_preview(self, upstream_id: str, *, max_bytes: int) -> bytes:
        with (
            self._server.reachable(),
            self._server.asking.stream("GET", f"{video_path(upstream_id)}/preview") as response,
        ):
            if response.status_code != 200:
                raise UpstreamInvalidResponse(f"{self.name} does not have the preview that it offers.")
            return read_limited(response, max_bytes=max_bytes, within_s=self._options.poll_timeout_s)

    def delete(self, upstream_id: str) -> bool:
        """Deletes the server's copy. Also returns True if the copy was already gone."""
        try:
            status, _, body = self._server.get("DELETE", video_path(upstream_id))
        except UpstreamRejected:
            return False
        if status in {204, 404}:
            return True
        return body is not None and body.get("deleted") is not False and not body.get("error")

    def _has_clip(self, upstream_id: str) -> bool:
        """Whether the clip can be downloaded. Asked only if the status does not say so."""
        with (
            self._server.reachable(),
            self._server.asking.stream("GET", f"{video_path(upstream_id)}/content") as response,
        ):
            self._server.error_for(response)
            return response.has_redirect_location or (response.is_success and is_video(response.headers))

    def _find_once(self, key: str) -> str | None:
        field, after, returns_metadata = self._options.idempotency_metadata_key, "", False
        for _ in range(_MAX_PAGES):
            params = {"limit": str(_LIST_PAGE_SIZE), "order": "desc"} | ({"after": after} if after else {})
            try:
                status, _, page = self._server.get("GET", "videos", params=params)
            except UpstreamRejected as error:
                raise SubmissionUnconfirmed(f"{self.name} does not list its requests.") from error
            videos = page.get("data") if page is not None and status == 200 else None
            if page is None or not isinstance(videos, list):
                raise SubmissionUnconfirmed(f"{self.name} does not list its requests.")
            rows = {found: video for video in videos if isinstance(video, dict) and (found := read_id(video))}
            for upstream_id, row in rows.items():
                stated = row["metadata"] if isinstance(row.get("metadata"), dict) else {}
                returns_metadata = returns_metadata or (field != "" and field in stated)
                # Our key is in no other request, wherever the server returns it.
                if key in (row.get("idempotency_key"), *stated.values()):
                    return upstream_id
            if not page.get("has_more", len(videos) >= _LIST_PAGE_SIZE):
                if not field:
                    raise SubmissionUnconfirmed(f"{self.name} cannot tell whether it accepted the request.")
                if videos and not returns_metadata:
                    raise SubmissionUnconfirmed(
                        f"Upstream {self.name} does not return our idempotency key, "
                        "so the submission cannot be confirmed."
                    )
                return None
            last = next(reversed(rows), after)
            if last == after:
                break
            after = last
        raise SubmissionUnconfirmed(f"The list of {self.name} could not be read completely.")
