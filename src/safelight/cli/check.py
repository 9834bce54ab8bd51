"""`safelight check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from safelight.errors import InvalidField, NotFound

from .commands import load_container
from .exit_codes import Exit
from .output import emit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from safelight.bootstrap import Container
    from safelight.moderation.check_result import CheckResult
    from safelight.moderation.evaluation import PolicyEvaluator, StageResult
    from safelight.policy.categories import Taxonomy
    from safelight.policy.findings import Finding

app = typer.Typer(add_completion=False)

_FIELD = "prompt"


class CheckOutput(msgspec.Struct, frozen=True, kw_only=True):
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
    #: What the provider asked about documents; None where nobody was asked about.
    provider: dict[str, Any] | None = None
    #: Ten things to look at; none where our own policy blocks.
    checklist: tuple[dict[str, Any], ...] = ()
    #: References nobody looked at.
    not_looked_at: tuple[str, ...] = ()


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
    provider: Annotated[
        str | None,
        typer.Option("--for", help="What this provider or model documents about it: veo, runway ..."),
    ] = None,
    ref: Annotated[
        list[Path] | None,
        typer.Option("--ref", help="A reference picture that goes with it; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
) -> int:
    """Judge a prompt against the policy; nothing is generated, recorded or charged.

    Exit code 0: allowed. 3: blocked. 4: held. 5: not covered. 6: allowed under a waiver.
    """
    text = read(prompt, file)
    container = load_container(ctx)
    limit = container.core.settings.server.max_prompt_characters
    if len(text) > limit:
        raise InvalidField(f"The prompt has {len(text)} characters; at most {limit} are taken.", param=_FIELD)
    stages, left = run_check(container, text, policy, tuple(ref or ()))
    checked = concluded(container, text, stages, provider, references=len(ref or ()), left=left)
    told = answer(container, checked)
    emit(
        told,
        as_json,
        lambda console: _say(console, text, told, render_text(checked.deciding, container.core.taxonomy)),
    )
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


def run_check(
    container: Container, text: str, policy: str | None, references: tuple[Path, ...] = ()
) -> tuple[tuple[StageResult, ...], tuple[str, ...]]:
    """The verdicts on words and pictures, and the references nobody looked at.

    Where there is no data directory yet, on the settings' policy without any waiver.
    """
    from safelight.moderation.prompt import PromptStage

    known = container.core.settings.data.exists() or container.core.settings.storage.database is not None
    tenant = container.persistence.tenant if known else ""
    judge = _judge(container, policy, known=known)
    stage = PromptStage(judge=judge, pipeline=container.core.text_pipeline)
    words = stage.screen({_FIELD: text}, tenant=tenant)
    if not references or words.verdict.action.value == "block":
        return (words,), ()
    from safelight.moderation.check import reference
    from safelight.moderation.known_content import KnownContent
    from safelight.moderation.reference import ReferenceStage
    from safelight.moderation.scene_detection import SceneDetection

    files = [reference(_readable(path), "input_reference") for path in references]
    pictures = [file for file in files if file.is_picture]
    left = tuple(str(file.path) for file in files if not file.is_picture)
    if not pictures:
        return (words,), left
    # Who is on record is known only where there is something on record.
    onlookers = (
        container.pipeline.scene_detection
        if known
        else SceneDetection(detectors=container.core.detectors.scene_detectors())
    )
    looking = ReferenceStage(
        judge=judge,
        scanner=container.core.scanner,
        pipeline=container.core.text_pipeline,
        onlookers=onlookers,
        known=KnownContent(lists=container.core.hash_lists),
    )
    return (
        words,
        looking.judge_files(pictures, tenant=tenant, prior=words.findings, texts={_FIELD: text}),
    ), left


def _readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error


def concluded(
    container: Container,
    text: str,
    stages: tuple[StageResult, ...],
    provider: str | None,
    *,
    references: int = 0,
    left: tuple[str, ...] = (),
) -> CheckResult:
    """What follows from the verdicts, with the help that goes with them."""
    from safelight.moderation.check_result import summarize_check as conclude

    return conclude(
        stages,
        container.core.taxonomy,
        texts={_FIELD: text},
        asked=provider or "",
        references=references,
        not_looked_at=left,
    )


def _judge(container: Container, policy: str | None, *, known: bool) -> PolicyEvaluator:
    from safelight.moderation.evaluation import PolicyEvaluator
    from safelight.policy.documents import load

    if policy is None and known:
        return container.pipeline.policy_evaluator
    chosen = container.core.configured_policy if policy is None else load(policy, container.core.taxonomy)
    waivers = container.pipeline.policy_evaluator.waivers if known else lambda _tenant: ()
    return PolicyEvaluator(taxonomy=container.core.taxonomy, policy=lambda _tenant: chosen, waivers=waivers)


def answer(container: Container, checked: CheckResult) -> CheckOutput:
    """What the operator is told."""
    from safelight.policy.findings import to_json

    result, told = checked.deciding, checked.explanation
    verdict = result.verdict
    visible = render_text(result, container.core.taxonomy)
    kept = [finding for finding in result.findings if finding not in visible]
    coverage: dict[str, list[str]] = {}
    for cell in checked.coverage:
        name = cell.category if cell.modality.value == "text" else f"{cell.category} in {cell.modality.value}"
        if cell.modality.value == "text" or cell.required:
            coverage.setdefault(cell.status.value, []).append(name)
    return CheckOutput(
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
        else tuple(sorted({_group(finding, container.core.taxonomy) for finding in kept} - {""})),
        coverage=coverage,
        missing={missing.name: missing.sentence for missing in container.core.detectors.missing},
        waivers=verdict.waivers,
        latency_ms=round(sum(float(stage.extra.get("latency_ms", 0.0)) for stage in checked.judged), 2),
        provider=checked.advice.as_wire() if checked.advice is not None else None,
        checklist=tuple(item.as_wire() for item in checked.checklist),
        not_looked_at=checked.not_looked_at,
    )


def render_text(result: StageResult, taxonomy: Taxonomy) -> tuple[Finding, ...]:
    """The findings whose words are no manual; none at all where the case would be vaulted."""
    if result.verdict.vault:
        return ()
    return tuple(
        finding
        for finding in result.findings
        if finding.test_card or (finding.category in taxonomy and not taxonomy[finding.category].hide_details)
    )


def exit_of(result: StageResult) -> Exit:
    """The exit code of a verdict. Held or blocked for nothing but a hole is "not covered"."""
    from safelight.policy.verdicts import Action

    verdict = result.verdict
    if verdict.action.severity >= Action.HOLD.severity:
        if verdict.gaps and not verdict.findings:
            return Exit.NOT_COVERED
        return Exit.BLOCKED if verdict.action is Action.BLOCK else Exit.HELD
    return Exit.WAIVED if verdict.waivers else Exit.OK


def coverage_line(cells: dict[str, list[str]]) -> str:
    """How much of the table was checked, in one line."""
    parts = [f"{len(cells.get(word, ()))} {word}" for word in ("checked", "partly", "not checked")]
    holes = [*cells.get("partly", ()), *cells.get("not checked", ())]
    return f"Categories in words: {', '.join(parts)}" + (f" ({', '.join(holes)})" if holes else "") + "."


def highlight_spans(text: str, findings: Sequence[Finding]) -> Text:
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


def _say(console: Console, text: str, told: CheckOutput, findings: Sequence[Finding]) -> None:
    from rich.text import Text

    console.print(Text(told.sentence, style=f"bold {_COLOURS[told.action]}"))
    console.print()
    console.print(highlight_spans(text, findings))
    console.print()
    for finding in findings:
        words = _words(text, finding)
        says = f"  {finding.category}  {finding.score:.2f}  {finding.reason}  [{finding.detector}]"
        console.print(Text(says + (f"\n      {words}" if words else "")))
    for group in told.withheld:
        console.print(Text(f"  {group}: something was found; what it was is not shown."))
    for line in told.details.get("support", ()):
        console.print(Text(f"  {line['name']}: {line['text']}", style="cyan"))
    _help(console, told)
    console.print(Text(coverage_line(told.coverage)))
    for path in told.not_looked_at:
        console.print(Text(f"Not looked at: {path}. Clips are judged when they are ordered.", style="yellow"))
    for name, sentence in told.missing.items():
        console.print(Text(f"Not effective: {name}. {sentence}", style="yellow"))
    if told.waivers:
        console.print(Text(f"Waived by name: {', '.join(told.waivers)}.", style="yellow"))


def _help(console: Console, told: CheckOutput) -> None:
    """What a provider documents, and what of the ten checks is worth a look."""
    from rich.text import Text

    if told.provider is not None:
        known = told.provider["statements"]
        says = "" if known else f" {told.provider['summary']}"
        console.print(Text(f"At {told.provider['asked']}: {told.provider['outcome']}.{says}"))
        for statement in (*known, *told.provider["general"]):
            console.print(Text(f"  {statement['statement']} ({statement['source']})"))
    for item in told.checklist:
        if item["state"] in ("look", "problem"):
            style = "yellow" if item["state"] == "problem" else ""
            console.print(Text(f"  {item['topic']}: {item['message']}", style=style))


def _words(text: str, finding: Finding) -> str:
    from safelight.policy.findings import TextSpan

    places = [place for place in finding.evidence if isinstance(place, TextSpan)]
    words = [text[place.start : place.end] for place in places[:4]]
    return ", ".join(f"“{word}”" for word in words if len(word) <= 60)


def _group(finding: Finding, taxonomy: Taxonomy) -> str:
    return taxonomy[finding.category].group.value if finding.category in taxonomy else ""
