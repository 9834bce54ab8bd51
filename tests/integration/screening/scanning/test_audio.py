"""Audio scan of unusual audio in the real child: times, loudness, speech in any channel, rejected files."""

from __future__ import annotations

import math
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from safelight.core.errors import InvalidMedia, TooLarge
from safelight.media.probe import VideoLimits
from safelight.media.sandbox.sandbox import Sandbox
from safelight.screening.scanning.report import ScanReport
from safelight.screening.scanning.service import Scanner, ScannerOptions
from safelight.screening.scanning.tasks import OutputDirs
from safelight.testing.speech import SpeechMissing, synthesize
from support.clips import scenery
from support.optional_tools import leave_out

Samples = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def voice() -> tuple[Samples, int]:
    try:
        said = synthesize("Good morning everybody, the market opens at nine.")
    except SpeechMissing as error:
        leave_out("espeak-ng", str(error))
    return said.samples, said.rate


def clip(
    path: Path,
    channels: Samples | None,
    *,
    rate: int = 48_000,
    codec: str = "pcm_f32le",
    layout: str = "mono",
    seconds: float = 1.0,
    late_s: float = 0.0,
    streams: int = 1,
) -> Path:
    """A small video with these samples, (channels, n), which start `late_s` after the picture."""
    import av

    with av.open(str(path), "w", format="matroska") as out:
        video = out.add_stream("libx264", rate=8, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 128, 72, "yuv420p"
        sounds = []
        for _ in range(streams if channels is not None else 0):
            sound = out.add_stream(codec, rate=rate)
            sound.layout = layout
            sounds.append(sound)
        for index in range(round(seconds * 8)):
            frame = av.VideoFrame.from_ndarray(scenery(index, 128, 72), format="rgb24")
            frame.pts = index
            out.mux(video.encode(frame))
        out.mux(video.encode())
        for sound in sounds:
            frame_format = "flt" if codec.startswith("pcm") else "fltp"
            for start in range(0, channels.shape[1], 1024):
                part = channels[:, start : start + 1024]
                packed = part.T.reshape(1, -1) if frame_format == "flt" else part
                piece = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(packed), format=frame_format, layout=layout
                )
                piece.sample_rate, piece.time_base = rate, Fraction(1, rate)
                piece.pts = round(late_s * rate) + start
                out.mux(sound.encode(piece))
            out.mux(sound.encode())
    return path


def at_rate(voice: tuple[Samples, int], rate: int, *, lead_s: float = 1.0) -> Samples:
    """The voice between `lead_s` and a second of silence."""
    samples, own = voice
    moments = np.arange(round(samples.size / own * rate)) / rate
    said = np.interp(moments, np.arange(samples.size) / own, samples)
    silence = (np.zeros(round(lead_s * rate)), np.zeros(rate))
    return np.concatenate([silence[0], said, silence[1]]).astype(np.float32)


def scan(sandbox: Sandbox, path: Path, speech: Path | None = None, **limits: float) -> ScanReport:
    settings = ScannerOptions(warm_children=0, video_timeout_s=60.0, video=VideoLimits(**limits))  # type: ignore[arg-type]
    return Scanner(sandbox, (("vad", {}),), settings).scan_video(path, outputs=OutputDirs(speech=speech))


def first_speech(report: ScanReport) -> float:
    return report.audio.speech[0].start_s


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_any_sample_rate_gives_the_right_times(
    rate: int, voice: tuple[Samples, int], sandbox: Sandbox, tmp_path: Path
) -> None:
    path = clip(tmp_path / "a.mkv", at_rate(voice, rate)[None], rate=rate, seconds=5)
    report = scan(sandbox, path)
    assert first_speech(report) == pytest.approx(1.0, abs=0.2)
    assert report.audio.info.rate == rate
    assert report.audio.info.loudness.integrated_lufs is not None


def test_speech_in_one_of_six_channels_is_detected(
    voice: tuple[Samples, int], sandbox: Sandbox, tmp_path: Path
) -> None:
    said = at_rate(voice, 48_000)
    channels = np.zeros((6, said.size), np.float32)
    channels[2] = said
    report = scan(sandbox, clip(tmp_path / "a.mkv", channels, layout="5.1", seconds=5))
    assert first_speech(report) == pytest.approx(1.0, abs=0.2)
    assert report.audio.info.channels == 6


