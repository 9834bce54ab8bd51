"""Views: what the API and `--json` of the commands show of records. A view writes only what differs.

What a record and its view have in common is one base class of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, Literal, Protocol, Self, TypeVar

from pydantic import PlainSerializer, TypeAdapter

from safelight.core.records import Shown

V = TypeVar("V")
_NOTHING = object()

#: Null for an empty text, which stands for "none" in the database.
TextOrNull = Annotated[str | None, PlainSerializer(lambda text: text or None, return_type=str | None)]


def show(view: Callable[..., V], *records: object, **different: object) -> V:
    """The view of these records. `different`: the fields that are not an attribute of one of them."""
    for name in _names(view):
        if name in different:
            continue
        for record in records:
            if (value := getattr(record, name, _NOTHING)) is not _NOTHING:
                different[name] = value
                break
    return view(**different)


def to_json(view: Any) -> bytes:
    """Raises `PydanticSerializationError` if a value has not the type that the view declares."""
    return _adapter(view.__class__).dump_json(view, warnings="error")


@cache
def _names(view: Any) -> tuple[str, ...]:
    return tuple(one.name for one in fields(view))


@cache
def _adapter(view: Any) -> TypeAdapter[Any]:
    return TypeAdapter(view)


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class ListPage(Shown):
    """A page of a list in the form of OpenAI's API: with the ids between which it lies."""

    object: Literal["list"] = "list"
    first_id: str | None
    last_id: str | None
    has_more: bool

    @classmethod
    def page(cls, items: Iterable[_HasId], *, has_more: bool = False, **more: Any) -> Self:
        data = tuple(items)
        first, last = (data[0].id, data[-1].id) if data else (None, None)
        return cls(data=data, first_id=first, last_id=last, has_more=has_more, **more)  # type: ignore[call-arg]
