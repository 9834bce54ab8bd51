from __future__ import annotations

from pathlib import Path

import pytest

from safelight.accounts.audit import CheckpointKey, FileCheckpointStore


@pytest.fixture
def key(tmp_path: Path) -> CheckpointKey:
    (tmp_path / "keys").mkdir()
    return CheckpointKey.load(tmp_path / "keys")


@pytest.fixture
def checkpoints(tmp_path: Path) -> FileCheckpointStore:
    (tmp_path / "checkpoints").mkdir()
    return FileCheckpointStore(tmp_path / "checkpoints")
