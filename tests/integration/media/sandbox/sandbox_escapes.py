"""Entry points that try to escape or exhaust the sandbox; imported by the child only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from safelight.core import errors
from safelight.media.sandbox.child_main import ChildChannel


def echo(argument: Any, _channel: ChildChannel) -> Any:
    return argument


def pid(_argument: Any, _channel: ChildChannel) -> int:
    return os.getpid()


def count_to(argument: int, channel: ChildChannel) -> str:
    for number in range(argument):
        channel.progress(number)
    return "done"


def signed(argument: list[bytes], channel: ChildChannel) -> list[bytes]:
    return [channel.sign(data) for data in argument]


def environment(_argument: Any, _channel: ChildChannel) -> dict[str, Any]:
    return {"variables": dict(os.environ), "folder": str(Path.cwd()), "writable": os.access(".", os.W_OK)}


def fill_blocks(argument: int, _channel: ChildChannel) -> int:
    """The page faults of twenty blocks of this many bytes, each freed before the next."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        bytearray(argument)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def hang(_argument: Any, _channel: ChildChannel) -> None:
    while True:
        time.sleep(1)


def burn(_argument: Any, _channel: ChildChannel) -> None:
    while True:
        pass


def hang_and_tell(argument: str, _channel: ChildChannel) -> None:
    Path(argument).write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1)


def crash(_argument: Any, _channel: ChildChannel) -> None:
    sys.stderr.write("the last straw\n")
    sys.stderr.flush()
    ctypes.string_at(0)


def leave(argument: int, _channel: ChildChannel) -> None:
    os._exit(argument)


def eat(_argument: Any, _channel: ChildChannel) -> None:
    bytearray(64 << 30)


def fail(argument: str, _channel: ChildChannel) -> None:
    raise ValueError(argument)


def refuse(_argument: Any, _channel: ChildChannel) -> None:
    raise errors.InvalidMedia("The clip is damaged.", param="input_reference", remedy="Send another.")


def pretend(_argument: Any, _channel: ChildChannel) -> None:
    raise errors.AccountSuspended("You are suspended.")


def babble(_argument: Any, channel: ChildChannel) -> None:
    os.write(channel._outbox, b"\xff" * 4096)
    time.sleep(60)


def flood(_argument: Any, channel: ChildChannel) -> None:
    os.write(channel._outbox, (1 << 30).to_bytes(4, "big"))
    time.sleep(60)


def shout(_argument: Any, _channel: ChildChannel) -> str:
    for _ in range(2000):
        sys.stdout.write("x" * 1000)
        sys.stderr.write("y" * 1000)
    return "heard"


def write_much(argument: str, _channel: ChildChannel) -> int:
    written = 0
    with Path(argument).open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            written += file.write(b"x" * (1 << 20))
    return written


def reach(argument: int, _channel: ChildChannel) -> dict[str, str]:
    """Try to connect to a server of the parent on the loopback interface, in Python and in native code."""
    tried = {}
    try:
        socket.create_connection(("127.0.0.1", argument), timeout=2)
        tried["python"] = "reached"
    except OSError as error:
        tried["python"] = type(error).__name__
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    address = socket.AF_INET.to_bytes(2, sys.byteorder) + argument.to_bytes(2, "big") + bytes([127, 0, 0, 1])
    status = libc.connect(fd, address + bytes(8), 16)
    tried["native"] = "reached" if status == 0 else os.strerror(ctypes.get_errno())
    try:
        subprocess.run(["true"], check=True)
        tried["program"] = "started"
    except OSError as error:
        tried["program"] = type(error).__name__
    return tried


def peek(argument: list[str], _channel: ChildChannel) -> dict[str, str]:
    """Try to read these files."""
    contents = {}
    for path in argument:
        try:
            contents[path] = Path(path).read_text()
        except OSError as error:
            contents[path] = type(error).__name__
    return contents


def linked(argument: dict[str, str], _channel: ChildChannel) -> str:
    """Replace the output file by a link."""
    out = Path(argument["out"])
    try:
        out.unlink()
        out.symlink_to(argument["secret"])
    except OSError as error:
        return type(error).__name__
    return "linked"


def wrote(argument: dict[str, str], _channel: ChildChannel) -> dict[str, str]:
    """Try to write these files."""
    results = {}
    for name, path in argument.items():
        try:
            Path(path).write_text("new words")
            results[name] = "written"
        except OSError as error:
            results[name] = type(error).__name__
    return results


def meddle(argument: list[int], _channel: ChildChannel) -> dict[str, str]:
    """Try to signal these processes and to read their memory maps."""
    results = {}
    for pid in argument:
        try:
            os.kill(pid, 0)
            results[f"signal {pid}"] = "reached"
        except OSError as error:
            results[f"signal {pid}"] = type(error).__name__
        try:
            results[f"memory {pid}"] = str(len(Path(f"/proc/{pid}/maps").read_bytes()))
        except OSError as error:
            results[f"memory {pid}"] = type(error).__name__
    return results


REMEMBERED: list[Any] = []


def remember(argument: Any, _channel: ChildChannel) -> list[Any]:
    """Leave state in the process for the next call."""
    REMEMBERED.append(argument)
    return list(REMEMBERED)


def start_thread(_argument: Any, _channel: ChildChannel) -> None:
    """Start a thread, as some libraries do while they load."""
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()


def beget(argument: str, _channel: ChildChannel) -> None:
    """Start a process with native fork, in its own session, and leave it running."""
    libc = ctypes.CDLL(None)
    if libc.fork() == 0:
        libc.setsid()
        Path(argument).write_text(str(libc.getpid()))
        time.sleep(600)
        os._exit(0)
    while not Path(argument).read_text():
        time.sleep(0.01)


def native_fork(_argument: Any, _channel: ChildChannel) -> str:
    """Fork through Python, which only the fork server may."""
    try:
        if os.fork() == 0:
            os._exit(0)
    except PermissionError:
        return "refused"
    return "forked"


def parent(_argument: Any, _channel: ChildChannel) -> int:
    return os.getppid()


def slowly(argument: float, _channel: ChildChannel) -> str:
    time.sleep(argument)
    return "awake"
