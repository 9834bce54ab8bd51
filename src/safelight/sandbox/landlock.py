"""Landlock: which files and folders the calling thread may still reach, for good. Linux 5.13 and later.

What the kernel does not know is left out; on other systems, and in kernels without it, nothing happens and
the answer says so.
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

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
#: How many rights on files each version of the interface knows.
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_MOST_RIGHTS = 16
_MAKE_CHAR, _MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM = 1 << 6, 1 << 9, 1 << 10, 1 << 11, 1 << 12
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _EXECUTE | _READ_FILE | _READ_DIR
#: Nothing is left behind but files and folders: a link may point anywhere.
_NOT_WRITTEN = _EXECUTE | _MAKE_CHAR | _MAKE_SOCK | _MAKE_FIFO | _MAKE_BLOCK | _MAKE_SYM
_NET_FROM, _SCOPE_FROM = 4, 6

#: What programs of any kind read on Linux: libraries, fonts, time zones, the processor's features.
_SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts"),
    *("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu"),
)


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """The kernel's version of the interface; 0: there is none."""
    if sys.platform != "linux":
        return 0
    answer = _libc().syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    return max(int(answer), 0)


def restrict(*, reads: Iterable[str], writes: Iterable[str]) -> int:
    """From now on only these may be read, and `writes` written too. A folder stands for everything in it.

    Returns the kernel's version of the interface; 0: nothing is restricted.
    """
    known = version()
    if not known:
        return 0
    libc = _libc()
    handled = (1 << _RIGHTS.get(known, _MOST_RIGHTS)) - 1
    size = 24 if known >= _SCOPE_FROM else 16 if known >= _NET_FROM else 8
    # Opening no port and reaching none; from version 6 on, signalling nobody outside.
    rules = _Ruleset(handled, 3 if known >= _NET_FROM else 0, 3 if known >= _SCOPE_FROM else 0)
    ruleset = libc.syscall(_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        return 0
    try:
        for path in reads:
            _allow(libc, ruleset, path, _READ & handled)
        for path in writes:
            _allow(libc, ruleset, path, handled & ~_NOT_WRITTEN)
        done = libc.syscall(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return known if done == 0 else 0


def _allow(libc: Any, ruleset: int, path: str, rights: int) -> None:
    """What is not there needs no rule: it cannot be opened either."""
    with contextlib.suppress(OSError):
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(parent).st_mode):
                rights &= _OF_FILES
            rule = _Beneath(rights, parent)
            libc.syscall(
                _ADD,
                ctypes.c_int(ruleset),
                ctypes.c_int(_PATH_BENEATH),
                ctypes.byref(rule),
                ctypes.c_uint32(0),
            )
        finally:
            os.close(parent)


def installation(private: Iterable[str]) -> list[str]:
    """What any call reads: Python, every package on its path, the libraries in use, and the system's own.

    Nothing beneath `private` is among it, even where that lies in one of these.
    """
    wanted = {*_SYSTEM, sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), *filter(None, sys.path)}
    wanted |= _mapped()
    shut = tuple(Path(path).resolve() for path in private)
    return sorted({str(path) for entry in wanted for path in _without(Path(entry), shut)})


def _without(path: Path, shut: tuple[Path, ...]) -> Iterator[Path]:
    """`path`, or where something private lies in it, the parts of it beside that."""
    real = path.resolve()
    if any(real == one or one in real.parents for one in shut):
        return
    if not any(real in one.parents for one in shut):
        yield path
        return
    with contextlib.suppress(OSError):
        for part in sorted(real.iterdir()):
            yield from _without(part, shut)


def _mapped() -> set[str]:
    """Folders of the libraries this process has loaded, wherever the system keeps them."""
    folders = set()
    with contextlib.suppress(OSError), Path("/proc/self/maps").open(encoding="utf-8") as maps:
        for line in maps:
            path = line[line.find("/") :].strip() if "/" in line else ""
            if ".so" in path:
                folders.add(str(Path(path).parent))
    return folders


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
