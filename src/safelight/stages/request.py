"""What a client asks for, taken apart but not yet judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that came with a request, spooled to disk and not yet opened."""

    field: str
    path: Path
    filename: str
    media_type: str


@dataclass(frozen=True, kw_only=True)
class CreateRequest:
    """The fields of a create. Unknown ones are in `extra`, by name."""

    prompt: str
    model: str | None = None
    seconds: str | None = None
    size: str | None = None
    uploads: tuple[Upload, ...] = ()
    #: Media named by URL or data URL: request field to URL. Fetched once, by us.
    urls: Mapping[str, str] = field(default_factory=dict)
    #: Every other field, screened or refused by name at admission.
    extra: Mapping[str, Any] = field(default_factory=dict)
    safety_identifier: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """A request that a generator can take and whose every field is known. Not screened yet."""

    generator: str
    model: str
    prompt: str
    seconds: int
    width: int
    height: int
    #: Fields that go to the generator, with their types made right.
    extra: Mapping[str, Any]
    #: Everything made of words, for screening: field to text.
    texts: Mapping[str, str]
    #: The fields of `texts` that say what is *not* wanted.
    negated: frozenset[str]
    uploads: tuple[Upload, ...]
    urls: Mapping[str, str]
    end_user: str | None
    metadata: Mapping[str, str]
