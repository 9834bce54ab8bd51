"""What `safelight doctor` looks at: each check is a function of plain values that never raises."""

from __future__ import annotations

import datetime as dt
import fcntl
import importlib.util
import os
import resource
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from safelight.sandbox.confinement import Isolation
    from safelight.store.database import Database


class DoctorState(StrEnum):
    OK = "ok"
    #: Works, but less well or less safely than it could.
    WARNING = "warning"
    #: Safelight cannot run, or not as configured.
    FAILED = "failed"


class DoctorCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at, in a sentence; what to do about it where it is not well."""

    name: str
    state: DoctorState
    says: str
    remedy: str = ""


#: What the gateway imports, by the name of the module; the package's name where it is another.
PACKAGES = {
    "alembic": "",
    "av": "",
    "c2pa": "c2pa-python",
    "cryptography": "",
    "cv2": "opencv-python-headless",
    "dbos": "",
    "fastapi": "",
    "jinja2": "",
    "obstore": "",
    "onnxruntime": "",
    "PIL": "pillow",
    "psycopg": "psycopg[binary]",
    "python_multipart": "python-multipart",
    "rapidocr": "",
    "segno": "",
    "sqlalchemy": "",
    "uvicorn": "",
}
#: Free disk space below which the check warns.
_MIN_FREE_BYTES = 5 << 30
_MIB = 1 << 20
#: Release date of this code; a correct clock is later.
_NOT_BEFORE = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
_FONT_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
)


def guarded(name: str, look: Callable[[], DoctorCheck]) -> DoctorCheck:
    """The check, or a failed one that says what went wrong while looking."""
    try:
        return look()
    except Exception as error:
        message = getattr(error, "message", f"{type(error).__name__}: {error}")
        return DoctorCheck(
            name=name, state=DoctorState.FAILED, says=message, remedy=getattr(error, "remedy", "") or ""
        )


def python(version: tuple[int, int] = sys.version_info[:2]) -> DoctorCheck:
    says = f"Python {version[0]}.{version[1]}."
    if (3, 11) <= version < (3, 14):
        return DoctorCheck(name="python", state=DoctorState.OK, says=says)
    return DoctorCheck(
        name="python", state=DoctorState.FAILED, says=says, remedy="Use Python 3.11, 3.12 or 3.13."
    )


def packages(wanted: dict[str, str] = PACKAGES) -> DoctorCheck:
    missing = [package or name for name, package in wanted.items() if importlib.util.find_spec(name) is None]
    if not missing:
        return DoctorCheck(
            name="packages", state=DoctorState.OK, says=f"All {len(wanted)} packages are installed."
        )
    return DoctorCheck(
        name="packages",
        state=DoctorState.FAILED,
        says=f"Not installed: {', '.join(missing)}.",
        remedy="pip install 'safelight[server]'",
    )


def isolation(found: Isolation) -> DoctorCheck:
    """How far untrusted files are really shut in on this machine."""
    if found.complete and not found.fork_server_problem:
        return DoctorCheck(
            name="sandbox", state=DoctorState.OK, says="Files are opened without network or privileges."
        )
    if found.complete:
        return DoctorCheck(
            name="sandbox",
            state=DoctorState.WARNING,
            says="Files are opened without network or privileges, but each in a cold child, which is slower: "
            f"{found.fork_server_problem}",
            remedy="Nothing is less safe. Report the sentence, with the versions of Python and the kernel.",
        )
    return DoctorCheck(
        name="sandbox",
        state=DoctorState.WARNING,
        says=" ".join((*found.notes, *((found.fork_server_problem,) if found.fork_server_problem else ()))),
        remedy="Allow user namespaces for this user (in a container: its security profile), or run Safelight "
        "in a network of its own.",
    )


def limits(wanted_files: int = 1024) -> DoctorCheck:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted_files:
        return DoctorCheck(name="limits", state=DoctorState.OK, says=f"{_count(soft)} open files allowed.")
    return DoctorCheck(
        name="limits",
        state=DoctorState.WARNING,
        says=f"Only {soft} open files allowed ({_count(hard)} at most).",
        remedy=f"Start it after: ulimit -n {wanted_files}",
    )


def disk(data: Path, *, reserve: int, low: int = _MIN_FREE_BYTES) -> DoctorCheck:
    folder = next((one for one in (data, *data.absolute().parents) if one.exists()), Path("/"))
    free = shutil.disk_usage(folder).free
    message = f"{free // _MIB} MiB free for {data}."
    if free < reserve:
        return DoctorCheck(
            name="disk", state=DoctorState.FAILED, says=says, remedy="Make room: nothing can be stored."
        )
    if free < low:
        return DoctorCheck(
            name="disk", state=DoctorState.WARNING, says=says, remedy="Make room, or move `data`."
        )
    return DoctorCheck(name="disk", state=DoctorState.OK, says=says)


def data_directory(data: Path) -> DoctorCheck:
    """Whether it can be used, and whether a Safelight is using it now. Makes nothing."""
    name = "data directory"
    if not data.exists():
        return DoctorCheck(
            name=name,
            state=DoctorState.WARNING,
            says=f"{data} does not exist yet.",
            remedy="Run: safelight init",
        )
    if not data.is_dir() or not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        return DoctorCheck(
            name=name,
            state=DoctorState.FAILED,
            says=f"{data} is no folder this user can write to.",
            remedy="Let this user own it, or name another with `data` in the settings.",
        )
    if stat.S_IMODE(data.stat().st_mode) & 0o007:
        return DoctorCheck(
            name=name,
            state=DoctorState.WARNING,
            says=f"Everybody on this machine can look into {data}.",
            remedy=f"chmod 700 '{data}'",
        )
    holder = _holder(data / "lock")
    used = f"in use by process {holder}" if holder else "free"
    return DoctorCheck(name=name, state=DoctorState.OK, says=f"{data} can be written, and is {used}.")


def _holder(lock: Path) -> str:
    if not lock.exists():
        return ""
    with lock.open(encoding="ascii", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read(20).strip() or "unknown"
    return ""


def port(host: str, number: int) -> DoctorCheck:
    if number == 0:
        return DoctorCheck(name="port", state=DoctorState.OK, says="Any free port is taken.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            return DoctorCheck(
                name="port",
                state=DoctorState.WARNING,
                says=f"{host}:{number} cannot be listened on: {error.strerror}.",
                remedy="If that is not this Safelight running, set another `server.port`.",
            )
    return DoctorCheck(name="port", state=DoctorState.OK, says=f"{host}:{number} is free.")


def database(found: Database) -> DoctorCheck:
    """Reachable, sound, and of a version this Safelight can use. Changes nothing, makes no file."""
    from safelight.store import migrations

    name = "database"
    if found.path is not None and not found.path.exists():
        return DoctorCheck(name=name, state=DoctorState.OK, says="It will be made at the first start.")
    migrations.check(found, thorough=True)
    with found.raw_connection() as connection:
        current = migrations.is_current(connection)
    kind = "SQLite" if found.is_sqlite else "PostgreSQL"
    if not current:
        return DoctorCheck(
            name=name,
            state=DoctorState.OK,
            says=f"{kind}, reachable; its tables are created at the next start.",
        )
    return DoctorCheck(name=name, state=DoctorState.OK, says=f"{kind}, reachable, version {migrations.HEAD}.")


def detectors(installed: Iterable[str], missing: Iterable[tuple[str, str]]) -> list[DoctorCheck]:
    """One check for what is there, and one for each detector that is not effective."""
    names = sorted(installed)
    found = [
        DoctorCheck(
            name="detectors",
            state=DoctorState.OK if names else DoctorState.FAILED,
            says=f"Effective: {', '.join(names)}." if names else "No detector is effective.",
            remedy="" if names else "Reinstall Safelight.",
        )
    ]
    found += [
        DoctorCheck(
            name=f"detector {name}",
            state=DoctorState.WARNING,
            says=sentence,
            remedy="See: safelight models list",
        )
        for name, sentence in missing
    ]
    return found


def fonts(folders: Iterable[str] = _FONT_FOLDERS) -> DoctorCheck:
    for folder in folders:
        place = Path(folder).expanduser()
        if place.is_dir() and any(path.suffix in {".ttf", ".otf", ".ttc"} for path in place.rglob("*.?t?")):
            return DoctorCheck(name="fonts", state=DoctorState.OK, says=f"Fonts in {place}.")
    return DoctorCheck(
        name="fonts",
        state=DoctorState.WARNING,
        says="No system fonts: captions use the font that comes with Pillow, which has Latin letters only.",
        remedy="For other scripts install fonts, such as Debian's fonts-noto-core and fonts-noto-cjk.",
    )


def speech(program: str = "espeak-ng") -> DoctorCheck:
    found = shutil.which(program)
    if found:
        return DoctorCheck(
            name="speech", state=DoctorState.OK, says=f"{found} speaks the storyboard's lines."
        )
    return DoctorCheck(
        name="speech",
        state=DoctorState.WARNING,
        says=f"{program} is not installed: storyboards show spoken lines and do not speak them.",
        remedy="Install it, such as Debian's package espeak-ng.",
    )


def clock(now: dt.datetime, *, signing_from: dt.datetime | None = None) -> DoctorCheck:
    """Wrong clocks make seals that readers refuse."""
    says = f"It is {now.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC."
    if now < max(_NOT_BEFORE, signing_from or _NOT_BEFORE):
        return DoctorCheck(
            name="clock",
            state=DoctorState.FAILED,
            says=f"{says} That lies before this Safelight or its signing certificate was made.",
            remedy="Set the clock, and keep it right with NTP.",
        )
    return DoctorCheck(name="clock", state=DoctorState.OK, says=says)


def signing(keys: Path) -> DoctorCheck:
    """The signing key, read but neither made nor renewed."""
    from cryptography import x509

    from safelight.provenance import certificates

    path = keys / "signing.pem"
    if not path.exists():
        return DoctorCheck(
            name="signing key", state=DoctorState.OK, says="It will be made with the first seal."
        )
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return DoctorCheck(
            name="signing key",
            state=DoctorState.FAILED,
            says=f"{path} can be read by others on this machine.",
            remedy=f"chmod 600 '{path}', and replace it if somebody had the chance to copy it.",
        )
    until = certificates.not_after(x509.load_pem_x509_certificates(path.read_bytes())[0])
    return DoctorCheck(
        name="signing key", state=DoctorState.OK, says=f"Seals until {until:%Y-%m-%d}, then renewed."
    )


def upstream(name: str, url: str, *, timeout_s: float = 3.0) -> DoctorCheck:
    """Whether a generator's server takes connections. Nothing is asked of it."""
    parts = urlsplit(url)
    if not parts.hostname:
        return DoctorCheck(
            name=f"upstream {name}",
            state=DoctorState.FAILED,
            says=f"{url!r} is no address.",
            remedy="Write it as http://host:port/v1.",
        )
    number = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, number), timeout=timeout_s).close()
    except OSError as error:
        return DoctorCheck(
            name=f"upstream {name}",
            state=DoctorState.WARNING,
            says=f"{parts.hostname}:{number} does not answer: {error.strerror or error}.",
            remedy="Start it, or correct its address in the settings.",
        )
    return DoctorCheck(
        name=f"upstream {name}", state=DoctorState.OK, says=f"{parts.hostname}:{number} answers."
    )


def _count(value: int) -> str:
    return "unlimited" if value == resource.RLIM_INFINITY else str(value)
