"""Interfaces of an evaluation: metrics and attacks, which are loaded from entry points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, TypeVar, runtime_checkable

from safelight.errors import ConfigurationError
from safelight.policy.findings import Finding

METRICS, ATTACKS = "safelight.metrics", "safelight.attacks"

Part = TypeVar("Part")


@dataclass(frozen=True, kw_only=True)
class EvalCase:
    """One labelled prompt. A prompt with the label `safe` has no categories."""

    text: str
    label: str
    categories: tuple[str, ...]
    source: str
    lang: str
    #: Name of the attack that made this variant; empty for an original prompt.
    attack: str = ""


@dataclass(frozen=True, kw_only=True)
class CaseOutcome:
    """The outcome of a case: all findings, and the action of each policy."""

    case: EvalCase
    findings: tuple[Finding, ...]
    actions: Mapping[str, str]
    latency_ms: float
    #: Whether every installed detector completed.
    complete: bool
    #: Names of the policies whose verdict offers help lines.
    support: frozenset[str] = frozenset()


@runtime_checkable
class Metric(Protocol):
    """Computes figures from outcomes. `measure` returns JSON-compatible values."""

    name: str

    def measure(self, outcomes: Sequence[CaseOutcome]) -> Any: ...


@runtime_checkable
class Attack(Protocol):
    """Makes variants of a text that should get the same verdict as the original text. Deterministic."""

    name: str

    def variants(self, text: str) -> Iterable[str]: ...


def load_installed(
    group: str, kind: type[Part], *, points: Iterable[EntryPoint] | None = None
) -> dict[str, Part]:
    """Installed metrics or attacks by name. Raises `ConfigurationError` if one cannot be loaded."""
    found: dict[str, Part] = {}
    for point in sorted(entry_points(group=group) if points is None else points, key=lambda one: one.name):
        try:
            part = point.load()
        except Exception as error:
            raise ConfigurationError(
                f"{point.name!r} ({point.value}) cannot be imported: {type(error).__name__}: {error}",
                remedy="Fix or uninstall the package that provides it.",
            ) from error
        if not isinstance(part, kind):
            raise ConfigurationError(
                f"{point.name!r} ({point.value}) is not a {kind.__name__}.",
                remedy="Fix or uninstall the package that provides it.",
            )
        found[point.name] = part
    return found
