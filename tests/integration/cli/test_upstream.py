"""`--upstream`: with init, serve and doctor, against a server that plays vLLM-Omni."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from safelight.app.container import load
from safelight.cli.upstream import UpstreamAnswers, attach, upstream_warnings
from safelight.core.errors import SettingsError
from safelight.providers.videos_api.discovery import DiscoveredServer, NetworkLocation
from safelight.testing.upstream import ScriptedUpstream
from support.commands import Run, Say
from support.gateway_process import running

WAN = "Wan-AI/Wan2.2-T2V-A14B-Diffusers"
KEY = "sk-live-0123456789"
#: Nothing listens there.
NOWHERE = "http://127.0.0.1:1"


def test_init_writes_the_upstream_as_the_default_generator(run: Run) -> None:
    with ScriptedUpstream({"models": [WAN]}) as upstream:
        answer = run("init", "--upstream", upstream.url.removesuffix("/v1"))
    assert answer["upstream"] == {
        "kind": "videos_api",
        "url": upstream.url,
        "models": [WAN],
        "billing": "own",
        "warnings": [],
    }
    generators = load().core.generators
    assert [*generators] == ["upstream", "storyboard"]
    assert generators["upstream"].info().models == (WAN,)


def test_the_kind_of_a_server_becomes_its_profile_and_doctor_names_it(run: Run, doctor: Run) -> None:
    with ScriptedUpstream({"models": [WAN], "owned_by": "vllm"}) as upstream:
        url = upstream.url.removesuffix("/v1")
        found = doctor("--upstream", url, code=0)
        run("init", "--upstream", url)
    assert 'profile = "vllm-omni"' in found[f"upstream {url}: kind"]["message"]
    assert "num_inference_steps" in load().core.generators["upstream"].info().extra_fields


def test_init_writes_no_key_and_keeps_existing_settings(
    run: Run, say: Say, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = folder / "safelight.toml"
    monkeypatch.setenv("SAFELIGHT_UPSTREAM_KEY", KEY)
    with ScriptedUpstream({"api_key": KEY}) as upstream:
        run("init", "--upstream", upstream.url, "--paid")
        written = settings.read_text()
        assert KEY not in written
        assert tomllib.loads(written)["generators"]["upstream"]["billing"] == "paid"
        settings.write_text('data = "data"\n')
        assert "NOT in the settings" in say("init", "--yes", "--upstream", upstream.url).out
    assert settings.read_text() == 'data = "data"\n'


def test_an_unreachable_upstream_stops_init_before_anything_is_written_and_serve(
    run: Run, folder: Path
) -> None:
    error = run("init", "--upstream", NOWHERE, code=2)["error"]
    assert "does not answer" in error["message"]
    assert "--model" in error["remedy"]
    assert list(folder.iterdir()) == []
    assert "nothing can be offered" in run("serve", "--upstream", NOWHERE, code=2)["error"]["message"]


def test_an_unreachable_upstream_is_accepted_with_models_from_the_settings_or_the_command_line() -> None:
    table = {"kind": "videos_api", "url": f"{NOWHERE}/v1", "models": ["wan"], "billing": "paid"}
    known = {"wan": {**table, "extra_fields": {"seed": "int"}}}
    found = attach(UpstreamAnswers(url=NOWHERE, known=known))
    assert (found.name, found.options, len(found.warnings)) == ("wan", known["wan"], 1)
    found = attach(UpstreamAnswers(url=NOWHERE, models=("wan",)))
    assert found.table["models"] == ["wan"]
    assert "does not answer" in found.warnings[0]


def test_a_server_that_is_not_certainly_private_counts_as_paid_unless_the_settings_say_otherwise() -> None:
    public = "http://gpu.invalid:1"
    found = attach(UpstreamAnswers(url=public, models=("wan",)))
    assert found.table["billing"] == "paid"
    assert "not in a private network" in found.warnings[-1]
    known = {"wan": {"kind": "videos_api", "url": f"{public}/v1", "models": ["wan"], "billing": "own"}}
    assert attach(UpstreamAnswers(url=public, known=known)).table["billing"] == "own"


def test_only_the_requested_models_are_offered_and_unlisted_ones_reported() -> None:
    with ScriptedUpstream({"models": ["a", "b"]}) as upstream:
        assert attach(UpstreamAnswers(url=upstream.url, models=("b",))).table["models"] == ["b"]
        assert "does not list c" in attach(UpstreamAnswers(url=upstream.url, models=("c",))).warnings[0]
    with ScriptedUpstream({"models": []}) as upstream, pytest.raises(SettingsError, match="lists no models"):
        attach(UpstreamAnswers(url=upstream.url))


def test_the_key_comes_from_a_file_that_is_not_empty_or_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "key"
    for text in ("", "\n"):
        file.write_text(text)
        with pytest.raises(SettingsError, match="empty"):
            attach(UpstreamAnswers(url=NOWHERE, key_file=file))
    file.write_text(f"{KEY}\n")
    with ScriptedUpstream({"api_key": KEY}) as upstream:
        with pytest.raises(SettingsError, match="wants a key") as error:
            attach(UpstreamAnswers(url=upstream.url))
        assert "SAFELIGHT_UPSTREAM_KEY" in str(error.value)
        found = attach(UpstreamAnswers(url=upstream.url, key_file=file))
        assert (found.options["api_key"], "api_key" in found.table) == (KEY, False)
        monkeypatch.setenv("SAFELIGHT_UPSTREAM_KEY", KEY)
        assert attach(UpstreamAnswers(url=upstream.url)).api_key == KEY


def test_a_configured_name_with_another_url_is_refused() -> None:
    known = {"upstream": {"kind": "videos_api", "url": "http://one/v1"}}
    with pytest.raises(SettingsError, match="another server"):
        attach(UpstreamAnswers(url="http://two", known=known))


@pytest.mark.parametrize(
    ("keyed", "words"),
    [(False, ("DOES NOT REQUIRE AUTHENTICATION", "private network")), (True, ("unencrypted",))],
)
def test_a_public_server_without_authentication_or_encryption_gets_a_warning(
    keyed: bool, words: tuple[str, ...]
) -> None:
    (said,) = upstream_warnings(
        DiscoveredServer(
            url="http://gpu/v1",
            models=("m",),
            place=NetworkLocation.PUBLIC,
            answers_strangers=not keyed,
            keyed=keyed,
        )
    )
    for word in words:
        assert word in said
    with ScriptedUpstream() as upstream:
        assert not attach(UpstreamAnswers(url=upstream.url)).warnings


@pytest.mark.parametrize("flags", [("--model", "wan"), ("--paid",), ("--upstream-key-file", "key")])
def test_upstream_flags_require_the_upstream_option(run: Run, folder: Path, flags: tuple[str, ...]) -> None:
    (folder / "key").write_text(KEY)
    for command in ("serve", "init"):
        error = run(command, *flags, code=2)["error"]
        assert "--upstream" in error["message"] + (error.get("remedy") or "")


@pytest.fixture
def doctor(run: Run) -> Run:
    """The checks of the doctor by their names."""

    def doctor(*arguments: str, code: int | None = None) -> dict[str, Any]:
        return {one["name"]: one for one in run("doctor", *arguments, code=code)["checks"]}

    return doctor


def test_doctor_generates_a_small_clip_and_reports_the_result(
    doctor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFELIGHT_SERVER__PORT", "0")
    with ScriptedUpstream({"models": [WAN], "otherwise": {"clip": "asked"}}) as upstream:
        title = f"upstream {upstream.url.removesuffix('/v1')}"
        found = doctor("--upstream", upstream.url.removesuffix("/v1"), "--test-video", code=0)
        counts = upstream.counts
    assert WAN in found[title]["message"]
    for step in ("clip", "scan", "deleting"):
        assert found[f"{title}: {step}"]["state"] == "ok", found
    assert "512x288, 1.0 s" in found[f"{title}: scan"]["message"]
    assert 'idempotency_metadata_key = "safelight_key"' in found[f"{title}: metadata"]["remedy"]
    assert "without a key" in found[f"{title}: protection"]["message"]
    assert (counts["accepted"], counts["deletes"]) == (1, 1)


def test_doctor_reports_a_clip_that_differs_from_the_request_or_is_not_returned(doctor: Run) -> None:
    with ScriptedUpstream() as upstream:
        scan = doctor("--upstream", upstream.url, "--test-video")[f"upstream {upstream.url}: scan"]
    assert (scan["state"], "not what was requested" in scan["message"]) == ("warning", True)
    with ScriptedUpstream({"otherwise": {"ends": "failed"}}) as upstream:
        found = doctor("--upstream", upstream.url, "--test-video", code=1)
    assert found[f"upstream {upstream.url}: clip"]["state"] == "failed"


def test_doctor_generates_no_clip_without_the_option_or_with_a_paid_upstream(
    doctor: Run, folder: Path
) -> None:
    with ScriptedUpstream() as upstream:
        doctor("--upstream", upstream.url)
        (folder / "safelight.toml").write_text(
            f'[generators.storyboard]\nkind = "storyboard"\n[generators.upstream]\nkind = "videos_api"\n'
            f'url = "{upstream.url}"\nmodels = ["scripted-1"]\n'
        )
        doctor("--test-video")
        assert upstream.counts["received"] == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('url = "{url}"\napi_key = "sk-live-0123456789"', "DOES NOT REQUIRE AUTHENTICATION"),
        ('url = "http://127.0.0.1:1/v1"', "does not answer"),
    ],
)
def test_serve_logs_warnings_about_the_configured_upstreams(folder: Path, settings: str, said: str) -> None:
    with ScriptedUpstream() as upstream:
        (folder / "safelight.toml").write_text(
            '[generation]\ndefault_generator = "wan"\n'
            '[generators.wan]\nkind = "videos_api"\nmodels = ["scripted-1"]\n'
            + settings.format(url=upstream.url)
        )
        with running(folder) as gateway:
            until = time.monotonic() + 60
            while said not in gateway.log.read_text() and time.monotonic() < until:
                time.sleep(0.1)
            assert said in gateway.log.read_text()
