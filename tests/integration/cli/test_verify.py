from __future__ import annotations

import datetime as dt
import json
import shutil
import threading
import wave
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from safelight.bootstrap import load
from safelight.cli import main
from safelight.cli.verify_origin import ask_origin
from safelight.errors import ConfigurationError, SafelightError, SandboxTimedOut, Unavailable
from safelight.policy.coverage import Coverage
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.provenance.manifest import SealFacts, SourceType
from safelight.provenance.watermark_service import WatermarkReader
from support.clips import remux
from support.fake_api_server import live
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
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "plain.mp4"
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
    container = load()
    path = plain.with_name("sealed.mp4")
    seal = container.persistence.sealer.seal(plain, path, FACTS)
    with container.persistence.database.transaction(container.persistence.tenant) as tx:
        container.persistence.seal_registry.record(tx, seal)
    return path


def test_a_delivered_file_exits_with_0_and_a_plain_message(
    sealed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(sealed)]) == 0
    said = capsys.readouterr().out
    assert "This video was delivered by this service on " in said
    assert "It has not been changed since." in said
    assert "It does not prove:" in said


def test_a_changed_file_exits_with_3(sealed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray(sealed.read_bytes())
    data[data.index(b"mdat") + 300] ^= 1
    sealed.write_bytes(data)
    assert main(["verify", str(sealed), "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["state"] == "invalid"
    assert answer["registered"] is False


def test_a_file_without_a_manifest_exits_with_5_and_creates_no_installation(
    plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(plain), "--json"]) == 5
    answer = json.loads(capsys.readouterr().out)
    assert (answer["state"], answer["registered"]) == ("absent", None)
    assert [path.name for path in plain.parent.iterdir()] == ["plain.mp4"]


def test_a_third_party_with_our_root_can_verify_our_file(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root.pem"
    root.write_text(load().persistence.signing_keys.anchors_pem)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main(["verify", str(sealed), "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["state"] == "valid"
    assert main(["verify", str(sealed), "--trust", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["signer"] == "a trusted signer"


def test_invalid_roots_are_refused(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(plain), "--trust", str(plain)]) == 2
    assert "PEM" in capsys.readouterr().err
    assert main(["verify", str(plain), "--trust", "nowhere.pem"]) == 1
    assert main(["verify", "nowhere.mp4"]) == 1


def test_a_copy_without_its_manifest_is_recovered_only_where_the_key_is(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = load().persistence.seal_registry.by_video(FACTS.video_id, tenant=load().persistence.tenant)[0].mark
    stripped = remux(sealed, tmp_path / "stripped.mp4")
    is_marked = mark.content_id is not None
    assert main(["verify", str(stripped), "--json"]) == (3 if is_marked else 5)
    found = json.loads(capsys.readouterr().out)
    assert found["origin"]["answer"] == ("from_here_changed" if is_marked else "cannot_tell")
    assert found["evidence"][-1] == found["origin"]["evidence"][0]
    assert found["evidence"][-1]["does_not_prove"]

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    main(["verify", str(stripped), "--json"])
    says = json.loads(capsys.readouterr().out)["evidence"][-1]
    assert says["says"].startswith("The watermark is not checkable here")
    assert list(elsewhere.iterdir()) == []


def write_sound(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(8000))
    return path


def test_both_answers_use_a_manifest_in_a_file_of_its_own(
    sealed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = write_sound(sealed.with_name("sound.wav"))
    manifest = sign_apart(sound, load().persistence.signing_keys, "audio/wav")
    for beside, option in (("sound.c2pa", []), ("other.c2pa", ["--manifest", "other.c2pa"])):
        sealed.with_name(beside).write_bytes(manifest)
        assert main(["verify", str(sound), *option, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        sealed.with_name(beside).unlink()
        assert (found["state"], found["signer"]) == ("trusted", "this installation")
        assert (found["origin"]["answer"], found["origin"]["ground"]) == ("from_here_unchanged", "manifest")
    assert main(["verify", str(sound), "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["answer"] == NOT_MEDIA


def test_what_is_neither_a_video_nor_a_picture_is_named_and_exits_with_5(
    plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = plain.with_name("page.html")
    page.write_text("<!doctype html><p>Hello")
    assert main(["verify", str(page)]) == 5  # without an installation
    assert capsys.readouterr().out.splitlines()[0] == NOT_MEDIA
    assert sorted(path.name for path in plain.parent.iterdir()) == ["page.html", "plain.mp4"]
    assert load().persistence.database
    assert main(["verify", str(page), "--json"]) == 5
    found = json.loads(capsys.readouterr().out)
    assert (found["answer"], found["origin"], found["evidence"]) == (NOT_MEDIA, None, [])


def test_a_rotated_key_marks_new_files(sealed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["signing", "rotate-watermark-key", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"epoch": 2}
    assert [epoch.number for epoch in load().persistence.watermark_keys.searched()] == [2, 1]
    assert main(["signing", "rotate-watermark-key"]) == 0
    assert "epoch 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    "problem", [SandboxTimedOut("It took too long."), ConfigurationError("The key is damaged.")]
)
def test_a_search_for_a_mark_that_does_not_end_is_not_reported_as_no_mark(
    sealed: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    problem: SafelightError,
) -> None:
    def fail(_reader: WatermarkReader, _path: Path) -> None:
        raise problem

    monkeypatch.setattr(WatermarkReader, "read", fail)
    other = sealed.with_name("other.png")
    Image.fromarray(np.random.default_rng(9).integers(0, 255, (96, 128, 3), dtype=np.uint8)).save(other)
    assert main(["verify", str(other)]) == 5
    assert "Cannot tell: the watermark could not be searched." in capsys.readouterr().out
    assert problem.message in caplog.text


def test_a_server_is_asked_for_the_origin(
    sealed: Path,
    tmp_path: Path,
    sqlite_template: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    checks, maker = load().provenance.checks, load().persistence.signing_keys
    registered = load().persistence.seal_registry.by_video(FACTS.video_id, tenant=load().persistence.tenant)
    database = tmp_path / "server.sqlite3"
    shutil.copyfile(sqlite_template, database)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with live(tmp_path, database, provenance=checks, provenance_answer_s=0.0) as server:
        monkeypatch.setenv("SAFELIGHT_API_KEY", server.key)
        assert main(["verify", str(sealed), "--server", f"{server.url}/v1", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["state"], found["origin"]["ground"]) == ("valid", "exact_file")
        assert found["origin"]["mark"] == registered[0].mark.state
        assert main(["verify", str(sealed), "--server", f"{server.url}/v1"]) == 0
        assert "watermark of the delivered file: " in capsys.readouterr().out
        sound = write_sound(elsewhere / "sound.wav")
        sound.with_suffix(".c2pa").write_bytes(sign_apart(sound, maker, "audio/wav"))
        assert main(["verify", str(sound), "--server", f"{server.url}/v1"]) == 5
        said = capsys.readouterr().out
        assert NOT_MEDIA not in said  # its manifest says something
        assert "The server did not get the file with the manifest: its answer is about FILE alone." in said
        sound.with_suffix(".c2pa").unlink()
        assert main(["verify", str(sound), "--server", f"{server.url}/v1"]) == 5
        assert capsys.readouterr().out.splitlines()[0] == NOT_MEDIA
        monkeypatch.setenv("SAFELIGHT_API_KEY", "sk-wrong")
        assert main(["verify", str(sealed), "--server", f"{server.url}/v1"]) == 1
        assert "did not check the file" in capsys.readouterr().err
    assert main(["verify", str(sealed), "--server", "nowhere"]) == 2


def test_a_server_that_answers_something_else_is_named(tmp_path: Path) -> None:
    answers = ['{"ok":1}', "[]", '{"safelight":null}', '{"safelight":[]}', '{"safelight":{"answer":1}}']
    file = tmp_path / "file.bin"
    file.write_bytes(b"no video")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(answers[0].encode())

        def log_message(self, *_: object) -> None:
            """Nothing is written to the output of the tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            while answers:
                with pytest.raises(Unavailable, match="is not that of a Safelight server"):
                    ask_origin(f"http://127.0.0.1:{server.server_port}/v1", file)
                answers.pop(0)
        finally:
            server.shutdown()
