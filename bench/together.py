"""Harm that stands in no part alone: requests, words in the picture and words in the sound, read together.

    python -m bench.together first [--words] [--own] [--json] [--keep FOLDER]

Renders each row of `bench/together/NAME.jsonl` as a clip, writes a manifest, and scans and judges it as
`safelight eval clips` does, under `starter` with a waiver for what nobody here can check; the speech goes
to a scripted server in the real format. `--words` gives the words straight to the output stage instead, in
seconds. `joint` is `bench/acts/test/joint.jsonl`, for `--words` only. Of it, `second` and `third`, which
nobody who works on this has read, only totals are told.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.joined_clips import Line, Row, SaidLine, Shown, read, render, spoken
from safelight.app.container import load as load_parts
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.statistics import wilson
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action, WaiverTerms
from safelight.screening.evaluation import ScreeningContext, StageInput, StageResult, evaluate
from safelight.screening.output import OutputStage
from safelight.screening.prompt import PromptStage
from safelight.screening.scanning.report import DetectorRun, ScanReport
from safelight.testing.speech import found_at, samples_of
from safelight.testing.transcription import ScriptedTranscriber
from safelight_lab.evaluation import clip_eval, clips
from safelight_lab.evaluation.label_mapping import FOUND

ROWS = Path(__file__).with_name("together")
#: Sets of which nothing but totals may be told.
UNSEEN = frozenset({"second", "third", "joint"})
JOINT = Path(__file__).with_name("acts") / "test" / "joint.jsonl"
_STOPS = (Action.HOLD, Action.BLOCK)
_WAIVER = WaiverTerms(id="bench", name="bench", categories=("*",))
_TENANT = "default"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a row."""

    row: Row
    action: str
    stopped: bool
    #: The sources that are stopped by themselves.
    alone: tuple[str, ...]
    #: Categories of findings that only the whole has, from the operating point up.
    joined: tuple[str, ...]
    rule: str
    #: Words shown and said, and those that were read and heard.
    words: tuple[int, int] = (0, 0)


class Bench:
    """One installation, judging rows one by one."""

    def __init__(self, stage: OutputStage, policy: str, taxonomy: Any) -> None:
        from safelight.policy.documents import load

        self.policy = TenantPolicy(
            tenant=_TENANT, taxonomy=taxonomy, policy=load(policy, taxonomy), waivers=(_WAIVER,)
        )
        self.stage = stage
        self.prompts = PromptStage(pipeline=stage.pipeline)

    def words(self, row: Row) -> Outcome:
        """The row's words, as if they had been read and heard without a mistake."""
        report = ScanReport(
            texts=row.read,
            transcript=row.heard,
            runs=(DetectorRun(name="ocr", ran=True, complete=True, reads=True),),
        )
        texts = {"prompt": row.prompt} if row.prompt else {}
        prior = self.prompts.screen(texts, self.policy).findings if texts else ()
        context = ScreeningContext(policy=self.policy, texts=texts, prior=prior)
        judged, report = self.stage.evaluate_report(report, context, subject_sha256="0" * 64)
        return self.outcome(row, judged, report)

    def outcome(self, row: Row, judged: StageResult, report: ScanReport) -> Outcome:
        verdict = judged.verdict
        # Held for nothing but a hole is no finding: it would hold every clip.
        stopped = verdict.action in _STOPS and bool(verdict.findings)
        read_ = "".join(text.text for text in (*report.texts, *(report.transcript or ())))
        true = "".join([*(one.text for one in row.screen), *(one.text for one in row.speech)])
        return Outcome(
            row=row,
            action=verdict.action.value,
            stopped=stopped,
            alone=tuple(self._alone(row, report)),
            joined=tuple(
                sorted(
                    {
                        one.category
                        for one in judged.findings
                        if one.attributes.get("cross_modal")
                        and (one.score >= FOUND or one.attributes.get("kind") == "classifier")
                    }
                )
            ),
            rule=(verdict.rule or "") if stopped else "",
            words=(_overlap(true, read_), len(set(_tokens(true)))),
        )

    def _alone(self, row: Row, report: ScanReport) -> Iterator[str]:
        pipeline = self.stage.pipeline
        screened: list[tuple[str, Stage, Iterable[Finding]]] = [
            ("prompt", Stage.PROMPT, pipeline.screen({"prompt": row.prompt}).findings),
            ("screen", Stage.OUTPUT, pipeline.screen_media_text(report.texts).findings),
            (
                "speech",
                Stage.OUTPUT,
                pipeline.screen_media_text(report.transcript or (), "transcript").findings,
            ),
        ]
        for name, stage, findings in screened:
            given = StageInput(
                stage=stage,
                subject_sha256="0" * 64,
                findings=tuple(findings),
                modalities=frozenset({Modality.TEXT}),
            )
            verdict = evaluate(self.policy, given).verdict
            if verdict.action in _STOPS and verdict.findings:
                yield name


