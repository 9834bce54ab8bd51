"""The library's search by words and by meaning, and the means of its embeddings.

    python -m bench.library_search                        searches of bench/library_search.jsonl
    python -m bench.library_search means --captions FILE  write the means that are shipped; JSONL with `text`

Figures go to docs/benchmarks/library.md.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from safelight.detectors.models.catalogue import E5, find_model
from safelight.detectors.text.chinese import is_mostly_chinese
from safelight.detectors.text.e5 import search
from safelight.detectors.text.e5.encoder import Array, E5Encoder
from safelight.detectors.text.minilm.graph import WIDTH
from safelight.detectors.text.normalise import normalize_text
from safelight.detectors.text.sketch import Embedder, cosines, embed
from safelight.videos.library import index_terms, order_found, query_terms

SET = Path(__file__).with_suffix(".jsonl")
#: Captions of each language that the means are taken from.
MAX_CAPTIONS = 450


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=["measure", "means"], nargs="?", default="measure")
    parser.add_argument("--captions", type=Path, nargs="+", default=[])
    given = parser.parse_args()
    if (folder := find_model(E5, None)) is None:
        parser.error("the weights of E5 are not installed; run: safelight models pull e5-small")
    encoder = E5Encoder(folder)
    if given.command == "means":
        means = np.stack([_mean(encoder, given.captions, chinese=chinese) for chinese in (False, True)])
        np.save(Path(search.__file__).with_name(search.MEANS_FILE), means)
        return 0
    rows = [json.loads(line) for line in SET.read_text("utf-8").splitlines()]
    print(json.dumps(measure(search.SearchEmbedder(encoder), rows), indent=1))
    return 0


def measure(embedder: Embedder, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Shares of searches that find a wanted entry, with words alone and as the library searches."""
    entries = {row["id"]: row["prompt"] for row in rows if row["kind"] == "entry"}
    queries = [row for row in rows if row["kind"] == "query"]
    terms = {name: index_terms(prompt) for name, prompt in entries.items()}
    before = time.process_time()
    vectors = [embed(normalize_text(prompt), embedder) for prompt in entries.values()]
    spent = {"ms_per_entry": round(1e3 * (time.process_time() - before) / len(entries), 1)}
    before = time.process_time()
    asked = [embed(normalize_text(query["text"]), embedder) for query in queries]
    spent["ms_per_search"] = round(1e3 * (time.process_time() - before) / len(queries), 1)
    near = cosines(asked, vectors)
    found: dict[str, list[list[str]]] = {"words": [], "words and meaning": []}
    for query, row in zip(queries, near.tolist(), strict=True):
        holders = {
            term: frozenset(name for name, held in terms.items() if term in held)
            for term in query_terms(query["text"])
        }
        for name, meanings in (("words", {}), ("words and meaning", dict(zip(entries, row, strict=True)))):
            places = order_found(holders, len(entries), meanings)
            found[name].append(sorted(places, key=places.__getitem__))
    return {
        "entries": len(entries),
        **spent,
        **{name: _shares(queries, lists, entries) for name, lists in found.items()},
    }


def _shares(
    queries: Sequence[Mapping[str, Any]], lists: Sequence[Sequence[str]], entries: Mapping[str, str]
) -> dict[str, Any]:
    best: dict[str, list[int]] = {}
    for query, found in zip(queries, lists, strict=True):
        for name in _groups(query, entries) if query["wanted"] else ():
            places = [found.index(one) + 1 for one in query["wanted"] if one in found]
            best.setdefault(name, []).append(min(places, default=sys.maxsize))
    unknown = [len(found) for query, found in zip(queries, lists, strict=True) if not query["wanted"]]
    return {
        **{
            name: {"n": len(places)}
            | {f"first_{top}": sum(place <= top for place in places) for top in (1, 5, 20)}
            for name, places in best.items()
        },
        "median_found": statistics.median(map(len, lists)),
        "median_found_for_what_no_entry_has": statistics.median(unknown),
    }


def _groups(query: Mapping[str, Any], entries: Mapping[str, str]) -> list[str]:
    wanted = [entries[one] for one in query["wanted"]]
    if all(is_mostly_chinese(one) != is_mostly_chinese(query["text"]) for one in wanted):
        return ["all", "in the other language"]
    own = any(query_terms(query["text"]) <= index_terms(one) for one in wanted)
    return ["all", "in words of the prompt" if own else "in other words"]


def _mean(encoder: E5Encoder, files: Sequence[Path], *, chinese: bool) -> Array:
    texts = [json.loads(line)["text"] for file in files for line in file.read_text("utf-8").splitlines()]
    texts = [text for text in texts if is_mostly_chinese(text) == chinese]
    random.Random(1).shuffle(texts)
    embedded = [encoder.read_text(normalize_text(text)).embedding[-WIDTH:] for text in texts[:MAX_CAPTIONS]]
    return np.asarray(np.mean(embedded, axis=0, dtype=np.float32))


if __name__ == "__main__":
    sys.exit(main())
