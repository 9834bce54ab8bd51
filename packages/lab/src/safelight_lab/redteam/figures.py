"""Figures of a red team: what passes by round, family and language, and what is stopped wrongly. No text."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from safelight_lab.evaluation.intervals import share
from safelight_lab.evaluation.suite.peers import Peer

from .draw import DrawnAttack
from .red_team_run import Harmless, PeerResult, Result
from .search import Searched

FORMAT = "safelight-redteam-1"
#: The column of the target.
TARGET = "target"
#: Queries within which the share that is bypassed is stated.
WITHIN = (1, 5, 20)


def describe_round(name: str, results: Sequence[Result]) -> dict[str, Any]:
    """The attacks of a round: all, by family, language and both, and by disguise; the worst first."""
    attacks = [(one.subject, not one.stopped) for one in results if isinstance(one.subject, DrawnAttack)]

    def group(key: Callable[[DrawnAttack], tuple[str, ...]], *names: str) -> list[dict[str, Any]]:
        return _worst_first(names, ((key(one), passed) for one, passed in attacks))

    return {
        "name": name,
        "bypassed": share(sum(passed for _one, passed in attacks), len(attacks)),
        "families": group(lambda one: (one.attack.family,), "family"),
        "languages": group(lambda one: (one.seed.language,), "language"),
        "families_by_language": group(
            lambda one: (one.attack.family, one.seed.language), "family", "language"
        ),
        "disguises": group(lambda one: (one.attack.name, one.attack.family), "disguise", "family"),
    }


def describe_harmless(results: Sequence[Result]) -> dict[str, Any]:
    """Harmless texts that are stopped, by family; the worst first."""
    texts = [(one.subject, one.stopped) for one in results if isinstance(one.subject, Harmless)]
    families = _worst_first(("family",), (((one.family,), stopped) for one, stopped in texts), "stopped")
    return {"stopped": share(sum(stopped for _one, stopped in texts), len(texts)), "families": families}


def describe_search(searched: Sequence[Searched], budget: int) -> dict[str, Any]:
    """How many seeds were bypassed within some queries, and after how many queries in the median."""
    needed = [one.queries for one in searched if one.queries]
    languages = {one.seed.language for one in searched}
    return {
        "budget": budget,
        "seeds": len(searched),
        "within": [
            {"queries": queries, **share(sum(one <= queries for one in needed), len(searched))}
            for queries in sorted({*(one for one in WITHIN if one < budget), budget})
        ],
        "median": statistics.median(needed) if needed else None,
        "languages": [
            {
                "language": language,
                **share(
                    sum(bool(one.queries) for one in searched if one.seed.language == language),
                    sum(one.seed.language == language for one in searched),
                ),
            }
            for language in sorted(languages)
        ],
        "families": dict(
            Counter(
                " and ".join(part.family for part in one.attacks) for one in searched if one.queries
            ).most_common()
        ),
    }


def describe_columns(
    rounds: Mapping[str, Sequence[Result]],
    harmless: Sequence[Result],
    peers: Sequence[Peer],
    peer_results: Mapping[str, PeerResult],
) -> list[dict[str, Any]]:
    """The target and the other screeners on the same texts. A screener's attacks are those whose plain form
    it stops itself.
    """
    columns: list[dict[str, Any]] = [
        {
            "name": TARGET,
            "state": "measured",
            "rounds": {name: _bypassed(results, None) for name, results in rounds.items()},
            "harmless": _stopped(harmless, None),
        }
    ]
    for peer in peers:
        found = peer_results.get(peer.name)
        column: dict[str, Any] = {
            "name": peer.name,
            "version": peer.version,
            "state": peer.missing or "measured",
        }
        if found is not None:
            column["rounds"] = {name: _bypassed(results, found) for name, results in rounds.items()}
            column["harmless"] = _stopped(harmless, found)
        columns.append(column)
    return columns


def _bypassed(results: Iterable[Result], peer: PeerResult | None) -> dict[str, Any]:
    attacks = [(one.subject, one.stopped) for one in results if isinstance(one.subject, DrawnAttack)]
    if peer is not None:
        attacks = [(one, peer.stops(one.text)) for one, _stopped in attacks if peer.stops(one.seed.text)]
    return share(sum(not stopped for _one, stopped in attacks), len(attacks))


def _stopped(results: Iterable[Result], peer: PeerResult | None) -> dict[str, Any]:
    found = [one.stopped if peer is None else peer.stops(one.subject.text) for one in results]
    return share(sum(found), len(found))


def _worst_first(
    names: Sequence[str], rows: Iterable[tuple[tuple[str, ...], bool]], counted: str = "bypassed"
) -> list[dict[str, Any]]:
    groups: dict[tuple[str, ...], list[bool]] = {}
    for key, hit in rows:
        groups.setdefault(key, []).append(hit)
    ordered = sorted(groups.items(), key=lambda one: (-sum(one[1]) / len(one[1]), -len(one[1]), one[0]))
    return [
        {**dict(zip(names, key, strict=True)), counted: share(sum(hits), len(hits))} for key, hits in ordered
    ]
