"""Requests after parsing and after admission. They are not screened yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safelight.policy.intended_use import IntendedUse
from safelight.providers.protocol import Derivation

from .field_problems import FieldProblems


@dataclass(frozen=True, kw_only=True)
class TemplateUse:
    """The version of a template from which the prompt of a request was made."""

    id: str
    name: str
    version: int
    approved: bool
    values: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Upload:
    """An uploaded file of a request. It is stored on disk and has not been opened yet."""

    field: str
    path: Path
    filename: str
    media_type: str


@dataclass(frozen=True, kw_only=True)
class RetryTerms:
    """What follows if the provider blocks the output: the same prompt once more, a variation, or both."""

    same: bool = False
    #: Another wording of the prompt that the client approved; empty if there is none.
    variation: str = ""
    #: The blocked video that this request repeats; empty for the first request.
    of: str = ""
    #: Whether this request is the variation.
    varied: bool = False


@dataclass(frozen=True, kw_only=True)
class CreateRequest:
    """The parsed fields of a create request. Unknown fields are in `extra`."""

    prompt: str
    model: str | None = None
    seconds: str | None = None
    size: str | None = None
    uploads: tuple[Upload, ...] = ()
    #: URLs and data URLs of media, by request field. Each is fetched only once.
    urls: Mapping[str, str] = field(default_factory=dict)
    #: All other fields. Admission converts them to their types, or rejects them by name.
    extra: Mapping[str, Any] = field(default_factory=dict)
    safety_identifier: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    #: Set for a remix, an edit or an extension. The source clip is `source`, or an upload in the field
    #: `video`.
    step: Derivation | None = None
    #: The id of the source video. None if the source clip is uploaded.
    source: str | None = None
    #: Ids of stored characters.
    characters: tuple[str, ...] = ()
    #: None if the client asks for no retry.
    retry: RetryTerms | None = None
    #: What the video is made for, as far as the request states it.
    use: IntendedUse = field(default_factory=IntendedUse)
    #: The template from which the prompt was made. Set by the gateway, never read from a body as it is.
    template: TemplateUse | None = None
    #: Wrong fields that were found in parsing; admission names them together with those that it finds.
    problems: FieldProblems = field(default_factory=FieldProblems, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class SourceVideo:
    """The source of a remix, an edit or an extension."""

    step: Derivation
    #: Length of the source clip, rounded up.
    seconds: int
    width: int
    height: int
    #: The prompts of the source and its ancestors, oldest first.
    prompts: tuple[str, ...] = ()
    #: Whether the source is an uploaded clip and not a video of this installation.
    uploaded: bool = False
    #: The generator of the source video, and the video's upstream id if the upstream still has it.
    generator: str = ""
    upstream_id: str = ""


@dataclass(frozen=True, kw_only=True)
class AdmittedRequest:
    """A request whose fields are all known, and supported by its generator. It is not screened yet."""

    generator: str
    model: str
    prompt: str
    #: Total duration of the result, including the source clip of an extension.
    seconds: int
    width: int
    height: int
    #: Other fields for the generator, with their types converted.
    extra: Mapping[str, Any]
    #: All texts that have to be screened, by field.
    texts: Mapping[str, str]
    #: Fields in `texts` that describe what the video must *not* show.
    negated: frozenset[str]
    uploads: tuple[Upload, ...]
    urls: Mapping[str, str]
    end_user: str | None
    metadata: Mapping[str, str]
    origin: SourceVideo | None = None
