"""Policies of test documents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from safelight.policy.documents import Policy, load
from safelight.policy.findings import SHIPPED


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
