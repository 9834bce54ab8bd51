"""Prompt evaluation: runs cases through the text pipeline and several policies and measures the outcomes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from safelight.detectors.text.pipeline import TextPipeline, TextReport
from safelight.policy.documents import Policy
from safelight.policy.findings import Depth, Modality, Stage, Taxonomy
from safelight.policy.tenant_policy import TenantPolicy
from safelight.screening.evaluation import StageInput, evaluate, texts_sha256
from safelight_lab.evaluation.protocol import Attack, CaseOutcome, EvalCase, Metric

from .datasets import DataSet
from .label_mapping import FOUND

_FIELD = "prompt"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One evaluation run: data, configuration and results."""

    datasets: tuple[Mapping[str, Any], ...]
    attacks: tuple[str, ...]
    detectors: Mapping[str, str]
    #: sha256 of the names and versions of all detectors. A version contains the hash of the detector's
    #: weights.
    model_hash: str
    thresholds: Mapping[str, Any]
    #: Results by metric name.
    results: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The report as JSON; results of built-in metrics are at the top level as `rows` and `latency_ms`."""
        results = dict(self.results)
        return {
            "datasets": [dict(one) for one in self.datasets],
            "attacks": list(self.attacks),
            "detectors": dict(self.detectors),
            "model_hash": self.model_hash,
            "thresholds": dict(self.thresholds),
            "rows": results.pop("rates", []),
            "latency_ms": results.pop("latency_ms", {}),
            "metrics": results,
        }


def cases(
    datasets: Iterable[DataSet], attacks: Iterable[Attack] = (), *, attack_safe: bool = False
) -> Iterator[EvalCase]:
    """All cases and the variants that the attacks make of unsafe cases, or of all cases if `attack_safe`
    is true.
    """
    chosen = tuple(attacks)
    for dataset in datasets:
        for case in dataset.cases:
            yield case
            if attack_safe or case.label == "unsafe":
                for attack in chosen:
                    for variant in attack.variants(case.text):
                        yield replace(case, text=variant, attack=attack.name)


@dataclass(frozen=True, kw_only=True)
class PromptEvaluation:
    """Evaluates data sets of prompts with one pipeline, under several policies."""

    pipeline: TextPipeline
    taxonomy: Taxonomy
    policies: Mapping[str, Policy]
    metrics: Iterable[Metric]

    def run(
        self,
        datasets: Sequence[DataSet],
        *,
        attacks: Sequence[Attack] = (),
        attack_safe: bool = False,
        observe: Callable[[CaseOutcome], None] = lambda _outcome: None,
    ) -> Run:
        """Screens and evaluates each case as the prompt stage does, but without waivers; then computes the
        metrics. `observe` gets each outcome as soon as it is known.
        """
        policies = {
            name: TenantPolicy(tenant="", taxonomy=self.taxonomy, policy=policy)
            for name, policy in self.policies.items()
        }
        outcomes = []
        for case in cases(datasets, attacks, attack_safe=attack_safe):
            outcome = outcome_of(case, self.pipeline.screen({_FIELD: case.text}), policies)
            observe(outcome)
            outcomes.append(outcome)
        detectors = {detector.name: detector.version for detector in self.pipeline.detectors}
        return Run(
            datasets=tuple({"name": one.name, "sha256": one.sha256, "n": len(one.cases)} for one in datasets),
            attacks=tuple(attack.name for attack in attacks),
            detectors=detectors,
            model_hash=hash_of_versions(detectors),
            thresholds={
                "found": FOUND,
                "operating": operating_points(self.pipeline),
                "policies": {name: policy.sha256 for name, policy in self.policies.items()},
            },
            results={metric.name: metric.measure(outcomes) for metric in self.metrics},
        )


def hash_of_versions(detectors: Mapping[str, str]) -> str:
    """The sha256 of the names and versions of detectors."""
    versions = "\n".join(f"{name} {version}" for name, version in sorted(detectors.items()))
    return hashlib.sha256(versions.encode()).hexdigest()


def operating_points(pipeline: TextPipeline) -> dict[str, str]:
    """Versions of the detectors that have their own operating points, which are part of the version."""
    return {one.name: one.version for one in pipeline.detectors if one.name in ("minilm", "ngrams")}


def outcome_of(case: EvalCase, report: TextReport, policies: Mapping[str, TenantPolicy]) -> CaseOutcome:
    """What the prompt stage decides about a text, under each policy, without waivers."""
    given = StageInput(
        stage=Stage.PROMPT,
        subject_sha256=texts_sha256({_FIELD: case.text}),
        findings=report.findings,
        coverage=report.cells,
        modalities=frozenset({Modality.TEXT}),
    )
    return CaseOutcome(
        case=case,
        findings=report.findings,
        verdicts={name: evaluate(policy, given).verdict for name, policy in policies.items()},
        latency_ms=report.latency_ms,
        complete=all(cell.complete for cell in report.cells),
        checked_by_lists=tuple(cell.category for cell in report.cells if cell.depth is Depth.LISTS),
    )
