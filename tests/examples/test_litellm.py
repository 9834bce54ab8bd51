"""The custom guardrail for LiteLLM with the real gateway; `bench.litellm` runs it in LiteLLM itself."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from fastapi import HTTPException

from safelight.detectors import safety_card
from safelight.testing.clips import tiny_clip
from safelight.web.api.guardrail import GUARDRAIL_PATH
from support.clips import make_clip
from support.gateway_process import Running, running

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "litellm"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("gateway")) as started:
        yield started


def load(monkeypatch: pytest.MonkeyPatch, address: str, key: str) -> Any:
    """An instance of the guardrail, with a base class that has LiteLLM's name and nothing else."""
    for name in ("litellm", "litellm.integrations", "litellm.integrations.custom_guardrail"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["litellm.integrations.custom_guardrail"].CustomGuardrail = object  # type: ignore[attr-defined]
    monkeypatch.setenv("SAFELIGHT_URL", f"{address}/v1")
    monkeypatch.setenv("SAFELIGHT_API_KEY", key)
    found = importlib.util.spec_from_file_location("safelight_clips", EXAMPLE / "safelight_clips.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module.SafelightClips()


def fetched(guardrail: Any, response: Any) -> Any:
    return asyncio.run(guardrail.async_post_call_success_hook({}, None, response))


def test_only_an_allowed_clip_is_passed_on(
    gateway: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    guardrail = load(monkeypatch, gateway.address, gateway.key)
    assert fetched(guardrail, tiny_clip()) == tiny_clip()
    status = {"status": "queued"}
    assert fetched(guardrail, status) is status
    card = safety_card.draw_card("violence/graphic", 640, 384)
    clip = make_clip(tmp_path / "a.mp4", width=640, height=384, frames=24, odd={7: card}, crf=30)
    with pytest.raises(HTTPException) as blocked:
        fetched(guardrail, clip.read_bytes())
    assert (blocked.value.status_code, blocked.value.detail) == (
        400,
        "Safelight does not allow this clip: block.",
    )


def test_a_clip_that_was_not_checked_is_not_passed_on(
    gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address, key, clip in (
        (gateway.address, "wrong", tiny_clip()),
        (gateway.address, gateway.key, b"no clip"),
        ("http://127.0.0.1:9", gateway.key, tiny_clip()),
    ):
        with pytest.raises(HTTPException) as failed:
            fetched(load(monkeypatch, address, key), clip)
        assert failed.value.status_code == 503


def test_the_configuration_names_what_is_there() -> None:
    prompt, clips = yaml.safe_load((EXAMPLE / "config.yaml").read_text())["guardrails"]
    assert prompt["litellm_params"]["mode"] == "pre_call"
    assert GUARDRAIL_PATH == "/beta/litellm_basic_guardrail_api"
    module, name = clips["litellm_params"]["guardrail"].split(".")
    assert f"class {name}(" in (EXAMPLE / f"{module}.py").read_text()
