"""Rewrites of a language model: a chat endpoint that replays recorded ones, and how well meaning is compared.

python -m bench.rewriter serve [--asked FILE] [--port 9000]
python -m bench.rewriter nearness

`serve` gives a request without a recorded answer an empty list of rewrites, and appends its document to
`--asked`, below the instructions of the request: who records answers gives both to a model. `nearness` needs
E5. It prints which rewrites with other sentences are kept: honest ones, and those that show another scene.
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from safelight.app.container import Container
from safelight.app.settings import Settings
from safelight.providers.advice.model_rewrites import MIN_NEARNESS, examine_rewrite
from safelight.providers.advice.model_rewriting import compare_with
from safelight.providers.advice.rewrite_form import RewriteForm
from safelight.providers.advice.suggestion import Suggestion

_DATA = Path(__file__).parent / "prompts"
#: Rows: prompt, set and rewrites; and prompt, set and a rewrite of each kind that changes the scene.
ANSWERS, ALTERED = _DATA / "rewriter-answers.jsonl", _DATA / "rewriter-altered.jsonl"
KINDS = ("event", "thing", "left_out", "added")


def serve(answers: Mapping[str, Sequence[str]], asked: Path | None, port: int) -> ThreadingHTTPServer:
    """A server of `POST /v1/chat/completions` that is not started yet."""
    known: set[str] = set()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            system, user = (one["content"] for one in body["messages"])
            document = json.loads(user)
            prompt = document["prompt"]
            if asked and prompt not in answers:
                with lock, asked.open("a", encoding="utf-8") as file:
                    if not known:
                        file.write(json.dumps({"instructions": system}, ensure_ascii=False) + "\n")
                    if prompt not in known:
                        file.write(json.dumps(document, ensure_ascii=False) + "\n")
                    known.add(prompt)
            content = json.dumps({"rewrites": answers.get(prompt, [])}, ensure_ascii=False)
            self._answer({"choices": [{"index": 0, "message": {"role": "assistant", "content": content}}]})

        def _answer(self, document: Mapping[str, Any]) -> None:
            data = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_arguments: object) -> None:
            return

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def print_nearness() -> None:
    embedder = Container(Settings()).core.search_embedder
    if embedder is None:
        raise SystemExit("E5 is not installed: safelight models")
    compare = compare_with(embedder)
    answers, altered = _read(ANSWERS), _read(ALTERED)
    print(f"Kept from a nearness of {MIN_NEARNESS}, of rewrites with other sentences:")
    for name in ("chosen", "report"):
        pairs = {"honest": [(row["prompt"], row["rewrites"][-1]) for row in answers if row["set"] == name]}
        for kind in KINDS:
            pairs[kind] = [(row["prompt"], row[kind]) for row in altered if row["set"] == name]
        for kind, rows in pairs.items():
            kept = sum(
                isinstance(examine_rewrite(RewriteForm(prompt, ()), text, (prompt,), compare), Suggestion)
                for prompt, text in rows
            )
            print(f"  {name}, {kind}: {kept} of {len(rows)} ({kept / len(rows):.1%})")


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("serve", "nearness"))
    parser.add_argument("--asked", type=Path)
    parser.add_argument("--port", type=int, default=9000)
    given = parser.parse_args()
    if given.what == "nearness":
        print_nearness()
        return
    answers = {row["prompt"]: row["rewrites"] for row in _read(ANSWERS)}
    server = serve(answers, given.asked, given.port)
    print(f"http://127.0.0.1:{server.server_address[1]}/v1: {len(answers)} recorded answers", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
