from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.findings import Cell, Coverage, Modality, Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.provenance.keys import KeyStore
from safelight.provenance.manifest import SealFacts, SourceType
from safelight.provenance.sealing import Sealer
from safelight.provenance.verification import Verifier


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of moving grey, 160x96, H.264."""
    path = tmp_path_factory.mktemp("video") / "plain.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        rng = np.random.default_rng(1)
        for _ in range(12):
            pixels = rng.integers(0, 255, (96, 160, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    return KeyStore.own(tmp_path / "keys", organization="Test Films")


@pytest.fixture
def sealer(sandbox: Sandbox, keys: KeyStore) -> Sealer:
    return Sealer(sandbox=sandbox, keys=keys)


@pytest.fixture
def verifier(sandbox: Sandbox, keys: KeyStore) -> Verifier:
    return Verifier(sandbox=sandbox, keys=keys)


@pytest.fixture
def sealed(sealer: Sealer, video: Path, facts: FactsMaker, tmp_path: Path) -> Path:
    path = tmp_path / "sealed.mp4"
    sealer.seal(video, path, facts())
    return path


FactsMaker = Callable[..., SealFacts]


@pytest.fixture(scope="session")
def facts() -> FactsMaker:
    def make(**changes: object) -> SealFacts:
        given: dict[str, object] = {
            "video_id": "video_" + "0" * 32,
            "generator": "storyboard",
            "model": "storyboard-1",
            "source_type": SourceType.ALGORITHMIC,
            "generated_at": dt.datetime(2026, 11, 20, 7, tzinfo=dt.UTC),
            "verdict": Verdict(
                action=Action.LABEL,
                stage=Stage.OUTPUT,
                subject_sha256="a" * 64,
                policy="starter",
                policy_sha256="b" * 64,
                category="likeness",
                rule="public-figure",
            ),
            "coverage": Coverage(
                cells=(
                    Cell(
                        category="sexual",
                        modality=Modality.IMAGE,
                        required=True,
                        available=True,
                        ran=True,
                        complete=True,
                    ),
                    Cell(category="violence/graphic", modality=Modality.IMAGE, required=True),
                )
            ),
            "badge": True,
        }
        return SealFacts(**{**given, **changes})  # type: ignore[arg-type]

    return make
