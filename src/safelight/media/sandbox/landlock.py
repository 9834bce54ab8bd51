"""Landlock (Linux 5.13 and later): permanently restricts which paths the calling thread may access.

Access rights that the kernel does not know are not restricted. If the kernel has no Landlock, nothing is
restricted and `restrict` returns 0.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_SYS_CREATE_RULESET, _SYS_ADD_RULE, _SYS_RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
#: Number of file access rights in each Landlock ABI version.
_RIGHTS_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15}
_MAX_RIGHTS = 16
_MAKE_CHAR, _MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM = 1 << 6, 1 << 9, 1 << 10, 1 << 11, 1 << 12
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ_RIGHTS = _EXECUTE | _READ_FILE | _READ_DIR
#: A child may create only files and folders, because a link could point to any path.
_NEVER_WRITTEN = _EXECUTE | _MAKE_CHAR | _MAKE_SOCK | _MAKE_FIFO | _MAKE_BLOCK | _MAKE_SYM
_MIN_NET_VERSION, _MIN_SCOPE_VERSION = 4, 6

#: Paths that any program reads on Linux: libraries, fonts, time zones, CPU features.
_SYSTEM_PATHS = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts"),
    *("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu"),
)


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi_version() -> int:
    """The Landlock ABI version of the kernel; 0 if Landlock is not available."""
    if sys.platform != "linux":
        return 0
    answer = _libc().syscall(_SYS_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    return max(int(answer), 0)


def restrict(*, reads: Iterable[str], writes: Iterable[str]) -> int:
    """Allow only reading `reads`, and reading and writing `writes`.

    A folder includes everything in it. Returns the Landlock ABI version; 0 if nothing is restricted.
    """
    version = abi_version()
    if not version:
        return 0
    libc = _libc()
    handled_rights = (1 << _RIGHTS_BY_VERSION.get(version, _MAX_RIGHTS)) - 1
    size = 24 if version >= _MIN_SCOPE_VERSION else 16 if version >= _MIN_NET_VERSION else 8
    # The process may not bind or connect TCP ports. From version 6 on, it may not send signals to processes
    # outside.
    rules = _Ruleset(
        handled_rights, 3 if version >= _MIN_NET_VERSION else 0, 3 if version >= _MIN_SCOPE_VERSION else 0
    )
    ruleset = libc.syscall(
        _SYS_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0)
    )
    if ruleset < 0:
        return 0
    try:
        for path in reads:
            _allow(libc, ruleset, path, _READ_RIGHTS & handled_rights)
        for path in writes:
            _allow(libc, ruleset, path, handled_rights & ~_NEVER_WRITTEN)
        error = libc.syscall(_SYS_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return version if error == 0 else 0


def _allow(libc: Any, ruleset: int, path: str, rights: int) -> None:
    """Add a rule for a path. A path that does not exist needs no rule, because it cannot be opened."""
    with contextlib.suppress(OSError):
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(parent).st_mode):
                rights &= _FILE_RIGHTS
            rule = _Beneath(rights, parent)
            libc.syscall(
                _SYS_ADD_RULE,
                ctypes.c_int(ruleset),
                ctypes.c_int(_PATH_BENEATH),
                ctypes.byref(rule),
                ctypes.c_uint32(0),
            )
        finally:
            os.close(parent)


def readable_paths(private: Iterable[str]) -> list[str]:
    """Paths that every call may read: Python, the packages on its path, loaded libraries and system files.

    Paths in `private` are left out, even if they are inside one of these.
    """
    paths = {
        *_SYSTEM_PATHS,
        sys.prefix,
        sys.base_prefix,
        *sysconfig.get_paths().values(),
        *filter(None, sys.path),
    }
    paths |= _library_folders()
    excluded = tuple(Path(folder).resolve() for folder in private)
    return sorted({str(folder) for path in paths for folder in _without(Path(path), excluded)})


def _without(path: Path, excluded: tuple[Path, ...]) -> Iterator[Path]:
    """`path`; or, if it contains excluded folders, the entries in it that are not excluded."""
    real = path.resolve()
    if any(real == other or other in real.parents for other in excluded):
        return
    if not any(real in other.parents for other in excluded):
        yield path
        return
    with contextlib.suppress(OSError):
        for child in sorted(real.iterdir()):
            yield from _without(child, excluded)


def _library_folders() -> set[str]:
    """Folders of the native libraries that this process has loaded."""
    folders = set()
    with contextlib.suppress(OSError), Path("/proc/self/maps").open(encoding="utf-8") as maps:
        for line in maps:
            path = line[line.find("/") :].strip() if "/" in line else ""
            if ".so" in path:
                folders.add(str(Path(path).parent))
    return folders


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
