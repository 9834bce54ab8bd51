"""A generator for tests that is done at once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from safelight.generation.protocol import Charge, Charged, Offer, Order, Ownership

from .clips import tiny_clip


class InstantOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str = "instant"
    #: The file every order gets; empty: the tiny clip that comes with the package.
    file: str = ""
    models: tuple[str, ...] = ("instant-1",)
    seconds: tuple[int, ...] = (4, 8, 12)


class InstantGenerator:
    """A local generator that copies one file, whatever was ordered."""

    ownership = Ownership.OWN

    def __init__(self, options: InstantOptions) -> None:
        self.name = options.name
        self._options = options

    def offer(self) -> Offer:
        return Offer(models=self._options.models, seconds=self._options.seconds, sizes=(), usd_per_second=0.0)

    def render(self, order: Order, into: Path, report: Callable[[int], None]) -> Charge:
        report(0)
        clip = Path(self._options.file).read_bytes() if self._options.file else tiny_clip()
        with tempfile.TemporaryDirectory(dir=into.parent, prefix=".instant-") as folder:
            part = Path(folder, "clip.mp4")
            part.write_bytes(clip)
            report(99)
            part.replace(into)
        report(100)
        return Charge(charged=Charged.NO, amount=0.0, source="own hardware")


def create(options: dict[str, Any]) -> InstantGenerator:
    """For an entry point in the group `safelight.generators`."""
    return InstantGenerator(msgspec.convert(options, InstantOptions))
