"""A view has the fields of its record, and what differs; its JSON is typed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from pydantic_core import PydanticSerializationError

from safelight.core.records import Seconds, Shown
from safelight.web.views import TextOrNull, show, to_json


@dataclass(frozen=True, kw_only=True)
class Base(Shown):
    id: str
    at: Seconds
    ended_at: Seconds | None = None


@dataclass(frozen=True, kw_only=True)
class Record(Base):
    secret: str = "s"
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class View(Base):
    object: str = "thing"
    reason: TextOrNull
    number: int


def test_a_view_takes_shared_fields_from_its_record_and_shows_whole_seconds() -> None:
    view = show(View, Record(id="a", at=2.7), number=3)
    shown = b'{"id":"a","at":2,"ended_at":null,"object":"thing","reason":null,"number":3}'
    assert to_json(view) == shown


def test_a_value_of_another_type_is_not_shown() -> None:
    with pytest.raises(PydanticSerializationError):
        to_json(show(View, Record(id="a", at=2.7), number="3"))