def _tokens(text: str) -> list[str]:
    from safelight.detectors.text.attribution import token_spans

    return [text[start:end].casefold() for start, end in token_spans(text)]


def _overlap(true: str, got: str) -> int:
    return len(set(_tokens(true)) & set(_tokens(got)))


class Listener:
    """Says what it hears of the lines of the clip that is being scanned."""

    def __init__(self) -> None:
        self.lines: Sequence[Line] = ()

    def __call__(self, wav: bytes) -> Iterable[tuple[str, float, float]]:
        samples, rate = samples_of(wav)
        heard = []
        for line in self.lines:
            begins = found_at(line.spoken, samples, rate)
            if begins is not None:
                heard += [(begins, word) for word in _worded(line)]
        return [
            (text, begins + start, begins + end)
            for begins, (text, start, end) in sorted(heard, key=lambda one: one[0] + one[1][1])
        ]


def _worded(line: Line) -> list[tuple[str, float, float]]:
    """The words with the marks that follow them, and a full stop at the end, as transcribers write them."""
    made: list[tuple[str, float, float]] = []
    at = 0
    for word in line.spoken.words:
        place = line.text.find(word.text, at)
        if place < 0:
            break
        at = place + len(word.text)
        made.append((word.text, word.start_s, word.end_s))
        while at < len(line.text) and not line.text[at].isalnum() and not line.text[at].isspace():
            made[-1] = (made[-1][0] + line.text[at], *made[-1][1:])
            at += 1
    else:
        if made and "".join(word for word, _s, _e in made) == "".join(line.text.split()):
            last = made[-1]
            return [*made[:-1], (last[0] if last[0][-1:] in ".!?。！？" else last[0] + ".", *last[1:])]
    return [(line.text, 0.0, line.spoken.seconds)]


def rendered(
    rows: Sequence[Row], folder: Path, url: str, listener: Listener, tell: Callable[[int], None]
) -> Iterator[Outcome]:
    """Every row as a clip through the real scan."""
    config = folder / "safelight.toml"
    config.write_text(
        f"data = {json.dumps(str(folder / 'data'))}\n[detectors.transcription]\n"
        f'url = "{url}"\nmodel = "whisper-1"\napi_key_env = ""\n'
    )
    lines = [spoken(row) for row in rows]
    manifest = []
    for row, said in zip(rows, lines, strict=True):
        path = folder / f"{row.id}.mp4"
        if not path.exists():
            render(row, path, said)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        segments: list[dict[str, Any]] = []
        manifest.append(
            {
                "file": f"{row.id}.mp4",
                "sha256": sha256,
                "label": "unsafe" if row.harmful else "safe",
                "segments": segments,
                "prompt": row.prompt,
            }
        )
    (folder / clips.MANIFEST).write_text("".join(json.dumps(one) + "\n" for one in manifest))
    data = clips.read(folder)
    container = load_parts(config)
    bench = Bench(container.pipeline.stages.output, "starter", container.core.taxonomy)
    for number, (row, said, clip) in enumerate(zip(rows, lines, data.clips, strict=True)):
        listener.lines = said
        one = replace(data, clips=(clip,))
        [seen] = clip_eval.evaluate_clips(
            one, bench.stage, bench.policy, progress=lambda _clip, _percent: None
        )
        if seen.result is None or seen.report is None:
            raise SystemExit(f"Row {number + 1} could not be scanned: {seen.problem}")
        yield bench.outcome(row, seen.result, seen.report)
        tell(number + 1)


def read_joint() -> list[Row]:
    """The rows of `JOINT`. They have one text each in the picture and in the sound, and no times."""
    rows = []
    for line in JOINT.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rows.append(
            Row(
                id=row["id"],
                label="harmful" if row["label"] == "unsafe" else "benign",
                lang=row["lang"],
                prompt=row["prompt"],
                screen=(Shown(text=row["visible"], start_s=0.5, end_s=3.0),) if row["visible"] else (),
                speech=(SaidLine(text=row["spoken"], start_s=1.0),) if row["spoken"] else (),
            )
        )
    return rows


