"""Files with a watermark, sealed in real children."""

from __future__ import annotations

import base64
import hashlib
import itertools
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from safelight.core.errors import InvalidMedia
from safelight.media.probe import ACCEPTED_CLIP_LIMITS, open_container, probe_container
from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance import read_back as read_back_module
from safelight.provenance.fingerprints.fingerprinter import fingerprint_clip
from safelight.provenance.keys import KeyStore
from safelight.provenance.read_back import SealedPicture, read_back
from safelight.provenance.seal import WATERMARK_ALGORITHM, MarkState
from safelight.provenance.sealing import Sealer
from safelight.provenance.watermark import clip_marking
from safelight.provenance.watermark.clip_marking import read_mark
from safelight.provenance.watermark.detector import WatermarkDetector, WatermarkSearch
from safelight.provenance.watermark_keys import WatermarkKeys
from safelight.provenance.watermark_service import WatermarkService
from support.clips import mark

from .conftest import FactsMaker
from .test_sealing import read_with_c2pa_itself

Luma = npt.NDArray[np.uint8]
WIDTH, HEIGHT, FPS = 480, 270, 12
BT709 = 1


def _textured(count: int) -> Iterator[Luma]:
    wide = cv2.GaussianBlur(np.random.default_rng(3).normal(0, 1, (HEIGHT, 2 * WIDTH)), (0, 0), 1.5) * 30
    for number in range(count):
        yield np.clip(128 + wide[:, 4 * number : 4 * number + WIDTH], 16, 235).astype(np.uint8)


def _black(count: int) -> Iterator[Luma]:
    return (np.full((HEIGHT, WIDTH), 16, np.uint8) for _ in range(count))


def _write(path: Path, frames: Iterator[Luma], *, pixel_format: str = "yuv420p", rotation: int = 0) -> Path:
    """A clip with uneven frame times, tagged colours and a tone."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS, options={"crf": "12", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixel_format
        stream.codec_context.time_base = Fraction(1, 600)
        stream.codec_context.color_primaries = stream.codec_context.colorspace = BT709
        stream.codec_context.color_trc = BT709
        if rotation:
            stream.set_display_rotation(rotation)
        audio: Any = container.add_stream("aac", rate=48_000, layout="mono")
        for number, luma in enumerate(frames):
            planes = np.full((HEIGHT * 3 // 2, WIDTH), 110, np.uint8)
            planes[:HEIGHT] = luma
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p").reformat(format=pixel_format)
            frame.pts, frame.time_base = number * 50 + number % 3, Fraction(1, 600)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        tone = np.sin(np.arange(48_000) / 30)[None].astype(np.float32)
        sound = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        sound.sample_rate, sound.pts = 48_000, 0
        container.mux(audio.encode(sound))
        container.mux(audio.encode())
    return path


@pytest.fixture(scope="module")
def textured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write(tmp_path_factory.mktemp("clips") / "textured.mp4", _textured(18))


@pytest.fixture
def watermark_keys(tmp_path: Path) -> WatermarkKeys:
    return WatermarkKeys(tmp_path / "watermark")


class WatchedSandbox:
    """A sandbox whose arguments are kept, and whose answers may be changed."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.arguments: list[Any] = []
        self.change: Callable[[Any], Any] = lambda answer: answer

    def run(self, entry: Any, argument: Any = None, **options: Any) -> Any:
        self.arguments.append(argument)
        return self.change(self._sandbox.run(entry, argument, **options))


@pytest.fixture
def watched(sandbox: Sandbox) -> WatchedSandbox:
    return WatchedSandbox(sandbox)


@pytest.fixture
def marking_sealer(watched: Any, keys: KeyStore, watermark_keys: WatermarkKeys) -> Sealer:
    service = WatermarkService(sandbox=watched, keys=watermark_keys, preset="ultrafast")
    return Sealer(sandbox=watched, keys=keys, watermark=service)


