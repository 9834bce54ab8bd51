"""Templates, their slots, and requests that name a template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safelight.videos.requests.request import TemplateUse


class TemplateState(StrEnum):
    """The state of one version. A version moves forward only, and its text never changes."""

    DRAFT = "draft"
    REVIEW = "review"
    APPROVED = "approved"
    RETIRED = "retired"


class SlotType(StrEnum):
    """What may fill a slot."""

    #: One of the values that the template lists.
    CHOICE = "choice"
    #: Free text of one line.
    TEXT = "text"
    #: One of the values that Safelight ships for the type, or of those that the template keeps of them.
    POSITIVE_EMOTION = "positive_emotion"
    ADULT_DESCRIPTOR = "adult_descriptor"
    FILM_STYLE = "film_style"
    LIGHTING_STYLE = "lighting_style"


@dataclass(frozen=True, kw_only=True)
class TemplateSlot:
    """A part of the text that a request fills, written as `[NAME]`."""

    name: str
    type: SlotType
    #: The allowed values; empty for free text.
    values: tuple[str, ...] = ()
    required: bool = True
    #: Fills a slot that is not required and that a request leaves out.
    default: str = ""
    max_characters: int = 0


@dataclass(frozen=True, kw_only=True)
class TemplateDocument:
    """A template as its author wrote it, after validation."""

    name: str
    about: str
    #: The language of the text: en, zh-Hant or zh-Hans.
    language: str
    text: str
    slots: tuple[TemplateSlot, ...]


@dataclass(frozen=True, kw_only=True)
class TemplateVersion:
    """A version of a template and its state, without its text."""

    version: int
    state: TemplateState


@dataclass(frozen=True, kw_only=True)
class Template:
    """One version of a template with the record of its approval."""

    id: str
    version: int
    state: TemplateState
    #: The YAML text as it was added.
    source: str
    document: TemplateDocument
    #: The id and the name of the principal that added the version.
    author: str
    author_name: str
    created_at: float
    submitted_at: float | None = None
    approver: str | None = None
    approver_name: str | None = None
    approved_at: float | None = None
    retired_at: float | None = None
    #: True if the version waits for approval and no other enrolled person may approve it.
    no_eligible_approver: bool = False

    @property
    def name(self) -> str:
        return self.document.name


@dataclass(frozen=True, kw_only=True)
class TemplateCall:
    """A request for a prompt: the template, its version and a value for each slot."""

    name: str
    #: None: the newest approved version.
    version: int | None = None
    values: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RenderedPrompt:
    text: str
    use: TemplateUse


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What one video shows about a version: prompt, model, date, outcome and cost."""

    video_id: str
    prompt: str
    model: str
    created_at: float
    #: The state of the video, for example `delivered` or `blocked`.
    outcome: str
    error_code: str | None
    #: The charge as in the API: `charged`, `amount`, `currency`. None until it is known.
    charge: Mapping[str, Any] | None
