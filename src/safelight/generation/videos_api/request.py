"""An order as the upstream's create request takes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx

from safelight.errors import UpstreamRejected
from safelight.generation.protocol import Derivation, GenerationRequest, ReferenceFile

from .client import video_path
from .options import Options


def build_request(
    client: httpx.Client, order: GenerationRequest, options: Options, stack: ExitStack
) -> httpx.Request:
    """The request for an order, its files open until `stack` closes, or `UpstreamRejected`."""
    path, fields, files = _route(order, options), _fields(order, options), _files(order, options)
    headers = {"idempotency-key": order.key, "accept": "application/json"}
    try:
        if not files and (options.send_as == "json" or path.endswith("/remix")):
            return client.build_request("POST", path, json=fields, headers=headers)
        parts: list[tuple[str, Any]] = [(name, (None, text.encode())) for name, text in _flat(fields)]
        for name, reference in files:
            file = stack.enter_context(reference.path.open("rb"))
            parts.append((name, (_file_name(reference.media_type), file, reference.media_type)))
        return client.build_request("POST", path, files=parts, headers=headers)
    except OSError as error:
        raise UpstreamRejected("A reference file of the order can no longer be read.") from error
    except ValueError as error:
        raise UpstreamRejected(f"The order cannot be put into words for {options.name}.") from error


def _route(order: GenerationRequest, options: Options) -> str:
    """Where an order goes: with an earlier video to the route for it, where the server has that."""
    if order.basis is None or _anew(order, options):
        return "videos"
    if order.basis.step not in options.abilities:
        raise UpstreamRejected(f"{options.name} cannot {order.basis.step} a video.")
    if order.basis.step is Derivation.EDIT:
        return "videos/edits"
    if order.basis.step is Derivation.EXTEND:
        return "videos/extensions"
    if not order.basis.upstream_id:
        raise UpstreamRejected(f"{options.name} no longer has the video to be remixed.")
    return f"{video_path(order.basis.upstream_id)}/remix"


def _anew(order: GenerationRequest, options: Options) -> bool:
    """Whether a remix goes as a new video made from all the prompts."""
    basis = order.basis
    if basis is None or basis.step is not Derivation.REMIX or not options.remix_as_new:
        return False
    return Derivation.REMIX not in options.abilities or not basis.upstream_id


def _files(order: GenerationRequest, options: Options) -> list[tuple[str, ReferenceFile]]:
    """The files that go along, each with what the server calls its field."""
    files = []
    if order.basis is not None and order.basis.step is not Derivation.REMIX:
        files.append(("video", order.basis.clip))
    for reference in order.references:
        name = options.reference_field and reference.field
        if reference.field.startswith("characters["):
            name = options.character_field
        elif reference.field == "input_reference":
            name = options.reference_field
        if not name:
            raise UpstreamRejected(f"{options.name} takes no file in {reference.field}.")
        files.append((name, reference))
    return files


def _fields(order: GenerationRequest, options: Options) -> dict[str, Any]:
    if unknown := order.extra.keys() - options.extra_fields.keys():
        raise UpstreamRejected(f"The field {min(unknown)!r} is not on the list of {options.name}.")
    fields: dict[str, Any] = {"prompt": order.composed if _anew(order, options) else order.prompt}
    if order.basis is None or _anew(order, options):
        fields["seconds"] = str(order.seconds)
        if order.width and order.height:
            fields["size"] = f"{order.width}x{order.height}"
    elif order.basis.step is Derivation.EXTEND:
        fields["seconds"] = str(order.seconds - order.basis.seconds)
    # A remix is made by the model that the server knows its source by.
    if order.model and _route(order, options).rpartition("/")[2] != "remix":
        fields["model"] = order.model
    fields |= order.extra
    if options.key_metadata:
        fields["metadata"] = {options.key_metadata: order.key}
    return fields


def _flat(fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Form fields in the SDK's bracket notation."""
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from ((f"{name}[{inner}]", text) for inner, text in _flat(value))
        elif isinstance(value, bool):
            yield name, "true" if value else "false"
        else:
            yield name, str(value)


def _file_name(media_type: str) -> str:
    return f"reference.{media_type.rsplit('/', 1)[-1].split('+')[0]}"
