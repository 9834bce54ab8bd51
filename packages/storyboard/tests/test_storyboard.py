from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import textwrap
import time
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
from PIL import Image

from safelight.core import errors
from safelight.detectors import safety_card as card
from safelight.detectors.image import ocr
from safelight.detectors.protocol import Frame
from safelight.providers.protocol import (
    Billing,
    ChargeStatus,
    GenerationRequest,
    LocalGenerator,
    ReferenceFile,
)
from safelight_storyboard import create
from support.rows import each_row


def make_request(prompt: str = "a dog runs on a beach at dusk", **changes: Any) -> GenerationRequest:
    given: dict[str, Any] = {"key": "k", "model": "storyboard", "seconds": 1, "width": 640, "height": 360}
    return GenerationRequest(prompt=prompt, **{**given, **changes})


@pytest.fixture(scope="module")
def storyboard() -> LocalGenerator:
    return create({})


def rendered(
    storyboard: LocalGenerator, folder: Path, what: GenerationRequest, name: str = "out.mp4"
) -> Path:
    into = folder / name
    storyboard.render(what, into, lambda percent: None)
    return into


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pictures(path: Path) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def sound(path: Path) -> tuple[np.ndarray[Any, np.dtype[np.float32]], int]:
    with av.open(str(path)) as file:
        blocks = [frame.to_ndarray() for frame in file.decode(audio=0)]
        return np.concatenate(blocks, axis=1).mean(axis=0).astype(np.float32), file.streams.audio[0].rate


def test_the_storyboard_is_found_by_its_entry_point(storyboard: LocalGenerator) -> None:
    (entry,) = entry_points(group="safelight.generators", name="storyboard")
    made = entry.load()({})
    assert isinstance(made, LocalGenerator)
    assert (made.name, made.billing) == ("storyboard", Billing.OWN)
    assert made.info().seconds == tuple(range(1, 21))
    for unknown in ({"colour": "red"}, {"speech": "yes"}):
        with pytest.raises(errors.SettingsError):
            create(unknown)


def test_equal_requests_give_equal_bytes(storyboard: LocalGenerator, tmp_path: Path) -> None:
    prompt = 'A woman walks in a city at night in the rain, a sign says "OPEN". She says: "hello"'
    first = rendered(storyboard, tmp_path, make_request(prompt, extra={"seed": 7}), "a.mp4")
    second = rendered(storyboard, tmp_path, make_request(prompt, extra={"seed": 7}, key="another"), "b.mp4")
    third = rendered(storyboard, tmp_path, make_request(prompt, extra={"seed": 8}), "c.mp4")
    assert digest(first) == digest(second) != digest(third)


@each_row
def test_the_file_has_the_requested_format(
    storyboard: LocalGenerator, tmp_path: Path, width: int, height: int, seconds: int, fps: int | None
) -> None:
    extra = {} if fps is None else {"fps": fps}
    said: list[int] = []
    into = tmp_path / "out.mp4"
    what = make_request(width=width, height=height, seconds=seconds, extra=extra)
    charge = storyboard.render(what, into, said.append).charge
    assert (charge.charged, charge.amount) == (ChargeStatus.NO, 0.0)
    assert said == sorted(said)
    assert said[-1] == 100
    with av.open(str(into)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.width, video.height) == (width, height)
        assert video.average_rate == (fps or 24)
        assert (audio.rate, audio.channels) == (48_000, 2)
        assert abs(float(file.duration) / av.time_base - seconds) < 0.06
    assert len(pictures(into)) == seconds * (fps or 24)
    head = into.read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")
    assert names(tmp_path) == ["out.mp4"]


def test_the_result_lists_what_is_not_drawn(storyboard: LocalGenerator, tmp_path: Path) -> None:
    for prompt, not_drawn in (
        ("A dragon over a castle", ("dragon", "castle")),
        ("A beach with a sandcastle", ("sandcastle",)),
        ("A lighthouse at dusk", ()),
        ("A chef cooks in a warm kitchen", ("chef", "kitchen")),
    ):
        result = storyboard.render(make_request(prompt), tmp_path / "out.mp4", lambda percent: None)
        assert result.not_drawn == not_drawn


def test_requested_test_cards_are_in_frames_and_audio(storyboard: LocalGenerator, tmp_path: Path) -> None:
    cards = "frame:violence@1.0s, flash:self-harm/intent@2.5s, tone:hate@1.0s"
    path = rendered(storyboard, tmp_path, make_request(seconds=3, extra={"test_card": cards}))
    found = [[name for name, _ in card.read_qr(picture)] for picture in pictures(path)]
    assert [n for n, names in enumerate(found) if "violence" in names] == list(range(24, 36))
    assert [n for n, names in enumerate(found) if "self-harm/intent" in names] == [60]
    ((name, start, _),) = card.read_tones(*sound(path))
    assert name == "hate"
    assert abs(start - 1.0) < 0.1


