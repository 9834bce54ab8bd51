"""What a child gives up before it touches untrusted bytes: network, privileges, memory, time.

Everything here is called in the child itself, while it still has one thread. What the kernel does not
allow is not fatal: it is reported, and `safelight doctor` says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from safelight.sandbox import landlock

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAPBSET_DROP = 24
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_MS_RDONLY, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 4096, 16384, 1 << 18
_CAPABILITY_VERSION_3 = 0x20080522


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one call in a child may use; over it, the child is ended."""

    #: Seconds on the clock for one call, start-up of a cold child included.
    wall_s: float = 600.0
    #: Seconds of CPU time for one call.
    cpu_s: int = 900
    #: Address space of the child. Libraries reserve more than they use: below 1 GiB models do not load.
    memory_bytes: int = 4 << 30
    #: The largest file the child may write.
    file_bytes: int = 4 << 30
    open_files: int = 256
    #: The largest answer, and the largest argument.
    message_bytes: int = 64 << 20


class Isolation(msgspec.Struct, frozen=True, kw_only=True):
    """How far a child is really shut in on this machine."""

    #: `kernel`: an empty network namespace. `python`: only refused inside Python, not in native code.
    network: str
    #: The kernel ends the child when the gateway dies; without it a watching thread does.
    parent_death: bool
    no_new_privileges: bool
    capabilities_dropped: bool
    #: Names of the resource limits that hold.
    limits: tuple[str, ...]
    #: The files and folders that were to be hidden from it, such as keys, are out of its sight.
    files_hidden: bool = False
    #: It reaches only the files its call names, and what Python needs to run.
    files_limited: bool = False
    #: The call ran in a fork of a prepared process, which had its models loaded already.
    prepared: bool = False
    #: Why there is no prepared process, where one was wanted: every call starts a cold child.
    cold_because: str = ""
    #: One sentence for each thing that is missing.
    notes: tuple[str, ...] = ()

    @property
    def full(self) -> bool:
        return not self.notes


class AllowedPaths(msgspec.Struct, frozen=True, kw_only=True):
    """The files and folders a call may touch, absolute; a folder stands for everything in it."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


class ConfinementSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a child is told at its start."""

    #: None: set later, by the forks of a prepared process.
    limits: Limits | None
    #: Process id of the gateway.
    parent: int
    #: Files and folders it must not see: keys, the database.
    hidden: tuple[str, ...] = ()
    #: None: not limited to named files; set later, or the child takes many calls.
    reach: AllowedPaths | None = None
    #: Never readable for being part of the Python path, only by name.
    private: tuple[str, ...] = ()
    #: It may fork, and what it forks may not.
    forks: bool = False


def confine(orders: ConfinementSpec) -> Isolation:
    """Give everything up, once, for good. Exits at once where the parent is already gone."""
    notes: list[str] = []
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    apart = _stand_apart(libc) if libc is not None else 0
    network = "kernel" if apart & _CLONE_NEWNET else "python"
    hidden = libc is not None and bool(apart & _CLONE_NEWNS) and _hide(libc, orders.hidden)
    _refuse_sockets(os.getpid() if orders.forks else 0)
    if network != "kernel":
        notes.append(
            "The kernel does not let the child leave the network; sockets are refused in Python only."
        )
    dropped = libc is not None and _drop_capabilities(libc)
    no_new = libc is not None and libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    # After the namespaces and capabilities: the kernel forgets this signal when those change.
    death = libc is not None and libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0
    if libc is not None:
        # Siblings have the same user: none may look into this one's memory.
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if os.getppid() != orders.parent:
        os._exit(1)
    if not hidden:
        notes.append("The kernel does not let the child lose sight of keys and the database.")
    if not dropped:
        notes.append("Capabilities could not be dropped.")
    if not no_new:
        notes.append("The child could gain privileges from set-user-id programs.")
    if not death:
        notes.append(
            "The kernel does not end children with their parent; a thread in the child watches for it."
        )
    held = limit(orders.limits) if orders.limits is not None else ()
    missing = sorted({"memory", "file size", "open files", "core"} - set(held))
    if missing and orders.limits is not None:
        notes.append(f"Not limited on this system: {', '.join(missing)}.")
    limited = orders.reach is not None and restrict_to(orders.reach, landlock.installation(orders.private))
    if orders.reach is not None and not limited:
        notes.append(UNLIMITED_FILES)
    return Isolation(
        network=network,
        parent_death=death,
        no_new_privileges=no_new,
        capabilities_dropped=dropped,
        files_hidden=hidden,
        files_limited=limited,
        limits=held,
        notes=tuple(notes),
    )


