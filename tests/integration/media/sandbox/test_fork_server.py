"""Calls forked from the fork server, and its protection against a call."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from safelight.core import errors
from safelight.media.sandbox import landlock
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.process import CallHooks
from safelight.media.sandbox.sandbox import Sandbox
from safelight.media.sandbox.zygote import PreloadSpec
from support.child_calls import gone, in_child, told_pid, until

HERE = Path(__file__).parent
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")


@pytest.fixture
def forking(sandbox: Sandbox) -> Sandbox:
    prepare(sandbox)
    assert sandbox.fork_server_ready, sandbox.fork_server_problem
    return sandbox


def prepare(sandbox: Sandbox, *calls: tuple[EntryPoint, object]) -> None:
    working = sandbox.start_fork_server(
        PreloadSpec(modules=("sandbox_escapes", "no_such_module"), calls=calls)
    )
    working.join()


def parent_of_forks(sandbox: Sandbox) -> int:
    """Process id of the fork server, as one of its forks reports it."""
    return int(sandbox.run(in_child("parent")))


@LINUX
def test_a_fork_returns_the_same_as_a_cold_child(forking: Sandbox) -> None:
    value = {"text": "Grüße", "bytes": b"\x00\xff" * 200_000, "list": [1, 2.5, None, True]}
    assert forking.run(in_child("echo"), value) == value
    received: list[int] = []
    assert forking.run(in_child("count_to"), 500, hooks=CallHooks(progress=received.append)) == "done"
    assert received == list(range(500))
    signed = forking.run(
        in_child("signed"), [b"a", b"b" * 100_000], hooks=CallHooks(signer=lambda data: data[::-1][:3])
    )
    assert signed == [b"a", b"bbb"]
    with pytest.raises(errors.InvalidMedia, match="damaged"):
        forking.run(in_child("refuse"))
    with pytest.raises(errors.SandboxCrashed, match="invalid message"):
        forking.run(in_child("babble"))


@LINUX
def test_every_call_has_its_own_process_folder_and_environment_without_state_of_the_last(
    forking: Sandbox,
) -> None:
    assert [forking.run(in_child("remember"), number) for number in (1, 2)] == [[1], [2]]
    pids = [forking.run(in_child("pid")) for _ in range(3)]
    assert len(set(pids)) == 3
    assert all(gone(pid) for pid in pids)
    results = [forking.run(in_child("environment")) for _ in range(2)]
    assert results[0]["folder"] != results[1]["folder"]
    for one in results:
        assert one["folder"] == one["variables"]["HOME"] == one["variables"]["TMPDIR"]
        assert one["writable"]
        assert not Path(one["folder"]).exists()


@LINUX
def test_a_fork_is_confined_like_a_cold_child(forking: Sandbox) -> None:
    forked = forking.isolation()
    forking.stop_fork_server()
    cold = forking.isolation()
    assert (forked.forked, cold.forked) == (True, False)
    for name in ("network", "notes", "files_limited"):
        assert getattr(forked, name) == getattr(cold, name)
    assert set(forked.limits) == set(cold.limits)
    assert forked.fork_server_problem == ""


@LINUX
def test_a_fork_that_crashes_hangs_or_exhausts_memory_affects_no_other_call(forking: Sandbox) -> None:
    parent = parent_of_forks(forking)
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(forking.run, in_child("slowly"), 3.0)
        with pytest.raises(errors.SandboxCrashed, match="SIGSEGV") as caught:
            forking.run(in_child("crash"))
        assert "the last straw" in "".join(caught.value.__notes__)
        with pytest.raises(errors.SandboxCrashed, match="exit code 7"):
            forking.run(in_child("leave"), 7)
        with pytest.raises(errors.SandboxTimedOut, match=r"did not finish within 0.5 s"):
            forking.run(in_child("hang"), limits=Limits(wall_s=0.5))
        with pytest.raises(errors.SandboxTimedOut, match="processor time"):
            forking.run(in_child("burn"), limits=Limits(wall_s=60, cpu_s=1))
        with pytest.raises(errors.SandboxCrashed, match="more than its limit of 2048 MiB of memory"):
            forking.run(in_child("eat"))
        assert other.result() == "awake"
    assert parent_of_forks(forking) == parent


@LINUX
def test_fifty_parallel_calls_get_their_own_results(forking: Sandbox) -> None:
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda number: forking.run(in_child("echo"), number), range(50)))
    assert answers == list(range(50))
    assert until(lambda: psutil.Process(parent_of_forks(forking)).children() == [])


@LINUX
def test_a_cancelled_fork_is_gone(forking: Sandbox, tmp_path: Path) -> None:
    cancel, file = threading.Event(), tmp_path / "pid"
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(
            forking.run, in_child("hang_and_tell"), str(file), writes=[file], hooks=CallHooks(cancel=cancel)
        )
        child = told_pid(file)
        cancel.set()
        with pytest.raises(errors.SandboxFailed, match="cancelled"):
            call.result(timeout=30)
    assert gone(child)
    assert not file.exists()


@LINUX
def test_the_fork_server_is_restarted_when_it_dies(forking: Sandbox) -> None:
    first = parent_of_forks(forking)
    os.kill(first, signal.SIGKILL)
    assert gone(first)
    assert forking.run(in_child("echo"), "meanwhile") == "meanwhile"
    assert until(lambda: forking.fork_server_ready)
    assert parent_of_forks(forking) != first


@LINUX
def test_a_running_call_ends_with_the_fork_server(forking: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    parent = parent_of_forks(forking)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(forking.run, in_child("hang_and_tell"), str(file), writes=[file])
        child = told_pid(file)
        os.kill(parent, signal.SIGKILL)
        with pytest.raises(errors.SandboxCrashed, match="SIGKILL"):
            call.result(timeout=30)
    assert gone(child)


@LINUX
def test_forks_must_not_fork_and_an_orphan_of_a_fork_is_killed(forking: Sandbox, tmp_path: Path) -> None:
    assert forking.run(in_child("native_fork")) == "refused"
    file = tmp_path / "pid"
    forking.run(in_child("beget"), str(file), writes=[file])
    assert gone(int(file.read_text()))


@LINUX
def test_a_fork_reaches_neither_its_parent_nor_the_gateway(forking: Sandbox) -> None:
    if landlock.abi_version() < 6:
        pytest.skip("the kernel does not keep signals in")
    pids = [os.getpid(), parent_of_forks(forking)]
    results = forking.run(in_child("meddle"), pids)
    assert set(results.values()) == {"PermissionError"}


def test_more_than_one_thread_after_loading_means_cold_children(tmp_path: Path) -> None:
    sandbox = Sandbox(folder=tmp_path)
    prepare(sandbox, (in_child("start_thread"), None))
    assert not sandbox.fork_server_ready
    assert sandbox.run(in_child("echo"), 1) == 1
    isolation = sandbox.isolation()
    assert not isolation.forked
    if sys.platform == "linux":
        assert "2 threads" in isolation.fork_server_problem
    # The start is not retried.
    assert sandbox.start_fork_server(PreloadSpec()) is None
    sandbox.close()


def test_a_preload_that_fails_means_cold_children(tmp_path: Path) -> None:
    sandbox = Sandbox(folder=tmp_path)
    prepare(sandbox, (in_child("fail"), "no model"))
    assert sandbox.run(in_child("echo"), 1) == 1
    assert sandbox.fork_server_problem
    sandbox.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("prepared", [False, True])
def test_a_call_reads_and_writes_only_what_it_names(tmp_path: Path, prepared: bool) -> None:
    if not landlock.abi_version():
        pytest.skip("the kernel has no Landlock")
    data = tmp_path / "data"
    (data / "keys").mkdir(parents=True)
    names = ("keys/signing.pem", "db.sqlite3", "other.mp4", "clip.mp4")
    files = {name: data / name for name in names}
    for name, file in files.items():
        file.write_text(f"the words of {name}")
    sandbox = Sandbox(folder=tmp_path)
    if prepared:
        prepare(sandbox)
    results = sandbox.run(in_child("peek"), [str(file) for file in files.values()], reads=[files["clip.mp4"]])
    assert list(results.values()) == ["PermissionError"] * 3 + ["the words of clip.mp4"]
    out = data / "out.mp4"
    results = sandbox.run(
        in_child("wrote"),
        {"out": str(out), "clip": str(files["clip.mp4"]), "new": str(data / "new")},
        reads=[files["clip.mp4"]],
        writes=[out],
    )
    assert results == {"out": "written", "clip": "PermissionError", "new": "PermissionError"}
    assert out.read_text() == "new words"
    sandbox.close()


@pytest.mark.parametrize("prepared", [False, True])
def test_the_python_path_is_readable_except_private_folders_in_it(
    tmp_path: Path, prepared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not landlock.abi_version():
        pytest.skip("the kernel has no Landlock")
    (tmp_path / "data" / "scratch").mkdir(parents=True)
    private, public = tmp_path / "data" / "scratch" / "clip.mp4", tmp_path / "module.txt"
    private.write_text("private")
    public.write_text("public")
    monkeypatch.syspath_prepend(str(tmp_path))
    sandbox = Sandbox(private=[tmp_path / "data"])
    if prepared:
        prepare(sandbox)
    results = sandbox.run(in_child("peek"), [str(private), str(public)])
    assert list(results.values()) == ["PermissionError", "public"]
    sandbox.close()


@pytest.mark.parametrize("prepared", [False, True])
def test_a_link_left_by_a_child_is_never_read(tmp_path: Path, prepared: bool) -> None:
    secret, folder = tmp_path / "secret", tmp_path / "out"
    secret.write_text("secret")
    folder.mkdir()
    out = folder / "thumbnail.webp"
    argument = {"out": str(out), "secret": str(secret)}
    sandbox = Sandbox()
    if prepared:
        prepare(sandbox)
    for writes in ([out], [folder]):
        if landlock.abi_version():
            assert sandbox.run(in_child("linked"), argument, writes=writes) == "PermissionError"
            assert not out.is_symlink()
        else:
            with pytest.raises(errors.SandboxCrashed, match="instead of a regular file"):
                sandbox.run(in_child("linked"), argument, writes=writes)
    sandbox.close()


def test_a_link_is_rejected_as_an_output(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "secret")
    sandbox = Sandbox()
    with pytest.raises(errors.SandboxCrashed, match="instead of a regular file"):
        sandbox.run(in_child("echo"), 1, writes=[tmp_path / "out"])
    sandbox.close()


GATEWAY = """
import sys, threading
from pathlib import Path
sys.path.insert(0, {here!r})
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Limits, PreloadSpec, Sandbox
sandbox = Sandbox(Limits(wall_s=600))
sandbox.start_fork_server(PreloadSpec(modules=("sandbox_escapes",))).join()
Path({parent!r}).write_text(str(sandbox.run(EntryPoint("sandbox_escapes", "parent"))))
sandbox.run(EntryPoint("sandbox_escapes", "hang_and_tell"), {file!r}, writes=[Path({file!r})])
"""


@LINUX
def test_killing_the_gateway_leaves_no_fork_server_and_no_forks(tmp_path: Path) -> None:
    file, parent = tmp_path / "pid", tmp_path / "parent"
    gateway = subprocess.Popen(
        [sys.executable, "-c", GATEWAY.format(here=str(HERE), file=str(file), parent=str(parent))],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    pids = [told_pid(file), int(parent.read_text())]
    gateway.send_signal(signal.SIGKILL)
    gateway.wait()
    assert all(gone(pid) for pid in pids)
