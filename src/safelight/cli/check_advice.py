"""The advice that `safelight check` prints: provider risk, drivers, suggestions, an applied suggestion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from safelight.core.errors import InvalidField
from safelight.core.i18n import translate_sentence
from safelight.providers.advice.driver_lines import DriverLine, driver_lines
from safelight.providers.advice.driver_tables import asked_risks
from safelight.providers.advice.help_gate import WITHOUT_ADVICE, HelpRefusal
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.providers.advice.suggestion import SuggestionMaker

from .check_output import MAX_SUGGESTIONS
from .language import join_sentences, language, texts
from .output import print_prose, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from .check_data import CheckOutput

#: Answer that no reference shows any of the reported risks.
_NONE = "none"
#: Longest rewritten prompt that is printed, in characters. `--apply` prints a longer one.
_MAX_REWRITTEN = 300
#: Words that filters may react to, in the short form.
_MAX_WORDS = 5
#: Reason for no suggestions: an honest rewrite was refused too.
_STOPPED = "rewrite_failed"
_NEGATED = frozenset({"negative_prompt"})
#: Style of a part of the diff.
_STYLES = {"removed": "red strike", "added": "green", "same": ""}
_MARKS = {"removed": "[-{}-]", "added": "{{+{}+}}", "same": "{}"}


def advice_options(
    options: AdviceOptions, texts: Mapping[str, str], shown: Sequence[str] | None
) -> AdviceOptions:
    """The options with the other texts and the answers about the references.

    Raises `InvalidField` for an answer that is not a reference risk or `none`.
    """
    known = [*asked_risks(), _NONE]
    for name in shown or ():
        if name not in known:
            raise InvalidField(
                f"--ref-shows does not know {name!r}. Use {', '.join(known)}.", param="ref-shows"
            )
    return replace(
        options,
        texts={field: text for field, text in texts.items() if text},
        negated=_NEGATED,
        reference_shows=None if shown is None else tuple(name for name in shown if name != _NONE),
    )


def print_advice(console: Console, output: CheckOutput, *, whole: bool, room: int) -> None:
    """Print the advice in the language in use, if there is any. Help lines are always printed.

    `whole`: print everything. Otherwise at most `room` lines are printed about an allowed prompt, unless
    steps after a block, an applied suggestion or rewrites of a language model were asked for.
    """
    from rich.text import Text

    t = texts("advice")
    is_short = not (whole or output.fix or output.applied or output.rewriter or output.questions)
    shown = _short_paragraphs(output, room) if is_short else _paragraphs(output, whole=whole)
    for title, lines in shown:
        print_prose(console, printable(title))
        for line in lines:
            print_prose(console, printable(line), start="  ")
    if said := _only_sentence(output):
        print_prose(console, said)
    if output.applied is not None:
        console.print(Text(t("title.applied", verdict=t(f"verdict.{output.applied['verdict']}"))))
        for parts in _sides(output.applied["diff"]):
            side = Text()
            for part in parts:
                mark = "{}" if console.color_system else _MARKS[part["change"]]
                side.append(mark.format(printable(part["text"])), style=_STYLES[part["change"]])
            _print_indented(console, side)
    if output.tried is not None:
        from .check_try import describe_outcome

        for line in describe_outcome(output.tried, is_rewrite=output.applied is not None):
            print_prose(console, line)


def _print_indented(console: Console, text: Text) -> None:
    from rich.padding import Padding
    from rich.text import Text

    console.print(Text("  ").append(text) if console.soft_wrap else Padding(text, (0, 0, 0, 2)))


def _short_paragraphs(output: CheckOutput, room: int) -> Iterator[tuple[str, list[str]]]:
    """The advice on an allowed prompt: the risk in a line, and the first suggestions, the best first."""
    t = texts("advice")
    if output.help_lines:
        yield t("title.help"), [line["text"] or "" for line in output.help_lines]
        room -= 1 + len(output.help_lines)
    if _only_sentence(output) or _is_own_policy(output):
        return
    if output.has_advice:
        risk = [t("title.risk"), *_risk_lines(output)]
        words = [word for line in driver_lines(output.drivers)[0] for word in line.texts]
        if words and not output.no_suggestions:
            quoted = t("separator").join(t("quote", text=word) for word in words[:_MAX_WORDS])
            risk += [t("title.drivers"), f"{quoted}{t('stop')}"]
        yield join_sentences(risk), []
        room -= 1
    for one in output.contradictions if output.has_advice else ():
        yield one["text"], []
        room -= 1
    if output.suggestions:
        shown = output.suggestions[: max(1, min(MAX_SUGGESTIONS, room - 1))]
        more = len(output.suggestions) - len(shown)
        title = t(f"title.{_suggestion_title(shown)}")
        yield (
            join_sentences([title, t("more_suggestions", count=more)]) if more else title,
            [_suggestion(one, condition) for one, condition in _conditions_once(shown)],
        )
    elif output.no_suggestions and output.has_advice:
        yield join_sentences([t("title.no_suggestions"), output.no_suggestions["text"]]), []


def _is_own_policy(output: CheckOutput) -> bool:
    """Whether our policy holds or blocks the prompt, so that no provider gets it."""
    return bool(output.no_suggestions and output.no_suggestions["reason"] == HelpRefusal.POLICY.value)


def _has_stopped(output: CheckOutput) -> bool:
    return bool(output.no_suggestions and output.no_suggestions["reason"] == _STOPPED)


def _risk_lines(output: CheckOutput) -> list[str]:
    """The risk with its reason and source, and the charge for a refusal and the appeal."""
    t = texts("advice")
    risk = [output.risk["reason"]]
    if not output.risk["shut_down"]:
        risk = [t("risk_line", level=t(f"level.{output.risk_level}"), reason=output.risk["reason"])]
    if source := output.risk["source"]:
        risk.append(f"{texts()('check.source', source=source['title'], read=source['read'])}{t('stop')}")
    if output.provider and output.provider["provider"] and not output.risk["shut_down"]:
        said = {topic: _documented(output.provider["general"], topic) for topic in ("cost", "appeal")}
        risk.append(t("documented.after", **said))
    return risk


def _paragraphs(output: CheckOutput, *, whole: bool) -> Iterator[tuple[str, list[str]]]:
    t = texts("advice")
    for name, lines in _named_paragraphs(output, whole=whole):
        yield t(f"title.{name}"), lines


def _named_paragraphs(output: CheckOutput, *, whole: bool) -> Iterator[tuple[str, list[str]]]:
    t = texts("advice")
    if output.help_lines:
        yield "help", [line["text"] or "" for line in output.help_lines]
    if _only_sentence(output) or _is_own_policy(output):
        return
    if output.has_advice:
        yield "risk", _risk_lines(output)
    is_refused = output.no_suggestions is not None and not _has_stopped(output)
    if is_refused and not output.has_advice:
        return
    lines, sources = driver_lines(() if is_refused else output.drivers)
    if lines:
        yield "drivers", [_line(line) for line in lines]
    if output.contradictions:
        yield "contradictions", [one["text"] for one in output.contradictions]
    by_rules = [one for one in output.suggestions if one["source"] == SuggestionMaker.RULES]
    if by_rules:
        yield _suggestion_title(by_rules), _suggestions(by_rules, whole=whole)
    elif output.no_suggestions:
        yield "no_suggestions", [output.no_suggestions["text"]]
    if output.rewriter:
        yield "rewriter", list(_rewrites(output, output.rewriter))
    if output.fix:
        yield f"fix_{output.fix['kind']}", [f"- {step}" for step in output.fix["steps"]]
    if output.questions:
        yield "questions", [f"{one['text']} (--ref-shows {one['id']})" for one in output.questions]
    if sources:
        yield "sources", [f"[{n}] {t('source', **one)}" for n, one in enumerate(sources, 1)]


def _documented(general: Sequence[Mapping[str, str]], topic: str) -> str:
    """What the provider documents on this topic, or that nothing is known."""
    said = [one["statement"] for one in general if one["topic"] == topic]
    translated = (translate_sentence("provider_rules", one, language()) or one for one in said)
    return join_sentences(translated) or texts("advice")("documented.no_rule")


def _only_sentence(output: CheckOutput) -> str:
    """What is said to a person in distress and on a scene of harm; empty for any other request."""
    refusal = output.no_suggestions
    return refusal["text"] if refusal and refusal["reason"] in WITHOUT_ADVICE else ""


def _line(line: DriverLine) -> str:
    t = texts("advice")
    quoted = t("separator").join(t("quote", text=text) for text in line.texts)
    said = join_sentences([line.reason, *(f"[{number}]" for number in line.sources)])
    return f"{quoted}{t('colon') if quoted else ''}{said}"


def _rewrites(output: CheckOutput, report: Mapping[str, Any]) -> Iterator[str]:
    """The rewrites of a language model, each in full, or why there are none."""
    for one in output.suggestions:
        if one["source"] == SuggestionMaker.REWRITER:
            rewritten = texts("advice")("rewritten", prompt=one["rewritten"])
            yield f"- {join_sentences([one['text'], one['condition'], rewritten])}"
    if report["note"]:
        yield report["note"]["text"]


def _suggestion_title(suggestions: Sequence[dict[str, Any]]) -> str:
    """A suggestion without a number has no text of its own that `--apply` could check."""
    return "suggestions" if any(one["number"] for one in suggestions) else "suggestions_by_hand"


def _suggestions(suggestions: list[dict[str, Any]], *, whole: bool) -> list[str]:
    shown = suggestions if whole else suggestions[:MAX_SUGGESTIONS]
    lines = [_suggestion(one, condition) for one, condition in _conditions_once(shown)]
    if more := len(suggestions) - len(shown):
        lines.append(texts("advice")("more_suggestions", count=more))
    return lines


def _conditions_once(shown: Sequence[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    """Each suggestion with its condition, which is printed once: later ones name the first with it."""
    t = texts("advice")
    first: dict[str, str] = {}
    for place, one in enumerate(shown, 1):
        condition = one["condition"] or ""
        if condition in first:
            yield one, t("same_condition", number=first[condition])
        else:
            yield one, condition
            if condition:
                first[condition] = str(one["number"] or place)


def _suggestion(suggestion: dict[str, Any], condition: str) -> str:
    number = f"{suggestion['number']}." if suggestion["number"] else "-"
    parts = [suggestion["text"], condition]
    parts += [one["text"] for one in suggestion["contradictions"]]
    changed = sum(part["change"] == "removed" for part in suggestion["diff"])
    if changed > 1 and len(suggestion["rewritten"]) <= _MAX_REWRITTEN:
        parts.append(texts("advice")("rewritten", prompt=suggestion["rewritten"]))
    return f"{number} {join_sentences(part for part in parts if part)}"


def _sides(diff: list[dict[str, str]]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The text before and the text after, one below the other."""
    return (
        [part for part in diff if part["change"] != "added"],
        [part for part in diff if part["change"] != "removed"],
    )