#: The note where Landlock is missing.
UNLIMITED_FILES = "The kernel does not keep the child to the files of its call."


def restrict_to(reach: AllowedPaths, installation: Iterable[str]) -> bool:
    """Reach only these files from now on. False: the kernel cannot do that."""
    return landlock.restrict(reads=(*installation, *reach.reads), writes=reach.writes) > 0


def be_forked(parent: int) -> None:
    """The first thing a fork does: a session of its own, and no life after its parent."""
    os.setsid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0 or os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """What the children of this process leave behind becomes its own, so that it can end it."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def allow_cpu(seconds: int) -> None:
    """Let the process use this many more CPU seconds than it has used so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + max(seconds, 1)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _stand_apart(libc: Any) -> int:
    """Leave the network and the shared view of the file system. Returns what of it was allowed."""
    uid, gid = os.getuid(), os.getgid()
    for wanted in (_CLONE_NEWNET | _CLONE_NEWNS, _CLONE_NEWNET):
        if libc.unshare(wanted) == 0:
            return wanted
        if libc.unshare(_CLONE_NEWUSER | wanted) == 0:
            # Without a map no file system can be mounted.
            for name, text in (
                ("setgroups", "deny"),
                ("uid_map", f"{uid} {uid} 1"),
                ("gid_map", f"{gid} {gid} 1"),
            ):
                with contextlib.suppress(OSError):
                    Path(f"/proc/self/{name}").write_text(text, encoding="ascii")
            return wanted
    return 0


def _hide(libc: Any, paths: tuple[str, ...]) -> bool:
    """Cover each folder with an empty one and each file with an empty one. True: none is left in sight."""
    if libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        return False
    for path in map(Path, paths):
        if path.is_dir():
            options = ctypes.c_char_p(b"size=4k,mode=0500")
            done = libc.mount(b"none", os.fsencode(path), b"tmpfs", _MS_RDONLY, options)
        elif path.exists():
            done = libc.mount(b"/dev/null", os.fsencode(path), None, _MS_BIND, None)
        else:
            done = 0
        if done != 0:
            return False
    return True


def _refuse_sockets(forker: int) -> None:
    """The second line, and the only one on systems without namespaces. The process `forker` may fork."""

    def refuse(event: str, _arguments: tuple[object, ...]) -> None:
        if event in {
            "socket.connect",
            "socket.bind",
            "socket.getaddrinfo",
            "socket.sendto",
            "socket.sendmsg",
        }:
            raise PermissionError("a sandboxed child has no network")
        if event == "os.fork" and os.getpid() == forker:
            return
        if event in {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"}:
            raise PermissionError("a sandboxed child starts no programs")

    sys.addaudithook(refuse)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _drop_capabilities(libc: Any) -> bool:
    for capability in range(64):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    sets = (_CapabilitySets * 2)()
    done: int = libc.capset(ctypes.byref(header), ctypes.byref(sets))
    return done == 0


def limit(limits: Limits) -> tuple[str, ...]:
    """Bound this process for good. Returns the names of the limits that hold."""
    wanted = {
        "memory": (resource.RLIMIT_AS, limits.memory_bytes),
        "file size": (resource.RLIMIT_FSIZE, limits.file_bytes),
        "open files": (resource.RLIMIT_NOFILE, limits.open_files),
        "core": (resource.RLIMIT_CORE, 0),
    }
    held = []
    for name, (which, value) in wanted.items():
        _, hard = resource.getrlimit(which)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(which, (bound, bound))
            held.append(name)
    return tuple(held)
