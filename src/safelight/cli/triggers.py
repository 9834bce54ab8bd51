"""`safelight triggers`: find the words of a prompt that cause a refusal, with few tests."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.errors import ConfigurationError, InvalidField, SafelightError
from safelight.i18n import Messages, load_messages

from .check import check_texts, read_prompt, require_length
from .commands import load_container
from .exit_codes import Exit
from .language import join_sentences, language
from .output import emit, print_prose, printable, progress_console

if TYPE_CHECKING:
    from rich.console import Console

    from safelight.advice.prompt_advice import PromptAdvice
    from safelight.advice.prompt_parts import PromptPart
    from safelight.advice.trigger_search import TriggerResult

app = typer.Typer(add_completion=False)

_FIELD = "prompt"
#: How much likelier a word is to be a trigger if the tables of reported words name it. Not measured.
_REPORTED_RISK = 5.0
#: Exit codes of the command that judges a text, as `safelight check` has them.
_ACCEPTED, _REFUSED = int(Exit.OK), int(Exit.BLOCKED)


@app.command()
def triggers(
    ctx: typer.Context,
    prompt: Annotated[
        str | None, typer.Argument(help="The prompt that was refused; `-` reads it from standard input.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the prompt from a file.")] = None,
    command: Annotated[
        str | None,
        typer.Option(
            "--exec",
            help="A command that reads a text on standard input. Exit code 0: accepted. 3: refused.",
        ),
    ] = None,
    tests: Annotated[
        int, typer.Option("--tests", min=0, help="The most texts to test; 0: as many as needed.")
    ] = 12,
    record: Annotated[
        Path | None,
        typer.Option("--record", help="Write each answer to this file, and go on from the answers in it."),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, help="Seconds to wait for one answer.")
    ] = 600.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Find the words of a refused prompt that together cause the refusal, by testing shorter texts.

    Each test may cost what your command costs. Exit code 0: found. 5: not found, or only a group of words.
    """
    from safelight.advice.prompt_advice import AdviceOptions
    from safelight.advice.prompt_parts import keep_parts, split_parts
    from safelight.advice.trigger_search import (
        CONFIDENCE,
        CONFIDENCE_WITHOUT_LIMIT,
        TriggerSearch,
        TriggerSearchEnd,
    )

    from .trigger_record import TriggerRecord

    if not command:
        raise InvalidField("Give a command with --exec that accepts or refuses a text.", param="exec")
    text = read_prompt(prompt, file)
    container = load_container(ctx)
    require_length(container, text)
    advice = check_texts(container, text, None, (), AdviceOptions()).prompt_advice
    if not advice.helps:
        raise InvalidField(_texts()("no_help"), param=_FIELD)
    reported = _reported_words(advice)
    parts = split_parts(text, reported)
    if len(parts) < 2:
        raise InvalidField(_texts()("too_short"), param=_FIELD)
    confidence = CONFIDENCE if tests else CONFIDENCE_WITHOUT_LIMIT
    answers = TriggerRecord(record, prompt=text, command=command) if record else None
    if answers:
        # The answers of a search lead to the same tests only at the same confidence.
        confidence = answers.confidence(confidence)
    search = TriggerSearch(_risks(parts, reported), confidence, tests or None)
    if answers:
        answers.replay(search)
    judge, console = _Judge(shlex.split(command), timeout), progress_console()
    while (numbers := search.next_test()) is not None:
        try:
            refused = judge.refuses(keep_parts(text, parts, numbers))
        except SafelightError:
            # Each answer may have cost money: what they show is not lost.
            _print(console, parts, search.result())
            raise
        if answers:
            answers.append(numbers, refused=refused)
        search.record(refused=refused)
        line = _texts()(
            "refused" if refused else "accepted",
            test=str(search.tests),
            kept=str(len(numbers)),
            all=str(len(parts)),
        )
        console.print(line)
    result = search.result()
    emit(_to_json(text, parts, result), as_json, lambda out: _print(out, parts, result))
    return Exit.OK if result.end is TriggerSearchEnd.FOUND else Exit.NOT_COVERED


class _Judge:
    """The command that accepts or refuses a text."""

    def __init__(self, words: Sequence[str], timeout_s: float) -> None:
        self._words = words
        self._timeout_s = timeout_s

    def refuses(self, text: str) -> bool:
        """Raises `SafelightError` if the command gives no answer."""
        name = self._words[0] if self._words else ""
        try:
            done = subprocess.run(
                self._words,
                input=text.encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=self._timeout_s,
            )
        except (OSError, IndexError) as error:
            raise ConfigurationError(f"The command {name!r} cannot be run: {error}.") from error
        except subprocess.TimeoutExpired as error:
            raise SafelightError(f"The command {name!r} gave no answer in {self._timeout_s:g} s.") from error
        if done.returncode not in (_ACCEPTED, _REFUSED):
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise SafelightError(
                join_sentences([f"The command {name!r} ended with exit code {done.returncode}.", *said[-1:]]),
                remedy=f"Exit code {_ACCEPTED} means accepted, {_REFUSED} refused.",
            )
        return done.returncode == _REFUSED


def _reported_words(advice: PromptAdvice) -> list[tuple[int, int]]:
    """Starts and ends of the words of the prompt that the tables of reported words name."""
    from safelight.advice.driver_tables import DriverKind

    kinds = (DriverKind.HIGH_RISK_WORD, DriverKind.CONTEXT_WORD, DriverKind.INTENSITY)
    spans = [span for driver in advice.drivers if driver.kind in kinds for span in driver.spans]
    return sorted({(span.start, span.end) for span in spans if span.field == _FIELD})


def _risks(parts: Sequence[PromptPart], reported: Sequence[tuple[int, int]]) -> list[float]:
    return [
        _REPORTED_RISK if any(start < part.end and part.start < end for start, end in reported) else 1.0
        for part in parts
    ]


def _to_json(text: str, parts: Sequence[PromptPart], result: TriggerResult) -> dict[str, Any]:
    def words(numbers: Sequence[int]) -> list[dict[str, Any]]:
        return [
            {"text": parts[n].word, "start": parts[n].start, "end": parts[n].end} for n in sorted(numbers)
        ]

    return {
        "object": "trigger_search",
        "prompt": text,
        "result": result.end.value,
        "sets": [
            {
                "triggers": words(found.triggers),
                "one_of": words(found.group),
                "confidence": round(found.confidence, 3),
            }
            for found in result.sets
        ],
        "accepted_without": words(result.accepted_without),
        "tests": result.tests,
        "words": len(parts),
    }


def _print(console: Console, parts: Sequence[PromptPart], result: TriggerResult) -> None:
    from safelight.advice.trigger_set_search import SetSearchEnd

    t = _texts()

    def quoted(numbers: Sequence[int]) -> str:
        return t("separator").join(t("quote", text=printable(parts[n].word)) for n in sorted(numbers))

    for found in result.sets:
        key = "words_and_group" if found.triggers else "group"
        if not found.group:
            key = "words" if found.end is SetSearchEnd.FOUND else "words_and_more"
        sure = f"{100 * found.confidence:.0f}"
        print_prose(console, t(key, words=quoted(found.triggers), group=quoted(found.group), sure=sure))
    if result.accepted_without:
        print_prose(console, t("accepted_without", words=quoted(result.accepted_without)))
    if t.has(f"end.{result.end.value}"):
        print_prose(console, t(f"end.{result.end.value}"))
    print_prose(console, t("tests", tests=str(result.tests)))


def _texts() -> Messages:
    return load_messages("triggers", language())
