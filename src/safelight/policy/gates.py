"""Rollout steps: the evidence that each step takes, and what brings a tenant down again. Pure.

A value that was not measured is None and never satisfies a requirement.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from safelight.core.errors import SettingsError
from safelight.core.i18n import load_messages

from .yaml_reader import PolicyProblem, YamlReader

_MAX_NUMBER = 1_000_000
_LOWER = ("max_overturn_rate", "max_missed_harm")


class GateStep(StrEnum):
    """How far an installation is open for a tenant. From the first to the last."""

    #: Only staff with the scope `admin` and keys with the scope `test` create videos.
    CLOSED = "closed"
    #: Only accounts whose access was granted; a person reviews every output.
    PILOT = "pilot"
    #: A person reviews the outputs that a waiver concerns; the quota of the document applies.
    LIMITED = "limited"
    #: The settings of the installation apply.
    GENERAL = "general"

    @property
    def following(self) -> GateStep | None:
        return None if self is _STEPS[-1] else _STEPS[_STEPS.index(self) + 1]

    @property
    def preceding(self) -> GateStep | None:
        return None if self is _STEPS[0] else _STEPS[_STEPS.index(self) - 1]

    def is_below(self, other: GateStep) -> bool:
        return _STEPS.index(self) < _STEPS.index(other)

    def reviews(self, *, waived: bool) -> bool:
        """Whether a person reviews an output before its delivery. `waived`: a waiver concerns it."""
        return self is GateStep.PILOT or (self is GateStep.LIMITED and waived)


_STEPS = tuple(GateStep)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was measured in the present step of a tenant. None: not measured."""

    #: Required checks that no detector does and no waiver excuses.
    unchecked: int | None = None
    #: The categories with a required check that a waiver excuses.
    waived: tuple[str, ...] | None = None
    #: Days since the detectors were evaluated.
    evaluation_days: float | None = None
    #: Enrolled people who may review, and how many outputs they can review in a day.
    reviewers: int | None = None
    capacity: int | None = None
    days_without_incident: float | None = None
    delivered: int | None = None
    #: The part of the delivered outputs that were reviewed before, or that the step did not want reviewed.
    reviewed_share: float | None = None
    #: The part of the held outputs whose time to review ended without a decision.
    late_share: float | None = None
    #: The part of the appeals and second reviews whose outcome differs from the first decision.
    overturn_rate: float | None = None
    #: The interval of the part of the delivered videos that is against the policy, from a random sample.
    missed_harm: tuple[float, float] | None = None

    def value(self, requirement: str) -> float | None:
        """The value that a requirement is compared with when a step is entered."""
        found: float | tuple[float, float] | None = getattr(self, requirement.partition("_")[2])
        return found[1] if isinstance(found, tuple) else found


#: The requirements by name, and whether their number is a share from 0 to 1.
_REQUIREMENTS: Mapping[str, bool] = {
    "max_unchecked": False,
    "max_evaluation_days": False,
    "min_reviewers": False,
    "min_days_without_incident": False,
    "min_delivered": False,
    "min_reviewed_share": True,
    "max_late_share": True,
    "max_overturn_rate": True,
    "max_missed_harm": True,
}


@dataclass(frozen=True, kw_only=True)
class Lack:
    """A requirement that is not met. `measured` is None if nothing was measured."""

    requirement: str
    measured: float | None
    wanted: float

    def sentence(self, language: str) -> str:
        t = load_messages("gates", language)
        share = _REQUIREMENTS.get(self.requirement, False)
        measured = t("not_measured") if self.measured is None else _format(self.measured, share=share)
        bound = self.requirement[:3]
        return t(
            "lack",
            what=t(f"evidence.{self.requirement[4:]}"),
            measured=measured,
            bound=t(bound, number=_format(self.wanted, share=share)),
        )


@dataclass(frozen=True, kw_only=True)
class StepTerms:
    """What one step takes, and its quota."""

    requirements: Mapping[str, float]
    #: Of the tenant; None: no quota of this step.
    videos_per_day: int | None = None


@dataclass(frozen=True, kw_only=True)
class GateDocument:
    window_days: float
    reviews_per_person: int
    #: A decided violation in one of these categories is an incident.
    incidents: frozenset[str]
    lower: Mapping[str, float]
    steps: Mapping[GateStep, StepTerms] = field(default_factory=dict)

    def videos_per_day(self, step: GateStep) -> int | None:
        terms = self.steps.get(step)
        return None if terms is None else terms.videos_per_day


def missing(step: GateStep, evidence: Evidence, document: GateDocument) -> tuple[Lack, ...]:
    """What lacks before a tenant may enter this step."""
    terms = document.steps[step]
    found = []
    for name, wanted in terms.requirements.items():
        measured = evidence.value(name)
        if measured is None or not _is_met(name, measured, wanted):
            found.append(Lack(requirement=name, measured=measured, wanted=wanted))
    cap = terms.videos_per_day
    # Unknown waivers may concern every output.
    waived = evidence.waived is None or bool(evidence.waived)
    if (
        cap is not None
        and step.reviews(waived=waived)
        and (evidence.capacity is None or evidence.capacity < cap)
    ):
        found.append(Lack(requirement="min_capacity", measured=evidence.capacity, wanted=cap))
    return tuple(found)


