"""Marking that fails never costs the video: it is sealed without a mark, and says so."""

from __future__ import annotations

import threading
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from safelight.core.errors import InvalidMedia, SandboxCrashed, SandboxFailed, SandboxTimedOut, StorageFull
from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance.keys import KeyStore
from safelight.provenance.seal import MarkState
from safelight.provenance.sealing import Sealer, SealingTime
from safelight.provenance.watermark_keys import WatermarkKeys
from safelight.provenance.watermark_service import WatermarkService

from .conftest import FactsMaker

Usage = namedtuple("Usage", "total used free")
FAILURES = [SandboxTimedOut("late"), SandboxCrashed("crashed"), InvalidMedia("damaged")]


class MarkingSandbox:
    """A sandbox whose children cannot mark; all other calls are real."""

    def __init__(self, sandbox: Sandbox, outcome: Exception | dict[str, Any]) -> None:
        self._sandbox = sandbox
        self._outcome = outcome
        self.tries = 0
        self.budgets: list[float] = []

    def run(self, entry: Any, argument: Any = None, **options: Any) -> Any:
        if "is_retry" not in argument:
            return self._sandbox.run(entry, argument, **options)
        self.tries += 1
        self.budgets.append(argument["budget_s"])
        if isinstance(self._outcome, Exception):
            raise self._outcome
        Path(argument["into"]).write_bytes(Path(argument["source"]).read_bytes())
        return self._outcome


def _sealer(sandbox: Any, keys: KeyStore, folder: Path) -> Sealer:
    service = WatermarkService(sandbox=sandbox, keys=WatermarkKeys(folder), preset="ultrafast")
    return Sealer(sandbox=sandbox, keys=keys, watermark=service)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        *((failure, "none (marking failed)") for failure in FAILURES),
        (
            {"strength": {"factor": 0.9, "can_be_stronger": False}},
            "none (not readable: usually too dark or flat)",
        ),
    ],
)
def test_marking_that_cannot_succeed_is_tried_once_and_the_video_is_sealed_without_a_mark(
    sandbox: Sandbox,
    keys: KeyStore,
    video: Path,
    facts: FactsMaker,
    tmp_path: Path,
    outcome: Exception | dict[str, Any],
    state: str,
) -> None:
    marking = MarkingSandbox(sandbox, outcome)
    sealed = tmp_path / "sealed.mp4"
    seal = _sealer(marking, keys, tmp_path / "watermark").seal(video, sealed, facts())
    assert str(seal.mark.state) == state
    assert marking.tries == 1
    assert sealed.stat().st_size > video.stat().st_size


def test_without_time_or_a_usable_key_a_video_is_sealed_without_a_mark(
    sandbox: Sandbox, keys: KeyStore, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    folder, into = tmp_path / "watermark", tmp_path / "sealed.mp4"
    sealer = _sealer(sandbox, keys, folder)
    seal = sealer.seal(video, into, facts(), SealingTime(left_s=lambda: 0.0))
    assert str(seal.mark.state) == "none (not enough time)"
    WatermarkKeys(folder).current()
    (folder / "epoch-1.key").chmod(0o640)
    seal = _sealer(sandbox, keys, folder).seal(video, into, facts())
    assert seal.mark.state is MarkState.FAILED


def test_a_failure_on_a_full_disk_waits_for_space(
    sandbox: Sandbox,
    keys: KeyStore,
    video: Path,
    facts: FactsMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = iter([1 << 40, 0])
    monkeypatch.setattr("shutil.disk_usage", lambda _path: Usage(1 << 41, 0, next(free)))
    sealer = _sealer(MarkingSandbox(sandbox, FAILURES[1]), keys, tmp_path / "watermark")
    with pytest.raises(StorageFull):
        sealer.seal(video, tmp_path / "sealed.mp4", facts())
    assert not list(tmp_path.glob("*sealed*"))


def test_a_shutdown_ends_the_seal_and_gives_up_no_mark(
    sandbox: Sandbox, keys: KeyStore, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(SandboxFailed):
        _sealer(sandbox, keys, tmp_path / "watermark").seal(
            video, tmp_path / "sealed.mp4", facts(), SealingTime(cancel=stopped)
        )


def test_marking_gets_half_of_the_time_that_is_left_each_time(
    sandbox: Sandbox, keys: KeyStore, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    left = iter([1000.0, 300.0])
    marking = MarkingSandbox(sandbox, {"strength": {"factor": 2.4, "can_be_stronger": True}})
    sealer = _sealer(marking, keys, tmp_path / "watermark")
    seal = sealer.seal(video, tmp_path / "sealed.mp4", facts(), SealingTime(left_s=lambda: next(left)))
    assert marking.budgets == [500.0, 150.0]
    assert seal.mark.state is MarkState.NOT_READABLE
