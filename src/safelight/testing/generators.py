"""A test generator that finishes at once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from safelight.providers.protocol import (
    OWN_HARDWARE,
    Billing,
    Derivation,
    GenerationRequest,
    GeneratorInfo,
    RenderResult,
)

from .clips import tiny_clip


class InstantOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str = "instant"
    #: File that the generator returns for every request; empty: the tiny clip of the package.
    file: str = ""
    models: tuple[str, ...] = ("instant-1",)
    seconds: tuple[int, ...] = (4, 8, 12)
    #: Supported derivations of earlier videos; the generator returns the same file for them.
    operations: frozenset[Derivation] = frozenset()
    takes_characters: bool = False


class InstantGenerator:
    """A local generator whose result for every request is a copy of the same file."""

    billing = Billing.OWN

    def __init__(self, options: InstantOptions) -> None:
        self.name = options.name
        self._options = options

    def info(self) -> GeneratorInfo:
        able = self._options.operations
        return GeneratorInfo(
            models=self._options.models,
            seconds=self._options.seconds,
            sizes=(),
            remix=Derivation.REMIX in able,
            edit=Derivation.EDIT in able,
            extend=Derivation.EXTEND in able,
            takes_clips=bool(able),
            takes_characters=self._options.takes_characters,
            usd_per_second=0.0,
        )

    def render(self, request: GenerationRequest, into: Path, report: Callable[[int], None]) -> RenderResult:
        report(0)
        clip = Path(self._options.file).read_bytes() if self._options.file else tiny_clip()
        with tempfile.TemporaryDirectory(dir=into.parent, prefix=".instant-") as folder:
            part = Path(folder, "clip.mp4")
            part.write_bytes(clip)
            report(99)
            part.replace(into)
        report(100)
        return RenderResult(charge=OWN_HARDWARE)


def create(options: dict[str, Any]) -> InstantGenerator:
    """Factory for an entry point of the group `safelight.generators`."""
    return InstantGenerator(msgspec.convert(options, InstantOptions))
