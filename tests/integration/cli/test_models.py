"""`safelight models`."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from safelight.cli.output import Exit
from safelight.detectors.models import catalogue
from safelight.detectors.models.catalogue import MODELS
from safelight.detectors.models.weights import MANIFEST, Manifest, hash_files
from support.commands import Run, Say


def test_each_model_of_the_catalogue_states_its_licence_its_files_and_where_they_are() -> None:
    for name, model in MODELS.items():
        assert model.licence, name
        assert model.licence_source, name
        assert model.repo or model.packages, name
        members = {member for file in model.files for member in file.members}
        assert bool(members) == bool(model.packages), name
        for digest in (*model.files, *model.packages):
            assert re.fullmatch(r"[0-9a-f]{64}", digest.sha256), name


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


def test_the_list_names_what_each_model_adds_and_where_it_is(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "shared_folder", lambda: folder / "none")
    (folder / "safelight.toml").write_text("")
    rows = {row["name"]: row for row in run("models", "list")["models"]}
    assert rows["whisper-base"]["state"] == "missing"
    assert rows["whisper-base"]["adds"].startswith("audio: ")
    assert rows["open-nsfw"]["adds"] == "image: sexual; frames: sexual"
    assert rows["minilm"]["licence"] == "Apache-2.0"


def test_an_unknown_model_is_refused_and_a_missing_index_is_reported(
    run: Run, say: Say, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "minilm" in say("models", "pull", "nothing", code=Exit.CONFIGURATION).err
    for name in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    # Nothing listens on port 1.
    error = say("models", "pull", "minilm", "--hub", "http://127.0.0.1:1", code=Exit.ERROR).err
    assert "No matching distribution" in error
    assert "connection failed" in error
    # Those that cannot be had are named, and the others are pulled.
    monkeypatch.setattr(catalogue, "MODELS", {"open-nsfw": MODELS["open-nsfw"]})
    told = run("models", "pull", "all", "--from", str(folder), code=Exit.ERROR)
    assert told["pulled"] == []
    assert [one["model"] for one in told["failed"]] == ["open-nsfw"]


def test_models_of_the_operator_are_listed_and_verified_and_not_pulled(
    run: Run, say: Say, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "shared_folder", lambda: folder / "none")
    (folder / "safelight.toml").write_text(
        'data = "data"\n[detectors.custom-models.models.mine.labels]\nnsfw = "sexual"\n'
    )
    path = folder / "data" / "models" / "mine" / "model.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"graph")
    rows = {row["name"]: row for row in run("models", "list")["models"]}
    assert (rows["mine"]["state"], rows["mine"]["adds"]) == ("on disk", "sexual")
    (row,) = run("models", "verify")["models"]
    assert (row["model"], row["recorded"], row["wrong"]) == ("mine", False, "")
    manifest = Manifest(repo="", licence="MIT", source="", pulled_at=1.0, files=hash_files(path.parent))
    (path.parent / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    assert run("models", "verify")["models"][0]["recorded"] is True
    path.write_bytes(b"other")
    assert "model.onnx" in run("models", "verify", code=Exit.ERROR)["models"][0]["wrong"]
    assert "Convert other models to ONNX" in say("models", "pull", "mine", code=Exit.CONFIGURATION).err
    (folder / "safelight.toml").write_text(
        '[detectors.custom-models.models.mine]\nkind = "zero-shot"\nruntime = "torch"\n'
    )
    error = say("models", "list", code=Exit.CONFIGURATION).err
    assert "removed settings: kind, runtime" in error