def must_lower(step: GateStep, evidence: Evidence, document: GateDocument) -> tuple[Lack, ...]:
    """The measurements that bring a tenant one step down. What was not measured does not."""
    if step is GateStep.CLOSED:
        return ()
    harm = evidence.missed_harm
    measured = {
        "max_overturn_rate": evidence.overturn_rate,
        "max_missed_harm": None if harm is None else harm[0],
    }
    return tuple(
        Lack(requirement=name, measured=value, wanted=wanted)
        for name, wanted in document.lower.items()
        if (value := measured[name]) is not None and not _is_met(name, value, wanted)
    )


def evidence_object(evidence: Evidence) -> dict[str, Any]:
    return asdict(evidence)


def _is_met(requirement: str, measured: float, wanted: float) -> bool:
    return measured >= wanted if requirement.startswith("min_") else measured <= wanted


def _format(number: float, *, share: bool) -> str:
    return f"{100 * number:.4g} %" if share else f"{number:.4g}"


def load_gates(path: Path | None, categories: Collection[str]) -> GateDocument:
    """The document in this file; the shipped one without a file. Raises `SettingsError` with all problems."""
    if path is None:
        return _load_shipped(frozenset(categories))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"gates.document: {path} cannot be read: {error.strerror}.") from None
    return read_gates(data, path.name, categories)


@cache
def _load_shipped(categories: frozenset[str]) -> GateDocument:
    source = files("safelight.policy").joinpath("gates.yaml")
    return read_gates(source.read_bytes(), source.name, categories)


def read_gates(data: bytes, name: str, categories: Collection[str]) -> GateDocument:
    problems: list[PolicyProblem] = []
    document = _Reader(name, problems).read(data, categories)
    if problems or document is None:
        raise SettingsError("gates.document: " + " ".join(map(str, problems)))
    return document


class _Reader(YamlReader):
    def __init__(self, file: str, problems: list[PolicyProblem]) -> None:
        super().__init__(file, problems, first_line="window_days: 30")

    def read(self, data: bytes, categories: Collection[str]) -> GateDocument | None:
        root = self.parse(data)
        if root is None:
            return None
        names = ("window_days", "reviews_per_person", "incidents", "lower", "steps")
        given = self._all_of(root, "", names)
        lower_node, steps_node = given.get("lower"), given.get("steps")
        lower = self._requirements(lower_node, "lower", _LOWER) if lower_node else {}
        nodes = self._all_of(steps_node, "steps", _STEPS[1:]) if steps_node else {}
        steps = {GateStep(name): self._step(node, f"steps.{name}") for name, node in nodes.items()}
        self._find_contradictions(steps, nodes, lower)
        window, reviews = (
            self._count(given[name], name, least=1) if name in given else 1 for name in names[:2]
        )
        incidents = self.choices(given["incidents"], "incidents", categories) if "incidents" in given else []
        return GateDocument(
            window_days=window,
            reviews_per_person=int(reviews),
            incidents=frozenset(incidents),
            lower=lower,
            steps=steps,
        )

    def _all_of(self, node: yaml.Node, name: str, names: Collection[str]) -> dict[str, yaml.Node]:
        given = self.mapping(node, name, names)
        for one in names:
            if one not in given:
                self.problem(node, f"{name}.{one}".lstrip("."), "The key is missing.", "Add it.")
        return given

    def _step(self, node: yaml.Node, name: str) -> StepTerms:
        found = self._requirements(node, name, (*_REQUIREMENTS, "videos_per_day"))
        cap = found.pop("videos_per_day", None)
        if cap is None and name != f"steps.{GateStep.GENERAL}":
            message = "The key videos_per_day is missing, which the capacity of reviewers is compared with."
            self.problem(node, name, message, "Add it.")
        return StepTerms(requirements=found, videos_per_day=None if cap is None else int(cap))

    def _requirements(self, node: yaml.Node, name: str, known: Collection[str]) -> dict[str, float]:
        found = {}
        for key, value in self.mapping(node, name, known).items():
            here = f"{name}.{key}"
            share = _REQUIREMENTS.get(key, False)
            number = self.probability(value, here) if share else self._count(value, here)
            if number is not None:
                found[key] = number
        return found

    def _count(self, node: yaml.Node, name: str, *, least: int = 0) -> float:
        number = self.number(node, name)
        if number is None:
            return least
        if not least <= number <= _MAX_NUMBER or number != int(number):
            self.problem(
                node,
                name,
                f"The value must be a whole number from {least} to {_MAX_NUMBER}, not {number:g}.",
                "Change it.",
            )
        return number

    def _find_contradictions(
        self, steps: Mapping[GateStep, StepTerms], nodes: Mapping[str, yaml.Node], lower: Mapping[str, float]
    ) -> None:
        for step, terms in steps.items():
            earlier = steps.get(step.preceding) if step.preceding else None
            for name, wanted in earlier.requirements.items() if earlier else ():
                own = terms.requirements.get(name)
                if own is None or not _is_met(name, own, wanted):
                    self.problem(
                        nodes[step],
                        f"steps.{step}.{name}",
                        f"The step asks for less than {step.preceding}, which comes before it.",
                        f"Write {name}: {wanted:g}, or a stricter number.",
                    )
            for name, bound in lower.items():
                own = terms.requirements.get(name)
                if own is not None and own > bound:
                    self.problem(
                        nodes[step],
                        f"steps.{step}.{name}",
                        f"A tenant that enters the step with this value is lowered at once: lower.{name} is "
                        f"{bound:g}.",
                        f"Write at most {bound:g}.",
                    )
