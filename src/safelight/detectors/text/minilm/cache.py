"""Cache of the built graph on disk. The graph is verified at every start, and built again if it is
damaged.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from safelight.core.fileio import write_atomic


def default_folder() -> Path:
    """The cache folder of the current user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "safelight"


def load_or_build(folder: Path, name: str, make: Callable[[], bytes], *, suffix: str = ".onnx") -> bytes:
    """The cached bytes of `name`. They are built and stored if the file is missing or damaged; the file
    name contains their hash.

    If the folder is not writable, the graph is built at every start.
    """
    for path in sorted(folder.glob(f"{name}-*{suffix}")) if folder.is_dir() else []:
        try:
            data = path.read_bytes()
        except OSError:
            continue
        if path.stem == f"{name}-{_digest(data)}":
            return data
        path.unlink(missing_ok=True)
    data = make()
    try:
        _store(folder, f"{name}-{_digest(data)}{suffix}", data)
    except OSError:
        pass
    return data


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _store(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / name, data)
