"""A fingerprint that cannot be made costs neither the mark nor the video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safelight.provenance import read_back
from support.clips import make_clip


def test_a_frame_without_pixels_costs_only_the_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> np.ndarray:
        raise ValueError("unknown colours")

    monkeypatch.setattr(read_back, "shown_pixels", fail)
    monkeypatch.setattr(read_back, "read_mark", lambda *_arguments: 5)
    found = read_back.read_back(make_clip(tmp_path / "clip.mp4"), bytes(32))
    assert (found.content_id, found.fingerprint) == (5, None)
