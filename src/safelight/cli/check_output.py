"""The text that `safelight check` prints: the verdict, what it rests on, suggestions, and further checks."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from safelight.core.i18n import region_of_environment
from safelight.policy.explanations import ExplanationLevel, explain, help_lines
from safelight.policy.measurements import ACTS_WITHOUT_E5
from safelight.policy.verdicts import Action
from safelight.providers.advice.help_gate import WITHOUT_ADVICE
from safelight.screening.text_figures import describe_text_checks

from .check_data import MIN_SCORE, visible_findings
from .language import category_name, detector_name, join_sentences, language, modality_name, texts, translate
from .output import print_prose, printable

if TYPE_CHECKING:
    from rich.console import Console

    from safelight.policy.explanations import Explanation, HelpLine
    from safelight.policy.findings import Cell, Finding, Taxonomy, TextSpan
    from safelight.providers.advice.check_result import CheckResult
    from safelight.providers.advice.checklist import ChecklistItem

    from .check_data import CheckOutput

MAX_ROWS = 5
#: Lines of the answer to an allowed prompt, unless more was asked for.
MAX_LINES = 7
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
    level: ExplanationLevel,
) -> int:
    """Print the verdict and what it rests on, in the language in use. Returns the number of lines.

    An end user gets one sentence for a prompt without help, which names the group and quotes no words.
    """
    is_neutral = _gets_one_sentence(checked, level)
    explanation = explain(
        checked.deciding.verdict,
        taxonomy,
        level=level if is_neutral else ExplanationLevel.DEVELOPER,
        locale=language(),
    )
    rows = [] if is_neutral else list(_all_rows(prompt, checked, output, taxonomy))
    if is_neutral:
        first = _neutral_sentence(checked, output, explanation)
    else:
        first = join_sentences(
            filter(None, (_verdict(checked, explanation), _in_a_line(checked, output, rows)))
        )
    print_prose(console, first, style=f"bold {_COLOURS[checked.verdict]}")
    lines = 1
    shown = _paragraphs(prompt, checked, output, explanation, rows, whole=whole_checklist, neutral=is_neutral)
    for title, said in shown:
        print_prose(console, printable(title))
        lines += 1
        for line in said:
            mark = "  - " if line.startswith("- ") else "  "
            print_prose(console, printable(line).removeprefix("- "), start=mark)
            lines += 1
    if output.documented_refusals:
        print_prose(console, printable(output.documented_refusals["text"]))
        lines += 1
    others = []
    if output.template_required:
        others.append(texts("prompts")("template.demanded"))
    for path in output.not_checked:
        others.append(texts()("check.file", path=path))
        if (seconds := output.scan_seconds.get(path)) is not None:
            others.append(texts()("check.scan_time", path=path, seconds=math.ceil(seconds)))
    for line in others:
        print_prose(console, printable(line), style="yellow")
    return lines + len(others)


def _gets_one_sentence(checked: CheckResult, level: ExplanationLevel) -> bool:
    """Whether the reader gets neither checklist nor findings: we do not help with this prompt."""
    return level is ExplanationLevel.END_USER and not checked.prompt_advice.helps


def print_further_checks(console: Console, checked: CheckResult, level: ExplanationLevel) -> None:
    """Print in one line which checks of text ran, what they find, and the commands that print more."""
    more = texts()("check.more_unhelped" if _gets_one_sentence(checked, level) else "check.more")
    print_prose(console, join_sentences([*_further_checks(checked), more]), style="dim")


def _in_a_line(checked: CheckResult, output: CheckOutput, rows: Sequence[str]) -> str:
    """What was found in an allowed prompt, as the end of the first line."""
    t = texts()
    if not rows:
        return t("check.none") if output.action == "allow" else ""
    if not checked.prompt_advice.helps:
        return ""
    return join_sentences([t("check.rests"), f"{t('check.row_separator').join(rows)}{t('check.row_end')}"])


def _verdict(checked: CheckResult, explanation: Explanation) -> str:
    t = texts()
    if checked.undecided:
        return t("check.undecided")
    if explanation.action.value == "allow":
        return t("check.waived") if checked.deciding.verdict.waivers else t("check.allowed")
    return _without_rule(explanation.sentence, explanation.rule).removesuffix(explanation.next_step).rstrip()


def _neutral_sentence(checked: CheckResult, output: CheckOutput, explanation: Explanation) -> str:
    """The verdict, and why there is no help or what to do."""
    said = _verdict(checked, explanation)
    if checked.action.severity >= Action.HOLD.severity:
        is_held = checked.action is Action.HOLD
        return join_sentences([said, texts()("check.hold") if is_held else explanation.next_step])
    refusal = output.no_suggestions
    # What is said instead of advice is printed with the advice.
    is_said = refusal is None or refusal["reason"] in WITHOUT_ADVICE or output.has_advice
    return said if is_said or refusal is None else join_sentences([said, refusal["text"]])


def _all_rows(prompt: str, checked: CheckResult, output: CheckOutput, taxonomy: Taxonomy) -> Iterator[str]:
    """What was found, and the groups whose findings are withheld."""
    yield from _rows(prompt, checked, visible_findings(checked.deciding, taxonomy))
    yield from (texts()("check.withheld", group=category_name(group)) for group in output.withheld)


def _paragraphs(
    prompt: str,
    checked: CheckResult,
    output: CheckOutput,
    explanation: Explanation,
    rows: Sequence[str],
    *,
    whole: bool,
    neutral: bool,
) -> Iterator[tuple[str, Sequence[str]]]:
    """Each title with its lines. A person in distress gets help lines and no advice on the prompt."""
    t = texts()
    if explanation.support:
        yield t("check.support"), [line.text for line in _help_lines(prompt)]
    if rows and not checked.prompt_advice.helps:
        yield t("check.rests"), rows
    if neutral:
        return
    suggestions = [explanation.next_step] if explanation.next_step else []
    if explanation.action.value == "hold":
        # The next step of the explanation is for a request that was submitted and waits.
        suggestions = [t("check.hold")]
    if not output.has_advice and not output.suggestions:
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

    region = region_of_environment(os.environ)
    both = (*help_lines(locale_of(prompt), region), *help_lines(language(), region))
    return tuple(dict.fromkeys(both))


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
    words = texts("console")
    key = f"check.message.{item.message_key}"
    if not words.has_own(key):
        return item.message
    quotes = list(dict.fromkeys(quote for span in item.spans for quote in _quote(prompt, span)))
    if not quotes:
        return words(key)
    t = texts()
    return t("check.about", words=t("separator").join(quotes[:_MAX_QUOTES]), text=words(key))


def _point(prompt: str, item: ChecklistItem) -> str:
    words = texts("console")
    state = words(f"check.state.{item.state.value.replace(' ', '_')}")
    return texts()(
        "check.point", name=words(f"check.name.{item.topic.value}"), state=state, text=_message(prompt, item)
    )


def _further_checks(checked: CheckResult) -> Iterator[str]:
    """How many of the checks of text ran, every gap, and what they find."""
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
    # The figures are not those of lists alone.
    as_measured = [cell for cell in text if cell.measured != ACTS_WITHOUT_E5 and not lists]
    detectors = {name for cell in as_measured for name in cell.detectors}
    checks = [(cell.category, cell.modality.value, cell.status.value) for cell in text]
    yield describe_text_checks(checks, detectors, texts("console"))


def _format_note(note: str) -> str:
    """The reason of a gap, with the name of the detector if the sentence begins with its id."""
    name, space, rest = note.partition(" ")
    return translate(f"{detector_name(name)}{space}{rest}")


def _format_cell(cell: Cell) -> str:
    return texts()(
        "check.cell", category=category_name(cell.category), modality=modality_name(cell.modality.value)
    )
