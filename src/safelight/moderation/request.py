"""What a client asks for, taken apart but not yet judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safelight.generation.protocol import Derivation


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
    #: For a remix, an edit or an extension; its clip is `source` or an upload in the field `video`.
    step: Derivation | None = None
    #: The id of the video it starts from.
    source: str | None = None
    #: Ids of stored characters.
    characters: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SourceVideo:
    """What a remix, an edit or an extension starts from, looked up."""

    step: Derivation
    #: Of the clip; seconds rounded up.
    seconds: int
    width: int
    height: int
    #: The prompts it descends from, the oldest first.
    prompts: tuple[str, ...] = ()
    #: An uploaded clip, not a video made here.
    uploaded: bool = False
    #: The generator it was made by, and whether that one's server still has it.
    generator: str = ""
    upstream_id: str = ""


@dataclass(frozen=True, kw_only=True)
class AdmittedRequest:
    """A request that a generator can take and whose every field is known. Not screened yet."""

    generator: str
    model: str
    prompt: str
    #: Of the result: of an extension, the whole.
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
    origin: SourceVideo | None = None
