"""Short words for findings, coverage and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest

from safelight.policy.categories import SHIPPED
from safelight.policy.coverage import Coverage
from safelight.policy.decisions import decide, required_coverage
from safelight.policy.documents import Policy, load
from safelight.policy.findings import Basis, Finding, Modality, OperatingPoint, Stage
from safelight.policy.verdicts import Context, Verdict

USUAL = {
    Stage.PROMPT: {Modality.TEXT},
    Stage.REFERENCE: {Modality.IMAGE},
    Stage.OUTPUT: {Modality.FRAMES, Modality.AUDIO},
}


class Seen(Protocol):
    def __call__(self, category: str, score: float = ..., modality: str = ..., **more: Any) -> Finding: ...


class Decided(Protocol):
    def __call__(self, stage: str, *findings: Finding, **more: Any) -> Verdict: ...


class Checked(Protocol):
    def __call__(self, policy: Policy, stage: str, *modalities: str) -> Coverage: ...


@pytest.fixture(scope="session")
def starter() -> Policy:
    return load("starter", SHIPPED)


@pytest.fixture(scope="session")
def point() -> OperatingPoint:
    """The operating point of a learned finding."""
    return OperatingPoint(
        voice="english",
        language="en",
        length="4-8",
        score=0.5,
        false_alarm_rate=0.001,
        low=0.0,
        high=0.002,
        sample=5000,
    )


@pytest.fixture(scope="session")
def seen() -> Seen:
    def make(
        category: str,
        score: float = 0.95,
        modality: str = "text",
        *,
        card: bool = False,
        basis: Basis = Basis.MATCHED,
        point: OperatingPoint | None = None,
        **attributes: Any,
    ) -> Finding:
        return Finding(
            category=category,
            score=score,
            modality=Modality(modality),
            detector="test",
            version="1",
            reason="Because.",
            evidence=attributes.pop("evidence", ()),
            attributes=attributes,
            test_card=card,
            basis=basis,
            point=point,
        )

    return make


@pytest.fixture(scope="session")
def checked() -> Checked:
    """Coverage where everything the policy requires was checked."""

    def make(policy: Policy, stage: str, *modalities: str) -> Coverage:
        there: Iterable[Modality] = {Modality(name) for name in modalities} or USUAL[Stage(stage)]
        cells = required_coverage(policy, SHIPPED, Stage(stage), there)
        return Coverage(
            cells=tuple(
                msgspec.structs.replace(cell, available=True, ran=True, complete=True) for cell in cells
            )
        )

    return make


@pytest.fixture(scope="session")
def decided(starter: Policy, checked: Checked) -> Decided:
    """The verdict on findings, all that is required being checked."""

    def make(
        stage: str,
        *findings: Finding,
        policy: Policy = starter,
        coverage: Coverage | None = None,
        **context: Any,
    ) -> Verdict:
        return decide(
            policy,
            SHIPPED,
            findings=findings,
            coverage=checked(policy, stage) if coverage is None else coverage,
            context=Context(stage=Stage(stage), **context),
            subject_sha256="0" * 64,
        )

    return make


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Policy]:
    """Load a document from its text; keywords are other files in its folder."""

    def make(text: str, **beside: str) -> Policy:
        for name, other in beside.items():
            (tmp_path / f"{name}.yaml").write_text(other, encoding="utf-8")
        path = tmp_path / "house.yaml"
        path.write_text(text, encoding="utf-8")
        return load(path, SHIPPED)

    return make
