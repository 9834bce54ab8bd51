"""`safelight scan`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from safelight.errors import BadInput, InvalidMedia, NotFound, SafelightError

from .exits import Exit
from .output import emit, progress_console
from .verbs import installation

if TYPE_CHECKING:
    from safelight.detectors.protocol import ReadText
    from safelight.policy.findings import Finding
    from safelight.policy.verdicts import Verdict
    from safelight.stages.judging import Judged
    from safelight.stages.service import Stages

app = typer.Typer(add_completion=False)

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif"})
_CLIPS = frozenset({".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi"})

#: From harmless to grave: with several files the gravest counts.
_GRAVITY = (Exit.OK, Exit.WAIVED, Exit.ERROR, Exit.NOT_COVERED, Exit.HELD, Exit.BLOCKED)


class FailOn(StrEnum):
    """From which action on the exit code tells of it."""

    HOLD = "hold"
    BLOCK = "block"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one file. `action` is empty where it could not be judged; `problem` says why."""

    file: str
    exit: int
    action: str = ""
    category: str = ""
    rule: str = ""
    reason: str = ""
    problem: str = ""
    findings: tuple[Any, ...] = ()
    #: What was read off the picture; nobody's words but the file's.
    texts: tuple[str, ...] = ()
    #: What is said, line by line with times; null where nobody transcribed.
    transcript: tuple[Any, ...] | None = None
    #: The four words of coverage, each with its cells as "category (modality)".
    coverage: dict[str, list[str]] = {}
    waivers: tuple[str, ...] = ()
    #: Facts, detectors' accounts and the schedule of a clip.
    scan: dict[str, Any] = {}


@app.command()
def scan(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="A video or picture file, or a folder of them.")],
    fail_on: Annotated[
        FailOn,
        typer.Option("--fail-on", help="`block`: a file that would be held does not fail the command."),
    ] = FailOn.HOLD,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
) -> int:
    """Judge files as if they had just been generated: every frame, and the sound. Pictures as references.

    Exit code 0: allowed. 3: blocked. 4: held. 5: not covered. 6: allowed under a waiver. 1: not readable.
    """
    files = files_in(path)
    here = installation(ctx)
    rows = judged(files, here.stages, here.tenant, fail_on)
    emit({"files": rows}, as_json, "\n\n".join(text(row) for row in rows))
    return gravest(row.exit for row in rows)


def files_in(path: Path) -> list[Path]:
    """The file, or the media files below the folder in order of name. Raises `NotFound`."""
    if path.is_dir():
        files = sorted(
            file for file in path.rglob("*") if file.suffix.lower() in _PICTURES | _CLIPS and file.is_file()
        )
        if not files:
            raise NotFound(f"There is no video or picture file in {path}.")
        return files
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    return [path]


def judged(files: Sequence[Path], stages: Stages, tenant: str, fail_on: FailOn) -> list[Row]:
    """A row for every file, with a progress bar on stderr while it lasts."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    console = progress_console()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        overall = bar.add_task("files", total=len(files)) if len(files) > 1 else None
        if overall is not None:
            bar.columns = (*columns, MofNCompleteColumn())
        rows = []
        for file in files:
            task = bar.add_task(file.name, total=100)

            def tell(done: int, task: TaskID = task) -> None:
                bar.update(task, completed=done)

            rows.append(judge(file, stages, tenant, fail_on, tell))
            bar.remove_task(task)
            if overall is not None:
                bar.advance(overall)
    return rows


def judge(file: Path, stages: Stages, tenant: str, fail_on: FailOn, progress: Callable[[int], None]) -> Row:
    """One file's row; a file that cannot be opened has one, too."""
    try:
        if is_picture(file):
            return row_of(file, stages.judge_picture(file, tenant=tenant), (), fail_on)
        result, report = stages.judge_file(file, tenant=tenant, progress=progress)
        row = row_of(file, result, tuple(read.text for read in report.texts), fail_on)
        return msgspec.structs.replace(row, transcript=lines_of(report.heard))
    except (BadInput, OSError) as error:
        said = str(error) if isinstance(error, SafelightError) else f"It cannot be read: {error}."
        return Row(file=str(file), exit=Exit.ERROR, problem=said)


