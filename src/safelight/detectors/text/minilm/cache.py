"""The built graph on disk: made once, checked at every start, made again where it is damaged."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from safelight.fileio import write_atomic


def default_folder() -> Path:
    """Where caches go for this user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "safelight"


def cached(folder: Path, name: str, make: Callable[[], bytes]) -> bytes:
    """The bytes kept under `name`, whose file name carries their hash; made, and kept, where they are not
    there or are not what they were. A folder that cannot be written costs time at every start, no more."""
    for path in sorted(folder.glob(f"{name}-*.onnx")) if folder.is_dir() else []:
        try:
            data = path.read_bytes()
        except OSError:
            continue
        if path.stem == f"{name}-{_digest(data)}":
            return data
        path.unlink(missing_ok=True)
    data = make()
    try:
        _keep(folder, f"{name}-{_digest(data)}.onnx", data)
    except OSError:
        pass
    return data


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _keep(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / name, data)
