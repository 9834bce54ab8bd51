"""`safelight check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from safelight.errors import InvalidField, NotFound

from .exits import Exit
from .output import emit
from .verbs import installation

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from safelight.policy.categories import Taxonomy
    from safelight.policy.explanations import Explanation
    from safelight.policy.findings import Finding
    from safelight.stages.judging import Judge, Judged
    from safelight.wiring import Installation

app = typer.Typer(add_completion=False)

_FIELD = "prompt"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one prompt: the explanation of the wire, and every finding that may be shown."""

    exit: int
    action: str
    category: str
    rule: str
    reason: str
    sentence: str
    policy: str
    policy_sha256: str
    details: dict[str, Any]
    findings: tuple[Any, ...]
    #: Groups of findings whose words are kept back.
    withheld: tuple[str, ...]
    #: The four words of coverage, each with its categories.
    coverage: dict[str, list[str]]
    #: Detectors that are not effective: name and why.
    missing: dict[str, str]
    waivers: tuple[str, ...]
    latency_ms: float


@app.command()
def check(
    ctx: typer.Context,
    prompt: Annotated[
        str | None, typer.Argument(help="The prompt; `-` reads it from standard input.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the prompt from a file.")] = None,
    policy: Annotated[
        str | None, typer.Option("--policy", help="Another policy: a shipped one's name, or a document.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
) -> int:
    """Judge a prompt against the policy; nothing is generated, recorded or charged.

    Exit code 0: allowed. 3: blocked. 4: held. 5: not covered. 6: allowed under a waiver.
    """
    text = read(prompt, file)
    here = installation(ctx)
    limit = here.settings.server.max_prompt_characters
    if len(text) > limit:
        raise InvalidField(f"The prompt has {len(text)} characters; at most {limit} are taken.", param=_FIELD)
    result = judged(here, text, policy)
    told = answer(here, result)
    emit(told, as_json, lambda console: _say(console, text, told, shown(result, here.taxonomy)))
    return told.exit


def read(prompt: str | None, file: Path | None) -> str:
    """The prompt from where it was given. Raises `InvalidField` for none or two, `NotFound` for no file."""
    if (prompt is None) == (file is None):
        raise InvalidField("Give a prompt, or --file with a file that holds one.", param=_FIELD)
    if file is not None:
        try:
            text = file.read_bytes().decode("utf-8", "replace")
        except OSError as error:
            raise NotFound(f"{file} cannot be read: {error.strerror}.") from error
    elif prompt == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
    else:
        text = prompt or ""
    if not text.strip():
        raise InvalidField("The prompt is empty.", param=_FIELD)
    return text


def judged(here: Installation, text: str, policy: str | None) -> Judged:
    """The verdict; where there is no data directory yet, on the settings' policy without any waiver."""
    from safelight.stages.prompt import PromptStage

    known = here.settings.data.exists() or here.settings.storage.database is not None
    tenant = here.tenant if known else ""
    stage = PromptStage(judge=_judge(here, policy, known=known), pipeline=here.text_pipeline)
    return stage.screen({_FIELD: text}, tenant=tenant)


def _judge(here: Installation, policy: str | None, *, known: bool) -> Judge:
    from safelight.policy.documents import load
    from safelight.stages.judging import Judge

    if policy is None and known:
        return here.judge
    chosen = here.configured_policy if policy is None else load(policy, here.taxonomy)
    waivers = here.judge.waivers if known else lambda _tenant: ()
    return Judge(taxonomy=here.taxonomy, policy=lambda _tenant: chosen, waivers=waivers)


def answer(here: Installation, result: Judged) -> Answer:
    """What the operator is told."""
    from safelight.policy.explanations import Viewer, explain
    from safelight.policy.findings import Modality, to_json

    verdict = result.verdict
    told: Explanation = explain(verdict, here.taxonomy, audience=Viewer.DEVELOPER)
    visible = shown(result, here.taxonomy)
    kept = [finding for finding in result.findings if finding not in visible]
    coverage: dict[str, list[str]] = {}
    for cell in result.coverage:
        if cell.modality is Modality.TEXT:
            coverage.setdefault(cell.word.value, []).append(cell.category)
    return Answer(
        exit=exit_of(result),
        action=verdict.action.value,
        category=", ".join(told.categories),
        rule=told.rule,
        reason=told.reason,
        sentence=told.sentence,
        policy=verdict.policy,
        policy_sha256=verdict.policy_sha256,
        details=told.as_wire(),
        findings=tuple(to_json(finding) for finding in visible),
        withheld=()
        if verdict.vault
        else tuple(sorted({_group(finding, here.taxonomy) for finding in kept} - {""})),
        coverage=coverage,
        missing={missing.name: missing.sentence for missing in here.catalogue.missing},
        waivers=verdict.waivers,
        latency_ms=round(float(result.extra.get("latency_ms", 0.0)), 2),
    )


def shown(result: Judged, taxonomy: Taxonomy) -> tuple[Finding, ...]:
    """The findings whose words are no manual; none at all where the case would be vaulted."""
    if result.verdict.vault:
        return ()
    return tuple(
        finding
        for finding in result.findings
        if finding.test_card or (finding.category in taxonomy and not taxonomy[finding.category].discreet)
    )


def exit_of(result: Judged) -> Exit:
    """The exit code of a verdict. Held or blocked for nothing but a hole is "not covered"."""
    from safelight.policy.verdicts import Action

    verdict = result.verdict
    if verdict.action.severity >= Action.HOLD.severity:
        if verdict.holes and not verdict.findings:
            return Exit.NOT_COVERED
        return Exit.BLOCKED if verdict.action is Action.BLOCK else Exit.HELD
    return Exit.WAIVED if verdict.waivers else Exit.OK


def coverage_line(cells: dict[str, list[str]]) -> str:
    """How much of the table was checked, in one line."""
    parts = [f"{len(cells.get(word, ()))} {word}" for word in ("checked", "partly", "not checked")]
    holes = [*cells.get("partly", ()), *cells.get("not checked", ())]
    return f"Categories in words: {', '.join(parts)}" + (f" ({', '.join(holes)})" if holes else "") + "."


def marked(text: str, findings: Sequence[Finding]) -> Text:
    """The prompt with the words that led to findings underlined."""
    from rich.text import Text

    from safelight.policy.findings import TextSpan

    line = Text(text)
    for finding in findings:
        for place in finding.evidence:
            whole = isinstance(place, TextSpan) and place.end - place.start >= len(text.strip())
            if isinstance(place, TextSpan) and (not whole or finding.test_card):
                line.stylize(
                    "bold underline red" if finding.score >= 0.5 else "underline", place.start, place.end
                )
    return line


_COLOURS = {"allow": "green", "label": "green", "hold": "yellow", "block": "red"}


def _say(console: Console, text: str, told: Answer, findings: Sequence[Finding]) -> None:
    from rich.text import Text

    console.print(Text(told.sentence, style=f"bold {_COLOURS[told.action]}"))
    console.print()
    console.print(marked(text, findings))
    console.print()
    for finding in findings:
        words = _words(text, finding)
        says = f"  {finding.category}  {finding.score:.2f}  {finding.reason}  [{finding.detector}]"
        console.print(Text(says + (f"\n      {words}" if words else "")))
    for group in told.withheld:
        console.print(Text(f"  {group}: something was found; what it was is not shown."))
    for line in told.details.get("support", ()):
        console.print(Text(f"  {line['name']}: {line['text']}", style="cyan"))
    console.print(Text(coverage_line(told.coverage)))
    for name, sentence in told.missing.items():
        console.print(Text(f"Not effective: {name}. {sentence}", style="yellow"))
    if told.waivers:
        console.print(Text(f"Waived by name: {', '.join(told.waivers)}.", style="yellow"))


def _words(text: str, finding: Finding) -> str:
    from safelight.policy.findings import TextSpan

    places = [place for place in finding.evidence if isinstance(place, TextSpan)]
    words = [text[place.start : place.end] for place in places[:4]]
    return ", ".join(f"“{word}”" for word in words if len(word) <= 60)


def _group(finding: Finding, taxonomy: Taxonomy) -> str:
    return taxonomy[finding.category].group.value if finding.category in taxonomy else ""
