"""The official SDKs against four generators of one gateway: only `model=` changes between them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from safelight.testing.upstream import ScriptedUpstream
from safelight.testing.upstream.hosted_routes import Dialect
from support.gateway_process import Running, running
from support.provider_outcomes import API_KEY, MODELS

from .conftest import Sdk

#: The generator of each model. The storyboard is embedded; the others are scripted upstreams.
GENERATORS: dict[str, Dialect] = {"wan": "videos_api", "runway": "runway", "fal": "fal"}
EXPECTED = {"storyboard": "storyboard", **{MODELS[dialect]: name for name, dialect in GENERATORS.items()}}
SETTINGS = """
[generators.{name}]
kind = "{dialect}"
url = "{url}"
api_key = "{key}"
models = ["{model}"]
content_hosts = ["{host}"]
"""


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, ScriptedUpstream]]:
    script = {"api_key": API_KEY, "otherwise": {"polls": 0}}
    with (
        ScriptedUpstream(script, dialect="videos_api") as wan,
        ScriptedUpstream(script, dialect="runway") as runway,
        ScriptedUpstream(script, dialect="fal") as fal,
    ):
        yield {"wan": wan, "runway": runway, "fal": fal}


@pytest.fixture(scope="module")
def gateway(
    upstreams: dict[str, ScriptedUpstream], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("gateway")
    tables = [
        '[generation]\ndefault_generator = "storyboard"\n[generators.storyboard]\nkind = "storyboard"\n'
    ]
    for name, dialect in GENERATORS.items():
        url = upstreams[name].url
        host = f"{httpx.URL(url).host}:{httpx.URL(url).port}"
        tables.append(
            SETTINGS.format(
                name=name, dialect=dialect, url=url, key=API_KEY, model=MODELS[dialect], host=host
            )
        )
    (folder / "safelight.toml").write_text("".join(tables), "utf-8")
    with running(folder) as started:
        yield started


def test_one_change_of_the_model_moves_a_client_between_generators(
    sdk: Sdk, gateway: Running, upstreams: dict[str, ScriptedUpstream]
) -> None:
    before = {name: upstream.counts["received"] for name, upstream in upstreams.items()}
    seen = sdk.run(gateway.address, gateway.key, "models", json.dumps(list(EXPECTED)))
    for model, generator in EXPECTED.items():
        video = seen[model]
        assert (video["status"], video["model"], video["head"]) == ("completed", model, "ftyp"), video
        listed = httpx.get(
            f"{gateway.address}/v1/models/{model}",
            headers={"authorization": f"Bearer {gateway.key}"},
            timeout=60,
        ).json()
        assert listed["safelight"]["generator"] == generator
    sent = {name: upstream.counts["received"] - before[name] for name, upstream in upstreams.items()}
    assert sent == dict.fromkeys(upstreams, 1)


def wait_until_ended(gateway: Running, video_id: str) -> dict[str, Any]:
    give_up = time.monotonic() + 60
    with httpx.Client(headers={"authorization": f"Bearer {gateway.key}"}, timeout=60) as client:
        while True:
            video: dict[str, Any] = client.get(f"{gateway.address}/v1/videos/{video_id}").json()
            if video.get("status") not in {"queued", "in_progress"} or time.monotonic() > give_up:
                return video
            time.sleep(0.25)


def test_the_studio_and_the_settings_page_have_the_same_models(
    gateway: Running, upstreams: dict[str, ScriptedUpstream]
) -> None:
    headers = {"accept": "text/html", "origin": gateway.address}
    with httpx.Client(
        base_url=gateway.address, headers=headers, follow_redirects=True, timeout=60
    ) as browser:
        page = browser.post("/login", data={"token": gateway.login}).text
        for model in EXPECTED:
            assert f'value="{model}"' in page
        before = {name: upstream.counts["received"] for name, upstream in upstreams.items()}
        made = {
            model: browser.post("/", files={"prompt": (None, "A paper boat"), "model": (None, model)})
            for model in EXPECTED
        }
        for model, answer in made.items():
            assert model in answer.text
            video = wait_until_ended(gateway, answer.url.path.rpartition("/")[2])
            assert (video["status"], video["model"]) == ("completed", model)
        settings = browser.get("/settings").text
    sent = {name: upstream.counts["received"] - before[name] for name, upstream in upstreams.items()}
    assert sent == dict.fromkeys(upstreams, 1)
    for model, generator in EXPECTED.items():
        assert f"<code>{generator}</code>" in settings
        assert f"<code>{model}</code>" in settings
