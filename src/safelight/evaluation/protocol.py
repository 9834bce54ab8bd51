"""What can be added to an evaluation: a metric or an attack, each found by its entry point."""

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
    """One prompt whose answer is known. `safe` has no categories."""

    text: str
    label: str
    categories: tuple[str, ...]
    source: str
    lang: str
    #: The attack that rewrote it, or empty.
    attack: str = ""


@dataclass(frozen=True, kw_only=True)
class CaseOutcome:
    """What became of a case: all findings, and the action of each policy."""

    case: EvalCase
    findings: tuple[Finding, ...]
    actions: Mapping[str, str]
    latency_ms: float
    #: Every installed detector looked at it.
    complete: bool
    #: The policies that offer help lines.
    support: frozenset[str] = frozenset()


@runtime_checkable
class Metric(Protocol):
    """Outcomes in, figures out. What `measure` returns is JSON."""

    name: str

    def measure(self, outcomes: Sequence[CaseOutcome]) -> Any: ...


@runtime_checkable
class Attack(Protocol):
    """Content in, variants out that should be judged as the content was. Deterministic."""

    name: str

    def variants(self, text: str) -> Iterable[str]: ...


def installed(group: str, kind: type[Part], *, points: Iterable[EntryPoint] | None = None) -> dict[str, Part]:
    """The metrics or attacks of all installed packages by name. `ConfigurationError` for a broken one."""
    found: dict[str, Part] = {}
    for point in sorted(entry_points(group=group) if points is None else points, key=lambda one: one.name):
        try:
            part = point.load()
        except Exception as error:
            raise ConfigurationError(
                f"{point.name!r} ({point.value}) cannot be imported: {type(error).__name__}: {error}",
                remedy="Mend or uninstall the package that provides it.",
            ) from error
        if not isinstance(part, kind):
            raise ConfigurationError(
                f"{point.name!r} ({point.value}) is no {kind.__name__}.",
                remedy="Mend or uninstall the package that provides it.",
            )
        found[point.name] = part
    return found