def _frames(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def _audio(path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        return [
            (float(packet.pts * packet.time_base), bytes(packet))
            for packet in container.demux(audio=0)
            if packet.pts is not None and packet.time_base is not None
        ]


def test_the_delivered_file_has_the_mark_that_its_seal_and_manifest_name_and_no_child_gets_the_key(
    marking_sealer: Sealer,
    watched: WatchedSandbox,
    watermark_keys: WatermarkKeys,
    textured: Path,
    facts: FactsMaker,
    tmp_path: Path,
) -> None:
    sealed = tmp_path / "sealed.mp4"
    seal = marking_sealer.seal(textured, sealed, facts())
    assert (seal.mark.state, seal.mark.epoch) == (MarkState.READ_BACK, 1)
    assert read_mark(sealed, watermark_keys.current().seed) == int(seal.mark.content_id or "", 16)
    assert seal.sha256 == hashlib.sha256(sealed.read_bytes()).hexdigest()
    assert seal.source_sha256 == hashlib.sha256(textured.read_bytes()).hexdigest()
    reader = read_with_c2pa_itself(sealed, marking_sealer._keys.create_anchors_pem())
    assert reader.get_validation_state() == "Trusted"
    active: Any = reader.get_active_manifest()
    found = {one["label"]: one["data"] for one in active["assertions"]}
    assert found["c2pa.soft-binding"]["alg"] == WATERMARK_ALGORITHM
    value = base64.b64decode(found["c2pa.soft-binding"]["blocks"][0]["value"])
    assert value.hex() == seal.mark.content_id
    assert "c2pa.watermarked" in [one["action"] for one in found["c2pa.actions.v2"]["actions"]]
    check_that_timing_colours_and_audio_are_kept(textured, sealed)
    key = (tmp_path / "watermark" / "epoch-1.key").read_text().strip()
    passed = repr(watched.arguments)
    assert repr(watermark_keys.current().seed) in passed
    assert key not in passed
    assert repr(bytes.fromhex(key)) not in passed


def check_that_timing_colours_and_audio_are_kept(source: Path, sealed: Path) -> None:
    before, after = _frames(source), _frames(sealed)
    assert [one.time for one in after] == pytest.approx([one.time for one in before], abs=1e-4)
    for name in ("color_primaries", "color_trc", "colorspace", "color_range"):
        assert getattr(after[0], name) == getattr(before[0], name)
    for one, other in zip(before, after, strict=True):
        change = one.to_ndarray()[:HEIGHT].astype(float) - other.to_ndarray()[:HEIGHT]
        assert 10 * np.log10(255**2 / np.mean(change**2)) > 38
    for (at, data), (sealed_at, sealed_data) in zip(_audio(source), _audio(sealed), strict=True):
        assert sealed_data == data
        assert sealed_at == pytest.approx(at, abs=1e-3)


def test_one_walk_gives_mark_and_fingerprint_and_neither_needs_the_other(
    textured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = tmp_path / "marked.mp4"
    mark(textured, marked)
    with monkeypatch.context() as one_walk:
        one_walk.delattr(read_back_module, "read_mark")
        whole = SealedPicture(content_id=5, fingerprint=fingerprint_clip(marked))
        assert read_back(marked, b"s" * 32) == whole

    def fail(_frames: object) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as no_fingerprint:
        no_fingerprint.setattr(read_back_module, "fingerprint_frames", fail)
        assert read_back(marked, b"s" * 32) == SealedPicture(content_id=5, fingerprint=None)
    monkeypatch.setattr(WatermarkDetector, "read", lambda _self, _sums: None)
    monkeypatch.setattr(read_back_module, "read_mark", lambda _path, _seed: 5)
    assert read_back(marked, b"s" * 32).content_id == 5, "read from all frames"


def test_a_clip_that_is_decoded_twice_gives_the_same_file_as_one_that_is_kept_in_memory(
    textured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for kept_bytes in (1 << 30, 0):
        monkeypatch.setattr(clip_marking, "_MAX_KEPT_BYTES", kept_bytes)
        into = tmp_path / f"{kept_bytes}.mp4"
        mark(textured, into)
        files.append(into.read_bytes())
    assert files[0] == files[1]


@pytest.mark.parametrize("rotation", [90, 180])
def test_a_turned_clip_is_marked_as_it_is_shown_and_stays_turned(tmp_path: Path, rotation: int) -> None:
    source = _write(tmp_path / "turned.mp4", _textured(14), rotation=rotation)
    marked, seed = tmp_path / "marked.mp4", b"s" * 32
    mark(source, marked)
    assert read_mark(marked, seed) == 5
    turned = []
    for path in (source, marked):
        with open_container(path, ACCEPTED_CLIP_LIMITS) as container:
            turned.append(probe_container(container, path.stat().st_size, ACCEPTED_CLIP_LIMITS).rotation)
    assert turned[0] == turned[1] != 0


def test_a_black_clip_is_delivered_untouched_and_says_why_it_has_no_mark(
    marking_sealer: Sealer, facts: FactsMaker, tmp_path: Path
) -> None:
    source, sealed = _write(tmp_path / "black.mp4", _black(14)), tmp_path / "sealed.mp4"
    seal = marking_sealer.seal(source, sealed, facts())
    assert seal.mark.state is MarkState.NOT_READABLE
    assert seal.mark.content_id is None
    assert str(seal.mark.state) == "none (not readable: usually too dark or flat)"
    pictures = [[one.to_ndarray().tobytes() for one in _frames(path)] for path in (source, sealed)]
    assert pictures[0] == pictures[1]


def test_ten_bits_are_not_reduced_for_a_mark(
    marking_sealer: Sealer, facts: FactsMaker, tmp_path: Path
) -> None:
    source = _write(tmp_path / "deep.mp4", _textured(6), pixel_format="yuv420p10le")
    sealed = tmp_path / "sealed.mp4"
    assert marking_sealer.seal(source, sealed, facts()).mark.state is MarkState.FORMAT
    assert _frames(sealed)[0].format.name == "yuv420p10le"


def test_a_mark_that_is_not_read_back_is_tried_once_more_at_the_next_strength(
    marking_sealer: Sealer, watched: WatchedSandbox, facts: FactsMaker, tmp_path: Path
) -> None:
    smooth = (cv2.GaussianBlur(one, (0, 0), 4) for one in _textured(14))
    source = _write(tmp_path / "smooth.mp4", (np.asarray(one, np.uint8) for one in smooth))
    lost = iter([True])

    def lose_first(answer: Any) -> Any:
        if isinstance(answer, dict) and "content_id" in answer and next(lost, False):
            return {**answer, "content_id": None}
        return answer

    watched.change = lose_first
    seal = marking_sealer.seal(source, tmp_path / "sealed.mp4", facts())
    assert seal.mark.state is MarkState.READ_BACK
    tried = [one["is_retry"] for one in watched.arguments if "is_retry" in one]
    assert tried == [False, True]


def test_a_damaged_clip_is_searched_up_to_the_damage(
    marking_sealer: Sealer,
    watermark_keys: WatermarkKeys,
    textured: Path,
    facts: FactsMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sealed = tmp_path / "sealed.mp4"
    seal = marking_sealer.seal(textured, sealed, facts())
    whole, count = clip_marking._frames, len(_frames(sealed)) - 2

    def cut(path: Path) -> Iterator[Any]:
        yield from itertools.islice(whole(path), count)
        raise InvalidMedia("damaged")

    monkeypatch.setattr(clip_marking, "_frames", cut)
    seeds = [epoch.seed for epoch in watermark_keys.searched()]
    task = {"source": str(sealed), "seeds": seeds, "budget_s": 60.0}
    found = clip_marking.search_in_child(task, None)
    assert found is not None
    assert f"{found.content_id:016x}" == seal.mark.content_id
    assert not found.is_complete
    monkeypatch.setattr(clip_marking, "search_marks", lambda *_: [])
    assert not clip_marking.search_in_child(task, None).is_complete


def is_complete(path: Path, budget_s: float = 60.0, seeds: tuple[bytes, ...] = ()) -> bool:
    task = {"source": str(path), "seeds": list(seeds), "budget_s": budget_s}
    return clip_marking.search_in_child(task, None).is_complete


def test_a_search_is_complete_if_all_frames_were_read_before_its_time_was_over(
    textured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, nothing = [0.0], WatermarkSearch(found=None)

    def search_until_the_time_is_over(
        _detectors: Any, _sums: Any, is_over: Callable[[], bool]
    ) -> list[WatermarkSearch]:
        now[0] += 100.0
        assert is_over()
        return [nothing]

    with monkeypatch.context() as slow:
        slow.setattr(clip_marking, "search_marks", search_until_the_time_is_over)
        slow.setattr(time, "process_time", lambda: now[0])
        assert is_complete(textured, seeds=(b"s" * 32,)), "its time was over among the geometries"
    monkeypatch.setattr(clip_marking, "search_marks", lambda *_: [])
    assert is_complete(textured)
    assert not is_complete(textured, budget_s=0.0)
    picture = tmp_path / "animated.gif"
    first, *others = (Image.fromarray(one) for one in _textured(3))
    first.save(picture)
    assert is_complete(picture)
    first.save(picture, save_all=True, append_images=others)
    assert not is_complete(picture), "only the first frame is searched"
