"""`safelight verify`: here, elsewhere, and asked of a server."""

from __future__ import annotations

import datetime as dt
import shutil
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from safelight.app.container import load
from safelight.cli.verify_origin import ask_origin
from safelight.core.errors import ConfigurationError, SafelightError, SandboxTimedOut, Unavailable
from safelight.policy.findings import Coverage, Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.provenance.manifest import SealFacts, SourceType
from safelight.provenance.watermark_service import WatermarkReader
from support.clips import remux
from support.commands import Run, Say
from support.fake_api_server import live
from support.fake_gateway import serving
from support.sidecars import sign_apart

NOT_MEDIA = "This is not a video or picture that we can open."
FACTS = SealFacts(
    video_id="video_" + "0" * 32,
    generator="storyboard",
    model="storyboard-1",
    source_type=SourceType.ALGORITHMIC,
    generated_at=dt.datetime(2026, 11, 20, 7, tzinfo=dt.UTC),
    verdict=Verdict(
        action=Action.ALLOW,
        stage=Stage.OUTPUT,
        subject_sha256="a" * 64,
        policy="starter",
        policy_sha256="b" * 64,
    ),
    coverage=Coverage(),
)


@pytest.fixture
def plain(folder: Path) -> Path:
    path = folder / "plain.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        rng = np.random.default_rng(1)
        for _ in range(6):
            pixels = rng.integers(0, 255, (96, 128, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def sealed(plain: Path) -> Path:
    persistence = load().persistence
    path = plain.with_name("sealed.mp4")
    seal = persistence.sealer.seal(plain, path, FACTS)
    with persistence.database.transaction(persistence.tenant) as tx:
        persistence.seal_registry.record(tx, seal)
    return path


@pytest.fixture
def elsewhere(folder: Path) -> Path:
    """An empty folder without our installation."""
    (folder / "elsewhere").mkdir()
    return folder / "elsewhere"


def write_sound(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(8000))
    return path


def sealed_mark() -> Any:
    persistence = load().persistence
    return persistence.seal_registry.by_video(FACTS.video_id, tenant=persistence.tenant)[0].mark


def test_a_delivered_file_exits_with_0_and_a_changed_one_with_3(run: Run, say: Say, sealed: Path) -> None:
    said = say("verify", str(sealed)).out
    for words in (
        "This video was delivered by this service on ",
        "It has not been changed since.",
        "It does not prove:",
    ):
        assert words in said
    data = bytearray(sealed.read_bytes())
    data[data.index(b"mdat") + 300] ^= 1
    sealed.write_bytes(data)
    answer = run("verify", str(sealed), code=3)
    assert (answer["state"], answer["registered"]) == ("invalid", False)


def test_a_file_without_a_manifest_exits_with_5_creates_no_installation_and_invalid_roots_are_refused(
    run: Run, say: Say, plain: Path
) -> None:
    answer = run("verify", str(plain), code=5)
    assert (answer["state"], answer["registered"]) == ("absent", None)
    assert [path.name for path in plain.parent.iterdir()] == ["plain.mp4"]
    assert "PEM" in say("verify", str(plain), "--trust", str(plain), code=2).err
    say("verify", str(plain), "--trust", "nowhere.pem", code=1)
    say("verify", "nowhere.mp4", code=1)


def test_a_third_party_with_our_root_can_verify_our_file(
    run: Run, sealed: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = sealed.with_name("root.pem")
    root.write_text(load().persistence.signing_keys.anchors_pem)
    monkeypatch.chdir(elsewhere)
    assert run("verify", str(sealed), code=5)["state"] == "valid"
    assert run("verify", str(sealed), "--trust", str(root))["signer"] == "a trusted signer"


def test_a_copy_without_its_manifest_is_recovered_only_where_the_key_is(
    run: Run, sealed: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripped = str(remux(sealed, sealed.with_name("stripped.mp4")))
    is_marked = sealed_mark().content_id is not None
    found = run("verify", stripped, code=3 if is_marked else 5)
    assert found["origin"]["answer"] == ("from_here_changed" if is_marked else "cannot_tell")
    assert found["evidence"][-1] == found["origin"]["evidence"][0]
    assert found["evidence"][-1]["does_not_prove"]

    monkeypatch.chdir(elsewhere)
    says = run("verify", stripped, code=None)["evidence"][-1]["says"]
    assert says.startswith("The watermark is not checkable here")
    assert list(elsewhere.iterdir()) == []


def test_both_answers_use_a_manifest_in_a_file_of_its_own(run: Run, sealed: Path) -> None:
    sound = write_sound(sealed.with_name("sound.wav"))
    manifest = sign_apart(sound, load().persistence.signing_keys, "audio/wav")
    for beside, option in (("sound.c2pa", []), ("other.c2pa", ["--manifest", "other.c2pa"])):
        sealed.with_name(beside).write_bytes(manifest)
        found = run("verify", str(sound), *option)
        sealed.with_name(beside).unlink()
        assert (found["state"], found["signer"]) == ("trusted", "this installation")
        assert (found["origin"]["answer"], found["origin"]["ground"]) == ("from_here_unchanged", "manifest")
    assert run("verify", str(sound), code=5)["answer"] == NOT_MEDIA


def test_what_is_neither_a_video_nor_a_picture_is_named_and_exits_with_5(
    run: Run, say: Say, plain: Path
) -> None:
    page = plain.with_name("page.html")
    page.write_text("<!doctype html><p>Hello")
    assert say("verify", str(page), code=5).out.splitlines()[0] == NOT_MEDIA  # without an installation
    assert sorted(path.name for path in plain.parent.iterdir()) == ["page.html", "plain.mp4"]
    assert load().persistence.database
    found = run("verify", str(page), code=5)
    assert (found["answer"], found["origin"], found["evidence"]) == (NOT_MEDIA, None, [])


def test_a_sealed_video_cut_before_its_first_frame_cannot_be_opened(run: Run, sealed: Path) -> None:
    cut = sealed.with_name("cut.mp4")
    cut.write_bytes(sealed.read_bytes()[:2000])
    found = run("verify", str(cut), code=5)
    assert (found["answer"], found["state"], found["origin"]) == (NOT_MEDIA, "unreadable", None)


def test_a_rotated_key_marks_new_files(run: Run, say: Say, sealed: Path) -> None:
    assert run("signing", "rotate-watermark-key") == {"epoch": 2}
    assert [epoch.number for epoch in load().persistence.watermark_keys.searched()] == [2, 1]
    assert "epoch 3" in say("signing", "rotate-watermark-key").out


@pytest.mark.parametrize(
    "problem", [SandboxTimedOut("It took too long."), ConfigurationError("The key is damaged.")]
)
def test_a_search_for_a_mark_that_does_not_end_is_not_reported_as_no_mark(
    say: Say,
    sealed: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    problem: SafelightError,
) -> None:
    def fail(_reader: WatermarkReader, _path: Path) -> None:
        raise problem

    monkeypatch.setattr(WatermarkReader, "read", fail)
    other = sealed.with_name("other.png")
    Image.fromarray(np.random.default_rng(9).integers(0, 255, (96, 128, 3), dtype=np.uint8)).save(other)
    said = say("verify", str(other), code=5).out
    assert "Cannot tell: the watermark could not be searched." in said
    assert problem.message in caplog.text


def test_a_server_is_asked_for_the_origin(
    run: Run,
    say: Say,
    sealed: Path,
    elsewhere: Path,
    sqlite_template: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checks, maker, mark = load().provenance.checks, load().persistence.signing_keys, sealed_mark()
    database = sealed.with_name("server.sqlite3")
    shutil.copyfile(sqlite_template, database)
    monkeypatch.chdir(elsewhere)
    with live(sealed.parent, database, provenance=checks, provenance_answer_s=0.0) as server:
        monkeypatch.setenv("SAFELIGHT_API_KEY", server.key)
        ask = ("verify", str(sealed), "--server", f"{server.url}/v1")
        found = run(*ask)
        assert (found["state"], found["origin"]["ground"]) == ("valid", "exact_file")
        assert found["origin"]["mark"] == mark.state
        assert "watermark of the delivered file: " in say(*ask).out
        sound = write_sound(elsewhere / "sound.wav")
        sound.with_suffix(".c2pa").write_bytes(sign_apart(sound, maker, "audio/wav"))
        ask_sound = ("verify", str(sound), "--server", f"{server.url}/v1")
        said = say(*ask_sound, code=5).out
        assert NOT_MEDIA not in said  # its manifest says something
        assert "The server did not get the file with the manifest: its answer is about FILE alone." in said
        sound.with_suffix(".c2pa").unlink()
        assert say(*ask_sound, code=5).out.splitlines()[0] == NOT_MEDIA
        monkeypatch.setenv("SAFELIGHT_API_KEY", "sk-wrong")
        assert "did not check the file" in say(*ask, code=1).err
    say("verify", str(sealed), "--server", "nowhere", code=2)


def test_a_server_that_answers_something_else_is_named(tmp_path: Path) -> None:
    answers: list[Any] = [{"ok": 1}, [], {"safelight": None}, {"safelight": []}, {"safelight": {"answer": 1}}]
    file = tmp_path / "file.bin"
    file.write_bytes(b"no video")
    with serving(lambda *_: (200, answers[0])) as url:
        while answers:
            with pytest.raises(Unavailable, match="is not that of a Safelight server"):
                ask_origin(url, file)
            answers.pop(0)
