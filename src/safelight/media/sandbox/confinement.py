"""Confinement of a sandboxed child: network, privileges, files, memory and CPU time.

Runs in the child itself, while the child has only one thread. If the kernel does not allow a protection, the
child runs without it: `Isolation` reports that, and `safelight doctor` shows it.
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

from safelight.media.sandbox import landlock

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
#: A note if Landlock is not available.
FILES_NOT_RESTRICTED = "The kernel does not restrict the child to the files of its call."


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Resource limits of one call. A child that exceeds one of them is killed."""

    #: Wall-clock seconds of one call; for a cold child, they include its start.
    wall_s: float = 600.0
    #: CPU seconds of one call.
    cpu_s: int = 900
    #: Address space of the child. Libraries reserve more memory than they use: models do not load in less
    #: than 1 GiB.
    memory_bytes: int = 4 << 30
    #: Maximum size of a file that the child writes.
    file_bytes: int = 4 << 30
    open_files: int = 256
    #: Maximum size of a result, and of an argument.
    message_bytes: int = 64 << 20


class Isolation(msgspec.Struct, frozen=True, kw_only=True):
    """The protections that are in force for a child on this machine."""

    #: `kernel`: the child has an empty network namespace. `python`: only Python code cannot open sockets;
    #: native code can.
    network: str
    #: True if the kernel kills the child when the gateway dies. If false, a thread in the child watches for
    #: that.
    parent_death: bool
    no_new_privileges: bool
    capabilities_dropped: bool
    #: Names of the resource limits that are in force.
    limits: tuple[str, ...]
    #: True if the child cannot see the hidden files and folders, such as keys.
    files_hidden: bool = False
    #: True if Landlock restricts the child to the files of its call and those that Python needs.
    files_limited: bool = False
    #: True if the call ran in a fork of the fork server, which had loaded the models.
    forked: bool = False
    #: Why the fork server could not be started, so that every call starts a cold child; empty if it runs or
    #: was not requested.
    fork_server_problem: str = ""
    #: One sentence for each protection that is missing.
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return not self.notes


class AllowedPaths(msgspec.Struct, frozen=True, kw_only=True):
    """Absolute paths that a call may access; a folder includes everything in it."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


class ConfinementSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Instructions for a child that confines itself at its start."""

    #: Resource limits. None: each fork of the fork server sets its own limits later.
    limits: Limits | None
    #: Process id of the gateway.
    parent_pid: int
    #: Files and folders that the child must not see: keys, the database.
    hidden: tuple[str, ...] = ()
    #: Paths to which the child is restricted. None: no restriction (a child that takes many calls), or each
    #: fork sets its own later.
    allowed_paths: AllowedPaths | None = None
    #: Folders that are not readable in general, even if they are on the Python path; a call must name the
    #: paths in them.
    private: tuple[str, ...] = ()
    #: True for the fork server, which may fork; its forks may not.
    may_fork: bool = False


