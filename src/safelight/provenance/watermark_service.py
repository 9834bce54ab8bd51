"""Marks files for delivery: the gateway's side. The sandboxed child does the work and gets one seed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec

from safelight.errors import InvalidMedia, SandboxCrashed, SandboxFailed, TooLarge
from safelight.sandbox.entrypoints import EntryPoint
from safelight.sandbox.sandbox import Limits, Sandbox

from .watermark.clip_marking import FoundMark, MarkResult, mark_in_child, search_in_child
from .watermark_keys import WatermarkEpoch, WatermarkKeys

_LIMITS = Limits(wall_s=1800.0, cpu_s=3600, memory_bytes=3 << 30, file_bytes=8 << 30, open_files=64)
_ID_BITS = 64
#: Processor time for the search in one file, in seconds.
_SEARCH_S = 15.0
#: Encodes in half the time of `veryfast`. Free previews are made often and waited for.
_PREVIEW_PRESET = "ultrafast"


@dataclass(frozen=True, kw_only=True)
class NewMark:
    """A random id, and the epoch whose pattern carries it."""

    content_id: int
    epoch: WatermarkEpoch


class WatermarkService:
    """Marks clips with the key of this installation's current epoch. Thread-safe."""

    def __init__(self, *, sandbox: Sandbox, keys: WatermarkKeys, preset: str) -> None:
        self._sandbox = sandbox
        self._keys = keys
        self._preset = preset

    def new_mark(self) -> NewMark:
        return NewMark(content_id=secrets.randbits(_ID_BITS), epoch=self._keys.current())

    def mark(
        self, source: Path, into: Path, mark: NewMark, *, most: float, preview: bool = False
    ) -> MarkResult:
        """Write a marked copy of a plain MP4 to `into`, unless the result names an obstacle.

        A preview is encoded faster, into a larger file.
        """
        answer = self._sandbox.run(
            EntryPoint.of(mark_in_child),
            {
                "source": str(source.resolve()),
                "into": str(into.resolve()),
                "seed": mark.epoch.seed,
                "content_id": mark.content_id,
                "most": most,
                "preset": _PREVIEW_PRESET if preview else self._preset,
            },
            reads=[source.resolve()],
            writes=[into.resolve()],
            limits=_LIMITS,
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

    def read(self, path: Path) -> str | None:
        """The id of the mark in hexadecimal digits; None if none was read or the file is not a video."""
        argument = {
            "source": str(path.resolve()),
            "seeds": [epoch.seed for epoch in self._keys.searched()],
            "budget_s": _SEARCH_S,
        }
        try:
            answer = self._sandbox.run(
                EntryPoint.of(search_in_child), argument, reads=[path.resolve()], limits=_LIMITS
            )
            found = msgspec.convert(answer, FoundMark | None)
        except msgspec.ValidationError as error:
            raise SandboxCrashed("The sandboxed child returned data of the wrong type.") from error
        except (InvalidMedia, TooLarge, SandboxFailed):
            return None
        return None if found is None else f"{found.content_id:016x}"
