"""The encrypted set of what passed, with its texts. It stays in a local folder outside any repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from safelight.core.errors import InvalidField, NotFound, SafelightError
from safelight.core.fileio import write_atomic
from safelight.store.key_ring import KeyRing

_NAME = "successes"
_FILE, _KEY_FILE = f"{_NAME}.enc", f"{_NAME}.key"
_RECORD = "safelight red team"
_LOST = "Without its key the set cannot be read. Move both files away, and run again."


def prepare_folder(folder: Path) -> None:
    """Makes the folder. Raises `InvalidField` if git could add what is written into it."""
    if not _is_outside_of_git(folder.resolve()):
        raise InvalidField(
            f"{folder} is in a git work tree and is not ignored; texts of a red team must not be committed.",
            param="out",
            remedy="Give a folder outside of it, or add the folder to .gitignore.",
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SafelightError(f"{folder} cannot be made: {error.strerror}.") from error


def load_key(folder: Path) -> KeyRing:
    """The key of the set, made at the first time and readable by its owner alone. Raises `SafelightError`."""
    try:
        return KeyRing.load(folder, _NAME, remedy=_LOST)
    except OSError as error:
        raise SafelightError(f"{folder / _KEY_FILE} cannot be written: {error.strerror}.") from error


def write_successes(folder: Path, key: KeyRing, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replaces the set."""
    plain = "".join(json.dumps(row) + "\n" for row in rows).encode()
    try:
        write_atomic(folder / _FILE, key.encrypt(plain, _RECORD))
    except OSError as error:
        raise SafelightError(f"{folder / _FILE} cannot be written: {error.strerror}.") from error


def read_successes(folder: Path) -> list[dict[str, Any]]:
    """The set in plain form. Raises `NotFound`, or `InvalidField` if the key is not the one of the set."""
    try:
        sealed = (folder / _FILE).read_bytes()
    except OSError as error:
        raise NotFound(f"{folder / _FILE} cannot be read: {error.strerror}.") from error
    if not (folder / _KEY_FILE).is_file():
        raise NotFound(f"{folder / _KEY_FILE} does not exist.", remedy=_LOST)
    plain = KeyRing(folder / _KEY_FILE, remedy=_LOST).decrypt(sealed, _RECORD)
    if plain is None:
        raise InvalidField(f"{folder / _FILE} cannot be decrypted with the key beside it.", remedy=_LOST)
    return [json.loads(line) for line in plain.splitlines()]


def _is_outside_of_git(folder: Path) -> bool:
    """Whether no git work tree contains the folder, or ignores its files."""
    root = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)
    if root is None:
        return True
    git = shutil.which("git")
    if git is None:
        return False
    # Variables such as GIT_DIR would name another repository.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return all(
        subprocess.run(
            (git, "-C", str(root), "check-ignore", "--quiet", str(folder / name)),
            env=clean,
            capture_output=True,
            check=False,
        ).returncode
        == 0
        for name in (_FILE, _KEY_FILE, "report.json")
    )
