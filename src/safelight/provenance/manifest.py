"""What a manifest says, as a pure function of what is known. No prompt text and no person's data goes in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safelight.policy.coverage import Coverage, CoverageStatus
from safelight.policy.verdicts import Action, Verdict

VERDICT_LABEL = "safelight.verdict"
_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"


class SourceType(StrEnum):
    """IPTC's words for how a video came about."""

    #: Made by a trained model.
    TRAINED = "trainedAlgorithmicMedia"
    #: Made by a program that was not trained on anything, such as `storyboard`.
    ALGORITHMIC = "algorithmicMedia"

    @property
    def uri(self) -> str:
        return _IPTC + self.value


@dataclass(frozen=True, kw_only=True)
class SoftBinding:
    """A watermark or fingerprint by which a copy that lost its manifest can be found again."""

    #: A name from C2PA's list of soft binding algorithms, or a reverse domain name of our own.
    alg: str
    #: base64.
    value: str


@dataclass(frozen=True, kw_only=True)
class SealFacts:
    """What is known of a video at the moment it is sealed."""

    video_id: str
    #: Name of the generator as configured, and the model that was ordered from it.
    generator: str
    model: str
    source_type: SourceType
    #: When the generator finished, with time zone.
    generated_at: dt.datetime
    #: The verdict of the stage `output` on the very bytes that are sealed.
    verdict: Verdict
    coverage: Coverage
    #: A visible badge was burnt into the picture.
    badge: bool = False
    #: A person released it after a hold, or an appeal was won.
    reviewed: bool = False
    soft_bindings: tuple[SoftBinding, ...] = ()


def build(facts: SealFacts, *, version: str) -> dict[str, Any]:
    """The manifest definition for c2pa, claim version 2.

    Raises `ValueError` on facts that must never be sealed: held or blocked and not released by a person, or a
    time without zone.
    """
    if facts.verdict.action.severity >= Action.HOLD.severity and not facts.reviewed:
        raise ValueError(f"a verdict of {facts.verdict.action.value!r} is not sealed")
    if facts.generated_at.tzinfo is None:
        raise ValueError("generated_at needs a time zone")
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
    return {
        "claim_version": 2,
        "claim_generator_info": [{"name": "Safelight", "version": version}],
        "title": f"{facts.video_id}.mp4",
        "format": "video/mp4",
        "assertions": assertions,
    }


def _actions(facts: SealFacts) -> list[dict[str, Any]]:
    when = facts.generated_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    actions: list[dict[str, Any]] = [
        {
            "action": "c2pa.created",
            "when": when,
            "digitalSourceType": facts.source_type.uri,
            "softwareAgent": {"name": facts.model or facts.generator},
        }
    ]
    if facts.badge:
        actions.append(
            {
                "action": "c2pa.addedText",
                "when": when,
                "description": "A visible badge that says the video was generated.",
                "softwareAgent": {"name": "Safelight"},
            }
        )
    return actions


def _verdict(facts: SealFacts) -> dict[str, Any]:
    verdict = facts.verdict
    return {
        "schema": 1,
        "video": facts.video_id,
        "generator": facts.generator,
        "model": facts.model,
        "policy": {"name": verdict.policy, "sha256": verdict.policy_sha256},
        "action": verdict.action.value,
        "category": verdict.category,
        "rule": verdict.rule,
        "judged_sha256": verdict.subject_sha256,
        "reviewed": facts.reviewed,
        "test_card": verdict.test_card_only or any(finding.test_card for finding in verdict.findings),
        "coverage": coverage_words(facts.coverage),
        "waived": sorted(f"{cell.category} ({cell.modality.value})" for cell in verdict.waived),
    }


def coverage_words(coverage: Coverage) -> dict[str, list[str]]:
    """Which categories were checked in which modality, by the words pages use; what is off is left out."""
    words: dict[str, list[str]] = {
        word.value: [] for word in (CoverageStatus.CHECKED, CoverageStatus.PARTLY, CoverageStatus.NOT_CHECKED)
    }
    for cell in coverage:
        if cell.status.value in words:
            words[cell.status.value].append(f"{cell.category} ({cell.modality.value})")
    return {word: sorted(cells) for word, cells in words.items()}
