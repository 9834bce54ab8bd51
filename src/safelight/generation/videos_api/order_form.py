"""An order as the upstream's create request takes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx

from safelight.errors import UpstreamRejected
from safelight.generation.protocol import Order

from .options import Options


def build_request(client: httpx.Client, order: Order, options: Options, stack: ExitStack) -> httpx.Request:
    """The request for an order, its files open until `stack` closes, or `UpstreamRejected`."""
    fields = _fields(order, options)
    headers = {"idempotency-key": order.key, "accept": "application/json"}
    try:
        if not order.references and options.send_as == "json":
            return client.build_request("POST", "videos", json=fields, headers=headers)
        parts: list[tuple[str, Any]] = [(name, (None, text.encode())) for name, text in _flat(fields)]
        for reference in order.references:
            name = options.reference_field if reference.field == "input_reference" else reference.field
            if not options.reference_field:
                raise UpstreamRejected(f"{options.name} takes no reference.")
            file = stack.enter_context(reference.path.open("rb"))
            parts.append((name, (_file_name(reference.media_type), file, reference.media_type)))
        return client.build_request("POST", "videos", files=parts, headers=headers)
    except OSError as error:
        raise UpstreamRejected("A reference file of the order can no longer be read.") from error
    except ValueError as error:
        raise UpstreamRejected(f"The order cannot be put into words for {options.name}.") from error


def _fields(order: Order, options: Options) -> dict[str, Any]:
    if unknown := order.extra.keys() - options.extra_fields.keys():
        raise UpstreamRejected(f"The field {min(unknown)!r} is not on the list of {options.name}.")
    fields: dict[str, Any] = {"prompt": order.prompt, "seconds": str(order.seconds)}
    if order.model:
        fields["model"] = order.model
    if order.width and order.height:
        fields["size"] = f"{order.width}x{order.height}"
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
