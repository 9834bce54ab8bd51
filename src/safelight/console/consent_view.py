"""Prepares consents for the pages."""

from __future__ import annotations

from safelight.errors import Conflict, InvalidField, InvalidMedia, NotFound, RateLimited, SafelightError
from safelight.i18n import load_messages
from safelight.policy.intended_use import WORLD
from safelight.trust.consent_requests import ConsentRequest

from .translations import Translations, format_date

#: The message of a problem with one field.
_FIELDS = {
    "is_adult",
    "scope",
    "media",
    "email",
    "expires_at",
    "level",
    "territory",
    "cleared_flags",
    "frames",
}


def terms_rows(asked: ConsentRequest, t: Translations) -> list[tuple[str, str]]:
    """The terms in words, as pairs of label and value."""
    c, terms = load_messages("consents", t.tag), asked.terms
    separator = c("separator")
    kinds = separator.join(c(f"kind.{kind.value}") for kind in terms.kinds)
    return [
        (c("terms.asker"), asked.asker),
        (c("terms.subject"), asked.subject),
        (c("terms.scope"), separator.join(c(f"scope.{part.value}") for part in terms.scope)),
        (c("terms.uses"), terms.uses),
        (c("terms.kinds"), kinds or c("kind.every")),
        (c("terms.commercial"), c("yes") if terms.commercial else c("no")),
        (c("terms.territory"), c("territory.world") if terms.territory == WORLD else terms.territory),
        (c("terms.until"), format_date(terms.expires_at, t)),
        (c("terms.level"), c(f"level.{asked.reachable_level.value}")),
    ]


def describe_problem(problem: SafelightError | None, t: Translations) -> str:
    """The problem in the language of the page; empty without one."""
    c = load_messages("consents", t.tag)
    if problem is None:
        return ""
    if isinstance(problem, InvalidMedia):
        return c("error.clip")
    if isinstance(problem, NotFound):
        return c("error.link")
    if isinstance(problem, RateLimited):
        return c("error.wait")
    if isinstance(problem, Conflict):
        return c("error.reused") if problem.param == "media" else c("error.conflict")
    if isinstance(problem, InvalidField) and problem.param in _FIELDS:
        return c(f"error.{problem.param}")
    return str(problem)
