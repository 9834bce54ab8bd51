"""Rewrites of a language model: a chat endpoint that replays recorded ones, and how well meaning is compared.

python -m bench.rewriter serve [--asked FILE]
python -m bench.rewriter nearness

`serve` prints its address. A request without a recorded answer gets an empty list of rewrites, and at Ctrl-C
its messages are written to `--asked`, to be given to a model. `nearness` needs E5. It prints which rewrites
with other sentences are kept: honest ones, and those that show another scene.
"""

from __future__ import annotations

import argparse
import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from safelight.app.container import Container
from safelight.app.settings import Settings
from safelight.providers.advice.model_rewrites import MIN_NEARNESS, examine_rewrite
from safelight.providers.advice.model_rewriting import make_nearness
from safelight.providers.advice.rewrite_form import RewriteForm
from safelight.providers.advice.suggestion import Suggestion
from safelight.testing.guard_server import ScriptedAnswer, ScriptedGuard

_DATA = Path(__file__).parent / "prompts"
#: Rows: prompt, set and rewrites; and prompt, set and a rewrite of each kind that changes the scene.
ANSWERS, ALTERED = _DATA / "rewriter-answers.jsonl", _DATA / "rewriter-altered.jsonl"
KINDS = ("event", "thing", "left_out", "added")


def serve(asked: Path | None) -> None:
    """Answer chat requests until Ctrl-C."""
    rows = {row["prompt"]: row["rewrites"] for row in _read(ANSWERS)}
    answers = [
        ScriptedAnswer(says=_dump({"rewrites": rewrites}), words=(f'"prompt": {_dump(prompt)}, ',))
        for prompt, rewrites in rows.items()
    ]
    with ScriptedGuard(answers, otherwise=_dump({"rewrites": []})) as server:
        print(f"{server.url}: {len(rows)} recorded answers", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
    if asked:
        found = {one.words: one.body["messages"] for one in server.asked}
        new = [messages for words, messages in found.items() if json.loads(words)["prompt"] not in rows]
        asked.write_text("".join(_dump(messages) + "\n" for messages in new), encoding="utf-8")


def print_nearness() -> None:
    embedder = Container(Settings()).core.search_embedder
    if embedder is None:
        raise SystemExit("E5 is not installed: safelight models")
    answers, altered = _read(ANSWERS), _read(ALTERED)
    print(f"Kept from a nearness of {MIN_NEARNESS}, of rewrites with other sentences:")
    for name in ("chosen", "report"):
        pairs = {"honest": [(row["prompt"], row["rewrites"][-1]) for row in answers if row["set"] == name]}
        for kind in KINDS:
            pairs[kind] = [(row["prompt"], row[kind]) for row in altered if row["set"] == name]
        for kind, rows in pairs.items():
            kept = sum(
                isinstance(
                    examine_rewrite(
                        RewriteForm(prompt, ()), text, (prompt,), make_nearness(prompt, embedder)
                    ),
                    Suggestion,
                )
                for prompt, text in rows
            )
            print(f"  {name}, {kind}: {kept} of {len(rows)} ({kept / len(rows):.1%})")


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _dump(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("serve", "nearness"))
    parser.add_argument("--asked", type=Path)
    given = parser.parse_args()
    if given.what == "nearness":
        print_nearness()
    else:
        serve(given.asked)


if __name__ == "__main__":
    main()
