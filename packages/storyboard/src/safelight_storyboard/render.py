"""Rendering: makes an MP4 file (H.264, AAC) of a job. Runs only in the child process of the storyboard."""

from __future__ import annotations

import fractions
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import msgspec
import numpy as np

from safelight.core.fileio import sync
from safelight.detectors import safety_card
from safelight_storyboard import audio, tts
from safelight_storyboard.lexicon import CAPTION
from safelight_storyboard.postprocess import Film
from safelight_storyboard.raster import Raster
from safelight_storyboard.scene import read
from safelight_storyboard.shot import Shot
from safelight_storyboard.test_cards import Card, Where

#: Frames are painted with at most about this many pixels and then enlarged. This saves time, and the
#: difference is hardly visible.
PAINTED_PIXELS = 768 * 432
BLOCK = 1024


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One rendering job, as it is sent to the child process."""

    prompt: str
    seed: int | None
    seconds: int
    width: int
    height: int
    fps: int
    cards: tuple[Card, ...]
    #: RGB colours of the reference picture, from dark to bright.
    theme: tuple[tuple[int, int, int], ...]
    speech: bool
    into: str
    #: Text that decides what the prompt leaves open; if empty, the prompt decides.
    like: str = ""


def inner_size(width: int, height: int) -> tuple[int, int]:
    """The size in which frames are painted: width and height are even."""
    scale = min(1.0, (PAINTED_PIXELS / (width * height)) ** 0.5)
    return round(width * scale / 2) * 2, round(height * scale / 2) * 2


def render(job: Job, report: Callable[[int], None]) -> tuple[str, ...]:
    """Writes the clip to `job.into`; `report` receives the percentage. Returns the words for what the prompt
    names and the clip does not show.
    """
    cv2.setNumThreads(1)
    scene = read(job.prompt, job.seed, like=job.like)
    rng = np.random.default_rng([scene.seed, job.width, job.height, job.seconds])
    inner = inner_size(job.width, job.height)
    shot = Shot(scene, inner, job.seconds, rng, theme=job.theme)
    film = Film(scene, (job.width, job.height), inner, np.random.default_rng([scene.seed, 7]))
    voice = (
        tts.speak(scene.spoken, audio.RATE, seconds=job.seconds - 0.3)
        if job.speech and scene.spoken
        else None
    )
    track = audio.compose(scene, job.seconds, np.random.default_rng([scene.seed, 11]), voice=voice)
    for card in job.cards:
        if card.where is Where.TONE:
            audio.insert(track, safety_card.make_tones(card.category, audio.RATE), card.at)
    printed = {
        c.category: _printed(c.category, job.width, job.height)
        for c in job.cards
        if c.where is not Where.TONE
    }
    report(5)
    with av.open(job.into, "w", format="mp4", options={"movflags": "+faststart"}) as file:
        file.metadata["comment"] = CAPTION
        pictures, samples = _streams(file, job)
        written = 0
        for index in range(job.seconds * job.fps):
            t = index / job.fps
            shown = next((c for c in job.cards if c.covers(index, job.fps)), None)
            planes = film.develop(shot.paint(t))
            if shown is not None:
                planes = printed[shown.category]
            file.mux(pictures.encode(_picture(planes, index)))
            written = _write_sound(file, samples, track, written, until=round((t + 1 / job.fps) * audio.RATE))
            if index % 6 == 5:
                report(5 + round(93 * (index + 1) / (job.seconds * job.fps)))
        file.mux(pictures.encode(None))
        _write_sound(file, samples, track, written, until=track.shape[1], last=True)
        file.mux(samples.encode(None))
    sync(Path(job.into))
    report(99)
    return scene.not_drawn


def _streams(file: Any, job: Job) -> tuple[Any, Any]:
    pictures = file.add_stream("libx264", rate=job.fps)
    pictures.width, pictures.height, pictures.pix_fmt = job.width, job.height, "yuv420p"
    pictures.time_base = fractions.Fraction(1, job.fps)
    # aq-mode (adaptive quantization) avoids banding in dark gradients at little cost.
    pictures.options = {
        "preset": "ultrafast",
        "crf": "24" if job.width * job.height < 1_000_000 else "26",
        "threads": "1",
        "g": str(2 * job.fps),
        "bf": "0",
        "x264-params": "aq-mode=1:aq-strength=0.9",
    }
    context = pictures.codec_context
    context.thread_count = 1
    context.colorspace, context.color_range, context.color_primaries, context.color_trc = 6, 1, 6, 6
    samples = file.add_stream("aac", rate=audio.RATE, layout="stereo")
    samples.bit_rate = 128_000
    samples.options = {"aac_coder": "fast"}
    return pictures, samples


def _picture(planes: tuple[Raster, Raster, Raster], index: int) -> Any:
    h, w = planes[0].shape
    picture = av.VideoFrame(w, h, "yuv420p")
    for plane, values in zip(picture.planes, planes, strict=True):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        rows[: values.shape[0], : values.shape[1]] = values
    picture.pts = index
    return picture


def _write_sound(
    file: Any, stream: Any, track: Raster, written: int, *, until: int, last: bool = False
) -> int:
    while written + (1 if last else BLOCK) <= min(until, track.shape[1]):
        part = np.ascontiguousarray(track[:, written : min(written + BLOCK, track.shape[1])])
        block = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
        block.sample_rate = audio.RATE
        block.pts = written
        block.time_base = fractions.Fraction(1, audio.RATE)
        file.mux(stream.encode(block))
        written += part.shape[1]
    return written


def _printed(category: str, width: int, height: int) -> tuple[Raster, Raster, Raster]:
    card = safety_card.draw_card(category, width, height)
    flat = cv2.cvtColor(np.ascontiguousarray(card), cv2.COLOR_RGB2YUV_I420).reshape(-1)
    luma, quarter = width * height, width * height // 4
    return (
        flat[:luma].reshape(height, width),
        flat[luma : luma + quarter].reshape(height // 2, width // 2),
        flat[luma + quarter :].reshape(height // 2, width // 2),
    )
