"""Checks the fields of a new report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safelight.accounts import Principal, PrincipalKind
from safelight.accounts.people import LANGUAGES
from safelight.accounts.reporter import Reporter, ReporterKind
from safelight.core.errors import InvalidField
from safelight.policy.findings import Category, Taxonomy
from safelight.policy.yaml_reader import did_you_mean

from .lanes import ReportLane
from .models import NewReport, ReportReason

MAX_REASON_CHARACTERS = 200
MAX_NOTE_CHARACTERS = 4000
MAX_CONTACT_CHARACTERS = 320
MAX_REPORTER_CHARACTERS = 128
MAX_NAME_CHARACTERS = 200
MAX_LOCATION_CHARACTERS = 2000
_MAX_KEY_CHARACTERS = 255
_VIDEO_ID = re.compile(r"video_[0-9a-f]{32}(?![0-9a-f])")
_PAGE = re.compile(r"https?://[^\s/?#]+\.[^\s]*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class ValidReport:
    #: Empty: the location is a page.
    video_id: str
    category: str | None
    reason: str
    note: str
    contact: str | None
    name: str | None
    location: str | None
    lane: ReportLane
    language: str


def validate(new: NewReport, taxonomy: Taxonomy) -> ValidReport:
    """The report with its fields checked. Raises `InvalidField`."""
    category = _validate_category(new.category, taxonomy)
    reason = validate_text(new.reason or "", "reason", MAX_REASON_CHARACTERS)
    if new.lane is ReportLane.INTIMATE_IMAGERY:
        category = category or Category.NCII.value
    if not reason and category is None:
        words = ", ".join(one.value for one in ReportReason)
        raise InvalidField(
            "A report needs a category or a reason.",
            param="reason",
            remedy=f"Name a category of the policy, one of {words}, or give a reason in your own words.",
        )
    location = validate_text(new.location, "location", MAX_LOCATION_CHARACTERS)
    video_id = new.video_id or find_video_id(location)
    if not video_id and not is_page(location):
        raise InvalidField(
            "The location is neither a video nor a page.",
            param="location",
            remedy="Copy the address of the page, or the id of the video: video_ and 32 characters.",
        )
    if len(new.idempotency_key or "") > _MAX_KEY_CHARACTERS:
        raise InvalidField("An Idempotency-Key has at most 255 characters.", param="Idempotency-Key")
    valid = ValidReport(
        video_id=video_id,
        category=category,
        reason=reason,
        note=validate_text(new.note, "note", MAX_NOTE_CHARACTERS),
        contact=validate_text(new.contact or "", "contact", MAX_CONTACT_CHARACTERS) or None,
        name=validate_text(new.name or "", "name", MAX_NAME_CHARACTERS) or None,
        location=location or None,
        lane=new.lane,
        language=_validate_language(new.language),
    )
    if new.lane is ReportLane.INTIMATE_IMAGERY:
        _require_complete(valid, in_good_faith=new.in_good_faith)
    return valid


def _require_complete(valid: ValidReport, *, in_good_faith: bool) -> None:
    """A notice of intimate pictures needs a signature, a contact and the declaration."""
    if not valid.name:
        raise InvalidField("A notice of intimate pictures needs a name as its signature.", param="name")
    if not valid.contact:
        raise InvalidField("A notice of intimate pictures needs a contact address.", param="contact")
    if not in_good_faith:
        raise InvalidField(
            "A notice of intimate pictures needs the declaration that the person shown did not agree.",
            param="good_faith",
        )


def find_video_id(location: str) -> str:
    """The id of the video in an address or text; empty if there is none."""
    found = _VIDEO_ID.search(location)
    return found.group() if found else ""


def reject_hashes(fields: Mapping[str, Any]) -> None:
    """Raise `InvalidField` for a report with hashes, which were taken until they were removed."""
    if fields.get("hashes"):
        raise InvalidField(
            "A report takes no hashes.",
            param="hashes",
            remedy="Name the video or the page that shows it, in location.",
        )


def is_page(location: str) -> bool:
    """Whether it is the address of a page, such as a page of a platform that shows the video."""
    # Not with a mark of the direction of writing, which shows a reviewer another host than the one in it.
    return location.isprintable() and _PAGE.fullmatch(location) is not None


def reporter_of(principal: Principal, end_user: str | None) -> tuple[ReporterKind, Reporter]:
    """Who reports or appeals, with an account."""
    named = validate_text(end_user or "", "safety_identifier", MAX_REPORTER_CHARACTERS)
    if named:
        return ReporterKind.END_USER, Reporter.of(principal, named)
    kind = ReporterKind.KEY if principal.kind is PrincipalKind.KEY else ReporterKind.PERSON
    return kind, Reporter.of(principal, None)


def validate_text(text: str, param: str, max_characters: int) -> str:
    text = text.strip()
    if len(text) > max_characters or "\0" in text:
        raise InvalidField(f"{param} must have at most {max_characters} characters.", param=param)
    return text


def _validate_language(language: str) -> str:
    if language not in LANGUAGES:
        raise InvalidField(
            f"{language[:20]!r} is not a language of the pages.",
            param="language",
            remedy=f"Send one of {', '.join(LANGUAGES)}.",
        )
    return language


def _validate_category(category: str | None, taxonomy: Taxonomy) -> str | None:
    if not category:
        return None
    if category not in taxonomy:
        raise InvalidField(
            f"There is no category {category[:60]!r}.",
            param="category",
            remedy=did_you_mean(category[:60], {spec.name for spec in taxonomy}),
        )
    return category
