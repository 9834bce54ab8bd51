"""Damaged and odd files through the scan, and the whole way to delivery.

nice -n 10 python -m bench.bad_input [--mutated 1000] [--odd 200] [--whole 100] [--quick] [--json OUT]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.mutations import Mutation, bases, bombs, mutated
from bench.odd_clips import odd_clips
from safelight.app.container import Container
from safelight.app.settings import Settings
from safelight.core.errors import BadInput, SandboxFailed
from safelight.policy.waivers import EVERYTHING, NewWaiver
from safelight.providers.protocol import (
    Billing,
    Charge,
    ChargeStatus,
    GenerationRequest,
    GeneratorInfo,
    RenderResult,
)
from safelight.videos.requests.request import CreateRequest
from safelight.videos.runner import Runner

#: What takes longer to decode than this is as good as not decodable.
_DECODE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`delivered`, or `ended` with why; `crashed` is neither, and must not be."""

    name: str
    kind: str
    word: str
    why: str = ""
    #: Decodes to the same pictures, times and sound as the file it was made from; None: not compared.
    identical: bool | None = None
    #: Decodes without complaint.
    decodes: bool | None = None


class Copier:
    """A generator that hands out the file its prompt names."""

    name = "storyboard"
    billing = Billing.OWN

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def info(self) -> GeneratorInfo:
        return GeneratorInfo(models=("copy-1",), seconds=(4, 8, 12), sizes=(), usd_per_second=0.0)

    def render(self, order: GenerationRequest, into: Path, report: Callable[[int], None]) -> RenderResult:
        part = into.with_suffix(".part")
        part.write_bytes((self._folder / order.prompt.rsplit(" ", 1)[-1]).read_bytes())
        part.replace(into)
        report(100)
        return RenderResult(charge=Charge(charged=ChargeStatus.NO, amount=0.0, source="own hardware"))


class House:
    """An installation under a waiver, whose generator copies files out of `folder`."""

    def __init__(self, data: Path, folder: Path, *, quick: bool) -> None:
        from safelight.cli.demo import operator

        off: dict[str, Any] = {"ocr": False, "nudenet": False, "minilm": False} if quick else {}
        limits = {"videos_per_day": 100_000, "seconds_per_day": 1_000_000}
        # Settings are what a file would say.
        settings: dict[str, Any] = {"detectors": off, "limits": limits}
        self.container = Container(Settings(data=data, **settings))
        self.container.core.generators = {"storyboard": Copier(folder)}
        self.who = operator(self.container)
        self.container.persistence.waivers.add(
            NewWaiver(
                name="bench",
                decided_by="the bench",
                reason="no model sees it",
                categories=(EVERYTHING,),
            ),
            taxonomy=self.container.core.taxonomy,
        )
        self.videos = replace(self.container.videos, enqueue=lambda *_: None)
        self.container.core.scanner.start()

    def scan(self, path: Path) -> tuple[str, str]:
        """As the jobs do it: made plain, then looked at. A word, and why."""
        plain = path.with_name(f"{path.name}.plain.mp4")
        try:
            try:
                clip = self.container.pipeline.context.delivery.normalize(path, plain).path
            except (BadInput, SandboxFailed):
                clip = path
            policy = self.container.pipeline.policy_loader.load(self.container.persistence.tenant)
            judged, report = self.container.pipeline.stages.scan_clip(clip, policy)
        except (BadInput, SandboxFailed) as error:
            return "ended", error.message
        finally:
            plain.unlink(missing_ok=True)
        if judged.verdict.action.value in ("allow", "label"):
            return "delivered", ""
        return "ended", report.failure or judged.verdict.reason or judged.verdict.action.value

    def deliver(self, path: Path) -> tuple[str, str]:
        """The whole way: ordered, made, made plain, scanned, sealed."""
        video = self.videos.create(self.who, CreateRequest(prompt=f"a quiet lake {path.name}"))
        runner = Runner(self.container.pipeline.context)
        while runner.run_steps(video.tenant, video.id):
            pass
        record = self.videos.record(self.who, video.id)
        if record.video.state.value == "delivered":
            return "delivered", ""
        video = record.video
        reasons = [judged.verdict.reason for judged in record.stages]
        return "ended", video.error_message or f"{video.state.value}: {reasons[-1] if reasons else ''}"

    def close(self) -> None:
        self.container.core.scanner.close()
        self.container.core.sandbox.close()


def fingerprint(path: str) -> tuple[str, bool]:
    """A hash over pictures, their times and the sound; whether nothing complained. Empty: not decodable."""
    import av

    av.logging.set_level(None)
    digest, whole = hashlib.sha256(), True
    try:
        with av.open(path, metadata_errors="replace") as container:
            video = next(iter(container.streams.video), None)
            audio = next(iter(container.streams.audio), None)
            if video is None:
                return "", False
            # What is damaged is an error here, too: filled gaps are nobody's picture.
            video.codec_context.options = {"err_detect": "explode"}
            for frame in container.decode(video):
                whole = whole and not frame.is_corrupt
                digest.update(f"{frame.time:.3f}".encode() if frame.time is not None else b"-")
                digest.update(frame.to_ndarray(format="rgb24").tobytes())
        if audio is not None:
            with av.open(path, metadata_errors="replace") as container:
                for sound in container.decode(audio=0):
                    digest.update(sound.to_ndarray().tobytes())
    except (av.FFmpegError, AttributeError, ValueError, OverflowError, IndexError, MemoryError):
        return "", False
    return digest.hexdigest(), whole


