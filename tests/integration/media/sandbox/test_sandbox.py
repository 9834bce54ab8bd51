from __future__ import annotations

import mmap
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from safelight.core import errors
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.process import CallHooks, ChildProcess, NotAccepted
from safelight.media.sandbox.sandbox import Sandbox
from safelight.media.sandbox.worker_pool import WorkerPool
from support.child_calls import gone, in_child, told_pid

HERE = Path(__file__).parent


def test_results_progress_and_signatures_are_exchanged_as_plain_data(sandbox: Sandbox) -> None:
    value = {"text": "Grüße", "bytes": b"\x00\xff" * 200_000, "list": [1, 2.5, None, True]}
    assert sandbox.run(in_child("echo"), value) == value
    received: list[int] = []
    assert sandbox.run(in_child("count_to"), 500, hooks=CallHooks(progress=received.append)) == "done"
    assert received == list(range(500))
    # The gateway signs, and keeps the key.
    signer = CallHooks(signer=lambda data: data[::-1][:3])
    assert sandbox.run(in_child("signed"), [b"a", b"b" * 100_000], hooks=signer) == [b"a", b"bbb"]
    with pytest.raises(errors.SandboxCrashed, match="signing is not allowed in this call"):
        sandbox.run(in_child("signed"), [b"a"])
    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda number: sandbox.run(in_child("echo"), number), range(24))
    assert list(answers) == list(range(24))
    assert sandbox.run(in_child("shout")) == "heard", "much output does not block"


def test_an_exception_of_a_hook_ends_the_child_and_propagates(sandbox: Sandbox) -> None:
    def stop(_value: object) -> None:
        raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        sandbox.run(in_child("count_to"), 500, hooks=CallHooks(progress=stop))


def test_the_environment_is_scrubbed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_SECRET", "hunter2")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    results = sandbox.run(in_child("environment"))
    assert "hunter2" not in str(results["variables"])
    assert "HTTPS_PROXY" not in results["variables"]
    assert results["folder"] == results["variables"]["HOME"]
    assert results["writable"]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="says how glibc keeps freed blocks")
def test_a_freed_block_is_used_again_without_new_pages(sandbox: Sandbox) -> None:
    size = 2 << 20
    assert sandbox.run(in_child("fill_blocks"), size) < 2 * size / mmap.PAGESIZE


@pytest.mark.parametrize(
    ("function", "argument", "limits", "error", "said"),
    [
        ("hang", None, Limits(wall_s=0.5), errors.SandboxTimedOut, "did not finish within 0.5 s"),
        ("burn", None, Limits(wall_s=60, cpu_s=1), errors.SandboxTimedOut, "processor time"),
        ("crash", None, None, errors.SandboxCrashed, "SIGSEGV.*the last straw"),
        ("leave", 7, None, errors.SandboxCrashed, "exit code 7"),
        ("eat", None, None, errors.SandboxCrashed, "more than its limit of 2048 MiB of memory"),
        ("fail", "bad luck", None, errors.SandboxCrashed, "ValueError: bad luck.*Traceback"),
        ("no_such_thing", None, None, errors.SandboxCrashed, "AttributeError"),
        ("pretend", None, None, errors.SandboxCrashed, "You are suspended"),
        ("babble", None, None, errors.SandboxCrashed, "invalid message"),
        ("flood", None, None, errors.SandboxCrashed, "invalid message"),
    ],
)
def test_how_a_child_ended_is_reported(
    sandbox: Sandbox, function: str, argument: object, limits: Limits | None, error: Any, said: str
) -> None:
    with pytest.raises(error) as caught:
        sandbox.run(in_child(function), argument, limits=limits)
    told = " ".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert re.search(said, told, re.DOTALL)


def test_bad_input_keeps_its_class_field_and_remedy(sandbox: Sandbox) -> None:
    with pytest.raises(errors.InvalidMedia) as caught:
        sandbox.run(in_child("refuse"))
    assert (caught.value.message, caught.value.param, caught.value.remedy) == (
        "The clip is damaged.",
        "input_reference",
        "Send another.",
    )


def test_file_sizes_are_limited(sandbox: Sandbox, tmp_path: Path) -> None:
    limits = Limits(wall_s=60, file_bytes=5 << 20)
    assert (
        sandbox.run(in_child("write_much"), str(tmp_path / "big"), writes=[tmp_path / "big"], limits=limits)
        == 5 << 20
    )


def test_cancelling_ends_the_child(sandbox: Sandbox, tmp_path: Path) -> None:
    cancel, file = threading.Event(), tmp_path / "pid"
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(
            sandbox.run, in_child("hang_and_tell"), str(file), writes=[file], hooks=CallHooks(cancel=cancel)
        )
        child = told_pid(file)
        cancel.set()
        with pytest.raises(errors.SandboxFailed, match="cancelled"):
            call.result(timeout=30)
    assert gone(child)


