"""Requests: as parsed, and as admitted. Not screened yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safelight.generation.protocol import Derivation


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file of a request, stored on disk and not opened yet."""

    field: str
    path: Path
    filename: str
    media_type: str


@dataclass(frozen=True, kw_only=True)
class CreateRequest:
    """The fields of a create request. Unknown fields are in `extra`."""

    prompt: str
    model: str | None = None
    seconds: str | None = None
    size: str | None = None
    uploads: tuple[Upload, ...] = ()
    #: Media by URL or data URL: request field to URL. Each is fetched once.
    urls: Mapping[str, str] = field(default_factory=dict)
    #: Every other field. Admission types it or rejects it by name.
    extra: Mapping[str, Any] = field(default_factory=dict)
    safety_identifier: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    #: For a remix, an edit or an extension; its clip is `source` or an upload in the field `video`.
    step: Derivation | None = None
    #: The id of the source video.
    source: str | None = None
    #: Ids of stored characters.
    characters: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SourceVideo:
    """The source of a remix, an edit or an extension."""

    step: Derivation
    #: Length of the clip, rounded up.
    seconds: int
    width: int
    height: int
    #: The prompts of the source and its ancestors, the oldest first.
    prompts: tuple[str, ...] = ()
    #: Whether it is an uploaded clip and not a video of this installation.
    uploaded: bool = False
    #: The generator that made it, and its id there if the upstream still has it.
    generator: str = ""
    upstream_id: str = ""


@dataclass(frozen=True, kw_only=True)
class AdmittedRequest:
    """A request whose fields are all known and supported by its generator. Not screened yet."""

    generator: str
    model: str
    prompt: str
    #: Total duration of the result, including the source clip of an extension.
    seconds: int
    width: int
    height: int
    #: Further fields for the generator, with their types converted.
    extra: Mapping[str, Any]
    #: All texts for screening: field to text.
    texts: Mapping[str, str]
    #: Fields of `texts` that describe what the video must *not* show.
    negated: frozenset[str]
    uploads: tuple[Upload, ...]
    urls: Mapping[str, str]
    end_user: str | None
    metadata: Mapping[str, str]
    origin: SourceVideo | None = None
