"""Builds the C2PA manifest definition from the facts of a video. Pure.

The definition contains no prompt text and no personal data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from safelight.policy.findings import Coverage, CoverageStatus
from safelight.policy.verdicts import APPROVED_WITH_GAPS, Action, Verdict, describe_outcome

VERDICT_LABEL = "safelight.verdict"
GENERATION_LABEL = "safelight.generation"
CONSENTS_LABEL = "safelight.consents"
#: All that a delivered file says about checks that were not made, unless the operator chooses otherwise.
WAIVED_REMARK = "Some checks were waived by the operator."
GAPS_REMARK = "A reviewer approved it although required checks were not completed."
_REMARKS = {"waived": WAIVED_REMARK, "gaps_approved": GAPS_REMARK}
_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
#: CAWG's kinds of use that the operator states. `ai_inference` is left out: detectors of harm do that.
_TRAINING_USES = ("data_mining", "ai_generative_training", "ai_training")


class SourceType(StrEnum):
    """IPTC's digital source types."""

    #: Made by a trained model.
    TRAINED = "trainedAlgorithmicMedia"
    #: Made by a program without training, such as `storyboard`.
    ALGORITHMIC = "algorithmicMedia"

    @property
    def uri(self) -> str:
        return _IPTC + self.value


@dataclass(frozen=True, kw_only=True)
class SoftBinding:
    """A watermark that identifies a copy which lost its manifest."""

    #: Algorithm name from C2PA's list of soft bindings, or our own name in reverse domain notation.
    alg: str
    #: Value of the watermark or fingerprint, in base64.
    value: str


class Relationship(StrEnum):
    """C2PA's relationship of an ingredient to the new file."""

    #: The new file is this one, changed. A manifest has at most one.
    PARENT = "parentOf"
    #: The generator got this file as an input.
    INPUT = "inputTo"


class ParentAction(StrEnum):
    """How a parent became the new file: C2PA's action after `c2pa.opened`."""

    #: A remix, an edit or an extension of the parent.
    EDITED = "c2pa.edited"
    #: The generator's own output, encoded again or put into another container.
    TRANSCODED = "c2pa.transcoded"


@dataclass(frozen=True, kw_only=True)
class Ingredient:
    """A file from which the video was made. Its own manifest, if it has one, is kept in the new one."""

    #: Unique in the manifest; actions refer to it.
    label: str
    #: Shown to readers; never a file name that a person has given.
    title: str
    relationship: Relationship
    #: Of a parent: what was done with it.
    action: ParentAction = ParentAction.EDITED
    #: The file, or, if `archived`, its manifest as `worker.archive_ingredient` stored it.
    path: Path
    archived: bool = False
    #: Only its title is kept, and no manifest.
    name_only: bool = False


class TrainingUse(StrEnum):
    """What the operator states about training on delivered files, in CAWG's words."""

    NOT_ALLOWED = "notAllowed"
    ALLOWED = "allowed"


@dataclass(frozen=True, kw_only=True)
class SealFacts:
    """Facts of a video at the time of sealing."""

    video_id: str
    #: Name of the generator in the settings, and the requested model.
    generator: str
    model: str
    source_type: SourceType
    #: Time at which the generator finished, with a time zone.
    generated_at: dt.datetime
    #: Verdict of the stage `output` on exactly the bytes that are sealed.
    verdict: Verdict
    coverage: Coverage
    #: Whether a visible badge is part of the picture.
    badge: bool = False
    #: Whether any stage allowed the video only because required checks were waived.
    is_waived: bool = False
    #: Whether a reviewer released the video, after a hold or after a successful appeal.
    reviewed: bool = False
    #: Whether a reviewer released the video although required checks were not completed.
    gaps_approved: bool = False
    soft_bindings: tuple[SoftBinding, ...] = ()
    #: How the generation was steered and watched; None if it was not.
    generation: Mapping[str, Any] | None = None
    #: Files from which the video was made; at most one parent.
    ingredients: tuple[Ingredient, ...] = ()
    #: One salted commitment for each consent that the video used. It names no person and no consent.
    consents: tuple[str, ...] = ()
    #: None if the operator states nothing.
    training: TrainingUse | None = None
    #: Whether the manifest names the checks that were made, not made and waived.
    names_checks: bool = False


