"""Marks files for delivery: the gateway's side. The sandboxed child does the work and gets one seed."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from safelight.core.arrays import Floats
from safelight.core.errors import InvalidMedia, SandboxCrashed, TooLarge
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.process import CallHooks
from safelight.media.sandbox.sandbox import Sandbox

from .watermark.assisted_detector import MIN_CORRELATION, correlate
from .watermark.clip_marking import MarkResult, MarkSearchResult, mark_in_child, search_in_child
from .watermark.detector import MAX_UNREAD
from .watermark.pattern import PAYLOAD_TONES, WatermarkPattern
from .watermark_keys import WatermarkEpoch, WatermarkKeys

_LIMITS = Limits(wall_s=1800.0, cpu_s=3600, memory_bytes=3 << 30, file_bytes=8 << 30, open_files=64)
#: A child ends itself when its time is used up. If it does not, it is ended this many seconds later.
_GRACE_S = 30.0
_ID_BITS = 64
#: Soft bits of a child are at most a few hundred.
_MOST_SOFT = 1e6
#: Processor time for the search in one file, in seconds. That for known marks (`recovery.KNOWN_S`) follows.
SEARCH_S = 11.0
#: Limits of a search: the file is a stranger's. The child stops by itself when its processor time is used up.
_SEARCH_LIMITS = msgspec.structs.replace(_LIMITS, wall_s=4 * SEARCH_S, cpu_s=round(2 * SEARCH_S))
#: Encodes in half the time of `veryfast`. Free previews are made often and waited for.
_PREVIEW_PRESET = "ultrafast"


@dataclass(frozen=True, kw_only=True)
class NewMark:
    """A random id, and the epoch whose pattern carries it."""

    content_id: int
    epoch: WatermarkEpoch


@dataclass(frozen=True, kw_only=True)
class MarkOrder:
    """What to mark a clip with."""

    mark: NewMark
    #: Whether a first mark could not be read back. Then this one may be stronger.
    is_retry: bool
    #: Seconds for reading the clip, marking and encoding it.
    budget_s: float
    #: A preview is encoded faster, into a larger file.
    preview: bool = False
    #: When this event is set, the child is ended with `SandboxFailed`.
    cancel: threading.Event = field(default_factory=threading.Event)


class WatermarkService:
    """Marks clips with the key of this installation's current epoch. Thread-safe."""

    def __init__(self, *, sandbox: Sandbox, keys: WatermarkKeys, preset: str) -> None:
        self._sandbox = sandbox
        self._keys = keys
        self._preset = preset

    def new_mark(self) -> NewMark:
        return NewMark(content_id=secrets.randbits(_ID_BITS), epoch=self._keys.current())

    def mark(self, source: Path, into: Path, order: MarkOrder) -> MarkResult:
        """Write a marked copy of a plain MP4 to `into`, unless the result names an obstacle."""
        answer = self._sandbox.run(
            EntryPoint.of(mark_in_child),
            {
                "source": str(source.resolve()),
                "into": str(into.resolve()),
                "seed": order.mark.epoch.seed,
                "content_id": order.mark.content_id,
                "is_retry": order.is_retry,
                "preset": _PREVIEW_PRESET if order.preview else self._preset,
                "budget_s": order.budget_s,
            },
            reads=[source.resolve()],
            writes=[into.resolve()],
            limits=msgspec.structs.replace(_LIMITS, wall_s=order.budget_s + _GRACE_S),
            hooks=CallHooks(cancel=order.cancel),
        )
        try:
            return msgspec.convert(answer, MarkResult)
        except msgspec.ValidationError as error:
            raise SandboxCrashed("The sandboxed child returned data of the wrong type.") from error


@dataclass(frozen=True, kw_only=True)
class MarkReading:
    """What a search found in a file."""

    #: In hexadecimal digits; None if no mark was read.
    content_id: str | None = None
    #: The epoch whose seed read it.
    epoch: int | None = None
    #: Whether the file was read as far as a mark is searched.
    is_complete: bool = True
    #: By seed: soft bits of the places where a mark may be that is too weak to be read.
    unread: Mapping[bytes, Sequence[Floats]] = field(default_factory=dict)

    def has(self, content_id: int, seed: bytes) -> bool:
        """Whether the mark of this id is in what could not be read."""
        candidates = self.unread.get(seed, ())
        if not candidates:
            return False
        return correlate(WatermarkPattern.from_seed(seed), content_id, candidates) >= MIN_CORRELATION


class WatermarkReader:
    """Searches the marks of this installation in files of any origin."""

    def __init__(self, *, sandbox: Sandbox, keys: WatermarkKeys) -> None:
        self._sandbox = sandbox
        self._keys = keys

    @property
    def has_keys(self) -> bool:
        return bool(self._keys.searched())

    def seed(self, epoch: int | None) -> bytes | None:
        """The seed of an epoch whose marks are searched; None for another one."""
        return next((one.seed for one in self._keys.searched() if one.number == epoch), None)

    def read(self, path: Path) -> MarkReading:
        """The mark of a clip or a picture. The reading of a file that cannot be decoded is not complete.

        Raises a `SandboxFailed` if the search did not end.
        """
        epochs = self._keys.searched()
        seeds = [epoch.seed for epoch in epochs]
        argument = {"source": str(path.absolute()), "seeds": seeds, "budget_s": SEARCH_S}
        try:
            answer = self._sandbox.run(
                EntryPoint.of(search_in_child), argument, reads=[path.absolute()], limits=_SEARCH_LIMITS
            )
            result = msgspec.convert(answer, MarkSearchResult)
            return _reading(result, epochs)
        except (msgspec.ValidationError, ValueError, IndexError) as error:
            raise SandboxCrashed("The sandboxed child returned data of the wrong type.") from error
        except (InvalidMedia, TooLarge):
            return MarkReading(is_complete=False)


def _reading(result: MarkSearchResult, epochs: Sequence[WatermarkEpoch]) -> MarkReading:
    """Raises `ValueError` or `IndexError` for what the child cannot have computed."""
    if result.content_id is None:
        seeds = [epoch.seed for epoch in epochs]
        return MarkReading(unread=_soft_bits(result, seeds), is_complete=result.is_complete)
    if result.seed is None or not (0 <= result.seed < len(epochs) and 0 <= result.content_id < 1 << _ID_BITS):
        raise ValueError("wrong mark")
    content_id, epoch = f"{result.content_id:016x}", epochs[result.seed].number
    return MarkReading(content_id=content_id, epoch=epoch, is_complete=result.is_complete)


def _soft_bits(result: MarkSearchResult, seeds: Sequence[bytes]) -> dict[bytes, list[Floats]]:
    """By seed. Raises `ValueError` for what the child cannot have computed."""
    found: dict[bytes, list[Floats]] = {seed: [] for seed in seeds}
    for one in result.unread:
        bits = np.frombuffer(one.soft_bits, "<f4").reshape(PAYLOAD_TONES)
        places = found[seeds[one.seed]]
        if (
            not 0 <= one.seed < len(seeds)
            or len(places) == MAX_UNREAD
            or not (np.abs(bits) < _MOST_SOFT).all()
        ):
            raise ValueError("wrong soft bits")
        places.append(bits)
    return found
