"""`safelight triggers`: find the words of a prompt that cause a refusal, with few tests."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.core.errors import ConfigurationError, InvalidField, SafelightError
from safelight.core.i18n import Messages

from .check import check_texts, read_prompt
from .commands import load_container
from .gateway_calls import gateway_client
from .language import language, texts
from .operations import Json
from .output import Exit, emit, error_payload, print_prose, printable, progress_console
from .prompt_checker import require_length
from .trigger_answers import TriggerAnswer, TriggerCommand, TriggerJudge
from .trigger_provider import TriggerLimits, TriggerProvider, cost_lines, describe_cost, say_now

if TYPE_CHECKING:
    from rich.console import Console

    from safelight.providers.advice.prompt_advice import PromptAdvice
    from safelight.providers.advice.prompt_parts import PromptPart
    from safelight.providers.advice.trigger_search import TriggerResult


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_FIELD = "prompt"
#: How much likelier a word is to be a trigger if the tables of reported words name it. Not measured.
_REPORTED_RISK = 5.0


class StopRequest(AbstractContextManager["StopRequest"]):
    """Whether a stop was asked for. The second signal raises `KeyboardInterrupt` in the main thread."""

    def __init__(self, announce: Callable[[], None]) -> None:
        """`announce` is called at the first signal, inside the signal handler."""
        self.is_made = False
        self._announce = announce
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_made:
            raise KeyboardInterrupt
        self.is_made = True
        self._announce()


app = typer.Typer(add_completion=False)


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
    provider: Annotated[
        str | None,
        typer.Option("--with", help="A provider, or a model of the gateway, at which each text is tried."),
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", min=0, help="For --with: most US dollars of all tests.")
    ] = None,
    allow_charged: Annotated[
        float | None,
        typer.Option(
            "--allow-charged",
            min=0,
            help="For --with: search refusals of the finished video too, for at most this many US dollars.",
        ),
    ] = None,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", help="For --with: do not ask. Needs a ceiling of the cost, except on own hardware."
        ),
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            envvar="SAFELIGHT_URL",
            help="For --with: base URL of the gateway with /v1. The key: SAFELIGHT_API_KEY.",
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
    as_json: Json = False,
) -> int:
    """Find the words of a refused prompt that together cause the refusal, by testing shorter texts.

    Each test may cost what your command or the provider costs. After Ctrl-C, the running test ends, and no
    other one is made; a second Ctrl-C ends at once. Exit code 0: found. 5: not found, or only a group of
    words. 130: stopped by Ctrl-C.
    """
    if bool(command) == bool(provider):
        raise InvalidField(
            "Give a command with --exec that accepts or refuses a text, or a provider with --with.",
            param="exec",
        )
    if command:
        judge = TriggerCommand(shlex.split(command), command, timeout)
        return _search(_Prompt.read(ctx, prompt, file), judge, _Options(tests, record, as_json))
    whole = _Prompt.read(ctx, prompt, file)
    ceilings = [each for each in (max_cost, allow_charged) if each is not None]
    limits = TriggerLimits(
        tests=tests,
        max_cost=min(ceilings, default=None),
        at_output=allow_charged is not None,
        timeout_s=timeout,
    )
    with gateway_client(url or "", "--with") as client:
        at_provider = TriggerProvider(client, provider or "", url or "", limits)
        return _search(
            whole,
            at_provider,
            _Options(tests, record, as_json, confirm=partial(at_provider.confirm, confirmed=yes)),
        )


@dataclass(frozen=True)
class _Options:
    tests: int
    record: Path | None
    as_json: bool
    #: Called with the tests of the record before a test is made.
    confirm: Callable[[Sequence[TriggerAnswer]], object] = lambda _: None


@dataclass(frozen=True)
class _Prompt:
    text: str
    parts: tuple[PromptPart, ...]
    risks: Sequence[float]

    @classmethod
    def read(cls, ctx: typer.Context, prompt: str | None, file: Path | None) -> _Prompt:
        """Raises `InvalidField` for a prompt that gets no help, or that has no two parts."""
        from safelight.providers.advice.prompt_advice import AdviceOptions
        from safelight.providers.advice.prompt_parts import split_parts

        text = read_prompt(prompt, file)
        container = load_container(ctx)
        require_length(container, text)
        advice = check_texts(container, text, None, (), AdviceOptions()).prompt_advice
        if refusal := advice.as_wire(language())["no_suggestions"]:
            raise InvalidField(refusal["text"], param=_FIELD)
        reported = _reported_words(advice)
        parts = split_parts(text, reported)
        if len(parts) < 2:
            raise InvalidField(_texts()("too_short"), param=_FIELD)
        return cls(text, parts, _risks(parts, reported))


def _search(prompt: _Prompt, judge: TriggerJudge, options: _Options) -> int:
    from safelight.providers.advice.prompt_parts import keep_parts
    from safelight.providers.advice.trigger_search import (
        CONFIDENCE,
        CONFIDENCE_WITHOUT_LIMIT,
        TriggerSearch,
        TriggerSearchEnd,
    )

    from .trigger_record import TriggerRecord

    record = TriggerRecord(options.record, prompt=prompt.text, judge=judge.name)
    # The answers of a search lead to the same tests only at the same confidence.
    confidence = record.confidence(CONFIDENCE if options.tests else CONFIDENCE_WITHOUT_LIMIT)
    search = TriggerSearch(prompt.risks, confidence, options.tests or None)
    made, console = record.replay(search), progress_console()

    def outcome(error: SafelightError | None = None) -> _Outcome:
        cost = made if judge.costs else None
        return _Outcome(prompt.text, prompt.parts, search.result(), cost, error)

    def stop(error: SafelightError) -> int:
        # Each answer may have cost money: what they show is not lost.
        emit(outcome(error).as_json(), options.as_json, outcome(error).print)
        if not options.as_json:
            raise error
        return Exit.CONFIGURATION if isinstance(error, ConfigurationError) else Exit.ERROR

    numbers = search.next_test()
    if numbers is not None and record.has_lost_test():
        lost = TriggerAnswer(refused=None, charged="unknown", problem=_texts()("provider.lost"))
        record.append(numbers, lost)
        made.append(lost)
        return stop(SafelightError(lost.problem, remedy=_texts()("provider.lost_again")))
    if numbers is not None:
        options.confirm(made)
    with StopRequest(lambda: say_now(_texts()("stopping"))) as stop_request:
        try:
            while not stop_request.is_made and (numbers := search.next_test()) is not None:
                answer = judge.ask(
                    keep_parts(prompt.text, prompt.parts, numbers),
                    f"triggers-{record.search_id}-{len(made)}",
                    made,
                    partial(record.begin, numbers),
                )
                record.append(numbers, answer)
                made.append(answer)
                if answer.refused is None:
                    problem = _texts()("provider.failed", video=answer.video, problem=answer.problem)
                    raise SafelightError(problem)
                search.record(refused=answer.refused)
                judge.require_price(answer)
                console.print(_describe(answer, search.tests, len(numbers), len(prompt.parts)))
        except SafelightError as error:
            return stop(error)
        except KeyboardInterrupt:
            stop_request.is_made = True
    if stop_request.is_made and search.next_test() is not None:
        stopped = outcome(SafelightError(_texts()("stopped"), remedy=_texts()("resume")))
        emit(stopped.as_json(), options.as_json, stopped.print)
        say_now(_texts()("resume"))
        return Exit.INTERRUPTED
    emit(outcome().as_json(), options.as_json, outcome().print)
    return Exit.OK if search.result().end is TriggerSearchEnd.FOUND else Exit.NOT_COVERED


def _describe(answer: TriggerAnswer, test: int, kept: int, parts: int) -> str:
    key = "refused" if answer.refused else "accepted"
    return _texts()(key, test=str(test), kept=str(kept), all=str(parts))


def _reported_words(advice: PromptAdvice) -> list[tuple[int, int]]:
    """Starts and ends of the words of the prompt that the tables of reported words name."""
    from safelight.providers.advice.driver_tables import DriverKind

    kinds = (
        DriverKind.HIGH_RISK_WORD,
        DriverKind.CONTEXT_WORD,
        DriverKind.INTENSITY,
        DriverKind.SCENE_WORD,
    )
    spans = [span for driver in advice.drivers if driver.kind in kinds for span in driver.spans]
    return sorted({(span.start, span.end) for span in spans if span.field == _FIELD})


def _risks(parts: Sequence[PromptPart], reported: Sequence[tuple[int, int]]) -> list[float]:
    return [
        _REPORTED_RISK if any(start < part.end and part.start < end for start, end in reported) else 1.0
        for part in parts
    ]


@dataclass(frozen=True)
class _Outcome:
    """What a search shows at its end."""

    prompt: str
    parts: Sequence[PromptPart]
    result: TriggerResult
    #: The tests, if their cost is known.
    tests: Sequence[TriggerAnswer] | None
    #: What ended the search before its time.
    error: SafelightError | None

    def as_json(self) -> dict[str, Any]:
        def words(numbers: Sequence[int]) -> list[dict[str, Any]]:
            found = [self.parts[n] for n in sorted(numbers)]
            return [{"text": part.word, "start": part.start, "end": part.end} for part in found]

        return {
            "object": "trigger_search",
            "prompt": self.prompt,
            "result": "stopped" if self.error else self.result.end.value,
            "sets": [
                {
                    "triggers": words(found.triggers),
                    "one_of": words(found.group),
                    "confidence": round(found.confidence, 3),
                }
                for found in self.result.sets
            ],
            "accepted_without": words(self.result.accepted_without),
            "tests": self.result.tests,
            "words": len(self.parts),
            "cost": None if self.tests is None else describe_cost(self.tests),
            **(error_payload(self.error) if self.error else {}),
        }

    def print(self, console: Console) -> None:
        from safelight.providers.advice.trigger_set_search import SetSearchEnd

        t = _texts()

        def quoted(numbers: Sequence[int]) -> str:
            return t("separator").join(
                t("quote", text=printable(self.parts[n].word)) for n in sorted(numbers)
            )

        for found in self.result.sets:
            key = "words_and_group" if found.triggers else "group"
            if not found.group:
                key = "words" if found.end is SetSearchEnd.FOUND else "words_and_more"
            if key == "words" and len(found.triggers) == 1:
                key = "words_one"
            print_prose(console, t(key, words=quoted(found.triggers), group=quoted(found.group)))
        if self.result.sets:
            least = min(found.confidence for found in self.result.sets)
            print_prose(console, t("uncertain", share=f"{100 * least:.0f}"))
        if self.result.accepted_without:
            print_prose(console, t("accepted_without", words=quoted(self.result.accepted_without)))
        if self.error is None and t.has(f"end.{self.result.end.value}"):
            print_prose(console, t(f"end.{self.result.end.value}"))
        print_prose(console, t("tests", tests=str(self.result.tests)))
        for line in cost_lines(self.tests) if self.tests is not None else ():
            print_prose(console, line)


def _texts() -> Messages:
    return texts("triggers")
