"""The difference between two policies, by rule and field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .documents import Policy
from .inheritance import TEMPLATES_OPTIONAL, TEMPLATES_REQUIRED


@dataclass(frozen=True, kw_only=True)
class FieldChange:
    """A changed field of an entry. None is the value of a field that is absent."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True, kw_only=True)
class Change:
    #: added | removed | changed
    kind: str
    id: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PolicyDiff:
    """The changes from `old` to `new`; empty if both make the same decisions."""

    old: str
    new: str
    rules: tuple[Change, ...]
    requirements: tuple[Change, ...]
    steering: tuple[Change, ...] = ()
    #: Whether the shared rules have another order. The order decides between rules with equal actions.
    reordered: bool = False
    #: A change of the key `templates`.
    templates: FieldChange | None = None

    @property
    def empty(self) -> bool:
        return not (self.rules or self.requirements or self.steering or self.reordered or self.templates)

    def as_json(self) -> dict[str, Any]:
        def as_json(change: Change) -> dict[str, Any]:
            return {
                "kind": change.kind,
                "id": change.id,
                "fields": [{"field": one.field, "old": one.old, "new": one.new} for one in change.fields],
            }

        return {
            "old": self.old,
            "new": self.new,
            "rules": [as_json(change) for change in self.rules],
            "requirements": [as_json(change) for change in self.requirements],
            **({"steer": [as_json(change) for change in self.steering]} if self.steering else {}),
            "reordered": self.reordered,
            **(
                {"templates": {"old": self.templates.old, "new": self.templates.new}}
                if self.templates
                else {}
            ),
        }

    def lines(self) -> Iterator[str]:
        """The changes as text lines: `+` added, `-` removed, `~` changed, with old and new values."""
        if self.empty:
            yield f"{self.old} and {self.new} make the same decisions."
        for noun, changes in (
            ("rule", self.rules),
            ("requirement", self.requirements),
            ("steering entry", self.steering),
        ):
            for change in changes:
                sign = {"added": "+", "removed": "-", "changed": "~"}[change.kind]
                yield f"{sign} {noun} {change.id}"
                for one in change.fields:
                    yield f"    {one.field}: {_format_value(one.old)} -> {_format_value(one.new)}"
        if self.templates:
            yield f"~ templates: {self.templates.old} -> {self.templates.new}"
        if self.reordered:
            yield "~ the order of the rules changed"


def diff(old: Policy, new: Policy) -> PolicyDiff:
    """The changes that result if `new` replaces `old`."""
    before, after = _by_id(old, "rules"), _by_id(new, "rules")
    shared_before = [identity for identity in before if identity in after]
    shared_after = [identity for identity in after if identity in before]
    return PolicyDiff(
        old=_label(old),
        new=_label(new),
        rules=tuple(_compare_entries(before, after)),
        requirements=tuple(_compare_entries(_by_id(old, "requires"), _by_id(new, "requires"))),
        steering=tuple(_compare_entries(_by_id(old, "steer"), _by_id(new, "steer"))),
        reordered=shared_before != shared_after,
        templates=_compare_templates(old, new),
    )


def _compare_templates(old: Policy, new: Policy) -> FieldChange | None:
    before, after = (
        TEMPLATES_REQUIRED if policy.demands_template else TEMPLATES_OPTIONAL for policy in (old, new)
    )
    return None if before == after else FieldChange(field="templates", old=before, new=after)


def _label(policy: Policy) -> str:
    return f"{policy.name} {policy.version} ({policy.sha256[:8]})"


def _by_id(policy: Policy, part: str) -> dict[str, Mapping[str, Any]]:
    return {entry["id"]: entry for entry in policy.document.get(part, ())}


def _compare_entries(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[Change]:
    for identity in sorted(before.keys() | after.keys()):
        if identity not in before:
            yield Change(kind="added", id=identity, fields=_compare_fields({}, after[identity]))
        elif identity not in after:
            yield Change(kind="removed", id=identity)
        elif fields := _compare_fields(before[identity], after[identity]):
            yield Change(kind="changed", id=identity, fields=fields)


def _compare_fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    flat_old, flat_new = dict(_flatten(old)), dict(_flatten(new))
    return tuple(
        FieldChange(field=name, old=flat_old.get(name), new=flat_new.get(name))
        for name in sorted(flat_old.keys() | flat_new.keys())
        if flat_old.get(name) != flat_new.get(name) and name != "id"
    )


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flatten(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def _format_value(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
