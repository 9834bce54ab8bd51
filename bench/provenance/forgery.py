"""Copies the marks of delivered clips onto foreign footage, and asks the installation where that is from.

    python -m bench.provenance.forgery CLIPS FOREIGN --work FOLDER --results FILE

CLIPS is a folder as `safelight eval provenance` takes it; they are sealed by an installation in FOLDER.
FOREIGN has footage that it does not know. `residual` is what an attacker gets from the delivered file alone:
what an edge-keeping filter removes from it. `difference` is the best case for the attacker, who also has the
picture before it was marked. `same scene` copies the difference onto another part of the same film. `copy`
measures what the defence against that costs: it compares the moments of true copies with those of the
delivered clip, without reading a mark. Finished rows are kept, so a stopped run goes on.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.provenance import installation, pictures
from bench.provenance.installation import Installation, Results, SealedClip, describe_recovery, share
from bench.provenance.pictures import Floats, Luma, psnr_db, read_frames, resized, to_luma, write_frames
from safelight.provenance.fingerprints.fingerprinter import fingerprint_clip
from safelight.provenance.fingerprints.moment_comparison import Moments
from safelight.provenance.fingerprints.picture_comparison import RegisteredPicture
from safelight.provenance.recovery.worker import compare_moments_in_child
from safelight_lab.evaluation.provenance_eval import find_clips

SECONDS = 2.0
#: The filter removes part of the mark only, so the attacker makes what it removed stronger.
GAIN = {"residual": 2.0, "difference": 1.0, "same scene": 1.0}
#: Filters of FFmpeg and the CRF of true copies; `trimmed` keeps 2 s.
COPIES = {
    "CRF 43": ("null", 43),
    "cropped": ("crop=iw*.7:ih*.7:iw*.1:ih*.12", 28),
    "mirrored": ("hflip", 28),
    "on a page": ("scale=trunc(iw*.63/2)*2:trunc(ih*.63/2)*2,pad=iw*2:ih*2:40:110:color=0xf2f2ee", 30),
    "trimmed": ("trim=0.9:2.9,setpts=PTS-STARTPTS", 28),
}
#: Content that the filter lets through is larger than a mark.
MOST = 6.0


def residual(marked: Luma) -> Floats:
    """What an edge-keeping filter removes from a marked frame."""
    smooth = cv2.bilateralFilter(marked, 7, 16, 3)
    return np.asarray(np.clip(marked.astype(np.float32) - smooth, -MOST, MOST), np.float32)


def forge(method: str, marked: SealedClip, foreign: Path, into: Path) -> float:
    """Write the forged clip. Returns its PSNR to the foreign footage."""
    source, target = read_frames(marked.path, SECONDS), read_frames(foreign, SECONDS)
    if method == "residual":
        marks: list[Floats] = [residual(one) for one in source.luma]
    else:
        plain = read_frames(marked.clip.path, SECONDS)
        pairs = zip(source.luma, plain.luma, strict=False)
        marks = [one.astype(np.float32) - other for one, other in pairs]
    forged = target.with_luma(
        to_luma(one + GAIN[method] * resized(mark, one))
        for one, mark in zip(target.luma, marks, strict=False)
    )
    write_frames(forged, into, crf=20)
    return psnr_db(forged.luma, target.luma)


def measure(method: str, house: Installation, marked: SealedClip, foreign: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "forged.mp4"
        psnr = forge(method, marked, foreign, path)
        found = describe_recovery(house.recovery.recover(path), marked)
    is_from_here = found["answer"].startswith("from_here")
    return {
        "method": method,
        "clip": marked.clip.sha256,
        "source": marked.clip.source,
        "foreign": foreign.stem,
        "psnr_db": psnr,
        **found,
        "from_here": is_from_here,
    }


def measure_copy(change: str, marked: SealedClip) -> dict[str, Any]:
    """Whether a true copy would lose "from here" because its moments are taken for other ones."""
    filters, crf = COPIES[change]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.mp4"
        pictures.transcode(
            marked.path, path, "libx264", {"preset": "veryfast", "crf": str(crf)}, filters=filters
        )
        known = fingerprint_clip(marked.path)
        picture = RegisteredPicture(thumbnails=known.thumbnails, step_s=known.step_s, times_s=known.times_s)
        task = {"source": str(path), "registered": picture}
        found = compare_moments_in_child(task, None)
    return {
        "method": "copy",
        "clip": marked.clip.sha256,
        "source": marked.clip.source,
        "change": change,
        "moments": found.value,
        "lost": found is Moments.OTHER,
    }


def report_copies(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        **share(rows, "lost"),
        "moments": dict(Counter(row["moments"] for row in rows)),
        "lost_copies": sorted(f"{row['source']}, {row['change']}" for row in rows if row["lost"]),
    }


def report(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        part = [row for row in rows if row["method"] == method]
        found[method] = {
            **share(part, "from_here"),
            "grounds": dict(Counter(row["ground"] for row in part)),
            "called_from_here": sorted(
                f"{row['source']} onto {row['foreign']}" for row in part if row["from_here"]
            ),
            "psnr_db": round(float(np.mean([row["psnr_db"] for row in part])), 1),
        }
    return found


def pairs(sealed: Sequence[SealedClip], foreign: Sequence[Path]) -> Iterator[tuple[str, SealedClip, Path]]:
    """Every clip onto one foreign clip, by both methods; and every clip onto others of its source."""
    for (number, one), method in itertools.product(enumerate(sealed), ("difference", "residual")):
        yield method, one, foreign[number % len(foreign)]
    yield from same_scene(sealed)


def same_scene(sealed: Sequence[SealedClip]) -> Iterator[tuple[str, SealedClip, Path]]:
    for one, other in itertools.permutations(sealed, 2):
        if one.clip.source == other.clip.source:
            yield "same scene", one, other.clip.path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("foreign", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--count", type=int, help="of the clips; default: all")
    parser.add_argument("--copies", default=",".join(COPIES))
    parser.add_argument("--same-scene-only", action="store_true", help="only `same scene` and `copy`")
    asked = parser.parse_args()
    foreign = sorted(asked.foreign.glob("*.mp4"))
    if not foreign:
        parser.error(f"{asked.foreign} has no .mp4 file")
    code = installation.measured_code(sys.modules[__name__], pictures)
    results, house = Results(asked.results, code), Installation(asked.work)
    try:
        sealed = [house.seal(one) for one in find_clips(asked.clips)[: asked.count]]
        marked = [one for one in sealed if one.seal.mark.content_id is not None]
        rows = [
            results.measure(
                f"{method} {one.clip.sha256} {target.stem}",
                lambda m=method, o=one, t=target: measure(m, house, o, t),  # type: ignore[misc]
            )
            for method, one, target in (
                same_scene(marked) if asked.same_scene_only else pairs(marked, foreign)
            )
        ]
        copies = [
            results.measure(
                f"copy {one.clip.sha256} {change}",
                lambda c=change, o=one: measure_copy(c, o),  # type: ignore[misc]
            )
            for one, change in itertools.product(marked, asked.copies.split(","))
        ]
    finally:
        house.close()
    print(json.dumps({**report(rows), "copy": report_copies(copies)}, indent=1))


if __name__ == "__main__":
    main()
