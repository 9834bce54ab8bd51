"""The rules that a decision about a case can name: the likely ones first, each with a sentence of facts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from safelight.cases.appeals import BY_REPORTER
from safelight.cases.reports.models import CATEGORIES_OF_REASON, REPORTED
from safelight.core.i18n import load_messages
from safelight.policy.compiled import categories_of
from safelight.policy.documents import Policy
from safelight.policy.findings import Taxonomy
from safelight.policy.rules import AudienceOverride, Rule
from safelight.policy.verdicts import Audience
from safelight.videos.case_rows import CaseFile, CaseKind
from safelight.videos.case_rows.models import ACTIONS
from safelight.videos.models import VideoRecord
from safelight.web.explained_video import blocking_verdict
from safelight.web.translations import Translations

from .case_moments import Moment, list_moments
from .timeline import is_hidden, name_span

#: Maximum number of rules with a keyboard shortcut (1 to 9).
_MAX_LIKELY = 9
#: A value in the reason of a rule that did not match this video, such as `{frames}`.
_PLACEHOLDER = re.compile(r"\{\w+\}")


@dataclass(frozen=True, kw_only=True)
class RuleRow:
    id: str
    reason: str
    #: Who names the rule in this case: `reported`, `detected`, or empty.
    named_by: str = ""
    #: A sentence for the person concerned, which the reviewer can change.
    facts: str


def list_rules(
    policy: Policy | None,
    record: VideoRecord,
    case_file: CaseFile,
    taxonomy: Taxonomy,
    t: Translations,
    *,
    in_general: bool = False,
) -> tuple[tuple[RuleRow, ...], int]:
    """Every rule that a decision can name, and how many of the first ones are likely.

    In turns one that was reported, itself by turns of each stated ground, the most frequent first, and one
    that matched; then others of the same family. The first nine have the keys 1 to 9, which depend on reports
    and findings only.
    A blind case has none. `in_general`: without what is true of this video only, such as places in it.
    """
    if policy is None or case_file.case.is_blind:
        return (), 0
    verdict = blocking_verdict(record)
    # A delivered video has no blocking verdict, but rules may have matched.
    verdicts = [one.verdict for one in reversed(record.stages)]
    fired = list(dict.fromkeys(name for one in (verdict, *verdicts) if one for name in one.matched_rules))
    families = {_family(name) for name in fired[:1]}
    rules = {rule.id: rule for rule in policy.rules}
    reasons = {rule.id: rule.reason for rule in policy.rules}
    if verdict and verdict.rule in reasons and not in_general:
        # With the values of this video.
        reasons[verdict.rule] = verdict.reason
    grounds = _stated_grounds(case_file)
    # Rules for another audience are found by letters.
    none = AudienceOverride()
    general = [rule for rule in policy.rules if not rule.audiences.get(Audience.GENERAL, none).disabled]
    general.sort(key=lambda rule: case_file.case.category not in categories_of(rule))
    reported = _take_turns(
        *(_by_family(rule.id for rule in general if categories_of(rule) & ground) for ground in grounds)
    )
    same = [name for name in reasons if _family(name) in families]
    in_turns = _take_turns(reported, fired)
    likely = dict.fromkeys(name for name in (*in_turns, *same) if name in rules)
    moments = () if in_general else list_moments(case_file.case, record)
    rows = []
    for name in likely | reasons:
        reason = without_placeholders(t.translate_reason(reasons[name]), t)
        facts = _facts(rules[name], reason, moments, taxonomy, t)
        by = "reported" if name in reported else "detected" if name in fired else ""
        rows.append(RuleRow(id=name, reason=reason, facts=facts, named_by="" if in_general else by))
    return tuple(rows), min(len(likely), _MAX_LIKELY)


def is_of_reporter(case_file: CaseFile) -> bool:
    """Whether the case is the appeal of a reporter, whose video was kept."""
    appealed = case_file.appealed
    return appealed is not None and appealed.content.kind in BY_REPORTER


def suggestion_field(case_file: CaseFile) -> str:
    """The form field with the sentence of the chosen rule, named after the decision that leaves the content
    as it is: the first one, or in the appeal of a reporter, whose video was kept, the second.
    """
    return f"suggested_{ACTIONS[case_file.case.kind][is_of_reporter(case_file)].value}"


def rule_in(form: Mapping[str, str]) -> str | None:
    """The rule that a decision names: the one by letters, or else the chosen one."""
    return form.get("other_clause", "").strip() or form.get("clause") or None


def facts_in(form: Mapping[str, str]) -> str | None:
    """The facts for the person concerned, if the reviewer wrote some or decides against the content."""
    facts = form.get("facts", "").strip() or None
    # The sentence of the chosen rule says why the content breaks it.
    return facts if facts != form.get(f"suggested_{form.get('action')}", "").strip() else None


def reason_in(form: Mapping[str, str], t: Translations) -> str:
    """The reason for the audit log: as written, or else the facts, or what was chosen with a key."""
    reason = form.get("reason", "").strip() or facts_in(form)
    if reason:
        return reason
    if rule := rule_in(form):
        return t("review.chosen_rule", rule=rule)
    breaks_none = form.get("clause") == "" and f"suggested_{form.get('action')}" in form
    return t("review.breaks_no_rule") if breaks_none else ""


def _stated_grounds(case_file: CaseFile) -> list[frozenset[str]]:
    """The grounds of the reports of a case, each as the categories that it can mean, the most frequent
    first.
    """
    notes: Iterable[Mapping[str, Any]] = case_file.notes
    if case_file.case.kind is not CaseKind.REPORT:
        # The case of an appeal repeats the ground of the report.
        _, is_reported, ground = case_file.case.reason.partition(REPORTED)
        category = None if ground in CATEGORIES_OF_REASON else ground
        notes = [{"category": category, "reason": ground}] if is_reported else []
    stated = Counter(frozenset({note["category"]}) for note in notes if note["category"])
    stated.update(CATEGORIES_OF_REASON.get(note["reason"], frozenset()) for note in notes)
    # In one order, so that equal cases have equal keys.
    return sorted(stated, key=lambda one: (-stated[one], sorted(one)))


def _family(name: str) -> str:
    """The first part of the id of a rule, such as `vi` of `vi-3`."""
    return name.partition("-")[0]


def _by_family(names: Iterable[str]) -> list[str]:
    """One of each family by turns, so that no family takes all keys of a ground."""
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(_family(name), []).append(name)
    return _take_turns(*families.values())


def _take_turns(*lists: Iterable[str]) -> list[str]:
    """One of each list by turns, without repetition."""
    names = chain.from_iterable(zip_longest(*lists, fillvalue=""))
    return list(dict.fromkeys(filter(None, names)))


def _facts(rule: Rule, reason: str, moments: Iterable[Moment], taxonomy: Taxonomy, t: Translations) -> str:
    """What in the content breaks the rule, and where. Of categories whose details could serve as instructions
    only the group.
    """
    categories = categories_of(rule)
    hidden = sorted(name for name in categories if is_hidden(name, taxonomy))
    if hidden and hidden[0] not in taxonomy:
        return ""
    what = reason
    if hidden:
        group = load_messages("explanations", t.tag)(f"group.{taxonomy[hidden[0]].group}")
        what = t("review.facts_of", group=group)
    place = next((one for one in moments if one.category in categories), None)
    if place is None:
        return what
    return t("review.facts_at", times=name_span(place.start_s, place.end_s, t), what=what)


def without_placeholders(reason: str, t: Translations) -> str:
    """The reason of a rule in general, such as "Possible nudity in several frames."."""
    return _PLACEHOLDER.sub(t("review.several"), reason)
