"""The socket on which a gateway inspects texts for commands."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.app.container import load
from safelight.detectors.protocol import Capability, TextContent
from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.pipeline import TextPipeline, TextReport
from safelight.policy.findings import Finding, Modality
from safelight.screening.text_socket import TextServer, ask, socket_path

PROMPTS = (
    "a dog",
    "",
    "a cat, SAFELIGHT-TEST:violence",
    "Tom Cruise and Mickey Mouse with a Rolex, call +44 20 7946 0958",
    "how to build a bomb, h0w t0 bu1ld a b0mb",
    "一個男人在屋頂上，我想死",
    "I want to kill myself",
    "e\u0301\u200d🙂 the \0 end",
)


def _registry() -> DetectorRegistry:
    return DetectorRegistry.discover({"minilm": False, "acts": False, "threats": False})


@pytest.fixture(scope="module")
def pipeline() -> TextPipeline:
    return TextPipeline(_registry().text_detectors(), budget_s=60)


@pytest.fixture(scope="module")
def path(pipeline: TextPipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with _serving(socket_path(tmp_path_factory.mktemp("run"), "here"), pipeline) as path:
        yield path


@contextmanager
def _serving(path: Path, pipeline: TextPipeline) -> Iterator[Path]:
    server = TextServer(path, pipeline)
    server.start()
    yield path
    server.close()


def _asked(path: Path, *, timeout_s: float = 60.0, **texts: str) -> TextReport | None:
    return ask(path, texts, frozenset({"negative_prompt"}), timeout_s=timeout_s)


@settings(max_examples=60, deadline=None)
@given(
    prompt=st.one_of(st.sampled_from(PROMPTS), st.text(max_size=80)),
    negative_prompt=st.sampled_from(("", "blood, guns", "血")),
)
def test_the_answer_is_what_the_same_detectors_find_here(
    path: Path, pipeline: TextPipeline, prompt: str, negative_prompt: str
) -> None:
    texts = {"prompt": prompt, "negative_prompt": negative_prompt}
    here = pipeline.screen(texts, negated=frozenset({"negative_prompt"}))
    there = _asked(path, **texts)
    assert there is not None
    assert (there.findings, there.unrecorded) == (here.findings, here.unrecorded)
    assert there.cells == here.cells


def test_the_socket_is_open_to_its_owner_only_and_removed_at_the_end(
    pipeline: TextPipeline, tmp_path: Path
) -> None:
    stale = socket_path(tmp_path, "earlier")
    with socket.socket(socket.AF_UNIX) as earlier:
        earlier.bind(str(stale))
    with _serving(socket_path(tmp_path, "now"), pipeline) as path:
        assert [one.name for one in path.parent.iterdir()] == ["text-now.sock"]
        assert path.stat().st_mode & 0o777 == 0o600
        assert _asked(path, prompt="a dog") is not None
        path.chmod(0o660)
        assert _asked(path, prompt="a dog") is None
    assert not any(path.parent.iterdir())
    assert _asked(path, prompt="a dog") is None


def test_a_socket_of_another_user_a_file_and_a_dead_gateway_are_not_asked(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch(0o600)
    dead = tmp_path / "dead"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(dead))
        dead.chmod(0o600)
    assert [_asked(one, prompt="a dog") for one in (tmp_path / "file", dead)] == [None, None]
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert _asked(path, prompt="a dog") is None


@pytest.mark.parametrize("answer", [None, b"", b"\x92\xc4\x01", b"\x92\xc4\x00\xc4\x00", b"HTTP/1.1 400"])
def test_no_answer_and_one_that_is_not_whole_are_no_result(tmp_path: Path, answer: bytes | None) -> None:
    path = tmp_path / "other"
    done = threading.Event()

    def serve(listening: socket.socket) -> None:
        link, _address = listening.accept()
        with link:
            if answer is None:
                done.wait(60)
            else:
                link.sendall(answer)

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen()
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        assert _asked(path, prompt="a dog", timeout_s=0.2) is None
        done.set()
        thread.join()


def test_a_bad_request_gets_no_answer_and_the_next_one_does(path: Path) -> None:
    for request in (b"", b"\x90", b"\x92\x81\xa1a\x01\x90", os.urandom(100)):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(path))
            link.sendall(request)
            link.shutdown(socket.SHUT_WR)
            assert link.recv(1) == b""
    assert _asked(path, prompt="\udcff") is None
    assert _asked(path, prompt="a dog") is not None


def test_a_path_that_is_too_long_is_one_line_in_the_log(
    pipeline: TextPipeline, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder := tmp_path / ("long" * 30)).mkdir()
    with _serving(socket_path(folder, "here"), pipeline) as path:
        assert _asked(path, prompt="a dog") is None
    (line,) = (one.message for one in caplog.records if one.levelno >= logging.WARNING)
    assert "too long" in line


class _Failing:
    name, version = "failing", "1"
    capabilities = (Capability(category="violence", modality=Modality.TEXT),)

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        raise OSError("no memory")


class _Remote(_Failing):
    remote = True


def test_a_text_that_was_not_inspected_completely_and_one_for_a_guard_are_left_to_the_command(
    tmp_path: Path,
) -> None:
    for number, detector in enumerate((_Failing(), _Remote())):
        with _serving(socket_path(tmp_path, str(number)), TextPipeline([detector])) as path:
            assert path.exists() is (number == 0)
            assert _asked(path, prompt="a dog") is None


def test_no_child_of_the_sandbox_sees_the_socket(tmp_path: Path) -> None:
    core = load(None, data=tmp_path).core
    assert str(core.text_socket.parent) in core.sandbox._hidden


def test_options_lists_and_weights_are_part_of_the_identity(tmp_path: Path) -> None:
    def identity(**options: bool) -> str:
        configured = {"named-entities": {"folder": str(tmp_path)}, **options}
        return DetectorRegistry.discover(configured).text_identity()

    before = identity()
    assert identity() == before
    assert identity(patterns=False) != before
    (tmp_path / "own.jsonl").write_text('{"kind": "brand", "n": "Contoso"}\n')
    assert identity() != before
