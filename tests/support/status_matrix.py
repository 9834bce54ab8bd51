"""What a status is taken for, by its word, by what else it says, and by the charge: the rows of a test and of
a table in docs/generators.md.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safelight.providers.protocol import GenerationRequest, Progress
from safelight.providers.videos_api import create
from safelight.testing.upstream import ScriptedUpstream

ROWS = Path(__file__).resolve().parents[1] / "data" / "status-matrix.jsonl"
#: OpenAI's words, Kling's, MiniMax's, and words that nobody knows.
WORDS = ("completed", "succeed", "failed", "Fail", "in_progress", "polished")
#: What the object says besides, and whether the clip can be downloaded.
ENDS: dict[str, tuple[dict[str, Any], bool]] = {
    "nothing": ({}, False),
    "an end, clip there": ({"completed_at": 1_790_000_000}, True),
    "an end, no clip": ({"completed_at": 1_790_000_000}, False),
    "a link, clip there": ({"video_url": "https://clips.example/1.mp4"}, True),
    "progress 100, clip there": ({"progress": 100}, True),
    "progress 100, no clip": ({"progress": "100%"}, False),
    "an error without content, clip there": ({"error": {"code": 0, "message": "success"}}, True),
    "an error": ({"error": {"code": "x", "message": "Out of memory."}}, False),
    "a refusal": ({"fail_reason": "The generated video contains sensitive content."}, False),
}
#: Settings of the server and what it says about the cost, by the name of the column.
CHARGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "own": ({"billing": "own"}, {}),
    "stated": ({}, {"usage": {"cost": 0.4}}),
    "price": ({"usd_per_second": 0.1}, {}),
    "silent": ({}, {}),
}


@dataclass(frozen=True, kw_only=True)
class StatusRow:
    """One status, and for each way of charging whether it was charged; `-` while it is running."""

    word: str
    says: str
    #: `done`, `running`, `failed` or `refused`.
    taken_for: str
    own: str
    stated: str
    price: str
    silent: str


def read_rows() -> list[StatusRow]:
    return [StatusRow(**json.loads(line)) for line in ROWS.read_text(encoding="utf-8").splitlines()]


def observe_all() -> Iterator[StatusRow]:
    """All rows, as a real server answers."""
    for word, says in itertools.product(WORDS, ENDS):
        seen = {name: _observe(word, says, name) for name in CHARGES}
        states = {_taken_for(one) for one in seen.values()}
        assert len(states) == 1, f"the charge of {word}, {says} changes what it is taken for: {states}"
        charged = {name: one.charge.charged.value if one.charge else "-" for name, one in seen.items()}
        yield StatusRow(word=word, says=says, taken_for=states.pop(), **charged)


def _observe(word: str, says: str, charge: str) -> Progress:
    fields, has_clip = ENDS[says]
    options, cost = CHARGES[charge]
    bare = {"completed_at": None, "progress": 40, "error": None}
    rule: dict[str, Any] = {"polls": 0, "fields": {**bare, **fields, **cost, "status": word}}
    if not has_clip:
        rule["content"] = "missing"
    with (
        ScriptedUpstream({"otherwise": rule}) as upstream,
        closing(create({"url": upstream.url, "models": ["scripted-1"], **options})) as made,
    ):
        request = GenerationRequest(
            key="k", model="scripted-1", prompt="a pond", seconds=4, width=1280, height=720
        )
        return made.progress(made.submit(request))


def _taken_for(progress: Progress) -> str:
    return "refused" if progress.refusal is not None else progress.state.value


def write() -> None:
    """Write the rows anew: `PYTHONPATH=tests python -m support.status_matrix`."""
    lines = [json.dumps(asdict(row), ensure_ascii=False) for row in observe_all()]
    ROWS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
