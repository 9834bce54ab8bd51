from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from safelight_steer.concepts import read_concepts
from safelight_steer.server.jobs import KeyReused, QueueFull, Videos
from safelight_steer.server.requests import InvalidRequest, VideoRequest, read_request
from safelight_steer.server.settings import ServerSettings
from safelight_steer.server.supervisor import DeviceInUse, device_lock
from safelight_steer.steering_field import DEFAULT_METHODS

SETTINGS = ServerSettings(model="folder", sizes=((16, 16), (32, 32)), seconds=(1, 2))
KNOWN = frozenset({"splash"})


def read(settings: ServerSettings = SETTINGS, **fields: Any) -> VideoRequest:
    return read_request({"prompt": "a red ball"} | fields, settings, KNOWN)


def test_defaults_are_those_of_the_server_and_nothing_is_steered() -> None:
    request = read()
    assert (request.seconds, request.width, request.steps) == (1, 16, 40)
    assert request.categories == request.methods == request.required == ()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": " "}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "a" * 9000}, "prompt"),
        ({"negative_prompt": ["a"]}, "negative_prompt"),
        ({"seconds": "3"}, "seconds"),
        ({"seconds": "1.5"}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"size": "64x64"}, "size"),
        ({"size": 16}, "size"),
        ({"num_inference_steps": 0}, "num_inference_steps"),
        ({"num_inference_steps": "10000"}, "num_inference_steps"),
        ({"seed": -1}, "seed"),
        ({"seed": str(2**63)}, "seed"),
        ({"guidance_scale": "nan"}, "guidance_scale"),
        ({"guidance_scale": True}, "guidance_scale"),
        ({"model": "other"}, "model"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"lora": "x"}, "lora"),
        ({"steering": "{"}, "steering"),
        ({"steering": "[" * 100_000}, "steering"),
        ({"steering": [1]}, "steering"),
        ({"steering": {"other": 1}}, "steering"),
        ({"steering": {"categories": "splash"}}, "steering"),
        ({"steering": {"categories": ["splash"], "methods": ["magic"]}}, "steering"),
        ({"steering": {"methods": ["guidance"]}}, "steering"),
        ({"steering": {"watch": "yes"}}, "steering"),
        ({"steering": {"categories": ["other"], "required": ["embedding"]}}, "steering"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(**fields)
    assert caught.value.param == param


def test_steering_may_be_an_object_or_its_text() -> None:
    steering = {"categories": ["splash"], "methods": ["guidance"], "required": ["negative"], "watch": True}
    expected = read(steering=steering)
    assert expected == read(steering=json.dumps(steering))
    assert expected.methods == ("guidance", "negative", "watching")
    assert expected.required == ("negative",)


def test_categories_without_methods_get_the_usual_ones() -> None:
    assert read(steering={"categories": ["splash"]}).methods == tuple(sorted(DEFAULT_METHODS))


def test_a_policy_can_steer_every_generation() -> None:
    always = ServerSettings(model="folder", sizes=((16, 16),), seconds=(1,), always=("splash",))
    assert read(always).categories == ("splash",)
    assert read(always, steering={"categories": []}).categories == ("splash",)


def test_the_settings_survive_their_way_to_the_worker() -> None:
    assert ServerSettings.from_json(json.loads(json.dumps(SETTINGS.as_json()))) == SETTINGS


def test_the_shipped_concepts_are_valid_and_other_files_are_checked(tmp_path: Path) -> None:
    assert {"sexual", "violence/graphic", "likeness"} <= read_concepts().keys()
    # Never generated, whatever steering does, so there is nothing to steer away from.
    assert "sexual/minors" not in read_concepts()
    path = tmp_path / "concepts.json"
    for wrong in (
        [],
        {"splash": {}},
        {"splash": {"phrases": "paint"}},
        {"splash": {"phrases": ["a"], "b": 1}},
    ):
        path.write_text(json.dumps(wrong))
        with pytest.raises(ValueError, match=r"concept|object"):
            read_concepts(path)


def test_a_key_gives_the_same_video_again_and_no_other_request(tmp_path: Path) -> None:
    videos = Videos(SETTINGS, tmp_path)
    first = videos.add(read(), key="a")
    assert videos.add(read(), key="a") is first
    with pytest.raises(KeyReused):
        videos.add(read(prompt="a blue ball"), key="a")


def test_the_queue_is_limited_and_ended_videos_expire(tmp_path: Path) -> None:
    now = [0.0]
    videos = Videos(SETTINGS, tmp_path, clock=lambda: now[0])
    made = [videos.add(read(), key="") for _ in range(SETTINGS.max_waiting)]
    with pytest.raises(QueueFull):
        videos.add(read(), key="")
    assert videos.next_queued(timeout_s=0) is made[0]
    made[0].path.write_bytes(b"video")
    videos.end(made[0].id, error=None, record={})
    now[0] = SETTINGS.keep_s + 1.0
    assert videos.get(made[0].id) is None
    assert not made[0].path.exists()
    assert videos.get(made[1].id) is made[1]


def test_a_video_that_has_ended_does_not_change(tmp_path: Path) -> None:
    videos = Videos(SETTINGS, tmp_path)
    video = videos.add(read(), key="")
    videos.next_queued(timeout_s=0)
    videos.end(video.id, error={"code": "moderation_blocked"}, record={})
    videos.end(video.id, error=None, record={})
    videos.report(video.id, 1, 2)
    assert (video.status, video.progress) == ("failed", 0)


def test_a_deleted_video_is_gone_at_once_and_its_late_file_is_removed(tmp_path: Path) -> None:
    videos = Videos(SETTINGS, tmp_path)
    video = videos.add(read(), key="a")
    videos.next_queued(timeout_s=0)
    assert videos.delete(video.id) is video
    assert videos.get(video.id) is None
    assert videos.delete(video.id) is None
    video.path.write_bytes(b"video")
    videos.end(video.id, error=None, record={})
    assert not video.path.exists()
    assert videos.add(read(), key="a") is not video


def test_a_device_has_one_server(tmp_path: Path) -> None:
    with device_lock("cuda:0", folder=tmp_path):
        with pytest.raises(DeviceInUse), device_lock("cuda:0", folder=tmp_path):
            pass
        with device_lock("cuda:1", folder=tmp_path):
            pass
    with device_lock("cuda:0", folder=tmp_path):
        pass
