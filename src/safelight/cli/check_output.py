"""The text that `safelight check` prints: the verdict, what it rests on, suggestions, and further checks."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from safelight.advice.help_gate import WITHOUT_ADVICE
from safelight.i18n import load_messages
from safelight.policy.explanations import ExplanationLevel, explain, help_lines

from .check_data import MIN_SCORE, visible_findings
from .language import category_name, detector_name, join_sentences, language, modality_name, texts, translate
from .output import print_prose, printable

if TYPE_CHECKING:
    from rich.console import Console

    from safelight.advice.checklist import ChecklistItem
    from safelight.moderation.check_result import CheckResult
    from safelight.policy.explanations import Explanation, HelpLine
    from safelight.policy.findings import Cell, Finding, Taxonomy, TextSpan

    from .check_data import CheckOutput

MAX_ROWS = 5
#: Suggestions that are printed without `--checklist`.
MAX_SUGGESTIONS = 3
#: Matches quoted in one row; a match longer than this many characters is not quoted.
_MAX_QUOTES, _MAX_QUOTE_CHARACTERS = 4, 60
_SENTENCE_END = re.compile(r"(?<=\.) ")
#: Reasons of gaps that are printed.
_MAX_REASONS = 2
_COLOURS = {"allow": "green", "label": "green", "undecided": "yellow", "hold": "yellow", "block": "red"}
_GAPS = ("partly", "not checked")


def print_check(
    console: Console,
    prompt: str,
    checked: CheckResult,
    output: CheckOutput,
    *,
    taxonomy: Taxonomy,
    whole_checklist: bool,
) -> None:
    """Print the result in the language in use."""
    explanation = explain(
        checked.deciding.verdict, taxonomy, level=ExplanationLevel.DEVELOPER, locale=language()
    )
    findings = visible_findings(checked.deciding, taxonomy)
    print_prose(console, _verdict(checked, explanation), style=f"bold {_COLOURS[checked.verdict]}")
    for title, lines in _paragraphs(prompt, checked, output, explanation, findings, whole=whole_checklist):
        if title:
            print_prose(console, title)
        for line in lines:
            mark = "  - " if line.startswith("- ") else "  "
            print_prose(console, printable(line).removeprefix("- "), start=mark)
    if output.template_required:
        demanded = load_messages("prompts", language())("template.demanded")
        print_prose(console, demanded, style="yellow")
    for path in output.not_checked:
        print_prose(console, printable(texts()("check.file", path=path)), style="yellow")
        if (seconds := output.scan_seconds.get(path)) is not None:
            scan = texts()("check.scan_time", path=path, seconds=math.ceil(seconds))
            print_prose(console, printable(scan), style="yellow")
    print_prose(console, join_sentences(_further_checks(checked)), style="dim")


def _verdict(checked: CheckResult, explanation: Explanation) -> str:
    t = texts()
    if checked.undecided:
        return t("check.undecided")
    if explanation.action.value == "allow":
        return t("check.waived") if checked.deciding.verdict.waivers else t("check.allowed")
    return _without_rule(explanation.sentence, explanation.rule).removesuffix(explanation.next_step).rstrip()


def _paragraphs(
    prompt: str,
    checked: CheckResult,
    output: CheckOutput,
    explanation: Explanation,
    findings: Sequence[Finding],
    *,
    whole: bool,
) -> Iterator[tuple[str, Sequence[str]]]:
    """Each title with its lines. A person in distress gets help lines and no advice on the prompt."""
    t = texts()
    if explanation.support:
        yield t("check.support"), [line.text for line in _help_lines(prompt)]
    rows = [*_rows(prompt, checked, findings)]
    rows += [t("check.withheld", group=category_name(group)) for group in output.withheld]
    if rows:
        yield t("check.rests"), rows
    elif output.action == "allow":
        yield t("check.none"), ()
    suggestions = [explanation.next_step] if explanation.next_step else []
    if explanation.action.value == "hold":
        # The next step of the explanation is for a request that was submitted and waits.
        suggestions = [t("check.hold")]
    if not output.has_advice:
        suggestions += _suggestions(prompt, checked)
    suggestions = list(dict.fromkeys(suggestions))[:MAX_SUGGESTIONS]
    if whole and checked.checklist:
        yield t("check.checklist"), [_point(prompt, item) for item in checked.checklist]
    elif suggestions and not explanation.support:
        yield t("check.suggestions"), [f"- {suggestion}" for suggestion in suggestions]


def _without_rule(sentence: str, rule: str) -> str:
    """The sentence without the id of the rule, which only the policy document explains."""
    return re.sub(rf" ?[(（][^()（）]*{re.escape(rule)}[)）]", "", sentence) if rule else sentence


def _help_lines(prompt: str) -> tuple[HelpLine, ...]:
    """Help lines in the language of the prompt, then those in the language in use."""
    from safelight.detectors.text.chinese import locale_of

    return tuple(dict.fromkeys((*help_lines(locale_of(prompt)), *help_lines(language()))))


def _rows(prompt: str, checked: CheckResult, findings: Sequence[Finding]) -> list[str]:
    """One row per category: the words that were found, and by what. Those that decided come first."""
    t = texts()
    deciding = checked.deciding.verdict.findings
    # On a scene of harm, the words that did not decide would show how to write it in other words.
    is_refused = checked.prompt_advice.refusal in WITHOUT_ADVICE
    chosen = [one for one in findings if one in deciding or (one.score >= MIN_SCORE and not is_refused)]
    chosen.sort(key=lambda finding: (finding not in deciding, -finding.score))
    rows = []
    for category in list(dict.fromkeys(finding.category for finding in chosen))[:MAX_ROWS]:
        same = [finding for finding in chosen if finding.category == category]
        quotes = list(dict.fromkeys(quote for finding in same for quote in _quotes(prompt, finding)))
        rows.append(
            t(
                "check.row",
                category=category_name(category),
                what=t("separator").join(quotes[:_MAX_QUOTES]) or t("check.whole_prompt"),
                basis=t("separator").join(
                    t(f"basis.{basis}") for basis in dict.fromkeys(one.basis.value for one in same)
                ),
            )
        )
    return rows


def _quotes(prompt: str, finding: Finding) -> Iterator[str]:
    from safelight.policy.findings import TextSpan

    for span in finding.evidence:
        if isinstance(span, TextSpan):
            yield from _quote(prompt, span)


def _quote(prompt: str, span: TextSpan) -> Iterator[str]:
    quote = prompt[span.start : span.end].strip()
    if 0 < len(quote) <= _MAX_QUOTE_CHARACTERS and quote != prompt.strip():
        yield texts()("quote", text=quote)


def _suggestions(prompt: str, checked: CheckResult) -> Iterator[str]:
    """The points of the checklist that need attention."""
    for state in ("problem", "look"):
        yield from (_message(prompt, item) for item in checked.checklist if item.state.value == state)


def _message(prompt: str, item: ChecklistItem) -> str:
    """The message in the language in use. The English one quotes the words that it is about itself."""
    words = load_messages("console", language())
    key = f"check.message.{item.message_key}"
    if not words.has_own(key):
        return item.message
    quotes = list(dict.fromkeys(quote for span in item.spans for quote in _quote(prompt, span)))
    if not quotes:
        return words(key)
    t = texts()
    return t("check.about", words=t("separator").join(quotes[:_MAX_QUOTES]), text=words(key))


def _point(prompt: str, item: ChecklistItem) -> str:
    words = load_messages("console", language())
    state = words(f"check.state.{item.state.value.replace(' ', '_')}")
    return texts()(
        "check.point", name=words(f"check.name.{item.topic.value}"), state=state, text=_message(prompt, item)
    )


def _further_checks(checked: CheckResult) -> Iterator[str]:
    """How many of the checks of text ran, every gap, and the commands that print more."""
    t = texts()
    text = [cell for cell in checked.coverage if cell.modality.value == "text" and cell.status.value != "off"]
    ran = sum(cell.status.value == "checked" for cell in text)
    lists = len({cell.category for cell in checked.lists_only})
    yield t("check.ran_lists" if lists else "check.ran", ran=ran, all=len(text), lists=lists)
    missing = [cell for cell in text if cell.status.value in _GAPS]
    if missing:
        names = t("separator").join(category_name(cell.category) for cell in missing)
        yield t("check.gaps_text", n=len(missing), names=names)
    others = [
        cell
        for cell in checked.coverage
        if cell.status.value in _GAPS and cell.required and cell.modality.value != "text"
    ]
    if others:
        yield t("check.gaps", names=t("separator").join(map(_format_cell, others)))
    notes = dict.fromkeys(
        note for cell in (*missing, *others) if cell.note for note in _SENTENCE_END.split(cell.note)
    )
    if notes:
        yield t("check.why", reasons=join_sentences(map(_format_note, list(notes)[:_MAX_REASONS])))
    yield t("check.more")


def _format_note(note: str) -> str:
    """The reason of a gap, with the name of the detector if the sentence begins with its id."""
    name, space, rest = note.partition(" ")
    return translate(f"{detector_name(name)}{space}{rest}")


def _format_cell(cell: Cell) -> str:
    return texts()(
        "check.cell", category=category_name(cell.category), modality=modality_name(cell.modality.value)
    )