def by_words(rows: Sequence[Row], folder: Path) -> Iterator[Outcome]:
    config = folder / "safelight.toml"
    config.write_text(f"data = {json.dumps(str(folder / 'data'))}\n")
    container = load_parts(config)
    stage = OutputStage(
        scanner=container.pipeline.stages.output.scanner,
        pipeline=container.core.text_pipeline,
    )
    bench = Bench(stage, "starter", container.core.taxonomy)
    for row in rows:
        yield bench.words(row)


def share(outcomes: Iterable[Outcome], counted: Callable[[Outcome], bool]) -> dict[str, Any]:
    rows = list(outcomes)
    hits = sum(counted(one) for one in rows)
    return {
        "n": len(rows),
        "k": hits,
        "interval": [round(end, 3) for end in wilson(hits, len(rows))] if rows else None,
    }


def report(outcomes: Sequence[Outcome], *, told: bool) -> dict[str, Any]:
    """The figures; with `told` those by group and the rows that went wrong, by id."""
    triples = [one for one in outcomes if one.row.harmful]
    twins = [one for one in outcomes if not one.row.harmful]
    read_, there = (sum(one.words[place] for one in outcomes) for place in (0, 1))
    found: dict[str, Any] = {
        "triples": share(triples, lambda one: one.stopped),
        "twins": share(twins, lambda one: one.stopped),
        "triples_blocked": share(triples, lambda one: one.action == Action.BLOCK.value),
        "triples_stopped_by_a_part_alone": {
            "any": share(triples, lambda one: bool(one.alone)),
            **{
                name: share(triples, lambda one, name=name: name in one.alone)  # type: ignore[misc]
                for name in ("prompt", "screen", "speech")
            },
        },
        "triples_stopped_only_together": share(triples, lambda one: one.stopped and not one.alone),
        "triples_with_a_joined_finding": share(triples, lambda one: bool(one.joined)),
        "twins_stopped_by_a_part_alone": share(twins, lambda one: bool(one.alone)),
        "twins_with_a_joined_finding": share(twins, lambda one: bool(one.joined)),
        "twins_labelled": share(twins, lambda one: one.action == Action.LABEL.value),
        "words_read_and_heard": round(read_ / there, 4) if there else None,
    }
    if told:
        for name in ("category", "lang", "sources"):
            groups = sorted({getattr(one.row, name) for one in outcomes})
            found[f"by_{name}"] = {
                group: {
                    "triples": share(
                        (o for o in triples if getattr(o.row, name) == group), lambda o: o.stopped
                    ),
                    "twins": share((o for o in twins if getattr(o.row, name) == group), lambda o: o.stopped),
                }
                for group in groups
            }
        found["missed"] = [one.row.id for one in triples if not one.stopped]
        found["false"] = [
            {"id": one.row.id, "rule": one.rule, "alone": one.alone, "joined": one.joined}
            for one in twins
            if one.stopped
        ]
    return found


def said(found: dict[str, Any]) -> str:
    lines = []
    for name, value in found.items():
        if isinstance(value, dict) and "k" in value:
            lines.append(f"{name}: {_said(value)}")
        elif isinstance(value, dict):
            lines.append(f"{name}:")
            for group, one in value.items():
                parts = one if "k" not in one else {"": one}
                lines.append(
                    f"  {group}: " + ", ".join(f"{key} {_said(part)}".strip() for key, part in parts.items())
                )
        else:
            lines.append(f"{name}: {json.dumps(value)}")
    return "\n".join(lines)


def _said(one: dict[str, Any]) -> str:
    if not one["n"]:
        return "none"
    low, high = one["interval"]
    return f"{one['k']} of {one['n']} ({one['k'] / one['n']:.1%}; {low:.1%} to {high:.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "name", help="A file in bench/together: first, second, third, own, training-a; or joint."
    )
    parser.add_argument("--words", action="store_true", help="No clips: the words as they are.")
    parser.add_argument(
        "--keep", type=Path, help="Leave clips and manifest here, and use those that lie here."
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.name == JOINT.stem and not given.words:
        parser.error("joint has no times to render: add --words")
    rows = read_joint() if given.name == JOINT.stem else read(ROWS / f"{given.name}.jsonl")

    def tell(done: int) -> None:
        print(f"{done} of {len(rows)}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as name:
        folder = given.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        if given.words:
            outcomes = list(by_words(rows, folder))
        else:
            listener = Listener()
            with ScriptedTranscriber(listener) as server:
                outcomes = list(rendered(rows, folder, server.url, listener, tell))
    found = report(outcomes, told=given.name not in UNSEEN)
    print(json.dumps(found, ensure_ascii=False, indent=2) if given.json else said(found))


if __name__ == "__main__":
    main()
