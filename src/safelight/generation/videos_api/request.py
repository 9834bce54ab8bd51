"""Builds the upstream's create request from a generation request."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx

from safelight.errors import UpstreamRejected
from safelight.generation.protocol import Derivation, GenerationRequest, ReferenceFile

from .client import video_path
from .options import Options


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
    if unknown := generation.extra.keys() - options.extra_fields.keys():
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
