"""Texts of the pages for people, and how their problems are worded."""

from __future__ import annotations

import math

from safelight.errors import (
    Conflict,
    InvalidField,
    RateLimited,
    SafelightError,
    Unauthenticated,
    Unavailable,
)
from safelight.i18n import Messages, load_messages
from safelight.trust.people.passwords import MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS

from .translations import Translations

#: The message of a problem with one field.
_FIELDS = {
    "password": "error.password",
    "code": "error.code",
    "email": "error.email",
    "name": "error.person_name",
}


def people_texts(t: Translations) -> Messages:
    """The texts in the language of the page."""
    return load_messages("people", t.tag)


#: The message of a problem of the sign-in through a provider.
_OPENID = {"openid", "openid_cancelled", "openid_state", "openid_person", "openid_groups"}


def describe_problem(
    problem: SafelightError, p: Messages, *, unauthenticated: str = "error.sign_in", provider: str = ""
) -> str:
    """The problem in the language of the page; in English if this page does not expect it."""
    if isinstance(problem, RateLimited):
        return p("error.limited", minutes=max(1, math.ceil((problem.retry_after_s or 60) / 60)))
    if problem.param in _OPENID:
        return p(f"error.{problem.param}", name=provider)
    if provider and isinstance(problem, Unavailable):
        return p("error.openid_down", name=provider)
    if isinstance(problem, Unauthenticated):
        return p(unauthenticated)
    if isinstance(problem, InvalidField) and problem.param in _FIELDS:
        return p(_FIELDS[problem.param], min=MIN_PASSWORD_CHARACTERS, max=MAX_PASSWORD_CHARACTERS)
    if isinstance(problem, Conflict):
        return p(_conflict(problem))
    return str(problem)


def _conflict(problem: Conflict) -> str:
    if problem.param == "email":
        return "error.known"
    return "error.last_owner" if problem.remedy else "error.already"
