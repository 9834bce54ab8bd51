"""Writes a policy like another one, with one rule changed a step, as a document that a person can edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import yaml

from safelight.core.errors import Conflict

from .documents import Policy
from .verdicts import Action

#: How far a threshold moves: one step changes verdicts and never switches a rule off.
STEP = 0.1
#: The points between which a rule is neither off nor matches everything.
MIN_SCORE, MAX_SCORE = 0.1, 0.95
#: The name of a policy that was made from a shipped one.
OWN_NAME = "house"
_MILDER = {Action.BLOCK: Action.HOLD, Action.HOLD: Action.LABEL, Action.LABEL: Action.ALLOW}
_STRICTER = {Action.ALLOW: Action.HOLD, Action.LABEL: Action.HOLD, Action.HOLD: Action.BLOCK}


class DraftDirection(StrEnum):
    #: The rule stops what the policy allows.
    MILDER = "milder"
    #: The rule misses what the policy forbids.
    STRICTER = "stricter"


def write_draft(current: Policy, shipped: Iterable[Policy], rule: str, direction: DraftDirection) -> str:
    """The document of a policy that differs from `current` in one rule, as YAML.

    It extends the shipped policy to which it adds least. Raises `Conflict` if the rule does not exist or
    cannot be changed.
    """
    document = dict(current.document)
    changed = [_change(entry, direction) if entry["id"] == rule else entry for entry in document["rules"]]
    if changed == document["rules"]:
        raise Conflict(f"The policy in force has no rule {rule[:80]!r} that can be changed.", param="rule")
    base = min(
        (one for one in shipped if _extends(document, one.document)),
        key=lambda one: len(_own_entries(changed, one.document["rules"])),
        default=None,
    )
    if base is None:
        raise Conflict("The policy in force extends no shipped policy, so no draft can be written.")
    draft = {
        "policy": current.name if current.name != base.name else OWN_NAME,
        "version": "draft",
        "extends": base.name,
        "templates": document.get("templates"),
        "attributes": document.get("attributes"),
        "rules": _own_entries(changed, base.document["rules"]),
        "requires": _own_entries(document["requires"], base.document["requires"]),
    }
    kept = {key: value for key, value in draft.items() if value}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=100)


def _change(entry: Mapping[str, Any], direction: DraftDirection) -> Mapping[str, Any]:
    """The rule one step milder or stricter; unchanged if that is not possible."""
    if entry.get("locked"):
        return entry
    at_least = ((entry.get("when") or {}).get("score") or {}).get("at_least")
    if at_least is not None:
        is_milder = direction is DraftDirection.MILDER
        moved = min(at_least + STEP, MAX_SCORE) if is_milder else max(at_least - STEP, MIN_SCORE)
        if (moved <= at_least) is is_milder:
            # The threshold is at the limit or beyond it, so a step would go back.
            return entry
        score = {**entry["when"]["score"], "at_least": round(moved, 4)}
        return {**entry, "when": {**entry["when"], "score": score}}
    steps = _MILDER if direction is DraftDirection.MILDER else _STRICTER
    action = steps.get(Action(entry["action"]))
    return entry if action is None else {**entry, "action": action.value}


def _extends(document: Mapping[str, Any], base: Mapping[str, Any]) -> bool:
    """Whether the document has every rule and requirement of the base, so that it can be written as its
    extension.
    """
    return all(
        {entry["id"] for entry in base[part]} <= {entry["id"] for entry in document[part]}
        for part in ("rules", "requires")
    )


def _own_entries(entries: Iterable[Mapping[str, Any]], base: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The entries that the base does not have in this form."""
    known = {entry["id"]: entry for entry in base}
    return [dict(entry) for entry in entries if known.get(entry["id"]) != entry]
