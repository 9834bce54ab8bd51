from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from safelight.errors import Unavailable
from safelight.provenance.recovery.provenance_check import ProvenanceChecks
from safelight.web.provenance import ProvenanceDoor
from safelight.web.thread_pool import Threads


def test_only_a_few_uploads_of_strangers_wait_and_keys_do_not_wait_for_them(tmp_path: Path) -> None:
    async def run() -> None:
        release = anyio.Event()
        answer: Any = SimpleNamespace(was_searched=False)

        def check_file(path: Path) -> Any:
            if path.name.startswith("stranger"):
                anyio.from_thread.run(release.wait)
            return answer

        checks = cast("ProvenanceChecks", SimpleNamespace(check_file=check_file))
        door = ProvenanceDoor(checks, Threads(4), answer_after_s=0.0)
        async with anyio.create_task_group() as group:
            for number in range(9):
                door.admit_stranger(f"192.0.2.{number}")
                path = tmp_path / f"stranger-{number}"
                path.touch()
                group.start_soon(partial(door.check_upload, path, stranger=True))
                await anyio.wait_all_tasks_blocked()
            with pytest.raises(Unavailable):
                door.admit_stranger("192.0.2.10")
            door.admit_key()
            assert await door.check_upload(tmp_path / "key", stranger=False) is answer
            release.set()
        assert list(tmp_path.iterdir()) == []

    anyio.run(run)
