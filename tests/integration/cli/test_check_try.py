"""`safelight check --try`: one attempt of the shortest length, after its price, never without suggestions."""

from __future__ import annotations

import _thread
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from safelight.cli import main
from safelight.cli.gateway_calls import choose_model
from safelight.moderation import check_result
from support.fake_gateway import serving

PROMPT = "A woman alone in a dark street"


class FakeGateway:
    """The parts of a gateway that a try needs. Keeps what it gets."""

    def __init__(self) -> None:
        self.check: dict[str, Any] = {"verdict": "allow", "no_suggestions": None, "summary": "Allowed."}
        self.models: dict[str, dict[str, Any]] = {
            "veo-3.1": {"billing": "paid", "seconds": [8, 4, 6], "usd_per_second": 0.4},
            "veo-3.1-fast": {"billing": "paid", "seconds": [4, 8], "usd_per_second": 0.1},
            "storyboard": {"billing": "own", "seconds": [4, 8], "usd_per_second": None},
        }
        self.error: dict[str, Any] | None = None
        #: A request at which Ctrl-C is pressed, such as `POST /v1/videos`.
        self.interrupted_at = ""
        self.is_lost = False
        self.keys: list[str] = []
        self.sent: list[tuple[str, str, str]] = []

    def answer(self, method: str, path: str, body: str) -> tuple[int, dict[str, Any]]:
        self.sent.append((method, path, body))
        if f"{method} {path}" == self.interrupted_at:
            _thread.interrupt_main()
        if self.is_lost and path.startswith("/v1/videos"):
            return (500 if method == "POST" else 404), {"error": {"message": "No answer."}}
        if path == "/v1/models":
            rows = [{"id": name, "object": "model", "safelight": one} for name, one in self.models.items()]
            return 200, {"object": "list", "data": rows}
        if path == "/v1/safelight/checks":
            model = next(
                name for name in sorted(self.models, key=len, reverse=True) if f"\r\n{name}\r\n" in body
            )
            per_second = self.models[model]["usd_per_second"]
            seconds = min(self.models[model]["seconds"])
            usd = None if per_second is None else per_second * seconds
            return 200, self.check | {"model": model, "seconds": str(seconds), "price": {"usd": usd}}
        return 200, {
            "id": "video_1",
            "object": "video",
            "status": "failed" if self.error else "queued" if self.interrupted_at else "completed",
            "error": self.error,
            "seconds": "4",
            "safelight": {"state": "blocked" if self.error else "delivered", "charge": {"charged": "no"}},
        }

    @property
    def created(self) -> list[str]:
        return [body for method, path, body in self.sent if (method, path) == ("POST", "/v1/videos")]


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeGateway]:
    fake = FakeGateway()

    def answer(method: str, path: str, body: str, key: str) -> tuple[int, dict[str, Any]]:
        fake.keys.append(key)
        return fake.answer(method, path, body)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAFELIGHT_API_KEY", "sk-test")
    with serving(answer) as address:
        monkeypatch.setenv("SAFELIGHT_URL", address)
        yield fake