@pytest.mark.skipif(ocr.find_models_folder() is None, reason="no text reader with its models")
@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ('A rainy street at night, a neon sign that says "OPEN"', "OPEN"),
        ('A quiet meadow at noon, a wooden sign reads "Farm shop 2 km"', "Farm shop 2 km"),
    ],
)
def test_text_on_a_sign_is_readable_by_ocr(
    storyboard: LocalGenerator, tmp_path: Path, prompt: str, words: str
) -> None:
    shown = pictures(
        rendered(storyboard, tmp_path, make_request(prompt, width=1280, height=720, extra={"fps": 12}))
    )[6]
    folder = ocr.find_models_folder()
    assert folder is not None
    found = ocr.RapidOcrReader(folder).read_frame(
        Frame(index=0, time_s=0.0, pixels=shown, width=1280, height=720)
    )
    assert words.replace(" ", "").lower() in "".join(t.text for t in found).replace(" ", "").lower()


def test_a_progress_callback_that_raises_stops_rendering(storyboard: LocalGenerator, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def report(percent: int) -> None:
        if percent >= 20:
            raise Stop

    before = set(psutil.Process().children())
    with pytest.raises(Stop):
        storyboard.render(make_request(seconds=4), tmp_path / "out.mp4", report)
    assert names(tmp_path) == []
    assert set(psutil.Process().children()) <= before
    rendered(storyboard, tmp_path, make_request())


@each_row
def test_an_unsupported_field_is_refused_by_name(
    storyboard: LocalGenerator, tmp_path: Path, changes: dict[str, Any], param: str
) -> None:
    with pytest.raises(errors.BadInput) as caught:
        storyboard.render(make_request(**changes), tmp_path / "out.mp4", lambda percent: None)
    assert caught.value.param == param
    assert names(tmp_path) == []


def reference(path: Path, media_type: str = "image/png") -> ReferenceFile:
    return ReferenceFile(path=path, media_type=media_type, field="input_reference", sha256="0" * 64)


def test_a_reference_gives_its_colours_to_the_scene(storyboard: LocalGenerator, tmp_path: Path) -> None:
    hues = {}
    for name, colour in (("green", (20, 160, 60)), ("violet", (130, 40, 170))):
        picture = tmp_path / f"{name}.png"
        Image.new("RGB", (64, 48), colour).save(picture)
        what = make_request("hills at noon", references=(reference(picture),))
        hues[name] = pictures(rendered(storyboard, tmp_path, what, f"{name}.mp4"))[0].mean(axis=(0, 1))
    assert hues["green"][1] > hues["violet"][1] + 8
    assert hues["violet"][0] > hues["green"][0] + 8


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 64])
def test_a_broken_reference_is_named(storyboard: LocalGenerator, tmp_path: Path, content: bytes) -> None:
    picture = tmp_path / "bad.png"
    picture.write_bytes(content)
    with pytest.raises(errors.InvalidMedia) as caught:
        storyboard.render(
            make_request(references=(reference(picture),)), tmp_path / "o.mp4", lambda percent: None
        )
    assert caught.value.param == "input_reference"
    assert names(tmp_path) == ["bad.png"]
    clip = make_request(references=(reference(picture, "video/mp4"),))
    with pytest.raises(errors.InvalidField):
        storyboard.render(clip, tmp_path / "o.mp4", lambda percent: None)


def run_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments], stdout=subprocess.PIPE, text=True
    )


RENDER = """
    import resource, sys
    from pathlib import Path
    from safelight.core import errors
    from safelight.providers.protocol import GenerationRequest
    from safelight_storyboard import create
    if len(sys.argv) > 3:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
    given = dict(key="k", model="storyboard", prompt="a calm lake", width=640, height=360)
    request = GenerationRequest(seconds=int(sys.argv[2]), **given)
    try:
        create({}).render(request, Path(sys.argv[1]), lambda percent: print(percent, flush=True))
    except errors.StorageFull as error:
        print(type(error).__name__)
"""


def test_a_full_disk_is_reported_and_leaves_no_file(tmp_path: Path) -> None:
    with run_python(RENDER, str(tmp_path / "out.mp4"), "1", "20000") as process:
        assert process.communicate(timeout=120)[0].split()[-1] == "StorageFull"
    assert names(tmp_path) == []


def test_no_child_process_remains_when_the_parent_is_killed(
    storyboard: LocalGenerator, tmp_path: Path
) -> None:
    into = tmp_path / "out.mp4"
    with run_python(RENDER, str(into), "20") as process:
        assert process.stdout is not None
        process.stdout.readline()
        children = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGKILL)
    assert len(children) == 1
    psutil.wait_procs(children, timeout=30)
    deadline = time.monotonic() + 30
    while any(c.is_running() and c.status() != psutil.STATUS_ZOMBIE for c in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not into.exists()
    # What the killed rendering left is swept away by the next one of the same file.
    rendered(storyboard, tmp_path, make_request())
    assert names(tmp_path) == ["out.mp4"]