def test_speech_is_detected_in_channels_that_cancel_each_other(
    voice: tuple[Samples, int], sandbox: Sandbox, tmp_path: Path
) -> None:
    said = at_rate(voice, 48_000)
    path = clip(tmp_path / "a.mkv", np.stack([said, -said]), layout="stereo", seconds=5)
    report = scan(sandbox, path, speech=tmp_path)
    assert first_speech(report) == pytest.approx(1.0, abs=0.3)
    [file] = report.audio.files
    with wave.open(file.path) as opened:
        raw = np.frombuffer(opened.readframes(opened.getnframes()), "<i2")
    assert np.abs(raw).max() > 3000


def test_audio_that_starts_late_or_is_longer_than_the_picture_has_clip_times(
    voice: tuple[Samples, int], sandbox: Sandbox, tmp_path: Path
) -> None:
    late = clip(tmp_path / "a.mkv", at_rate(voice, 48_000)[None], late_s=2.0, seconds=7)
    assert first_speech(scan(sandbox, late)) == pytest.approx(3.0, abs=0.25)
    long = clip(tmp_path / "b.mkv", at_rate(voice, 16_000, lead_s=20.0)[None], rate=16_000, seconds=1)
    assert first_speech(scan(sandbox, long)) == pytest.approx(20.0, abs=0.25)
    with pytest.raises(TooLarge):
        scan(sandbox, long, duration_s=10.0)


def test_missing_audio_is_reported_and_silence_has_no_speech(sandbox: Sandbox, tmp_path: Path) -> None:
    mute = scan(sandbox, clip(tmp_path / "a.mkv", None))
    assert (mute.has_audio, mute.audio) == (False, None)
    silent = scan(sandbox, clip(tmp_path / "b.mkv", np.zeros((1, 48_000), np.float32)))
    assert (silent.audio.speech, silent.audio.info.loudness.integrated_lufs) == ((), None)
    empty = scan(sandbox, clip(tmp_path / "c.mkv", np.zeros((1, 0), np.float32)))
    assert empty.audio is None or empty.audio.speech == ()


def test_samples_that_are_not_finite_are_rejected(sandbox: Sandbox, tmp_path: Path) -> None:
    samples = np.zeros((1, 48_000), np.float32)
    samples[0, 30_000:30_010] = np.nan
    with pytest.raises(InvalidMedia, match="not finite numbers"):
        scan(sandbox, clip(tmp_path / "a.mkv", samples))


def test_of_several_audio_streams_the_first_is_scanned(sandbox: Sandbox, tmp_path: Path) -> None:
    report = scan(sandbox, clip(tmp_path / "a.mkv", np.zeros((1, 48_000), np.float32), streams=2))
    assert [(part.kind, part.count) for part in report.media.unscanned] == [("audio_track", 1)]


def test_a_truncated_recording_is_rejected_or_scanned_up_to_its_end(
    voice: tuple[Samples, int], sandbox: Sandbox, tmp_path: Path
) -> None:
    path = clip(tmp_path / "a.mkv", at_rate(voice, 48_000)[None], seconds=5)
    whole = path.read_bytes()
    for part in (0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(len(whole) * part)])
        try:
            report = scan(sandbox, path)
        except InvalidMedia:
            continue
        assert report.audio.info.seconds <= 6.0


def test_a_sudden_loud_sound_is_recorded(sandbox: Sandbox, tmp_path: Path) -> None:
    moments = np.arange(48_000 * 6) / 48_000
    tone = np.sin(2 * math.pi * 997 * moments) * np.where(moments < 3.0, 0.005, 0.9)
    report = scan(sandbox, clip(tmp_path / "a.mkv", tone[None].astype(np.float32), seconds=6))
    loudness = report.audio.info.loudness
    [onset] = loudness.onsets
    assert onset.at_s == pytest.approx(3.0, abs=0.3)
    assert onset.after_lufs - onset.before_lufs > 20
    assert loudness.true_peak_dbtp == pytest.approx(20 * math.log10(0.9), abs=0.3)
