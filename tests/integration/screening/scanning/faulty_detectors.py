"""Detectors with errors of careless third parties; found through entry points that the tests install."""

from __future__ import annotations

import ctypes
import math
import os
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from safelight.detectors.protocol import AudioChunk, Capability, DetectorPlugin, Frame, MediaText, RunLocation
from safelight.policy.findings import Finding, ImageBox, Modality

CAPABILITIES = tuple(
    Capability(category="violence", modality=modality)
    for modality in (Modality.FRAMES, Modality.IMAGE, Modality.AUDIO)
)


def finding(score: Any, **more: Any) -> Finding:
    return Finding(
        category="violence",
        score=score,
        modality=Modality.FRAMES,
        detector="odd",
        version="1",
        reason="It looks odd.",
        evidence=(ImageBox(x=0, y=0, w=0.5, h=0.5),),
        **more,
    )


class Odd:
    version = "1"
    capabilities = CAPABILITIES
    longest_side = 64
    every_frame = True

    def __init__(self, behaviour: str, every_frame: bool) -> None:
        self.name = f"odd-{behaviour}"
        self._behaviour = behaviour
        self.every_frame = every_frame
        if behaviour == "threads":
            # Like a library that keeps worker threads.
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        match self._behaviour:
            case "white":
                # A correct detector: reports how white the frame is.
                score = float((frame.pixels.min(axis=2) > 240).mean())
                return [finding(score)] if score > 0.2 else []
            case "raises":
                raise RuntimeError(f"no idea about frame {frame.index}")
            case "raises-late":
                return self._late(frame)
            case "nan":
                return [finding(math.nan)]
            case "too-sure":
                return [finding(1.5)]
            case "numpy":
                return [finding(np.float32(0.5), attributes={"area": np.float64(0.1)})]
            case "no-finding":
                return ["violence"]  # type: ignore[list-item]
            case "many":
                return [finding(0.5)] * 100_000
            case "slow":
                time.sleep(60)
            case "dies":
                ctypes.string_at(0)
            case "leaves":
                os._exit(3)
            case "hungry":
                np.ones((1 << 36,), np.uint8)
        return []

    def _late(self, frame: Frame) -> Iterator[Finding]:
        yield finding(0.9)
        if frame.index >= 5:
            raise RuntimeError("tired")


class Listener:
    name = "odd-listener"
    version = "1"
    capabilities = (Capability(category="hate", modality=Modality.AUDIO),)
    rate = 8000

    def inspect_sound(self, sound: AudioChunk) -> Iterable[Finding]:
        raise RuntimeError(f"{sound.samples.size} samples are too many")


class Reader:
    name = "odd-reader"
    version = "1"
    capabilities: tuple[Capability, ...] = ()
    longest_side = 0

    def read_frame(self, frame: Frame) -> Iterable[MediaText]:
        height, width = frame.pixels.shape[:2]
        return [
            MediaText(text=f"{width} x {height}", confidence=1.0, frame=frame.index, start_s=frame.time_s)
        ]


def _odd(options: dict[str, Any]) -> Odd:
    return Odd(options["behaviour"], options.get("every_frame", True))


def _broken(_options: dict[str, Any]) -> Odd:
    raise ImportError("a library is missing")


ODD = DetectorPlugin(
    name="odd", version="1", location=RunLocation.CHILD, capabilities=CAPABILITIES, load=_odd
)
BROKEN = DetectorPlugin(
    name="broken", version="1", location=RunLocation.CHILD, capabilities=CAPABILITIES, load=_broken
)
LISTENER = DetectorPlugin(
    name="listener",
    version="1",
    location=RunLocation.CHILD,
    capabilities=Listener.capabilities,
    load=lambda _options: Listener(),
)
READER = DetectorPlugin(
    name="reader", version="1", location=RunLocation.CHILD, capabilities=(), load=lambda _options: Reader()
)
