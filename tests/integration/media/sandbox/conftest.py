from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child can import `sandbox_escapes`."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    folder = tmp_path / "children"
    folder.mkdir()
    made = Sandbox(Limits(wall_s=60, memory_bytes=2 << 30), folder=folder)
    yield made
    made.close()
    assert list(folder.iterdir()) == []
