"""The server over a saved tiny pipeline, with its real worker process, through HTTP and OpenAI's client."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import openai
import pytest
import tiny_pipelines
import torch
import uvicorn
from PIL import Image

from safelight_steer.concepts import read_concepts
from safelight_steer.latent_head import LatentHead, save_watch
from safelight_steer.sequential_test import Boundary
from safelight_steer.server.app import create_app
from safelight_steer.server.cli import main
from safelight_steer.server.jobs import Videos
from safelight_steer.server.preview_file import write_preview
from safelight_steer.server.requests import read_request
from safelight_steer.server.settings import ServerSettings
from safelight_steer.server.supervisor import Supervisor
from safelight_steer.watcher import Watch

KEY = "test-key"
WAIT_S = 60.0
UNSAFE = "a red paint splash hits the wall"
CONCEPTS = {
    "splash": {
        "phrases": ["red paint splash"],
        "near_misses": ["red ball", "blue splash"],
        "anchor": "blue water splash",
    }
}


@dataclass
class Server:
    client: httpx.Client
    supervisor: Supervisor
    folder: Path
    url: str

    def create(self, **fields: Any) -> dict[str, Any]:
        fields = {"prompt": "a red ball", "seed": 1, "num_inference_steps": 4} | fields
        answer = self.client.post("/v1/videos", json=fields)
        assert answer.status_code == 200, answer.text
        video: dict[str, Any] = answer.json()
        return video

    def until(self, video_id: str, *statuses: str) -> dict[str, Any]:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            video: dict[str, Any] = self.client.get(f"/v1/videos/{video_id}").json()
            if video["status"] in statuses:
                return video
            time.sleep(0.02)
        raise AssertionError(f"Not {statuses}: {video}")

    def made(self, **fields: Any) -> dict[str, Any]:
        return self.until(self.create(**fields)["id"], "completed", "failed")

    def content(self, video_id: str) -> bytes:
        answer = self.client.get(f"/v1/videos/{video_id}/content")
        assert answer.status_code == 200, answer.text
        return answer.content

    def until_ready(self) -> None:
        deadline = time.monotonic() + WAIT_S
        while self.client.get("/readyz").status_code != 200:
            assert time.monotonic() < deadline, self.supervisor.problem
            time.sleep(0.05)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    tiny_pipelines.build("wan").save_pretrained(folder / "wan")
    (folder / "concepts.json").write_text(json.dumps(CONCEPTS))
    # Gives every estimate a score near one.
    head = LatentHead(torch.zeros(32), torch.tensor(10.0), channel_axis=1)
    save_watch(folder / "always", Watch(name="always", detector=head, boundary=Boundary.fixed(0.4)))
    settings = ServerSettings(
        model=str(folder / "wan"),
        sizes=((16, 16), (32, 32)),
        seconds=(1, 2),
        fps=8,
        max_steps=2000,
        guidance_scale=4.0,
        concepts=str(folder / "concepts.json"),
        watches=(str(folder / "always"),),
    )
    (folder / "videos").mkdir()
    videos = Videos(settings, folder / "videos")
    supervisor = Supervisor(settings, videos)
    categories = frozenset(read_concepts(Path(settings.concepts)))
    app = create_app(settings, videos, supervisor, categories=categories, api_key=KEY)
    # The worker inherits it: two threads on a busy machine make a step of the tiny model many times slower.
    os.environ["OMP_NUM_THREADS"] = "1"
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    running = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}, timeout=30) as client:
        found = Server(client, supervisor, folder / "videos", url)
        deadline = time.monotonic() + WAIT_S
        while not running.started and time.monotonic() < deadline:
            time.sleep(0.02)
        found.until_ready()
        yield found
    running.should_exit = True
    thread.join(WAIT_S)
    assert supervisor.worker_pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(supervisor.worker_pid, 0)


def test_a_video_is_made_and_can_be_played(server: Server) -> None:
    video = server.made(size="32x32", seconds="1")
    assert video["status"] == "completed"
    assert video["progress"] == 100
    with av.open(io.BytesIO(server.content(video["id"]))) as file:
        stream = file.streams.video[0]
        frames = sum(1 for _ in file.decode(stream))
        assert (stream.width, stream.height, stream.average_rate, frames) == (32, 32, 8, 5)
    assert video["safelight"]["generation"]["applied"] == []


def test_openais_client_makes_lists_downloads_and_deletes_a_video(server: Server) -> None:
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY)
    video = client.videos.create_and_poll(
        prompt="a red ball", extra_body={"num_inference_steps": 2}, poll_interval_ms=50
    )
    assert video.status == "completed"
    assert client.videos.download_content(video.id).read()[4:8] == b"ftyp"
    assert video.id in [each.id for each in client.videos.list()]
    assert client.videos.delete(video.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.videos.retrieve(video.id)


def pictures(content: bytes) -> torch.Tensor:
    with av.open(io.BytesIO(content)) as file:
        return torch.stack(
            [torch.from_numpy(one.to_ndarray(format="rgb24")).int() for one in file.decode(video=0)]
        )


def difference(left: torch.Tensor, right: torch.Tensor) -> float:
    """The mean difference of the pixels, of 255."""
    return float((left - right).abs().float().mean())


def test_the_same_seed_gives_the_same_pictures_also_after_a_block_and_another_seed_does_not(
    server: Server,
) -> None:
    first = pictures(server.content(server.made()["id"]))
    blocked = server.made(steering={"watch": True})
    assert blocked["error"]["code"] == "moderation_blocked"
    again = pictures(server.content(server.made()["id"]))
    other = pictures(server.content(server.made(seed=2)["id"]))
    # Not the same bytes: the last bit of a sum can differ, and so the rounding of a pixel. The picture is one
    # block of the encoder, which then writes all of it otherwise: by about 3 of 255 after one changed pixel.
    assert difference(again, first) < difference(other, first) / 2


def test_a_block_says_step_and_saving_in_the_record_and_nothing_in_the_message(server: Server) -> None:
    video = server.made(num_inference_steps=20, steering={"watch": True, "required": ["watching"]})
    assert video["status"] == "failed"
    assert video["error"] == {
        "code": "moderation_blocked",
        "message": "The generation was stopped by a safety check.",
    }
    record = video["safelight"]["generation"]
    assert record["outcome"] == "moderation_blocked"
    assert (record["steps_done"], record["steps"], record["saved_share"]) == (3, 20, 0.85)
    assert [gap["name"] for gap in record["gaps"]] == ["false_abort_rate_unknown"]
    assert server.client.get(f"/v1/videos/{video['id']}/content").status_code == 404
    assert record["preview"] is True
    assert [one.suffix for one in server.folder.glob(f"{video['id']}*")] == [".png"]


def test_a_stopped_video_gives_its_blurred_preview_once_and_to_the_key_alone(server: Server) -> None:
    video = server.made(size="32x32", steering={"watch": True})
    path = f"/v1/videos/{video['id']}/preview"
    with httpx.Client(base_url=server.url) as stranger:
        assert stranger.get(path).status_code == 401
    answer = server.client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["cache-control"] == "no-store"
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert max(picture.size) <= 4 * 192
        # Random weights make noise: of it, a blur leaves nearly one colour.
        pixels = torch.from_numpy(np.asarray(picture.convert("L"), dtype=np.float32))
    assert float((pixels[:, 1:] - pixels[:, :-1]).abs().mean()) < 3
    assert server.client.get(path).status_code == 404
    assert (
        server.client.get(f"/v1/videos/{video['id']}").json()["safelight"]["generation"]["preview"] is False
    )
    assert not list(server.folder.glob(f"{video['id']}*"))


def test_a_preview_is_deleted_with_its_video_and_a_finished_video_has_none(server: Server) -> None:
    stopped, made = server.made(steering={"watch": True}), server.made()
    assert made["safelight"]["generation"]["preview"] is False
    assert server.client.get(f"/v1/videos/{made['id']}/preview").status_code == 404
    server.client.delete(f"/v1/videos/{stopped['id']}")
    assert server.client.get(f"/v1/videos/{stopped['id']}/preview").status_code == 404
    assert not list(server.folder.glob(f"{stopped['id']}*"))


def test_a_preview_expires_with_its_video_and_none_outlives_a_failure(tmp_path: Path) -> None:
    now = [0.0]
    settings = ServerSettings(model="none")
    videos = Videos(settings, tmp_path, clock=lambda: now[0])
    request = read_request({"prompt": "a"}, settings, frozenset())
    for code, left in (("moderation_blocked", 1), ("worker_died", 0), ("cancelled", 0)):
        video = videos.add(request, key="")
        video.preview_path.write_bytes(b"picture")
        videos.end(video.id, error={"code": code}, record={"outcome": code})
        assert len(list(tmp_path.iterdir())) == left, code
        now[0] += settings.keep_s + 1
        assert videos.get(video.id) is None
        assert list(tmp_path.iterdir()) == []


def test_the_blur_leaves_no_detail_of_a_frame_of_any_size(tmp_path: Path) -> None:
    for side in (32, 1024):
        board = (torch.arange(side)[:, None] // (side // 16) + torch.arange(side) // (side // 16)) % 2
        path = tmp_path / f"{side}.png"
        write_preview(board.float().expand(6, 3, side, side), path)
        with Image.open(path) as picture:
            assert picture.size == (3 * 192, 192)
            inside = np.asarray(picture.convert("L"), dtype=np.float32)[48:144, 48:144]
        # The squares of the board, black and white before.
        assert inside.max() - inside.min() < 8


def test_a_request_is_steered_by_its_categories_and_a_harmless_one_is_unchanged(server: Server) -> None:
    steering = {"categories": ["splash"], "methods": ["embedding", "anchor"], "required": ["embedding"]}
    steered = server.made(prompt=UNSAFE, steering=steering)
    record = steered["safelight"]["generation"]
    assert set(record["applied"]) == {"embedding", "anchor"}
    assert [gate["opened"] for gate in record["gates"]] == [True]
    harmless = server.made(prompt="a red ball", steering=steering)
    unchanged, plain = (
        pictures(server.content(video["id"])) for video in (harmless, server.made(prompt="a red ball"))
    )
    assert difference(unchanged, plain) < 0.5
    assert [gate["opened"] for gate in harmless["safelight"]["generation"]["gates"]] == [False]


def test_a_category_without_a_concept_is_recorded_or_refused(server: Server) -> None:
    video = server.made(steering={"categories": ["other"]})
    assert video["safelight"]["generation"]["unknown_categories"] == ["other"]
    assert video["safelight"]["generation"]["applied"] == []
    answer = server.client.post(
        "/v1/videos",
        json={"prompt": "a", "steering": {"categories": ["other"], "required": ["embedding"]}},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "steering_unavailable")


def test_required_steering_that_a_generation_does_not_allow_fails_it(server: Server) -> None:
    video = server.made(
        guidance_scale=1, steering={"categories": ["splash"], "required": ["negative"]}, prompt=UNSAFE
    )
    assert (video["status"], video["error"]["code"]) == ("failed", "steering_unavailable")


def test_a_deleted_video_is_ended_within_a_step_and_the_next_one_is_made(server: Server) -> None:
    long = server.create(num_inference_steps=2000)
    while server.until(long["id"], "in_progress")["progress"] == 0:
        time.sleep(0.02)
    waiting = server.create()
    assert server.client.delete(f"/v1/videos/{long['id']}").json()["deleted"] is True
    assert server.client.get(f"/v1/videos/{long['id']}").status_code == 404
    assert server.until(waiting["id"], "completed", "failed")["status"] == "completed"
    assert not list(server.folder.glob(f"{long['id']}*"))


def test_videos_are_made_one_after_another(server: Server) -> None:
    long = server.create(num_inference_steps=60)
    waiting = server.create()
    server.until(long["id"], "in_progress")
    assert server.client.get(f"/v1/videos/{waiting['id']}").json()["status"] == "queued"
    first = server.until(long["id"], "completed")
    assert server.until(waiting["id"], "completed")["completed_at"] >= first["completed_at"]


def test_a_worker_that_dies_fails_its_video_and_is_started_again(server: Server) -> None:
    video = server.create(num_inference_steps=2000)
    while server.until(video["id"], "in_progress")["progress"] == 0:
        time.sleep(0.02)
    pid = server.supervisor.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    ended = server.until(video["id"], "failed", "completed")
    assert (ended["status"], ended["error"]["code"]) == ("failed", "worker_died")
    waiting = server.create()
    assert server.until(waiting["id"], "completed", "failed")["status"] == "completed"
    assert server.supervisor.worker_pid != pid


def test_a_worker_that_dies_between_abort_and_answer_leaves_nothing(server: Server) -> None:
    server.until_ready()
    video = server.create(num_inference_steps=2000)
    while server.until(video["id"], "in_progress")["progress"] == 0:
        time.sleep(0.02)
    pid = server.supervisor.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    server.client.delete(f"/v1/videos/{video['id']}")
    os.kill(pid, signal.SIGKILL)
    assert server.made()["status"] == "completed"
    assert server.client.get(f"/v1/videos/{video['id']}").status_code == 404
    assert not list(server.folder.glob(f"{video['id']}*"))


def test_forms_are_read_as_the_gateway_sends_them(server: Server) -> None:
    fields = {
        "prompt": "a red ball",
        "seconds": "2",
        "size": "16x16",
        "num_inference_steps": "2",
        "metadata[safelight_key]": "k1",
        "steering": json.dumps({"categories": ["splash"]}),
    }
    parts = [(name, (None, text.encode())) for name, text in fields.items()]
    answer = server.client.post("/v1/videos", files=parts, headers={"idempotency-key": "k1"})
    assert answer.status_code == 200, answer.text
    video = answer.json()
    assert (video["seconds"], video["metadata"]) == ("2", {"safelight_key": "k1"})
    again = server.client.post("/v1/videos", files=parts, headers={"idempotency-key": "k1"})
    assert again.json()["id"] == video["id"]
    listed = server.client.get("/v1/videos", params={"limit": 1}).json()
    assert [row["idempotency_key"] for row in listed["data"]] == ["k1"]
    assert listed["has_more"] is True
    server.until(video["id"], "completed")


def test_files_large_bodies_and_other_formats_are_refused(server: Server) -> None:
    post = server.client.post
    file = {"input_reference": ("a.png", b"png", "image/png")}
    assert post("/v1/videos", data={"prompt": "a"}, files=file).json()["error"]["param"] == "input_reference"
    assert post("/v1/videos", json={"prompt": "a" * 300_000}).status_code == 413
    assert (
        post("/v1/videos", content=b"[" * 100_000, headers={"content-type": "application/json"}).status_code
        == 400
    )
    assert post("/v1/videos", content=b"a", headers={"content-type": "text/plain"}).status_code == 415


def test_a_key_is_required_and_web_pages_are_refused(server: Server) -> None:
    with httpx.Client(base_url=server.url) as stranger:
        for path in ("/v1/videos", "/v1/models", "/v1/videos/video_x"):
            assert stranger.get(path).status_code == 401
        assert stranger.get("/healthz").status_code == 200
    assert server.client.get("/v1/videos", headers={"origin": "http://page.test"}).status_code == 403


def test_the_model_list_says_what_the_probe_found(server: Server) -> None:
    server.until_ready()
    (model,) = server.client.get("/v1/models").json()["data"]
    assert model["id"] == "local"
    assert model["safelight"]["architecture"] == "wan"
    assert model["safelight"]["watches"] == ["always"]
    assert model["safelight"]["categories"] == ["splash"]


def test_the_command_probes_a_folder_and_refuses_a_pickle(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = server.folder.parent / "wan"
    with contextlib.redirect_stderr(io.StringIO()):
        assert main(["probe", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["gaps"] == []
    assert main(["probe", str(tmp_path)]) == 1


def test_a_server_that_others_can_reach_needs_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "folder", "--host", "0.0.0.0"]) == 2
    assert "--api-key-file" in capsys.readouterr().err


def test_a_model_that_cannot_be_loaded_is_said_and_not_tried_for_ever(tmp_path: Path) -> None:
    settings = ServerSettings(model=str(tmp_path / "none"), sizes=((16, 16),), seconds=(1,))
    videos = Videos(settings, tmp_path)
    supervisor = Supervisor(settings, videos)
    supervisor.start()
    try:
        deadline = time.monotonic() + WAIT_S
        while "neither a folder nor" not in supervisor.problem and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "UnsafeWeights" in supervisor.problem
        assert supervisor.probe == {}
    finally:
        supervisor.stop()
