"""The verdict of a check in the reader's language."""

from __future__ import annotations

import math
from dataclasses import replace

from safelight.core.i18n import load_messages
from safelight.policy.explanations import ExplanationLevel, explain
from safelight.policy.findings import Taxonomy
from safelight.providers.advice.check_result import CheckResult

from .translations import Translations


def explain_check(found: CheckResult, taxonomy: Taxonomy, t: Translations) -> CheckResult:
    """The check with the explanation of its verdict in the reader's language."""
    verdict = found.deciding.verdict
    explanation = explain(verdict, taxonomy, level=ExplanationLevel.DEVELOPER, locale=t.tag, region=t.region)
    return replace(found, explanation=explanation)


def summarize(found: CheckResult, t: Translations) -> str:
    """What `CheckResult.summary` says in English, for an explained check."""
    sentences = undecided_sentences(found, t) or [found.explanation.sentence]
    return t.join_sentences([*sentences, *template_sentences(found, t)])


def undecided_sentences(found: CheckResult, t: Translations) -> list[str]:
    """Why a check is undecided; empty if it is not."""
    if not found.undecided:
        return []
    times = [
        t("check.scan_time", field=name, seconds=math.ceil(seconds))
        for name, seconds in found.not_checked.items()
        if seconds is not None
    ]
    how = [t("check.again")] if found.has_short_clip else []
    how += [t("check.how_to_scan")] if times else []
    return [t("check.undecided_text", fields=t.join_list(list(found.not_checked))), *times, *how]


def template_sentences(found: CheckResult, t: Translations) -> list[str]:
    """That the team demands a template, if this request has none."""
    return [load_messages("prompts", t.tag)("template.demanded")] if found.template_required else []
