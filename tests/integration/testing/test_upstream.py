from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from safelight.providers.protocol import ChargeStatus, GenerationRequest, LocalGenerator
from safelight.testing.clips import tiny_clip
from safelight.testing.generators import create
from safelight.testing.upstream import ScriptedUpstream


def client(upstream: ScriptedUpstream) -> httpx.Client:
    return httpx.Client(base_url=upstream.url + "/", timeout=10, trust_env=False)


def submit_video(talk: httpx.Client, prompt: str = "a cat", key: str = "k", **fields: Any) -> httpx.Response:
    return talk.post("videos", json={"prompt": prompt} | fields, headers={"idempotency-key": key})


def test_a_video_goes_from_queued_to_downloaded_in_the_wire_format() -> None:
    with ScriptedUpstream() as upstream, client(upstream) as talk:
        made = submit_video(talk, seconds="8", size="1280x720", metadata={"a": "b"}).json()
        assert {
            "id",
            "object",
            "model",
            "status",
            "progress",
            "created_at",
            "completed_at",
            "expires_at",
        } <= set(made)
        assert (made["status"], made["seconds"], made["size"]) == ("queued", "8", "1280x720")
        assert talk.get(f"videos/{made['id']}/content").status_code == 409
        assert talk.get(f"videos/{made['id']}").json()["status"] == "queued"
        done = talk.get(f"videos/{made['id']}").json()
        assert (done["status"], done["progress"], done["metadata"]) == ("completed", 100, {"a": "b"})
        content = talk.get(f"videos/{made['id']}/content")
        assert content.headers["content-type"] == "video/mp4"
        assert content.content == tiny_clip()
        assert talk.delete(f"videos/{made['id']}").json()["deleted"] is True
        assert talk.get(f"videos/{made['id']}").status_code == 404
        assert talk.get("models").json()["data"][0]["id"] == "scripted-1"


def test_sync_returns_the_bytes_at_once() -> None:
    with ScriptedUpstream() as upstream, client(upstream) as talk:
        assert talk.post("videos/sync", json={"prompt": "a cat"}).content == tiny_clip()


def test_the_clip_may_have_the_requested_size(tmp_path: Path) -> None:
    scenario = {"otherwise": {"clip": "asked", "polls": 0}}
    with ScriptedUpstream(scenario) as upstream, client(upstream) as talk:
        made = submit_video(talk, seconds="1", size="320x240").json()
        talk.get(f"videos/{made['id']}")
        (tmp_path / "a.mp4").write_bytes(talk.get(f"videos/{made['id']}/content").content)
    with av.open(str(tmp_path / "a.mp4")) as clip:
        stream = clip.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (320, 240, 8)


def test_the_tiny_clip_is_a_video_with_sound(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(tiny_clip())
    with av.open(str(tmp_path / "a.mp4")) as clip:
        assert sum(1 for _ in clip.decode(video=0)) == 16
        assert clip.streams.audio[0].codec_context.name == "aac"


def test_failures_occur_as_often_as_the_scenario_specifies() -> None:
    scenario = {"otherwise": {"submit": {"status": 429, "retry_after": 1.5, "times": 2}}}
    with ScriptedUpstream(scenario) as upstream, client(upstream) as talk:
        answers = [submit_video(talk) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [429, 429, 200]
        assert answers[0].headers["retry-after"] == "1.5"
        assert (upstream.counts["received"], upstream.counts["accepted"]) == (3, 1)


def test_a_lost_response_counts_as_accepted_and_a_dropped_connection_does_not() -> None:
    scenario = {"orders": [{"when": "lost", "submit": "lose_answer"}, {"when": "drop", "submit": "drop"}]}
    with ScriptedUpstream(scenario) as upstream, client(upstream) as talk:
        for prompt in ("lost", "drop"):
            with pytest.raises(httpx.TransportError):
                submit_video(talk, prompt, key=prompt)
        assert upstream.counts["received_by_key"] == {"lost": 1, "drop": 1}
        assert upstream.counts["accepted_by_key"] == {"lost": 1}


def test_an_idempotent_upstream_accepts_a_request_once() -> None:
    with ScriptedUpstream({"idempotent": True}) as upstream, client(upstream) as talk:
        ids = {submit_video(talk).json()["id"] for _ in range(3)}
        assert len(ids) == 1
        assert (upstream.counts["received"], upstream.counts["accepted"]) == (3, 1)


def test_the_scenario_can_be_replaced_while_it_runs() -> None:
    with ScriptedUpstream() as upstream, client(upstream) as talk:
        assert submit_video(talk).status_code == 200
        upstream.play({"otherwise": {"submit": {"status": 503}}})
        assert submit_video(talk).status_code == 503


def test_charges_are_counted_without_refunds() -> None:
    rules = [{"when": "back", "ends": "refused", "charge": 1.0, "refund": True, "polls": 0}]
    scenario = {"orders": rules, "otherwise": {"charge": 0.25, "polls": 0}}
    with ScriptedUpstream(scenario) as upstream, client(upstream) as talk:
        for prompt in ("one", "two", "back"):
            talk.get(f"videos/{submit_video(talk, prompt).json()['id']}")
        assert upstream.counts["charged"] == 0.5


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"[]", 400), (b"{}", 400)])
def test_a_bad_create_is_a_plain_error(body: bytes, status: int) -> None:
    with ScriptedUpstream() as upstream, client(upstream) as talk:
        answer = talk.post("videos", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == status
        assert answer.json()["error"]["message"]
        assert upstream.counts["accepted"] == 0


def test_concurrent_clients_are_all_counted() -> None:
    with ScriptedUpstream({"otherwise": {"ends": "never"}}) as upstream, client(upstream) as talk:
        made = submit_video(talk).json()["id"]
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: talk.get(f"videos/{made}").status_code, range(400)))
        assert set(answers) == {200}
        assert upstream.counts["polls"] == 400


def test_as_a_process_it_writes_its_counts_to_a_file(tmp_path: Path) -> None:
    scenario, counts = tmp_path / "scenario.yaml", tmp_path / "counts.json"
    scenario.write_text("otherwise: {submit: {delay_s: 0.01}}", encoding="utf-8")
    command = [sys.executable, "-m", "safelight.testing.upstream", "--scenario", scenario, "--counts", counts]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with httpx.Client(base_url=url + "/", trust_env=False) as talk:
            made = submit_video(talk, key="first").json()["id"]
            assert json.loads(counts.read_bytes())["accepted_by_key"] == {"first": 1}
            talk.get(f"videos/{made}")
            asked = talk.get(f"{url.removesuffix('/v1')}/_safelight/counts").json()
            assert asked["polls"] == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert json.loads(counts.read_bytes())["polls"] == 1
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_an_invalid_scenario_ends_the_process_with_a_reason(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("otherwise: {submit: explode}", encoding="utf-8")
    command = [sys.executable, "-m", "safelight.testing.upstream", "--scenario", str(scenario)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "the scenario is invalid" in ended.stderr


def test_the_instant_generator_copies_its_file(tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    source.write_bytes(tiny_clip() + b"more")
    made = create({"file": str(source)})
    assert isinstance(made, LocalGenerator)
    asked = GenerationRequest(key="k", model="instant-1", prompt="a cat", seconds=4, width=1280, height=720)
    told: list[int] = []
    charge = made.render(asked, tmp_path / "out.mp4", told.append).charge
    assert (tmp_path / "out.mp4").read_bytes() == source.read_bytes()
    assert (charge.charged, told) == (ChargeStatus.NO, [0, 99, 100])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "source.mp4"]
