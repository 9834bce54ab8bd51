"""`--upstream`: with init, serve and doctor, against a server that plays vLLM-Omni."""

from __future__ import annotations

import json
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from safelight.bootstrap import load
from safelight.cli import main
from safelight.cli.upstream import UpstreamAnswers, attach, upstream_warnings
from safelight.errors import SettingsError
from safelight.generation.videos_api.discovery import DiscoveredServer, NetworkLocation
from safelight.testing.upstream import ScriptedUpstream
from support.gateway_process import running

WAN = "Wan-AI/Wan2.2-T2V-A14B-Diffusers"
KEY = "sk-live-0123456789"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SAFELIGHT_UPSTREAM_KEY", raising=False)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_init_writes_the_upstream_as_the_default_generator(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedUpstream({"models": [WAN]}) as upstream:
        code, answer = told(capsys, "init", "--upstream", upstream.url.removesuffix("/v1"))
    assert code == 0
    assert answer["upstream"] == {
        "kind": "videos_api",
        "url": upstream.url,
        "models": [WAN],
        "billing": "own",
        "warnings": [],
    }
    container = load()
    assert [*container.core.generators] == ["upstream", "storyboard"]
    assert container.core.generators["upstream"].info().models == (WAN,)


def test_init_writes_no_key(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFELIGHT_UPSTREAM_KEY", KEY)
    with ScriptedUpstream({"api_key": KEY}) as upstream:
        code, _ = told(capsys, "init", "--upstream", upstream.url, "--paid")
    assert code == 0
    written = (here / "safelight.toml").read_text()
    assert KEY not in written
    assert tomllib.loads(written)["generators"]["upstream"]["billing"] == "paid"


def test_existing_settings_are_kept(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "safelight.toml").write_text('data = "data"\n')
    with ScriptedUpstream() as upstream:
        assert main(["init", "--yes", "--upstream", upstream.url]) == 0
    assert "NOT in the settings" in capsys.readouterr().out
    assert (here / "safelight.toml").read_text() == 'data = "data"\n'


def test_an_unreachable_upstream_stops_init_before_anything_is_written(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, answer = told(capsys, "init", "--upstream", "http://127.0.0.1:1")
    assert code == 2
    assert "does not answer" in answer["error"]["message"]
    assert "--model" in answer["error"]["remedy"]
    assert list(here.iterdir()) == []


def test_serve_refuses_an_upstream_without_known_models(capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = told(capsys, "serve", "--upstream", "http://127.0.0.1:1")
    assert code == 2
    assert "nothing can be offered" in answer["error"]["message"]


def test_an_unreachable_upstream_is_accepted_with_models_from_the_settings() -> None:
    table = {"kind": "videos_api", "url": "http://127.0.0.1:1/v1", "models": ["wan"], "billing": "paid"}
    known = {"wan": {**table, "extra_fields": {"seed": "int"}}}
    found = attach(UpstreamAnswers(url="http://127.0.0.1:1", known=known))
    assert found.name == "wan"
    assert found.options == known["wan"]
    assert len(found.warnings) == 1


def test_an_unreachable_upstream_is_accepted_with_models_from_the_command_line() -> None:
    found = attach(UpstreamAnswers(url="http://127.0.0.1:1", models=("wan",)))
    assert found.table["models"] == ["wan"]
    assert "does not answer" in found.warnings[0]


def test_only_the_requested_models_are_offered_and_unlisted_ones_reported() -> None:
    with ScriptedUpstream({"models": ["a", "b"]}) as upstream:
        assert attach(UpstreamAnswers(url=upstream.url, models=("b",))).table["models"] == ["b"]
        assert "does not list c" in attach(UpstreamAnswers(url=upstream.url, models=("c",))).warnings[0]


def test_a_server_without_a_model_list_needs_its_models_named() -> None:
    with ScriptedUpstream({"models": []}) as upstream, pytest.raises(SettingsError, match="lists no models"):
        attach(UpstreamAnswers(url=upstream.url))


def test_the_key_comes_from_a_file_or_the_environment(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "key").write_text(f"{KEY}\n")
    with ScriptedUpstream({"api_key": KEY}) as upstream:
        with pytest.raises(SettingsError, match="wants a key") as error:
            attach(UpstreamAnswers(url=upstream.url))
        assert "SAFELIGHT_UPSTREAM_KEY" in str(error.value)
        found = attach(UpstreamAnswers(url=upstream.url, key_file=here / "key"))
        assert found.options["api_key"] == KEY
        assert "api_key" not in found.table
        monkeypatch.setenv("SAFELIGHT_UPSTREAM_KEY", KEY)
        assert attach(UpstreamAnswers(url=upstream.url)).api_key == KEY


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_key_file_is_refused(here: Path, text: str) -> None:
    (here / "key").write_text(text)
    with pytest.raises(SettingsError, match="empty"):
        attach(UpstreamAnswers(url="http://127.0.0.1:1", key_file=here / "key"))


def test_a_configured_name_with_another_url_is_refused() -> None:
    known = {"upstream": {"kind": "videos_api", "url": "http://one/v1"}}
    with pytest.raises(SettingsError, match="another server"):
        attach(UpstreamAnswers(url="http://two", known=known))


def test_a_server_without_authentication_gets_a_warning() -> None:
    with ScriptedUpstream() as upstream:
        (warning,) = attach(UpstreamAnswers(url=upstream.url)).warnings or ("",)
        assert warning == ""
    public = DiscoveredServer(
        url="http://gpu/v1", models=("m",), place=NetworkLocation.PUBLIC, answers_strangers=True, keyed=False
    )
    (said,) = upstream_warnings(public)
    assert "DOES NOT REQUIRE AUTHENTICATION" in said
    assert "private network" in said


def test_a_key_sent_unencrypted_over_a_public_network_gets_a_warning() -> None:
    found = DiscoveredServer(
        url="http://gpu/v1", models=("m",), place=NetworkLocation.PUBLIC, answers_strangers=False, keyed=True
    )
    assert "unencrypted" in upstream_warnings(found)[0]


@pytest.mark.parametrize("flags", [("--model", "wan"), ("--paid",), ("--upstream-key-file", "key")])
def test_upstream_flags_require_the_upstream_option(
    here: Path, flags: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "key").write_text(KEY)
    for command in ("serve", "init"):
        code, answer = told(capsys, command, *flags)
        assert code == 2
        assert "--upstream" in answer["error"]["message"] + (answer["error"].get("remedy") or "")


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code, answer = told(capsys, "doctor", *arguments)
    return code, {one["name"]: one for one in answer["checks"]}


def test_doctor_generates_a_small_clip_and_reports_the_result(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFELIGHT_SERVER__PORT", "0")
    with ScriptedUpstream({"models": [WAN], "otherwise": {"clip": "asked"}}) as upstream:
        address = upstream.url.removesuffix("/v1")
        code, found = doctor(capsys, "--upstream", address, "--test-video")
        counts = upstream.counts
    assert code == 0
    title = f"upstream {address}"
    assert WAN in found[title]["message"]
    assert found[f"{title}: clip"]["state"] == "ok"
    assert found[f"{title}: scan"]["state"] == "ok", found[f"{title}: scan"]
    assert "512x288, 1.0 s" in found[f"{title}: scan"]["message"]
    assert found[f"{title}: deleting"]["state"] == "ok"
    assert 'idempotency_metadata_key = "safelight_key"' in found[f"{title}: metadata"]["remedy"]
    assert "without a key" in found[f"{title}: protection"]["message"]
    assert (counts["accepted"], counts["deletes"]) == (1, 1)


def test_doctor_sends_no_request_without_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedUpstream() as upstream:
        doctor(capsys, "--upstream", upstream.url)
        assert upstream.counts["received"] == 0


def test_doctor_reports_a_clip_that_differs_from_the_request(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedUpstream() as upstream:
        _, found = doctor(capsys, "--upstream", upstream.url, "--test-video")
    scan = found[f"upstream {upstream.url}: scan"]
    assert scan["state"] == "warning"
    assert "not what was requested" in scan["message"]


def test_doctor_fails_if_no_clip_is_returned(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedUpstream({"otherwise": {"ends": "failed"}}) as upstream:
        code, found = doctor(capsys, "--upstream", upstream.url, "--test-video")
    assert code == 1
    assert found[f"upstream {upstream.url}: clip"]["state"] == "failed"


def test_doctor_generates_no_clip_with_a_paid_upstream(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedUpstream() as upstream:
        (here / "safelight.toml").write_text(
            f'[generators.storyboard]\nkind = "storyboard"\n[generators.upstream]\nkind = "videos_api"\n'
            f'url = "{upstream.url}"\nmodels = ["scripted-1"]\n'
        )
        doctor(capsys, "--test-video")
        assert upstream.counts["received"] == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('url = "{url}"\napi_key = "sk-live-0123456789"', "DOES NOT REQUIRE AUTHENTICATION"),
        ('url = "http://127.0.0.1:1/v1"', "does not answer"),
    ],
)
def test_serve_logs_warnings_about_the_configured_upstreams(here: Path, settings: str, said: str) -> None:
    with ScriptedUpstream() as upstream:
        (here / "safelight.toml").write_text(
            '[generation]\ndefault_generator = "wan"\n'
            '[generators.wan]\nkind = "videos_api"\nmodels = ["scripted-1"]\n'
            + settings.format(url=upstream.url)
        )
        with running(here) as gateway:
            until = time.monotonic() + 60
            while said not in gateway.log.read_text() and time.monotonic() < until:
                time.sleep(0.1)
            assert said in gateway.log.read_text()
