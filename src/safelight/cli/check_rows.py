"""`safelight check --rows`: checks the prompts of a file one after another."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.core.errors import InvalidField
from safelight.core.i18n import DEFAULT, load_messages, translate_error
from safelight.policy.explanations import ExplanationLevel, explain
from safelight.policy.verdicts import Action
from safelight.providers.advice.help_gate import WITHOUT_ADVICE
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.providers.advice.provider_risk import RiskLevel

from .language import category_name, join_sentences, language, texts
from .output import Exit, printable
from .prompt_checker import PromptChecker, exit_of, find_policy, require_length, require_unicode
from .prompt_rows import PromptRow, read_prompt_rows

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.policy.findings import Taxonomy
    from safelight.providers.advice.check_result import CheckResult

_RISKS = frozenset({RiskLevel.MEDIUM, RiskLevel.HIGH})
#: What is printed about a row that could not be read or checked, but the reason.
_UNREAD = {
    "exit": Exit.NOT_COVERED,
    "action": "not_checked",
    "categories": [],
    "rule": "",
    "reason": "",
    "answer": None,
    "risk_level": None,
}


def check_rows(container: Container, file: Path, policy: str | None, provider: str, *, as_json: bool) -> Exit:
    """Check and print one row after another, and return the exit code of the worst."""
    checker, taxonomy = PromptChecker(container, policy), container.core.taxonomy
    options = AdviceOptions(provider=provider, suggests=False)
    locale = DEFAULT if as_json else language()
    demanded = find_policy(container, policy).policy.demands_template
    counts, exits = Counter[str](), {Exit.OK}
    for number, row in enumerate(read_prompt_rows(file), start=1):
        said: dict[str, Any] = {"row": number, "line": row.line, **_UNREAD, "template_required": demanded}
        try:
            _require_checkable(container, row)
        except InvalidField as error:
            said["reason"] = error.message if as_json else translate_error(error.message, locale)
        else:
            checked = checker.check(row.text, options)
            said |= _describe(checked, taxonomy, provider, locale)
        counts[said["action"]] += 1
        exits.add(said["exit"])
        if as_json:
            sys.stdout.write(json.dumps(said) + "\n")
        elif said["reason"] or said["action"] != "allow":
            sys.stdout.write(_line(said) + "\n")
    if not as_json:
        _print_summary(counts, demands_template=demanded)
    return min(exits - {Exit.OK}, default=Exit.OK)


def _require_checkable(container: Container, row: PromptRow) -> None:
    if row.problem:
        raise InvalidField(row.problem)
    require_unicode(row.text)
    require_length(container, row.text)


def _describe(checked: CheckResult, taxonomy: Taxonomy, provider: str, locale: str) -> dict[str, Any]:
    """What is printed about a row, with the names of `check --json`. No reason: allowed without advice."""
    found = explain(checked.deciding.verdict, taxonomy, level=ExplanationLevel.DEVELOPER, locale=locale)
    advice = checked.prompt_advice
    sentences = [found.reason or found.why]
    if checked.action.severity < Action.HOLD.severity:
        sentences += _advice(checked, provider, locale)
    sentences += [line.text for line in (*found.support, *advice.help_lines)]
    return {
        "exit": exit_of(checked.deciding),
        "action": checked.action.value,
        "categories": list(found.categories),
        "rule": found.rule,
        "reason": load_messages("explanations", locale)("join").join(filter(None, sentences)),
        "answer": advice.answer.value,
        "risk_level": advice.risk.level.value,
    }


def _advice(checked: CheckResult, provider: str, locale: str) -> Iterator[str]:
    """Why there is no help, and the risk that the provider refuses."""
    t, advice = load_messages("advice", locale), checked.prompt_advice
    if advice.refusal is not None:
        yield t(f"refusal.{advice.refusal}")
    if provider and advice.risk.level in _RISKS and advice.refusal not in WITHOUT_ADVICE:
        risk = advice.risk.as_wire(t)
        yield t("title.risk")
        yield t("risk_line", level=t(f"level.{risk['level']}"), reason=risk["reason"])


def _line(said: dict[str, Any]) -> str:
    t = texts()
    if said["line"] is None:
        return t("rows.rest", problem=printable(said["reason"]))
    outcome = _outcome(said["action"])
    details = [*map(category_name, said["categories"]), *filter(None, [said["rule"]])]
    if details:
        outcome = t("scan.because", outcome=outcome, category=t("separator").join(details))
    what = join_sentences(filter(None, [f"{outcome}{t('stop')}", said["reason"]]))
    return printable(t("rows.row", row=said["row"], line=said["line"], text=what))


def _outcome(action: str) -> str:
    return texts()("rows.not_checked" if action == _UNREAD["action"] else f"scan.outcome.{action}")


def _print_summary(counts: Counter[str], *, demands_template: bool) -> None:
    t = texts()
    counted = (t("scan.count", n=n, outcome=_outcome(action)) for action, n in counts.items())
    lines = [t("rows.summary", n=counts.total(), counts=t("separator").join(counted))]
    if demands_template:
        lines.append(texts("prompts")("template.demanded"))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
