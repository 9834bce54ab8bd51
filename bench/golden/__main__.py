"""Record what the product answers, or compare with the recording: `python -m bench.golden record | compare`.

The product is started from outside: a gateway on an empty data directory, its commands, its HTTP answers.
Nothing of it is imported. Ids, times, secrets and folders are masked. `compare` ends with 1 if an answer
differs that no entry of changes.yaml covers.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from . import surfaces
from .commands import LANGUAGES, help_texts, run_commands
from .installation import Installation, installation
from .player import Player, read_play, scope_row, variants
from .recording import Blocks, Comparison, read_changes, read_recording, write_recording

HERE = Path(__file__).parent
#: In the order in which they are played.
PARTS = (
    "openapi",
    "answers",
    "pages",
    "refusals",
    "scopes",
    "audit",
    "events",
    "mails",
    "metrics",
    "mcp",
    "settings",
    "commands",
    "help",
)
#: These need the play before them.
_PLAYED = frozenset(
    {"answers", "pages", "refusals", "scopes", "audit", "events", "mails", "metrics", "commands"}
)


def play(here: Installation, parts: frozenset[str], store: str) -> Iterator[tuple[str, Blocks]]:
    """The blocks of each part, in the order of `PARTS`."""
    _waive(here)
    with here.served(), _player(here) as player:
        if "openapi" in parts:
            yield "openapi", surfaces.openapi(player)
        if parts & _PLAYED:
            yield from _play_requests(player, parts)
        for part, read in _after(player, store):
            if part in parts:
                print(f"golden: {part}", file=sys.stderr)
                yield part, read()


def _waive(here: Installation) -> None:
    done = here.run(
        "waivers",
        "add",
        "golden",
        "--by",
        "golden",
        "--reason",
        "golden",
        "--category",
        "*",
        "--expires",
        "never",
    )
    if done.code:
        raise RuntimeError(f"no waiver: {done.out}{done.err}")


@contextmanager
def _player(here: Installation) -> Iterator[Player]:
    player = Player(here)
    try:
        yield player
    finally:
        player.close()


def _play_requests(player: Player, parts: frozenset[str]) -> Iterator[tuple[str, Blocks]]:
    player.prepare(scopes="scopes" in parts)
    player.here.keys["stranger"] = "sk-safelight-golden"
    steps = read_play(HERE / "play.yaml")
    answers: Blocks = {}
    for step in steps:
        if not step.closing:
            answers[step.name] = player.play(step)
    if "pages" in parts:
        yield "pages", surfaces.pages(player)
    if "refusals" in parts:
        yield (
            "refusals",
            {
                f"{step.name}: {name}": player.describe(send())
                for step in steps
                if step.variants
                for name, send in variants(step, player)
            },
        )
    if "scopes" in parts:
        # A path is asked once for each method: the scopes do not depend on the body.
        rows = {f"{step.method} {step.path.partition('?')[0]}": step for step in steps if step.variants}
        yield (
            "scopes",
            {"scopes": "\n".join(f"{name}: {scope_row(step, player)}" for name, step in rows.items())},
        )
    for step in steps:
        if step.closing:
            answers[step.name] = player.play(step)
    unrecorded = {step.name for step in steps if not step.record}
    yield "answers", {name: body for name, body in answers.items() if name not in unrecorded}


def _after(player: Player, store: str) -> list[tuple[str, Callable[[], Blocks]]]:
    here = player.here
    whole = store == "sqlite"
    return [
        ("audit", lambda: surfaces.audit(here)),
        ("events", lambda: surfaces.events(here)),
        ("mails", lambda: surfaces.mails(here)),
        ("metrics", lambda: surfaces.metrics(player)),
        ("mcp", lambda: surfaces.mcp(here)),
        ("settings", lambda: surfaces.settings(here)),
        ("commands", lambda: run_commands(player, HERE / "commands.yaml", text=whole)),
        # The help does not depend on the store.
        ("help", lambda: help_texts(here, LANGUAGES[1:]) if whole else {}),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.golden", description=__doc__)
    parser.add_argument("action", choices=["record", "compare"])
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part; repeatable")
    parser.add_argument("--tree", type=Path, default=HERE.parents[1], help="the checkout that is run")
    parser.add_argument("--changes", type=Path, default=HERE / "changes.yaml", help="answers that may change")
    parser.add_argument("--recordings", type=Path, default=HERE / "recordings")
    asked = parser.parse_args()
    server = os.environ.get("SAFELIGHT_TEST_POSTGRES", "")
    if asked.store == "postgres" and not server:
        parser.error("SAFELIGHT_TEST_POSTGRES is not set to the address of a PostgreSQL server")
    parts = frozenset(asked.only or PARTS)
    changes = read_changes(asked.changes)
    comparison = Comparison()
    with installation(asked.tree.resolve(), asked.store, server=server) as here:
        for part, blocks in play(here, parts, asked.store):
            if part not in parts:
                continue
            print(f"golden: {part}: {len(blocks)} blocks", file=sys.stderr)
            if asked.action == "record":
                write_recording(asked.recordings, asked.store, part, blocks)
            elif asked.store == "sqlite" or part not in ("help",):
                expected = read_recording(asked.recordings, asked.store, part)
                # On PostgreSQL, commands run with `--json` only.
                if asked.store != "sqlite" and part == "commands":
                    expected = {
                        name: body for name, body in expected.items() if name in blocks or "--json" in name
                    }
                comparison.add(part, expected, blocks, changes)
    if asked.action == "record":
        return 0
    for difference in comparison.uncovered:
        print(difference)
        print()
    for reason, count in comparison.covered.most_common():
        print(f"{count} blocks differ as allowed: {reason}")
    print(f"{comparison.equal} blocks are equal, {len(comparison.uncovered)} differ")
    return int(bool(comparison.uncovered))


if __name__ == "__main__":
    sys.exit(main())