class Decoder:
    """A decoder of our own choosing apart from the product, in a process that may die."""

    def __init__(self) -> None:
        self._pool = self._started()

    def fingerprint(self, path: Path) -> tuple[str, bool]:
        try:
            return self._pool.submit(fingerprint, str(path)).result(timeout=_DECODE_S)
        except (BrokenProcessPool, TimeoutError):
            for process in list(getattr(self._pool, "_processes", {}).values()):
                process.kill()
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = self._started()
            return "", False

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn"))


def judged(call: Callable[[Path], tuple[str, str]], path: Path) -> tuple[str, str]:
    """Whatever else is raised is a crash of the service."""
    try:
        return call(path)
    except Exception as error:  # the finding itself
        return "crashed", f"{type(error).__name__}: {error}"


def scan_mutated(house: House, files: Sequence[Path], folder: Path, count: int, seed: int) -> list[Outcome]:
    decoder = Decoder()
    known = {path.name: decoder.fingerprint(path)[0] for path in files}

    def one(mutation: Mutation) -> Outcome:
        path = folder / f"{mutation.name}.bin"
        path.write_bytes(mutation.data)
        word, why = judged(house.scan, path)
        digest, whole = decoder.fingerprint(path)
        path.unlink()
        return Outcome(
            name=mutation.name,
            kind=mutation.kind,
            word=word,
            why=why,
            identical=bool(digest) and digest == known[mutation.base],
            decodes=bool(digest) and whole,
        )

    with ThreadPoolExecutor(max_workers=2) as threads:
        outcomes = list(threads.map(one, mutated(files, count, seed)))
    decoder.close()
    return outcomes


def whole_mutated(house: House, files: Sequence[Path], folder: Path, count: int, seed: int) -> list[Outcome]:
    """The same files, the whole way."""
    outcomes = []
    for mutation in mutated(files, count, seed):
        path = folder / f"{mutation.name}.bin"
        path.write_bytes(mutation.data)
        word, why = judged(house.deliver, path)
        path.unlink()
        if "sealed" in why:
            print(f"{mutation.name} ({mutation.kind}): {why}", file=sys.stderr, flush=True)
        outcomes.append(Outcome(name=mutation.name, kind=mutation.kind, word=word, why=why))
    return outcomes


def deliver_odd(house: House, folder: Path, most: int) -> list[Outcome]:
    outcomes = []
    for clip in odd_clips(folder, most):
        word, why = judged(house.deliver, clip.path)
        clip.path.unlink()
        if word != "delivered":
            print(f"{clip.path.name} ({clip.kind}): {word}: {why}", file=sys.stderr, flush=True)
        outcomes.append(Outcome(name=clip.path.name, kind=clip.kind, word=word, why=why))
    return outcomes


def scan_bombs(house: House, base: Path, folder: Path) -> list[tuple[Outcome, float]]:
    found = []
    for name, data in bombs(base.read_bytes()).items():
        path = folder / "bomb.bin"
        path.write_bytes(data)
        began = time.monotonic()
        word, why = judged(house.scan, path)
        found.append((Outcome(name=name, kind="bomb", word=word, why=why), time.monotonic() - began))
        path.unlink()
    return found


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What the documents say: how many of which word, and every failure by name."""
    same = [one for one in outcomes if one.identical]
    other = [one for one in outcomes if one.identical is False]
    return {
        "files": len(outcomes),
        "words": Counter(one.word for one in outcomes),
        "identical": Counter(one.word for one in same),
        "changed, decodes without complaint": Counter(one.word for one in other if one.decodes),
        "changed, decoder complains": Counter(one.word for one in other if not one.decodes),
        "by kind": {
            kind: Counter(one.word for one in outcomes if one.kind == kind)
            for kind in dict.fromkeys(one.kind for one in outcomes)
        },
        "reasons": Counter(one.why for one in outcomes if one.word == "ended").most_common(40),
        "crashed": [f"{one.name} ({one.kind}): {one.why}" for one in outcomes if one.word == "crashed"],
        "identical, not delivered": [
            f"{one.name} ({one.kind}): {one.why}" for one in same if one.word != "delivered"
        ],
        "decoder complains, delivered": [
            f"{one.name} ({one.kind})" for one in other if one.word == "delivered" and not one.decodes
        ],
        "without a reason": [one.name for one in outcomes if one.word == "ended" and not one.why],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mutated", type=int, default=1000)
    parser.add_argument("--odd", type=int, default=200)
    parser.add_argument("--whole", type=int, default=100)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="without the models")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    os.environ.setdefault("SVT_LOG", "0")
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "files"
        (folder / "good").mkdir(parents=True)
        house = House(Path(scratch) / "data", folder, quick=given.quick)
        try:
            files = bases(folder / "good")
            found["bombs"] = [
                {"name": one.name, "word": one.word, "why": one.why, "wall_s": round(took, 1)}
                for one, took in scan_bombs(house, files[1], folder)
            ]
            if given.mutated:
                found["mutated"] = summary(scan_mutated(house, files, folder, given.mutated, given.seed))
            if given.whole:
                found["whole"] = summary(whole_mutated(house, files, folder, given.whole, given.seed))
            if given.odd:
                odd = deliver_odd(house, folder, given.odd)
                found["odd"] = summary(odd)
                found["odd"]["not delivered"] = [
                    f"{one.name} ({one.kind}): {one.why}" for one in odd if one.word != "delivered"
                ]
            found["prepared process alive"] = house.container.core.sandbox.fork_server_ready
        finally:
            house.close()
    text = json.dumps(found, indent=1)
    if given.json:
        given.json.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
