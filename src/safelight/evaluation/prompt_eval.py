"""One run: cases through the text pipeline and several policies, measured."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from safelight.detectors.text.pipeline import TextPipeline, TextReport
from safelight.moderation.evaluation import PolicyEvaluator, texts_sha256
from safelight.policy.categories import Taxonomy
from safelight.policy.documents import Policy
from safelight.policy.findings import Modality, Stage

from .datasets import DataSet
from .label_mapping import FOUND
from .protocol import Attack, CaseOutcome, EvalCase, Metric

_FIELD = "prompt"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What was measured, on what, with what."""

    datasets: tuple[Mapping[str, Any], ...]
    attacks: tuple[str, ...]
    detectors: Mapping[str, str]
    #: sha256 over the names and versions of all detectors, which carry the hashes of their weights.
    model_hash: str
    thresholds: Mapping[str, Any]
    #: By the name of each metric.
    results: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The report; the built-in metrics' figures stand at the top, under `rows` and `latency_ms`."""
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
    """Every case, and every variant an attack makes of an unsafe one, or of any."""
    chosen = tuple(attacks)
    for dataset in datasets:
        for case in dataset.cases:
            yield case
            if attack_safe or case.label == "unsafe":
                for attack in chosen:
                    for variant in attack.variants(case.text):
                        yield EvalCase(
                            text=variant,
                            label=case.label,
                            categories=case.categories,
                            source=case.source,
                            lang=case.lang,
                            attack=attack.name,
                        )


def run(
    datasets: Sequence[DataSet],
    *,
    pipeline: TextPipeline,
    taxonomy: Taxonomy,
    policies: Mapping[str, Policy],
    metrics: Iterable[Metric],
    attacks: Sequence[Attack] = (),
    attack_safe: bool = False,
    progress: Callable[[int], None] = lambda _done: None,
) -> Run:
    """Screen and judge every case as the prompt stage would, without waivers, and measure the outcomes."""
    judges = {name: _judge(policy, taxonomy) for name, policy in policies.items()}
    outcomes = []
    for number, case in enumerate(cases(datasets, attacks, attack_safe=attack_safe), start=1):
        outcomes.append(_outcome(case, pipeline.screen({_FIELD: case.text}), judges))
        progress(number)
    detectors = {detector.name: detector.version for detector in pipeline.detectors}
    versions = "\n".join(f"{name} {version}" for name, version in sorted(detectors.items()))
    return Run(
        datasets=tuple({"name": one.name, "sha256": one.sha256, "n": len(one.cases)} for one in datasets),
        attacks=tuple(attack.name for attack in attacks),
        detectors=detectors,
        model_hash=hashlib.sha256(versions.encode()).hexdigest(),
        thresholds={
            "found": FOUND,
            "operating": operating(pipeline),
            "policies": {name: policy.sha256 for name, policy in policies.items()},
        },
        results={metric.name: metric.measure(outcomes) for metric in metrics},
    )


def operating(pipeline: TextPipeline) -> dict[str, str]:
    """The versions of the detectors that have operating points of their own, which those versions carry."""
    return {one.name: one.version for one in pipeline.detectors if one.name in ("minilm", "ngrams")}


def _judge(policy: Policy, taxonomy: Taxonomy) -> PolicyEvaluator:
    return PolicyEvaluator(taxonomy=taxonomy, policy=lambda _tenant: policy, waivers=lambda _tenant: ())


def _outcome(case: EvalCase, report: TextReport, judges: Mapping[str, PolicyEvaluator]) -> CaseOutcome:
    verdicts = {
        name: judge.evaluate(
            Stage.PROMPT,
            tenant="",
            findings=report.findings,
            cells=report.cells,
            modalities=frozenset({Modality.TEXT}),
            subject_sha256=texts_sha256({_FIELD: case.text}),
        ).verdict
        for name, judge in judges.items()
    }
    return CaseOutcome(
        case=case,
        findings=report.findings,
        actions={name: verdict.action.value for name, verdict in verdicts.items()},
        support=frozenset(name for name, verdict in verdicts.items() if verdict.support),
        latency_ms=report.latency_ms,
        complete=all(cell.complete for cell in report.cells),
    )