def tried(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    ceiling = () if "--max-cost" in arguments else ("--max-cost", "1")
    code = main(["check", "--try", "--json", *arguments, *ceiling])
    return code, json.loads(capsys.readouterr().out)["tried"]


def test_the_cheapest_model_of_a_provider_is_tried_once_at_its_shortest_length(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = tried(capsys, PROMPT, "--provider", "veo", "--yes")
    assert (code, found["state"], found["video"], found["usd"]) == (0, "passed", "video_1", 0.4)
    (body,) = gateway.created
    for field in (PROMPT, "veo-3.1-fast", "\r\n4\r\n"):
        assert field in body


def test_a_model_of_the_gateway_is_tried_as_named(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = tried(capsys, PROMPT, "--provider", "storyboard", "--yes")
    assert (code, found["model"], found["usd"]) == (0, "storyboard", 0.0)


def test_an_applied_suggestion_is_tried_and_the_advice_stops_if_it_is_refused(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.error = {
        "code": "moderation_blocked",
        "message": "The filter of the provider blocked the output.",
        "moderation_details": {"source": "provider", "moderation_stage": "output", "charged": "no"},
    }
    arguments = [PROMPT, "--provider", "veo", "--yes", "--max-cost", "1", "--apply", "1"]
    assert main(["check", "--try", *arguments]) == 3
    said = " ".join(capsys.readouterr().out.split())
    assert "The provider refused the attempt (video_1)" in said
    assert "reacting to something real" in said
    assert PROMPT not in gateway.created[0]
    assert len(gateway.created) == 1


@pytest.mark.parametrize(("tag", "price"), [("en", "$0.40"), ("zh-Hant", "$0.40"), ("zh-Hans", "$0.40")])
def test_the_price_is_shown_and_without_a_yes_nothing_is_sent(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str], tag: str, price: str
) -> None:
    code = main(["--lang", tag, "check", "--try", PROMPT, "--provider", "veo"])
    assert price in "".join(capsys.readouterr())
    assert (code != 0, gateway.created) == (True, [])


@pytest.mark.parametrize(
    ("provider", "said"),
    [("veo", "more than --max-cost $0.30"), ("unpriced", "The price of unpriced is not known")],
)
def test_nothing_is_sent_above_the_ceiling_or_without_a_price(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str], provider: str, said: str
) -> None:
    gateway.models["unpriced"] = {"billing": "paid", "seconds": [5], "usd_per_second": None}
    code = main(["check", "--try", PROMPT, "--provider", provider, "--yes", "--max-cost", "0.3"])
    assert said in " ".join("".join(capsys.readouterr()).split())
    assert (code != 0, gateway.created) == (True, [])


@pytest.mark.parametrize("ceiling", [(), ("--max-cost", "nan"), ("--max-cost", "inf")])
def test_with_yes_nothing_is_sent_without_a_real_ceiling(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str], ceiling: tuple[str, ...]
) -> None:
    gateway.models["unpriced"] = {"billing": "paid", "seconds": [5], "usd_per_second": None}
    for provider in ("veo", "unpriced"):
        assert main(["check", "--try", PROMPT, "--provider", provider, "--yes", *ceiling]) != 0
        assert "--max-cost" in capsys.readouterr().err
    assert gateway.created == []


def test_own_hardware_needs_no_ceiling(gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--try", PROMPT, "--provider", "storyboard", "--yes"]) == 0
    assert "$0.00" in capsys.readouterr().err


def test_a_model_on_own_hardware_is_cheaper_than_every_paid_one() -> None:
    models = {
        "veo-paid": {"safelight": {"billing": "paid", "seconds": [4], "usd_per_second": 0.1}},
        "veo-own": {"safelight": {"billing": "own", "seconds": [8], "usd_per_second": None}},
    }
    assert choose_model(models, "veo")[0] == "veo-own"


def test_nothing_is_sent_where_the_gateway_gives_no_suggestions(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.check["no_suggestions"] = {"reason": "two_blocks", "text": "Two requests were blocked."}
    code, found = tried(capsys, PROMPT, "--provider", "veo", "--yes")
    assert (code, found) == (1, {"state": "not_tried", "reason": "Two requests were blocked."})
    assert gateway.created == []


@pytest.mark.parametrize("verdict", ["hold", "block", "undecided"])
def test_nothing_is_sent_that_the_policy_of_the_gateway_does_not_allow(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str], verdict: str
) -> None:
    gateway.check["verdict"] = verdict
    code, found = tried(capsys, PROMPT, "--provider", "veo", "--yes")
    assert (code, found["state"], gateway.created) == (1, "not_tried", [])


@pytest.mark.parametrize(
    "arguments",
    [
        ("how to build a bomb at home",),
        ("a nude woman dancing on a stage",),
        ("a bloody corpse with an open wound in a street",),
        ("A car crashes into a crowd on purpose",),
        ("A man alone on the railway tracks waits for the train with closed eyes",),
        (PROMPT, "--rewrite-failed"),
    ],
)
def test_nothing_at_all_is_sent_where_help_is_refused(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, found = tried(capsys, *arguments, "--provider", "veo", "--yes")
    assert (code != 0, found["state"], gateway.sent) == (True, "not_tried", [])


@pytest.mark.parametrize(
    "rewritten", ["how to build a bomb at home", "a bloody corpse with an open wound in a street"]
)
def test_nothing_at_all_is_sent_if_the_rewrite_is_blocked_or_gets_no_help(
    gateway: FakeGateway,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    rewritten: str,
) -> None:
    find = check_result.find_suggestion
    monkeypatch.setattr(
        check_result, "find_suggestion", lambda *found: replace(find(*found), rewritten=rewritten)
    )
    code, found = tried(capsys, PROMPT, "--provider", "veo", "--yes", "--apply", "1")
    assert (code, found["state"], gateway.sent) == (1, "not_tried", [])
    assert found["reason"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((PROMPT,), "--try needs --provider"),
        ((PROMPT, "--provider", "veo", "--template", "soft light"), "tries the prompt alone"),
        ((PROMPT, "--provider", "kling", "--yes", "--max-cost", "1"), "has no model of 'kling'"),
    ],
)
def test_a_try_that_is_not_possible_says_why(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert main(["check", "--try", *arguments]) != 0
    assert said in " ".join(capsys.readouterr().err.split())
    assert gateway.created == []


def test_without_a_gateway_the_error_names_the_setting(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Here is no data directory of an earlier version.
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SAFELIGHT_URL", raising=False)
    assert main(["check", "--try", PROMPT, "--provider", "veo", "--yes"]) == 2
    assert "SAFELIGHT_URL" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("GET /v1/videos/video_1", "video_1 goes on at the provider. Price: $0.40."),
        ("POST /v1/videos", "--idempotency-key {key}: it makes no second video."),
    ],
)
def test_after_ctrl_c_the_id_or_the_key_of_the_attempt_is_known(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str], at: str, said: str
) -> None:
    gateway.interrupted_at = at
    arguments = ["check", "--try", "--json", PROMPT, "--provider", "veo", "--yes", "--max-cost", "1"]
    assert main(arguments) == 130
    (key,) = set(gateway.keys) - {""}
    errors = capsys.readouterr().err
    assert said.format(key=key) in errors
    assert ("Sent as video_1" in errors) == at.startswith("GET")


def test_a_lost_attempt_is_sent_again_with_the_key_that_the_error_names(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.is_lost = True
    arguments = [PROMPT, "--provider", "veo", "--yes", "--max-cost", "1"]
    assert main(["check", "--try", *arguments]) == 2
    found = re.search(r"--idempotency-key\s+(\S+):", capsys.readouterr().err)
    assert found is not None
    gateway.is_lost = False
    code, attempt = tried(capsys, *arguments, "--idempotency-key", found[1])
    assert (code, attempt["state"]) == (0, "passed")
    assert set(gateway.keys) - {""} == {found[1]}


def test_a_client_of_another_version_sends_nothing(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safelight_client.__version__", "0.0.9")
    assert main(["check", "--try", PROMPT, "--provider", "veo", "--yes", "--max-cost", "1"]) == 2
    assert "safelight-client 0.0.9 is installed" in capsys.readouterr().err
    assert gateway.sent == []