def confine(spec: ConfinementSpec) -> Isolation:
    """Give up all privileges, permanently. Exits at once if the parent process has already ended."""
    notes: list[str] = []
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    namespaces = _unshare(libc) if libc is not None else 0
    network = "kernel" if namespaces & _CLONE_NEWNET else "python"
    files_hidden = libc is not None and bool(namespaces & _CLONE_NEWNS) and _hide(libc, spec.hidden)
    _refuse_sockets(os.getpid() if spec.may_fork else 0)
    if network != "kernel":
        notes.append(
            "The kernel does not allow an empty network namespace; sockets are refused in Python only."
        )
    capabilities_dropped = libc is not None and _drop_capabilities(libc)
    no_new_privileges = libc is not None and libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    # Set after the namespaces and capabilities, because changing those resets the signal.
    parent_death = libc is not None and libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0
    if libc is not None:
        # Other children run as the same user and must not read the memory of this one.
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if os.getppid() != spec.parent_pid:
        os._exit(1)
    if not files_hidden:
        notes.append("The kernel does not allow hiding keys and the database from the child.")
    if not capabilities_dropped:
        notes.append("Capabilities could not be dropped.")
    if not no_new_privileges:
        notes.append("The child could gain privileges through set-user-id programs.")
    if not parent_death:
        notes.append(
            "The kernel does not kill children when their parent ends; a thread in the child does it."
        )
    limits_set = set_limits(spec.limits) if spec.limits is not None else ()
    missing = sorted({"memory", "file size", "open files", "core"} - set(limits_set))
    if missing and spec.limits is not None:
        notes.append(f"These resource limits are not available on this system: {', '.join(missing)}.")
    files_limited = spec.allowed_paths is not None and restrict_to(
        spec.allowed_paths, landlock.readable_paths(spec.private)
    )
    if spec.allowed_paths is not None and not files_limited:
        notes.append(FILES_NOT_RESTRICTED)
    return Isolation(
        network=network,
        parent_death=parent_death,
        no_new_privileges=no_new_privileges,
        capabilities_dropped=capabilities_dropped,
        files_hidden=files_hidden,
        files_limited=files_limited,
        limits=limits_set,
        notes=tuple(notes),
    )


def restrict_to(allowed: AllowedPaths, runtime_paths: Iterable[str]) -> bool:
    """Restrict this process to these paths, permanently. False if the kernel does not support it."""
    return landlock.restrict(reads=(*runtime_paths, *allowed.reads), writes=allowed.writes) > 0


def confine_fork(parent: int) -> None:
    """First step of a fork: start its own session, and let the kernel kill it when its parent ends."""
    os.setsid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0 or os.getppid() != parent:
        os._exit(1)


def become_subreaper() -> None:
    """Make this process the parent of its orphaned grandchildren, so that it can kill them."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def allow_cpu_seconds(seconds: int) -> None:
    """Limit this process to this number of CPU seconds more than it has already used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + max(seconds, 1)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _unshare(libc: Any) -> int:
    """Enter new network and mount namespaces. Returns the namespaces that the kernel allowed."""
    uid, gid = os.getuid(), os.getgid()
    for namespaces in (_CLONE_NEWNET | _CLONE_NEWNS, _CLONE_NEWNET):
        if libc.unshare(namespaces) == 0:
            return namespaces
        if libc.unshare(_CLONE_NEWUSER | namespaces) == 0:
            # Without a user id map, the child cannot mount file systems.
            for name, text in (
                ("setgroups", "deny"),
                ("uid_map", f"{uid} {uid} 1"),
                ("gid_map", f"{gid} {gid} 1"),
            ):
                with contextlib.suppress(OSError):
                    Path(f"/proc/self/{name}").write_text(text, encoding="ascii")
            return namespaces
    return 0


def _hide(libc: Any, paths: tuple[str, ...]) -> bool:
    """Mount an empty folder or file over each path. Returns true if all paths are hidden."""
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
    """Prevent Python code from opening sockets and starting programs.

    This is the second barrier, and the only one if namespaces are not available. Only the process `forker`
    may fork.
    """

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
            raise PermissionError("a sandboxed child must not start programs")

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
    """Drop all Linux capabilities. Returns whether that worked."""
    for capability in range(64):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    sets = (_CapabilitySets * 2)()
    done: int = libc.capset(ctypes.byref(header), ctypes.byref(sets))
    return done == 0


def set_limits(limits: Limits) -> tuple[str, ...]:
    """Set the resource limits of this process, permanently. Returns the names of those that are in force."""
    rlimits = {
        "memory": (resource.RLIMIT_AS, limits.memory_bytes),
        "file size": (resource.RLIMIT_FSIZE, limits.file_bytes),
        "open files": (resource.RLIMIT_NOFILE, limits.open_files),
        "core": (resource.RLIMIT_CORE, 0),
    }
    names = []
    for name, (which, value) in rlimits.items():
        _, hard = resource.getrlimit(which)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(which, (bound, bound))
            names.append(name)
    return tuple(names)