def is_picture(file: Path) -> bool:
    """By its first bytes, not its name. Raises `InvalidMedia` where it is neither picture nor clip."""
    from safelight.media.probe import container_of
    from safelight.stages.reference import media_type

    with file.open("rb") as opened:
        head = opened.read(16)
    if container_of(head) is not None:
        return False
    try:
        return media_type(file, "file").startswith("image/")
    except InvalidMedia as error:
        raise InvalidMedia(
            "It is not a video or picture file of a known kind.",
            remedy="MP4, MOV, WebM, MKV, AVI, PNG, JPEG, WebP and GIF are read.",
        ) from error


def row_of(file: Path, result: Judged, texts: tuple[str, ...], fail_on: FailOn) -> Row:
    """The row of a file that was judged."""
    verdict = result.verdict
    coverage: dict[str, list[str]] = {}
    for cell in result.coverage:
        coverage.setdefault(cell.word.value, []).append(f"{cell.category} ({cell.modality.value})")
    return Row(
        file=str(file),
        exit=exit_of(verdict, fail_on),
        action=verdict.action.value,
        category=verdict.category,
        rule=verdict.rule,
        reason=verdict.reason,
        findings=result.findings,
        texts=texts,
        coverage=coverage,
        waivers=verdict.waivers,
        scan=dict(result.extra),
    )


def lines_of(heard: Sequence[ReadText] | None) -> tuple[Any, ...] | None:
    """A transcript as it is told: lines and words with their times."""
    if heard is None:
        return None
    return tuple(
        {
            "text": line.text.strip(),
            "start_s": line.start_s,
            "end_s": line.end_s,
            "words": [
                {"word": word.text.strip(), "start_s": word.start_s, "end_s": word.end_s}
                for word in line.words
            ],
        }
        for line in heard
    )


def exit_of(verdict: Verdict, fail_on: FailOn) -> Exit:
    """The exit code of one verdict. Held or blocked for nothing but a hole is "not covered"."""
    from safelight.policy.verdicts import Action

    if verdict.action in (Action.HOLD, Action.BLOCK):
        if verdict.action is Action.HOLD and fail_on is FailOn.BLOCK:
            return Exit.OK
        if verdict.holes and not verdict.findings:
            return Exit.NOT_COVERED
        return Exit.BLOCKED if verdict.action is Action.BLOCK else Exit.HELD
    return Exit.WAIVED if verdict.waivers else Exit.OK


def gravest(exits: Iterable[int]) -> Exit:
    return max((Exit(code) for code in exits), key=_GRAVITY.index, default=Exit.OK)


def text(row: Row) -> str:
    """The row for people: the action, why, where, and what was not checked."""
    if row.problem:
        return f"{row.file}: not judged\n  {row.problem}"
    what = f" ({row.category})" if row.category else ""
    lines = [f"{row.file}: {row.action}{what}"]
    if row.reason:
        lines.append(f"  {row.reason}")
    lines += [f"  - {line}" for line in map(_finding, row.findings)]
    lines += [f"  said, {said['start_s']:.2f} s: {said['text']}" for said in row.transcript or ()]
    for word in ("not checked", "partly"):
        if cells := row.coverage.get(word):
            lines.append(f"  {word}: {', '.join(cells)}")
    if row.waivers:
        lines.append(f"  waived by name: {', '.join(row.waivers)}")
    return "\n".join(lines)


def _finding(finding: Finding) -> str:
    return f"{finding.category} {finding.score:.2f} {where(finding)}: {finding.reason} [{finding.detector}]"


def where(finding: Finding) -> str:
    """The place of a finding in words."""
    from safelight.policy.findings import FrameRange, ImageBox, TextSpan, TimeRange

    for place in finding.evidence:
        match place:
            case FrameRange():
                if place.first == place.last:
                    return f"in frame {place.first} at {place.start_s:.2f} s"
                span = f"{place.start_s:.2f} to {place.end_s:.2f} s"
                return f"in frames {place.first} to {place.last}, {span}"
            case TimeRange():
                return f"in the sound, {place.start_s:.2f} to {place.end_s:.2f} s"
            case ImageBox():
                return "in the picture"
            case TextSpan():
                return f"in {place.field}, characters {place.start} to {place.end}"
    return "somewhere"
