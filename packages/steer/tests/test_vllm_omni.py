"""The shell for vLLM-Omni, against a stand-in for its classes: the package itself does not install here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_pipelines
import torch
import vllm_omni_stand_in as stand_in

from safelight_steer.latent_head import LatentHead, save_watch
from safelight_steer.sequential_test import Boundary
from safelight_steer.watcher import Watch

EXTENSION = "safelight_steer.vllm_omni.SteeringExtension"
PIPELINE = "safelight_steer.vllm_omni.SteeredDiffusersPipeline"
PROMPT = "a red paint splash hits the wall"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("vllm-omni")
    tiny_pipelines.build("wan").save_pretrained(made / "wan")
    concept = {"phrases": ["red paint splash"], "near_misses": ["red ball"], "anchor": "blue water splash"}
    (made / "concepts.json").write_text(json.dumps({"splash": concept}))
    # Stops every generation that it reads.
    head = LatentHead(torch.zeros(32), torch.tensor(10.0), channel_axis=1)
    save_watch(made / "watch", Watch(name="splash", detector=head, boundary=Boundary.fixed(0.4)))
    return made


@pytest.fixture(autouse=True)
def vllm_omni() -> Iterator[None]:
    with stand_in.installed():
        yield


def worker(folder: Path, extension: str | None = EXTENSION, **settings: Any) -> stand_in.WorkerWrapperBase:
    arguments = {
        "pipeline_class": PIPELINE,
        "safelight": {
            "concepts": str(folder / "concepts.json"),
            "watch": [str(folder / "watch")],
            **settings,
        },
    }
    config = stand_in.Config(model=str(folder / "wan"), custom_pipeline_args=arguments)
    return stand_in.WorkerWrapperBase(0, config, extension)


def asked(request_id: str, **steering: Any) -> stand_in.Request:
    given = tiny_pipelines.arguments("wan")
    sampling = {name: given[name] for name in ("height", "width", "num_frames", "num_inference_steps")}
    return stand_in.request(
        request_id, PROMPT, steering=steering or None, seed=1, output_type="pt", **sampling
    )


def test_a_request_without_steering_is_that_of_the_adapter(folder: Path) -> None:
    made = worker(folder)
    pipeline = made.worker.model_runner.pipeline
    own = stand_in.DiffusersAdapterPipeline.forward(pipeline, asked("own")).output
    assert torch.equal(made.answer(asked("a")).output, own)
    assert made.execute_method("steering_record", "a")["asked"] == []


def test_a_steered_request_is_steered_and_recorded(folder: Path) -> None:
    made = worker(folder)
    plain = made.answer(asked("plain")).output
    steered = made.answer(asked("a", categories=["splash"], methods=["embedding", "anchor"]))
    assert steered.error is None
    assert not torch.equal(steered.output, plain)
    record = made.execute_method("steering_record", "a")
    assert set(record["applied"]) == {"embedding", "anchor"}
    assert (record["outcome"], record["unknown_categories"]) == ("completed", [])


def test_categories_of_the_settings_steer_requests_that_do_not_ask(folder: Path) -> None:
    made = worker(folder, always=["splash"])
    made.answer(asked("a"))
    assert "embedding" in made.execute_method("steering_record", "a")["applied"]


def test_a_stopped_generation_is_a_violation_and_the_next_is_as_before(folder: Path) -> None:
    made = worker(folder)
    before = made.answer(asked("before")).output
    stopped = made.answer(asked("stopped", watch=True))
    assert (stopped.output, stopped.error_status_code) == (None, 400)
    assert stopped.error_type == "moderation_blocked"
    # All that a client of /v1/videos gets beside the status.
    assert str(stopped.error) == "moderation_blocked: The generation was stopped by a safety check."
    record = made.execute_method("steering_record", "stopped")
    assert record["outcome"] == "moderation_blocked"
    assert record["steps_done"] < record["steps"]
    assert torch.equal(made.answer(asked("after")).output, before)


@pytest.mark.parametrize(
    ("steering", "kind"),
    [
        ({"methods": ["magic"]}, "invalid_value"),
        ({"categories": ["other"], "required": ["embedding"]}, "steering_unavailable"),
    ],
)
def test_steering_that_cannot_be_done_is_the_clients_error(
    folder: Path, steering: dict[str, Any], kind: str
) -> None:
    made = worker(folder)
    answer = made.answer(asked("a", **steering))
    assert (answer.output, answer.error_status_code, answer.error_type) == (None, 400, kind)


def test_the_probe_is_a_method_of_the_worker(folder: Path) -> None:
    found = worker(folder).execute_method("steering_probe")
    assert (found["pipeline"], found["watches"], found["categories"]) == (
        "WanPipeline",
        ["splash"],
        ["splash"],
    )


def test_the_pipeline_works_without_the_extension(folder: Path) -> None:
    made = worker(folder, None)
    assert made.answer(asked("a", watch=True)).error_type == "moderation_blocked"


@pytest.mark.parametrize("settings", [{"strength": 3}, {"always": ["other"]}])
def test_a_wrong_setting_stops_the_start(folder: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"strength|other"):
        worker(folder, **settings)
