"""Builds the C2PA manifest definition from the facts of a video. Pure.

The definition contains no prompt text and no personal data.
"""

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
    #: Whether a reviewer released the video, after a hold or after a successful appeal.
    reviewed: bool = False
    soft_bindings: tuple[SoftBinding, ...] = ()


def build(facts: SealFacts, *, version: str) -> dict[str, Any]:
    """The manifest definition for the c2pa library, claim version 2.

    Raises `ValueError` for a video that must never be sealed (held or blocked, and not released by a
    reviewer), and for a time without a time zone.
    """
    if facts.verdict.action.severity >= Action.HOLD.severity and not facts.reviewed:
        raise ValueError(f"a verdict of {facts.verdict.action.value!r} cannot be sealed")
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
    """The checked, partly checked and unchecked cells by coverage status, each as `category (modality)`."""
    words: dict[str, list[str]] = {
        word.value: [] for word in (CoverageStatus.CHECKED, CoverageStatus.PARTLY, CoverageStatus.NOT_CHECKED)
    }
    for cell in coverage:
        if cell.status.value in words:
            words[cell.status.value].append(f"{cell.category} ({cell.modality.value})")
    return {word: sorted(cells) for word, cells in words.items()}
