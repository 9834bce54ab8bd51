"""Interfaces of an evaluation: metrics and attacks, which are loaded from entry points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, TypeVar, runtime_checkable

from safelight.core.errors import ConfigurationError
from safelight.policy.findings import Finding
from safelight.policy.verdicts import Action, Verdict

METRICS, ATTACKS = "safelight.metrics", "safelight.attacks"

Part = TypeVar("Part")


@dataclass(frozen=True, kw_only=True)
class EvalCase:
    """One prompt of a data set, with its label and what a policy should decide about it."""

    text: str
    #: `safe`, `unsafe`, or empty if the data set does not say.
    label: str
    #: Labels of the data set, or our categories. `label_mapping` maps them to our categories.
    categories: tuple[str, ...]
    source: str
    lang: str
    #: Name of the attack that made this variant; empty for an original prompt.
    attack: str = ""
    #: Identifies the row in its data set.
    id: str = ""
    #: The kind of prompt, or of the act that it shows.
    kind: str = ""
    #: The group of people that the prompt is about.
    group: str = ""
    #: A finer label of the data set; several are separated by `|`.
    fine: str = ""
    #: The actions that count as correct; empty if the row expects nothing.
    expect: frozenset[Action] = frozenset()
    #: Whether help lines are correct; None if the row does not say.
    help_ok: bool | None = None


@dataclass(frozen=True, kw_only=True)
class CaseOutcome:
    """The outcome of a case: all findings, and the verdict of each policy."""

    case: EvalCase
    findings: tuple[Finding, ...]
    latency_ms: float
    #: Whether every installed detector completed.
    complete: bool
    #: Verdicts by the name of the policy.
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    #: Categories that only lists and combined rules checked, because no classifier has an operating point
    #: for this language and length.
    checked_by_lists: tuple[str, ...] = ()

    @property
    def actions(self) -> dict[str, str]:
        """The action of each policy."""
        return {name: verdict.action.value for name, verdict in self.verdicts.items()}

    @property
    def support(self) -> frozenset[str]:
        """Names of the policies whose verdict offers help lines."""
        return frozenset(name for name, verdict in self.verdicts.items() if verdict.support)


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
