"""The rules as they were when videos were judged, to count only answers about rules that did not change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import msgspec

from safelight.policy.categories import Taxonomy
from safelight.policy.documents import Policy, load
from safelight.policy.inheritance import SHIPPED_NAMES
from safelight.store.database import Database
from safelight.store.tables import policies, verdicts
from safelight.store.transaction import Transaction

#: Number of ids in one condition.
_MAX_IDS = 500


@dataclass(frozen=True, kw_only=True)
class JudgedRule:
    """The rule of a verdict, and the hash of the policy that had it."""

    rule: str
    policy_sha256: str


#: Whether answers about a rule of an earlier policy count.
CountsRule: TypeAlias = Callable[[JudgedRule], bool]


def count_all(_judged: JudgedRule) -> bool:
    return True


class UnchangedRules:
    """The rules of published and shipped policies that are the same in the policy in force."""

    def __init__(self, database: Database, tenant: str, current: Policy, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        with database.read_transaction(tenant) as tx:
            rows = tx.select(policies, columns=[policies.c.sha256, policies.c.document])
        self._known = {row.sha256: _entries(msgspec.json.decode(row.document)) for row in rows}
        self._current = self._known[current.sha256] = _entries(current.document)

    def has(self, judged: JudgedRule) -> bool:
        known = self._known.get(judged.policy_sha256)
        if known is None:
            # Shipped policies are not stored, and it takes a second to compile them.
            known = self._shipped.get(judged.policy_sha256, {})
        return judged.rule in self._current and known.get(judged.rule) == self._current[judged.rule]

    @cached_property
    def _shipped(self) -> dict[str, dict[str, Any]]:
        loaded = [load(name, self._taxonomy) for name in SHIPPED_NAMES]
        return {one.sha256: _entries(one.document) for one in loaded}


def read_judged_rules(
    tx: Transaction, video_ids: Collection[str], *, actions: Collection[str]
) -> dict[str, JudgedRule]:
    """For each video the rule of the last verdict with one of these actions."""
    ordered, rules = sorted(video_ids), {}
    for start in range(0, len(ordered), _MAX_IDS):
        for row in tx.select(
            verdicts,
            verdicts.c.video_id.in_(ordered[start : start + _MAX_IDS]),
            verdicts.c.action.in_(actions),
            columns=[verdicts.c.video_id, verdicts.c.rule, verdicts.c.policy_sha256],
            order_by=(verdicts.c.created_at, verdicts.c.id),
        ):
            rules[row.video_id] = JudgedRule(rule=row.rule, policy_sha256=row.policy_sha256)
    return rules


def _entries(document: Mapping[str, Any]) -> dict[str, Any]:
    return {entry["id"]: entry for entry in document["rules"]}