def build(facts: SealFacts, *, version: str) -> dict[str, Any]:
    """The manifest definition for the c2pa library, claim version 2.

    Raises `ValueError` for a video that must never be sealed (held or blocked, and not released by a
    reviewer), for two parents, and for a time without a time zone.
    """
    if facts.verdict.action.severity >= Action.HOLD.severity and not facts.reviewed:
        raise ValueError(f"a verdict of {facts.verdict.action.value!r} cannot be sealed")
    if facts.generated_at.tzinfo is None:
        raise ValueError("generated_at needs a time zone")
    if len(_parents(facts)) > 1:
        raise ValueError("a manifest has at most one parent")
    assertions = [
        {"label": "c2pa.actions", "created": True, "data": {"actions": _actions(facts)}},
        {"label": VERDICT_LABEL, "created": True, "data": _verdict(facts)},
    ]
    assertions += [
        {
            "label": "c2pa.soft-binding",
            "created": True,
            "data": {"alg": binding.alg, "blocks": [{"scope": {}, "value": binding.value}]},
        }
        for binding in facts.soft_bindings
    ]
    if facts.generation is not None:
        # Without what was asked: that would tell what the prompt was about.
        stated = {key: facts.generation[key] for key in ("applied", "gaps", "checks", "steps")}
        assertions.append({"label": GENERATION_LABEL, "created": True, "data": {"schema": 1, **stated}})
    if facts.consents:
        # Sorted, so that their order reveals nothing.
        found = {"alg": "sha256", "commitments": sorted(facts.consents)}
        assertions.append({"label": CONSENTS_LABEL, "created": True, "data": found})
    if facts.training is not None:
        uses = {f"cawg.{use}": {"use": facts.training.value} for use in _TRAINING_USES}
        assertions.append({"label": "cawg.training-mining", "created": True, "data": {"entries": uses}})
    return {
        "claim_version": 2,
        "claim_generator_info": [{"name": "Safelight", "version": version}],
        "title": f"{facts.video_id}.mp4",
        "format": "video/mp4",
        "assertions": assertions,
    }


def _actions(facts: SealFacts) -> list[dict[str, Any]]:
    when = facts.generated_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    inputs = [one.label for one in facts.ingredients if one.relationship is Relationship.INPUT]
    made: dict[str, Any] = {
        "action": "c2pa.created",
        "when": when,
        "digitalSourceType": facts.source_type.uri,
        "softwareAgent": {"name": facts.model or facts.generator},
        **({"parameters": {"ingredientIds": inputs}} if inputs else {}),
    }
    actions = [made]
    for parent in _parents(facts):
        opened = {
            "action": "c2pa.opened",
            "when": when,
            "softwareAgent": {"name": "Safelight"},
            "parameters": {"ingredientIds": [parent.label]},
        }
        actions = [opened, {**made, "action": parent.action.value}]
    if facts.soft_bindings:
        actions.append(
            {
                "action": "c2pa.watermarked",
                "when": when,
                "description": "An invisible watermark in the picture.",
                "softwareAgent": {"name": "Safelight"},
            }
        )
    if facts.badge:
        actions.append(
            {
                "action": "c2pa.addedText",
                "when": when,
                "description": "A visible badge that states that the video was generated.",
                "softwareAgent": {"name": "Safelight"},
            }
        )
    return actions


def _parents(facts: SealFacts) -> list[Ingredient]:
    return [one for one in facts.ingredients if one.relationship is Relationship.PARENT]


def _verdict(facts: SealFacts) -> dict[str, Any]:
    verdict = facts.verdict
    # A public file must not contain the theme of a prompt that the policy allowed.
    is_named = verdict.action is not Action.ALLOW
    # It must not name the checks that are missing either.
    remarks = [WAIVED_REMARK] * facts.is_waived + [GAPS_REMARK] * facts.gaps_approved
    checks: dict[str, Any] = {"remark": " ".join(remarks)} if remarks else {}
    if facts.names_checks:
        waived = sorted(f"{cell.category} ({cell.modality.value})" for cell in verdict.waived)
        checks |= {"coverage": coverage_words(facts.coverage), "waived": waived}
    return {
        "schema": 1,
        "video": facts.video_id,
        "generator": facts.generator,
        "model": facts.model,
        "policy": {"name": verdict.policy, "sha256": verdict.policy_sha256},
        "action": verdict.action.value,
        "category": verdict.category if is_named else "",
        "rule": verdict.rule if is_named else "",
        "judged_sha256": verdict.subject_sha256,
        "reviewed": facts.reviewed,
        "test_card": verdict.test_card_only or any(finding.test_card for finding in verdict.findings),
        **checks,
    }


def outcome_of(verdict: Mapping[str, Any]) -> str | None:
    """The outcome that an assertion `safelight.verdict` states; None if it states none."""
    remarks = remarks_of(verdict)
    if "gaps_approved" in remarks:
        return APPROVED_WITH_GAPS
    action = next((one for one in Action if one.value == verdict.get("action")), None)
    return None if action is None else describe_outcome(action, waived="waived" in remarks)


def remarks_of(verdict: Mapping[str, Any]) -> list[str]:
    """The names of the remarks of an assertion `safelight.verdict`, for the catalogue `provenance`."""
    return [name for name, text in _REMARKS.items() if text in str(verdict.get("remark"))]


def coverage_words(coverage: Coverage) -> dict[str, list[str]]:
    """The checked, partly checked and unchecked cells by coverage status, each as `category (modality)`."""
    words: dict[str, list[str]] = {
        word.value: [] for word in (CoverageStatus.CHECKED, CoverageStatus.PARTLY, CoverageStatus.NOT_CHECKED)
    }
    for cell in coverage:
        if cell.status.value in words:
            words[cell.status.value].append(f"{cell.category} ({cell.modality.value})")
    return {word: sorted(cells) for word, cells in words.items()}