def test_a_child_has_no_network_and_starts_no_programs(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        tried = sandbox.run(in_child("reach"), server.getsockname()[1])
    assert tried["python"] == "PermissionError"
    assert tried["program"] == "PermissionError"
    if sandbox.isolation().network == "kernel":
        assert tried["native"] != "reached"


def test_isolation_reports_what_is_in_force(sandbox: Sandbox) -> None:
    isolation = sandbox.isolation()
    assert isolation.network in {"kernel", "python"}
    assert isolation.complete == (not isolation.notes)
    if sys.platform == "linux":
        assert isolation.parent_death
        assert isolation.no_new_privileges
        assert set(isolation.limits) == {"memory", "file size", "open files", "core"}


def test_keys_are_hidden_from_a_child(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    files = [keys / "signing.pem", tmp_path / "db.sqlite3", tmp_path / "clip.mp4"]
    for file in files:
        file.write_text(f"the words of {file.name}")
    sandbox = Sandbox(hidden=(keys, tmp_path / "db.sqlite3", tmp_path / "not-there"))
    if not sandbox.isolation().files_hidden:
        pytest.skip("the kernel allows no view of its own")
    results = sandbox.run(in_child("peek"), [str(file) for file in files], reads=files)
    sandbox.close()
    assert list(results.values()) == ["FileNotFoundError", "", "the words of clip.mp4"]
    assert files[0].read_text() == "the words of signing.pem"


def test_a_too_large_argument_is_rejected_before_it_is_sent(sandbox: Sandbox) -> None:
    with pytest.raises(errors.TooLarge, match="too large for one call"):
        sandbox.run(in_child("echo"), bytes(2000), limits=Limits(message_bytes=1000))


PARENT = """
import sys
from pathlib import Path
from typing import Any
sys.path.insert(0, {here!r})
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Limits, Sandbox
hang_and_tell = EntryPoint("sandbox_escapes", "hang_and_tell")
Sandbox(Limits(wall_s=600)).run(hang_and_tell, {file!r}, writes=[Path({file!r})])
"""


def test_killing_the_parent_leaves_no_child(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(here=str(HERE), file=str(file))],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    child = told_pid(file)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(child)


@pytest.fixture
def pool(sandbox: Sandbox) -> Iterator[WorkerPool]:
    made = WorkerPool(sandbox, size=2, limits=Limits(wall_s=10), uses=3)
    yield made
    made.close()


def test_a_warm_child_is_reused_and_then_replaced(pool: WorkerPool) -> None:
    first = [pool.run(in_child("pid")) for _ in range(3)]
    assert len(set(first)) == 1
    assert gone(first[0])
    assert pool.run(in_child("pid")) != first[0]


def test_a_failure_replaces_the_child_and_bad_input_does_not(pool: WorkerPool) -> None:
    first = pool.run(in_child("pid"))
    with pytest.raises(errors.InvalidMedia):
        pool.run(in_child("refuse"))
    assert pool.run(in_child("pid")) == first
    pool.start()
    with pytest.raises(errors.SandboxCrashed):
        pool.run(in_child("leave"), 1)
    assert pool.run(in_child("echo"), "still here") == "still here"


@pytest.mark.parametrize("dies_before", [True, False])
def test_a_child_that_ended_before_the_call_and_none_that_dies_during_it_is_reported_as_not_accepted(
    sandbox: Sandbox, dies_before: bool
) -> None:
    child = sandbox.spawn(Limits())
    assert child.call(in_child("echo"), 1) == 1
    if dies_before:
        os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(errors.SandboxCrashed) as raised:
        child.call(in_child("leave"), 1)
    assert isinstance(raised.value, NotAccepted) is dies_before
    child.close()


def test_a_warm_child_that_dies_when_selected_is_replaced(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pool.run(in_child("pid"))
    monkeypatch.setattr(ChildProcess, "alive", True)
    os.kill(first, signal.SIGKILL)
    assert pool.run(in_child("echo"), 1) == 1


def test_a_warm_child_that_died_while_idle_is_not_selected(pool: WorkerPool) -> None:
    first = pool.run(in_child("pid"))
    os.kill(first, signal.SIGKILL)
    assert gone(first)
    assert pool.run(in_child("echo"), 1) == 1


def test_a_failing_preload_is_reported_to_the_caller(sandbox: Sandbox) -> None:
    pool = WorkerPool(
        sandbox, size=1, limits=Limits(wall_s=10), preload=in_child("fail"), preload_argument="no model"
    )
    pool.start()
    with pytest.raises(errors.SandboxCrashed, match="no model"):
        pool.run(in_child("echo"), 1)
    pool.close()


def test_a_pool_serves_more_callers_than_it_has_children(pool: WorkerPool) -> None:
    pool.start()
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(lambda number: pool.run(in_child("echo"), number), range(12))) == list(
            range(12)
        )
