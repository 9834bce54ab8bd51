"""Forms of JSON that the API and the commands share: lists, pages, deleted objects, and times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any


def list_object(data: Iterable[Any], **more: Any) -> dict[str, Any]:
    """A list in the form of OpenAI's API, with further fields after its data."""
    return {"object": "list", "data": list(data), **more}


def page_object(data: list[dict[str, Any]], *, has_more: bool, **more: Any) -> dict[str, Any]:
    """A page of a list of OpenAI's API: with the ids between which it lies."""
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return list_object(data, **more, first_id=first, last_id=last, has_more=has_more)


def deleted_object(identity: str, kind: str) -> dict[str, Any]:
    """The answer after the deletion of an object of this kind."""
    return {"id": identity, "object": f"{kind}.deleted", "deleted": True}


def whole_seconds(at: float | None) -> int | None:
    return None if at is None else int(at)


def format_iso(at: float, *, timespec: str = "seconds") -> str:
    """A time with its zone, such as 2026-11-21T14:05:00+00:00."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=timespec)
