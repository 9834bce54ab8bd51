"""Jobs of the shared scenario file: nothing is created twice, and each job has the right outcome."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import hostile
import pytest

COUNT = len(hostile.SCENARIOS["faults"])


@pytest.mark.parametrize("client", hostile.RUNS)
@pytest.mark.parametrize("server", hostile.SERVERS)
def test_each_job_has_its_outcome_and_nothing_is_created_twice(
    server: str, client: str, tmp_path: Path
) -> None:
    with hostile.upstream(server, COUNT) as upstream:
        found = hostile.RUNS[client](upstream.url, server, COUNT, tmp_path)
        counts = upstream.counts
    wrong = {
        prompt: found[prompt]
        for prompt, end in hostile.expected(server, COUNT).items()
        if found[prompt] != end
    }
    assert wrong == {}
    assert max(counts["accepted_by_prompt"].values()) == 1
    if not hostile.SERVERS[server]["idempotent"]:
        # At most one create per job was ever sent, but for those that the server refused: it was busy.
        assert counts["received"] == COUNT + hostile.REFUSED
        assert sorted(counts["received_by_key"].values())[-2:] == [1, 1 + hostile.REFUSED]
    # Bytes that are not a video are kept as `.unknown`.
    files = Counter(path.suffix for path in tmp_path.iterdir())
    assert files[".mp4"] == Counter(found.values())["completed"]
    assert files.keys() <= {".mp4", ".unknown"}
