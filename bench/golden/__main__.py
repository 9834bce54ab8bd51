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

import httpx

from . import surfaces
from .commands import LANGUAGES, help_texts, run_commands
from .installation import Installation, installation
from .player import Player, Step, read_play, scope_row, variants, without_clips
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
    "quick",
)
#: These need the play before them.
_PLAYED = frozenset(
    {"answers", "pages", "refusals", "scopes", "audit", "events", "mails", "metrics", "commands"}
)


def play(here: Installation, parts: frozenset[str]) -> Iterator[tuple[str, Blocks]]:
    """The blocks of each part, in the order of `PARTS`."""
    _waive(here)
    with here.served(), _player(here) as player:
        if "openapi" in parts:
            yield "openapi", surfaces.openapi(player)
        if parts & _PLAYED:
            yield from _play_requests(player, parts)
        for part, read in _after(player):
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
    steps = read_play(HERE / "play.yaml")
    answers = _played(player, steps, closing=False)
    if "pages" in parts:
        yield "pages", surfaces.pages(player)
    if "refusals" in parts:
        yield (
            "refusals",
            {
                f"{step.name}: {name}": _refusal(player, send())
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
    yield "answers", answers | _played(player, steps, closing=True)


def _refusal(player: Player, answer: httpx.Response) -> str:
    """The answer; without its body if the request was accepted, because the right form of it has it too."""
    return f"-> {answer.status_code}" if answer.is_success else player.describe(answer)


def _played(player: Player, steps: list[Step], *, closing: bool) -> Blocks:
    """The recorded answers of the steps that are closing, or of the others."""
    found: Blocks = {}
    for step in steps:
        if step.closing == closing:
            body = player.play(step)
            found |= {step.name: body} if step.record else {}
    return found


def play_without_clips(here: Installation, *, document: bool) -> Iterator[tuple[str, Blocks]]:
    """The answers of the short play, which needs no rendered clip, and the OpenAPI document."""
    _waive(here)
    with here.served(), _player(here) as player:
        if document:
            yield "openapi", surfaces.openapi(player)
        player.prepare(scopes=False)
        steps = without_clips(read_play(HERE / "play.yaml"))
        yield "quick", _played(player, steps, closing=False) | _played(player, steps, closing=True)


def _after(player: Player) -> list[tuple[str, Callable[[], Blocks]]]:
    here = player.here
    return [
        ("audit", lambda: surfaces.audit(here)),
        ("events", lambda: surfaces.events(here)),
        ("mails", lambda: surfaces.mails(here)),
        ("metrics", lambda: surfaces.metrics(player)),
        ("mcp", lambda: surfaces.mcp(here)),
        ("settings", lambda: surfaces.settings(here)),
        ("commands", lambda: run_commands(player, HERE / "commands.yaml")),
        ("help", lambda: help_texts(here, LANGUAGES[1:])),
    ]


def _parts(tree: Path, store: str, parts: frozenset[str], server: str) -> Iterator[tuple[str, Blocks]]:
    """The blocks of the chosen parts. The help does not depend on the store."""
    long = parts - ({"quick"} if store == "sqlite" else {"quick", "help", "settings"})
    only_document = long == {"openapi"} and "quick" in parts
    if long and not only_document:
        with installation(tree, store, server=server) as here:
            yield from ((part, blocks) for part, blocks in play(here, long) if part in long)
    if "quick" in parts:
        with installation(tree, store, server=server) as here:
            yield from play_without_clips(here, document=only_document)


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
    for part, blocks in _parts(asked.tree.resolve(), asked.store, parts, server):
        print(f"golden: {part}: {len(blocks)} blocks", file=sys.stderr)
        if asked.action == "record":
            write_recording(asked.recordings, asked.store, part, blocks)
            continue
        expected = read_recording(asked.recordings, asked.store, part)
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
