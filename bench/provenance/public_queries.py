"""An attacker who uses the public check to find the weakest change that removes a mark.

    python -m bench.provenance.public_queries CLIPS --work FOLDER --results FILE [--count 6] [--queries 1000]

CLIPS is a folder as `safelight eval provenance` takes it; they are sealed by an installation in FOLDER. For
each clip the attacker halves an interval of blur, then of noise, then of reduction in size, and asks after
each step, all on one day. Once the limit for the video is reached, the first answer is repeated, so the
attacker goes on to the next change. The attacker without queries uses the change that
removed the mark from all other clips. Quality is the PSNR of the changed picture against the delivered one.
Finished rows are kept.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.provenance import installation, pictures
from bench.provenance.installation import Installation, Results, SealedClip, is_marked
from bench.provenance.pictures import Luma, psnr_db, read_frames, to_luma, write_frames
from bench.provenance.real_chains import one_of_each_source
from safelight.videos.registry import MAX_CHECKS_PER_DAY, ProvenanceCheck
from safelight_lab.evaluation.intervals import bootstrap_mean
from safelight_lab.evaluation.provenance_eval import find_clips

SECONDS = 2.0


def _blur(luma: Luma, strength: float) -> Luma:
    return np.asarray(cv2.GaussianBlur(luma, (0, 0), 0.3 + 12 * strength), np.uint8)


def _add_noise(luma: Luma, strength: float) -> Luma:
    noise = np.random.default_rng(int(luma[::16, ::16].sum())).standard_normal(luma.shape, np.float32)
    return to_luma(luma + 90 * strength * noise)


def _reduce(luma: Luma, strength: float) -> Luma:
    share = 1 / (1 + 9 * strength)
    size = (max(round(luma.shape[1] * share), 16), max(round(luma.shape[0] * share), 16))
    return to_luma(pictures.resized(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), luma))


CHANGES: dict[str, Callable[[Luma, float], Luma]] = {"blur": _blur, "noise": _add_noise, "reduce": _reduce}


class Attacker:
    """Halves the interval of one change after the other, for one clip."""

    def __init__(self, house: Installation, sealed: SealedClip, queries: int) -> None:
        self._checks = house.checks()
        self._frames = read_frames(sealed.path, SECONDS)
        self._left = queries
        self.asked, self.useful = 0, 0

    def quality(self, change: str, strength: float) -> float:
        changed = [CHANGES[change](one, strength) for one in self._frames.luma[::8]]
        return psnr_db(changed, self._frames.luma[::8])

    def weakest(self, change: str) -> float:
        """The weakest strength that is known to remove the mark; 1 if no answer told anything."""
        kept, removed = 0.0, 1.0
        # The attacker knows that later answers say nothing about the mark, even if they do not look repeated.
        while self._left and self.useful < MAX_CHECKS_PER_DAY and removed - kept > 1e-3:
            middle = (kept + removed) / 2
            has_mark = self._ask(change, middle)
            if has_mark is None:
                break
            if has_mark:
                kept = middle
            else:
                removed = middle
        return removed

    def _ask(self, change: str, strength: float) -> bool | None:
        """Whether a mark was read from the copy; None if the limit of the video is reached."""
        self._left -= 1
        self.asked += 1
        changed = self._frames.with_luma(CHANGES[change](one, strength) for one in self._frames.luma)
        with tempfile.TemporaryDirectory() as folder:
            path = write_frames(changed, Path(folder) / "changed.mp4", crf=20)
            look = self._checks.look(path)
            found = look if isinstance(look, ProvenanceCheck) else self._checks.search(path, look)
            public = found.public
        if public.repeated:
            return None
        self.useful += 1
        return is_marked(public.ground)


def measure(house: Installation, sealed: SealedClip, queries: int) -> dict[str, Any]:
    attacker = Attacker(house, sealed, queries)
    strengths = {change: round(attacker.weakest(change), 4) for change in CHANGES}
    return {
        "clip": sealed.clip.sha256,
        "source": sealed.clip.source,
        "asked": attacker.asked,
        "useful": attacker.useful,
        "strengths": strengths,
    }


def gains(
    house: Installation, sealed: Sequence[SealedClip], rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The best quality with the attacker's own queries, and without, for each clip."""
    found = []
    for one, row in zip(sealed, rows, strict=True):
        attacker = Attacker(house, one, 0)
        others = [other for other in rows if other["source"] != row["source"]]
        # A change that removed the mark of all others, with the strength that the last of them needed.
        needed = {change: max(other["strengths"][change] for other in others) for change in CHANGES}
        without = {change: strength for change, strength in needed.items() if strength < 1}
        asked = {change: strength for change, strength in row["strengths"].items() if strength < 1}
        best = max((attacker.quality(*pair) for pair in asked.items()), default=None)
        blind = max((attacker.quality(*pair) for pair in without.items()), default=None)
        found.append({"source": row["source"], "with_queries_db": best, "without_db": blind})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--queries", type=int, default=1000)
    asked = parser.parse_args()
    results = Results(asked.results, installation.measured_code(sys.modules[__name__], pictures))
    house = Installation(asked.work)
    try:
        everything = [house.seal(one) for one in find_clips(asked.clips)]
        sealed = one_of_each_source(everything, asked.count)
        rows = [
            results.measure(one.clip.sha256, lambda o=one: measure(house, o, asked.queries))  # type: ignore[misc]
            for one in sealed
        ]
        each = gains(house, sealed, rows)
    finally:
        house.close()
    compared = [one for one in each if None not in one.values()]
    gained = [one["with_queries_db"] - one["without_db"] for one in compared]
    summary = {
        "clips": each,
        "asked": [row["asked"] for row in rows],
        "useful": [row["useful"] for row in rows],
        "gain_db": bootstrap_mean(gained) if gained else None,
    }
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
