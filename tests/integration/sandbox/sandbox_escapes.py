"""Entry points that try to escape or exhaust the sandbox; imported by the child only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from safelight import errors
from safelight.sandbox.child_main import ChildChannel


def echo(argument: Any, _link: ChildChannel) -> Any:
    return argument


def pid(_argument: Any, _link: ChildChannel) -> int:
    return os.getpid()


def count_to(argument: int, link: ChildChannel) -> str:
    for number in range(argument):
        link.progress(number)
    return "done"


def signed(argument: list[bytes], link: ChildChannel) -> list[bytes]:
    return [link.sign(data) for data in argument]


def environment(_argument: Any, _link: ChildChannel) -> dict[str, Any]:
    return {"variables": dict(os.environ), "folder": str(Path.cwd()), "writable": os.access(".", os.W_OK)}


def hang(_argument: Any, _link: ChildChannel) -> None:
    while True:
        time.sleep(1)


def burn(_argument: Any, _link: ChildChannel) -> None:
    while True:
        pass


def hang_and_tell(argument: str, _link: ChildChannel) -> None:
    Path(argument).write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1)


def crash(_argument: Any, _link: ChildChannel) -> None:
    sys.stderr.write("the last straw\n")
    sys.stderr.flush()
    ctypes.string_at(0)


def leave(argument: int, _link: ChildChannel) -> None:
    os._exit(argument)


def eat(_argument: Any, _link: ChildChannel) -> None:
    bytearray(64 << 30)


def fail(argument: str, _link: ChildChannel) -> None:
    raise ValueError(argument)


def refuse(_argument: Any, _link: ChildChannel) -> None:
    raise errors.InvalidMedia("The clip is damaged.", param="input_reference", remedy="Send another.")


def pretend(_argument: Any, _link: ChildChannel) -> None:
    raise errors.AccountSuspended("You are suspended.")


def babble(_argument: Any, link: ChildChannel) -> None:
    os.write(link._outbox, b"\xff" * 4096)
    time.sleep(60)


def flood(_argument: Any, link: ChildChannel) -> None:
    os.write(link._outbox, (1 << 30).to_bytes(4, "big"))
    time.sleep(60)


def shout(_argument: Any, _link: ChildChannel) -> str:
    for _ in range(2000):
        sys.stdout.write("x" * 1000)
        sys.stderr.write("y" * 1000)
    return "heard"


def write_much(argument: str, _link: ChildChannel) -> int:
    written = 0
    with Path(argument).open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            written += file.write(b"x" * (1 << 20))
    return written


def reach(argument: int, _link: ChildChannel) -> dict[str, str]:
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
    answer = libc.connect(fd, address + bytes(8), 16)
    tried["native"] = "reached" if answer == 0 else os.strerror(ctypes.get_errno())
    try:
        subprocess.run(["true"], check=True)
        tried["program"] = "started"
    except OSError as error:
        tried["program"] = type(error).__name__
    return tried


def peek(argument: list[str], _link: ChildChannel) -> dict[str, str]:
    """Try to read these files."""
    seen = {}
    for path in argument:
        try:
            seen[path] = Path(path).read_text()
        except OSError as error:
            seen[path] = type(error).__name__
    return seen


def linked(argument: dict[str, str], _link: ChildChannel) -> str:
    """Replace the output file by a link."""
    out = Path(argument["out"])
    try:
        out.unlink()
        out.symlink_to(argument["secret"])
    except OSError as error:
        return type(error).__name__
    return "linked"


def wrote(argument: dict[str, str], _link: ChildChannel) -> dict[str, str]:
    """Try to write these files."""
    told = {}
    for name, path in argument.items():
        try:
            Path(path).write_text("new words")
            told[name] = "written"
        except OSError as error:
            told[name] = type(error).__name__
    return told


def meddle(argument: list[int], _link: ChildChannel) -> dict[str, str]:
    """Try to signal these processes and to read their memory maps."""
    told = {}
    for pid in argument:
        try:
            os.kill(pid, 0)
            told[f"signal {pid}"] = "reached"
        except OSError as error:
            told[f"signal {pid}"] = type(error).__name__
        try:
            told[f"memory {pid}"] = str(len(Path(f"/proc/{pid}/maps").read_bytes()))
        except OSError as error:
            told[f"memory {pid}"] = type(error).__name__
    return told


REMEMBERED: list[Any] = []


def remember(argument: Any, _link: ChildChannel) -> list[Any]:
    """Leave state in the process for the next call."""
    REMEMBERED.append(argument)
    return list(REMEMBERED)


def start_thread(_argument: Any, _link: ChildChannel) -> None:
    """Start a thread, as some libraries do while they load."""
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()


def beget(argument: str, _link: ChildChannel) -> None:
    """Start a process with native fork, in its own session, and leave it running."""
    libc = ctypes.CDLL(None)
    if libc.fork() == 0:
        libc.setsid()
        Path(argument).write_text(str(libc.getpid()))
        time.sleep(600)
        os._exit(0)
    while not Path(argument).read_text():
        time.sleep(0.01)


def native_fork(_argument: Any, _link: ChildChannel) -> str:
    """Fork through Python, which only the fork server may."""
    try:
        if os.fork() == 0:
            os._exit(0)
    except PermissionError:
        return "refused"
    return "forked"


def parent(_argument: Any, _link: ChildChannel) -> int:
    return os.getppid()


def slowly(argument: float, _link: ChildChannel) -> str:
    time.sleep(argument)
    return "awake"
