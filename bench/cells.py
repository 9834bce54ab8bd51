"""Category by modality in one run under `starter`: what is found, held for nothing, and unmeasured.

    python -m bench.cells --make DIR [--media MEDIA]     # clips and manifest; see bench/cells_media.py
    python -m bench.cells DIR [--markdown FILE] [--ship FILE]

The second is `safelight eval clips --data DIR --json --html DIR/report.html` with the waiver that
`safelight init` asks for. What is said in the clips is transcribed by a scripted server in OpenAI's format,
which answers with the synthesiser's own words: **that is plumbing**. No transcriber was measured.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.cells_clips import MARKS, Kitchen, Line, recipes, write
from bench.cells_media import Media
from bench.evaluating import evaluated, into
from safelight.testing.speech import Spoken, samples_of
from safelight.testing.transcription import ScriptedTranscriber
from safelight_lab.evaluation.clips import MANIFEST

#: Lines are looked for at this rate, in frames of so many samples, one every so many, in so many bands.
_RATE, _FRAME, _HOP, _BANDS = 8_000, 256, 128, 16
#: From here on what is heard is a line: the right one is over 0.9, others are under 0.7.
_ALIKE = 0.75
_WHAT = {
    "text": "words in the picture",
    "audio": "words said, transcribed without a mistake",
    ("likeness", "frames"): "that a face is there, not whose",
    ("photosensitive", "frames"): "flashes",
    ("deception/subliminal", "frames"): "words and faces in one frame or two",
    ("ip/brand", "frames"): "enrolled marks",
    ("ip/character", "frames"): "enrolled marks",
}


class Listener:
    """Knows every line of a set, and says which of them a WAV file holds, word by word, from when to when.

    Lines are told apart by how loud their bands are over time: the synthesiser never says a line twice with
    the same wave.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = [(line, line.spoken()) for line in lines]
        self._shapes = [_shape(spoken.at(_RATE)) for _line, spoken in self._lines]

    def __call__(self, wav: bytes) -> Iterator[tuple[str, float, float]]:
        whole, rate = samples_of(wav)
        heard = _shape(whole[:: rate // _RATE])
        best, found, begins = _ALIKE, -1, 0
        for number, shape in enumerate(self._shapes):
            for start in range(max(heard.shape[1] - shape.shape[1], 0) + 1):
                part = heard[:, start : start + shape.shape[1]]
                score = _alike(shape[:, : part.shape[1]], part)
                # A clip may end before its line does.
                if score > best and 2 * part.shape[1] >= shape.shape[1]:
                    best, found, begins = score, number, start
        if found >= 0:
            line, spoken = self._lines[found]
            yield from said(line, spoken, begins * _HOP / _RATE)


def _shape(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """How loud each band is over time: (bands, frames)."""
    window = np.hanning(_FRAME)
    count = max(samples.size - _FRAME, 0) // _HOP + 1
    padded = np.pad(samples, (0, _FRAME))
    frames = np.stack([padded[n * _HOP : n * _HOP + _FRAME] * window for n in range(count)])
    spectrum = np.abs(np.fft.rfft(frames, axis=1))[:, 1 : 1 + 8 * _BANDS]
    loud: npt.NDArray[np.float64] = np.cbrt(spectrum.reshape(count, _BANDS, -1).mean(axis=2)).T
    return loud


def _alike(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    left, right = one - one.mean(), other - other.mean()
    size = float(np.linalg.norm(left) * np.linalg.norm(right))
    return float((left * right).sum()) / size if size else 0.0


def said(line: Line, spoken: Spoken, begins: float) -> Iterator[tuple[str, float, float]]:
    """The words of a line and their times; where the synthesiser tells other words, evenly one by one."""
    words = [(one.text, one.start_s, one.end_s) for one in spoken.words]
    if "".join(text for text, _start, _end in words) != "".join(line.text.split()):
        texts = line.text.split() if line.text.isascii() else list(line.text)
        step = spoken.seconds / len(texts)
        words = [(text, index * step, (index + 1) * step) for index, text in enumerate(texts)]
    for number, (text, start, end) in enumerate(words):
        stop = "." if number == len(words) - 1 else ""
        yield text + stop, begins + start, begins + end


def manifest(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / MANIFEST).read_text("utf-8").splitlines()]


def run(folder: Path) -> dict[str, Any]:
    """The report of the run."""
    rows = manifest(folder)
    listener = Listener(Line(**row["said"]) for row in rows if "said" in row)
    with ScriptedTranscriber(listener) as server:
        return evaluated(
            folder,
            settings=f'[detectors.transcription]\nurl = "{server.url}"\nmodel = "scripted"\n',
            marks={folder / f"{mark}.png": kind for mark, kind in MARKS.items()},
        )


def what(cell: Mapping[str, Any]) -> str:
    return _WHAT.get((cell["category"], cell["modality"])) or _WHAT[cell["modality"]]


def measured_cells(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in report["cells"] if cell["state"] == "measured"]


def unmeasured(report: Mapping[str, Any]) -> dict[str, list[str]]:
    """Categories without data, by modality."""
    found: dict[str, list[str]] = {}
    for cell in report["cells"]:
        if cell["state"] != "measured":
            found.setdefault(cell["modality"], []).append(cell["category"])
    return found


def scenes(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many harmless clips there are of each scene."""
    counted: dict[str, int] = {}
    for row in rows:
        if row["label"] == "safe":
            counted[row["scene"]] = counted.get(row["scene"], 0) + 1
    return dict(sorted(counted.items()))


def markdown(report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], today: dt.date) -> str:
    """The tables as docs/benchmarks/cells.md has them."""
    data, safe = report["data"], report["clips"]["safe"]
    policy = ", ".join(f"`{name}` `{sha256[:16]}`" for name, sha256 in report["policy"].items())
    spoken = sum(row["label"] == "safe" and "said" in row for row in rows)
    lines = [
        f"{today:%d %B %Y}. {data['n']} clips, manifest `{data['sha256'][:16]}`; policy {policy}; model hash"
        f" `{report['model_hash'][:16]}`; {report['cost']['cpu_s']:.0f} CPU seconds for"
        f" {report['cost']['video_s']:.0f} s of video in scan children.",
        "",
        "| category | modality | what | segments | found | in clips stopped | false alarms | coverage |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for cell in measured_cells(report):
        low, high = cell["recall_interval"]
        covered = ", ".join(f"{word} {count}" for word, count in cell["coverage"].items())
        lines.append(
            f"| {cell['category']} | {cell['modality']} | {what(cell)} | {cell['segments']}"
            f" | {cell['found']} ({low:.0%} to {high:.0%}) | {cell['stopped']}"
            f" | {cell['false_alarms']} of {cell['safe_clips']} | {covered} |"
        )
    lines += ["", "Unmeasured, for there is no data:", ""]
    lines += [f"- {modality}: {', '.join(names)}" for modality, names in unmeasured(report).items()]
    cards = ", ".join(f"{one['modality']} {one['found']} of {one['segments']}" for one in report["cards"])
    lines += ["", f"The safety test card: {cards}.", "", "### Harmless clips", ""]
    counted = ", ".join(f"{name} {count}" for name, count in scenes(rows).items())
    did = ", ".join(f"{name} {safe[name]}" for name in ("allow", "label", "hold", "not_covered", "block"))
    lines += [f"{safe['n']}, {spoken} of them with speech: {counted}.", "", f"Outcome: {did}.", ""]
    lines += ["| clip | outcome | rule | found |", "| --- | --- | --- | --- |"]
    for one in report["alarms"]:
        found = ", ".join(sorted({f"{f['category']} in {f['modality']}" for f in one["findings"]}))
        why = one["rule"] or ", ".join(one["holes"])
        lines.append(f"| `{one['file']}` | {one['action']} | {why} | {found or 'nothing'} |")
    return "\n".join(lines) + "\n"


def shipped(report: Mapping[str, Any], today: dt.date) -> dict[str, Any]:
    """What `safelight.policy.measurements` reads: the measured cells and the versions measured."""
    return {
        "made": today.isoformat(),
        "page": "docs/benchmarks/cells.md",
        "data_sha256": report["data"]["sha256"],
        "policy": report["policy"],
        "model_hash": report["model_hash"],
        "detectors": report["detectors"],
        "cells": [
            {
                "category": cell["category"],
                "modality": cell["modality"],
                "what": what(cell),
                "segments": cell["segments"],
                "found": cell["found"],
                "safe_clips": cell["safe_clips"],
                "false_alarms": cell["false_alarms"],
            }
            for cell in measured_cells(report)
        ],
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--make", type=Path, metavar="DIR")
    parser.add_argument("--media", type=Path, help="Where the packages with photographs were installed.")
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--ship", type=Path)
    asked = parser.parse_args()
    if asked.make is not None:
        media = Media(asked.media)
        count = write(asked.make, recipes(Kitchen(media=media)), lambda name: print(name, file=sys.stderr))
        print(f"{count} clips in {asked.make}.")
        if media.lacking:
            print(f"Left out, for the packages are not there: {', '.join(sorted(set(media.lacking)))}.")
        return 0
    if asked.folder is None:
        parser.error("name the folder")
    today = dt.datetime.now(dt.UTC).date()
    report = run(asked.folder)
    (asked.folder / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    page = markdown(report, manifest(asked.folder), today)
    print(page)
    if asked.markdown is not None:
        into(asked.markdown, page, "bench/cells.py")
    if asked.ship is not None:
        asked.ship.write_text(
            json.dumps(shipped(report, today), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
