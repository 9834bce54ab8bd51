from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import tiny_pipelines
import torch

from safelight_steer.errors import UnsafeWeights
from safelight_steer.weights import check_folder, find_folder, load_pipeline


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "wan"
    tiny_pipelines.build("wan").save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "wan"))


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_saved_pipeline_is_loaded_and_gives_the_same_output(saved: Path) -> None:
    loaded = load_pipeline(str(saved), device="cpu", dtype="float32")
    expected = tiny_pipelines.build("wan")(**tiny_pipelines.arguments("wan")).frames
    # Loaded tensors have another alignment, and sums another order.
    assert torch.allclose(loaded(**tiny_pipelines.arguments("wan")).frames, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["diffusion_pytorch_model.bin", "model.pt", "weights.ckpt", "code.py"])
def test_a_file_that_can_run_code_is_refused(folder: Path, name: str) -> None:
    (folder / "transformer" / name).write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(UnsafeWeights, match="is not a safetensors file"):
        check_folder(folder)


@pytest.mark.parametrize("content", [pickle.dumps({"a": 1}), b"", b"\x08\0\0\0\0\0\0\0{", b"\xff" * 8 + b"{"])
def test_a_pickle_under_the_name_of_a_safetensors_file_is_refused(folder: Path, content: bytes) -> None:
    (folder / "transformer" / "diffusion_pytorch_model.safetensors").write_bytes(content)
    with pytest.raises(UnsafeWeights, match="other content"):
        check_folder(folder)


def test_an_index_that_names_a_pickle_is_refused(folder: Path) -> None:
    index = folder / "transformer" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "../model.bin"}}))
    with pytest.raises(UnsafeWeights, match="names parts"):
        check_folder(folder)


@pytest.mark.parametrize(
    "entry", [["custom_module", "WanTransformer3DModel"], ["os", "system"], ["diffusers"], [None, "Vae"]]
)
def test_a_component_of_another_library_is_refused(folder: Path, entry: list[Any]) -> None:
    change(folder / "model_index.json", transformer=entry)
    with pytest.raises(UnsafeWeights, match="only classes of diffusers and transformers"):
        check_folder(folder)


@pytest.mark.parametrize("name", ["AutoencoderKLWan", "NoSuchPipeline", "utils"])
def test_a_class_that_is_no_pipeline_is_refused(folder: Path, name: str) -> None:
    change(folder / "model_index.json", _class_name=name)
    with pytest.raises(UnsafeWeights, match="no pipeline"):
        load_pipeline(str(folder), device="cpu", dtype="float32")


def test_code_of_the_repository_is_refused(folder: Path) -> None:
    change(folder / "text_encoder" / "config.json", auto_map={"AutoModel": "modeling.Model"})
    with pytest.raises(UnsafeWeights, match="auto_map"):
        check_folder(folder)


def test_a_missing_component_and_an_unreadable_index_are_refused(folder: Path) -> None:
    shutil.rmtree(folder / "vae")
    with pytest.raises(UnsafeWeights, match="'vae' is missing"):
        check_folder(folder)
    (folder / "model_index.json").write_text("[")
    with pytest.raises(UnsafeWeights, match="cannot be read"):
        check_folder(folder)


@pytest.mark.parametrize(
    "source", ["owner/model", "owner/model@main", "owner/model@" + "a" * 39, "/no/folder"]
)
def test_a_source_without_a_commit_is_refused(source: str) -> None:
    with pytest.raises(UnsafeWeights, match="neither a folder nor"):
        find_folder(source)


def test_a_pinned_repository_is_downloaded_at_its_commit_without_other_formats(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def snapshot_download(repository: str, **options: Any) -> str:
        asked.update(options, repository=repository)
        return str(saved)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert find_folder("owner/model@" + "a" * 40) == saved
    assert (asked["repository"], asked["revision"]) == ("owner/model", "a" * 40)
    assert not any(pattern.endswith((".bin", ".py", "*")) for pattern in asked["allow_patterns"])
