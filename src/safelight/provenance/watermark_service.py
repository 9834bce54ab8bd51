"""Marks files for delivery: the gateway's side. The sandboxed child does the work and gets one seed."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from safelight.errors import InvalidMedia, SandboxCrashed, TooLarge
from safelight.sandbox.entrypoints import EntryPoint
from safelight.sandbox.sandbox import CallHooks, Limits, Sandbox

from .watermark.clip_marking import FoundMark, MarkResult, mark_in_child, search_in_child
from .watermark_keys import WatermarkEpoch, WatermarkKeys

_LIMITS = Limits(wall_s=1800.0, cpu_s=3600, memory_bytes=3 << 30, file_bytes=8 << 30, open_files=64)
#: A child ends itself when its time is used up. If it does not, it is ended this many seconds later.
_GRACE_S = 30.0
_ID_BITS = 64
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
    #: The highest factor on the perceptual model.
    most: float
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
                "most": order.most,
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

    def read(self, path: Path) -> str | None:
        """The id of the mark in hexadecimal digits; None if none was read or the file is not a video.

        Raises a `SandboxFailed` if the search did not end.
        """
        argument = {
            "source": str(path.resolve()),
            "seeds": [epoch.seed for epoch in self._keys.searched()],
            "budget_s": SEARCH_S,
        }
        try:
            answer = self._sandbox.run(
                EntryPoint.of(search_in_child), argument, reads=[path.resolve()], limits=_SEARCH_LIMITS
            )
            found = msgspec.convert(answer, FoundMark | None)
        except msgspec.ValidationError as error:
            raise SandboxCrashed("The sandboxed child returned data of the wrong type.") from error
        except (InvalidMedia, TooLarge):
            return None
        return None if found is None else f"{found.content_id:016x}"
