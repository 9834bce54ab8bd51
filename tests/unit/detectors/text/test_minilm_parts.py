from __future__ import annotations

from pathlib import Path

import pytest

from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.minilm.cache import load_or_build
from safelight.detectors.text.minilm.package import read_tensors


def test_a_cached_graph_is_built_once(tmp_path: Path) -> None:
    made = []

    def make() -> bytes:
        made.append(1)
        return b"graph"

    folder = tmp_path / "deep" / "cache"
    assert load_or_build(folder, "g", make) == load_or_build(folder, "g", make) == b"graph"
    assert len(made) == 1
    assert len(list(folder.iterdir())) == 1


def test_a_damaged_cache_is_rebuilt(tmp_path: Path) -> None:
    load_or_build(tmp_path, "g", lambda: b"graph")
    (kept,) = tmp_path.iterdir()
    for damage in (b"", b"graph and more", b"grapg"):
        kept.write_bytes(damage)
        assert load_or_build(tmp_path, "g", lambda: b"graph") == b"graph"
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"graph"]


def test_an_unwritable_cache_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert load_or_build(tmp_path / "file" / "cache", "g", lambda: b"graph") == b"graph"


@pytest.mark.parametrize("data", [b"\xff" * 64, (9999).to_bytes(8, "little") + b"{}"])
def test_an_invalid_tensor_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="not a safetensors"):
        read_tensors(path)


def test_without_the_weights_other_detectors_run_and_the_remedy_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("safelight.detectors.models.catalogue.shared_folder", lambda: tmp_path)
    catalogue = DetectorRegistry.discover({})
    missing = {one.name: one.sentence for one in catalogue.missing}
    assert "safelight models pull minilm" in missing["minilm"]
    assert {"word-lists", "ngrams"} <= {detector.name for detector in catalogue.text_detectors()}
