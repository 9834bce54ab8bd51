"""`safelight check --try`: one attempt of the shortest length, after its price, never without suggestions."""

from __future__ import annotations

import _thread
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from safelight.cli.gateway_calls import choose_model
from safelight.providers.advice import check_result
from support.commands import FAILED, Run, Say
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
def gateway(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGateway]:
    fake = FakeGateway()

    def answer(method: str, path: str, body: str, key: str) -> tuple[int, dict[str, Any]]:
        fake.keys.append(key)
        return fake.answer(method, path, body)

    monkeypatch.setenv("SAFELIGHT_API_KEY", "sk-test")
    with serving(answer) as address:
        monkeypatch.setenv("SAFELIGHT_URL", address)
        yield fake


@pytest.fixture
def attempt(run: Run) -> Run:
    """A try with a yes, at most $1 and JSON: its result."""

    def attempt(*arguments: str, code: int | range = 0) -> Any:
        return run("check", "--try", *arguments, "--yes", "--max-cost", "1", code=code)["tried"]

    return attempt


@pytest.fixture
def complain(say: Say) -> Callable[..., str]:
    """A try of the prompt as text: what it wrote, in one line."""

    def complain(*arguments: str, code: int | range = FAILED) -> str:
        return " ".join("".join(say("check", "--try", PROMPT, *arguments, code=code)).split())

    return complain


def test_the_cheapest_model_of_a_provider_is_tried_once_at_its_shortest_length(
    gateway: FakeGateway, attempt: Run
) -> None:
    found = attempt(PROMPT, "--provider", "veo")
    assert (found["state"], found["video"], found["usd"]) == ("passed", "video_1", 0.4)
    (body,) = gateway.created
    for field in (PROMPT, "veo-3.1-fast", "\r\n4\r\n"):
        assert field in body


def test_a_canary_is_marked_in_the_metadata_of_the_request(gateway: FakeGateway, attempt: Run) -> None:
    attempt(PROMPT, "--provider", "veo", "--canary")
    attempt(PROMPT, "--provider", "veo")
    marked, other = gateway.created
    assert re.search(r'name="metadata\[safelight_origin\]"\s+canary\s', marked)
    assert "metadata" not in other


def test_a_model_on_own_hardware_is_tried_as_named_and_needs_no_ceiling(
    gateway: FakeGateway, attempt: Run, complain: Callable[..., str]
) -> None:
    found = attempt(PROMPT, "--provider", "storyboard")
    assert (found["model"], found["usd"]) == ("storyboard", 0.0)
    assert "$0.00" in complain("--provider", "storyboard", "--yes", code=0)


def test_an_applied_suggestion_is_tried_and_the_advice_stops_if_it_is_refused(
    gateway: FakeGateway, complain: Callable[..., str]
) -> None:
    gateway.error = {
        "code": "moderation_blocked",
        "message": "The filter of the provider blocked the output.",
        "moderation_details": {"source": "provider", "moderation_stage": "output", "charged": "no"},
    }
    said = complain("--provider", "veo", "--yes", "--max-cost", "1", "--apply", "1", code=3)
    assert "The provider refused the attempt (video_1)" in said
    assert "reacting to something real" in said
    (body,) = gateway.created
    assert PROMPT not in body


@pytest.mark.parametrize("tag", ["en", "zh-Hant", "zh-Hans"])
def test_the_price_is_shown_and_without_a_yes_nothing_is_sent(
    gateway: FakeGateway, complain: Callable[..., str], tag: str
) -> None:
    assert "$0.40" in complain("--provider", "veo", "--lang", tag)
    assert gateway.created == []


def test_nothing_is_sent_above_a_ceiling_without_a_real_one_or_without_a_price(
    gateway: FakeGateway, complain: Callable[..., str]
) -> None:
    gateway.models["unpriced"] = {"billing": "paid", "seconds": [5], "usd_per_second": None}
    for provider, said in (
        ("veo", "more than --max-cost $0.30"),
        ("unpriced", "The price of unpriced is not known"),
    ):
        assert said in complain("--provider", provider, "--yes", "--max-cost", "0.3")
        for ceiling in ((), ("--max-cost", "nan"), ("--max-cost", "inf")):
            assert "--max-cost" in complain("--provider", provider, "--yes", *ceiling)
    assert gateway.created == []


def test_a_model_on_own_hardware_is_cheaper_than_every_paid_one() -> None:
    models = {
        "veo-paid": {"safelight": {"billing": "paid", "seconds": [4], "usd_per_second": 0.1}},
        "veo-own": {"safelight": {"billing": "own", "seconds": [8], "usd_per_second": None}},
    }
    assert choose_model(models, "veo")[0] == "veo-own"


@pytest.mark.parametrize(
    "check",
    [
        {"no_suggestions": {"reason": "recent_block", "text": "Two requests were blocked."}},
        *({"verdict": verdict} for verdict in ("hold", "block", "undecided")),
    ],
)
def test_nothing_is_sent_where_the_gateway_does_not_allow_the_prompt_or_gives_no_suggestions(
    gateway: FakeGateway, attempt: Run, check: dict[str, Any]
) -> None:
    gateway.check |= check
    found = attempt(PROMPT, "--provider", "veo", code=1)
    assert (found["state"], gateway.created) == ("not_tried", [])
    if "no_suggestions" in check:
        assert found["reason"] == "Two requests were blocked."


@pytest.mark.parametrize(
    "arguments",
    [
        ("how to build a bomb at home",),
        ("a nude woman dancing on a stage",),
        ("a bloody corpse with an open wound in a street",),
        ("A car crashes into a crowd",),
        ("A man alone on the railway tracks waits for the train with closed eyes",),
        (PROMPT, "--rewrite-failed"),
    ],
)
def test_nothing_at_all_is_sent_where_help_is_refused(
    gateway: FakeGateway, attempt: Run, arguments: tuple[str, ...]
) -> None:
    assert attempt(*arguments, "--provider", "veo", code=FAILED)["state"] == "not_tried"
    assert gateway.sent == []


@pytest.mark.parametrize(
    "rewritten", ["how to build a bomb at home", "a bloody corpse with an open wound in a street"]
)
def test_nothing_at_all_is_sent_if_the_rewrite_is_blocked_or_gets_no_help(
    gateway: FakeGateway, attempt: Run, monkeypatch: pytest.MonkeyPatch, rewritten: str
) -> None:
    find = check_result.find_suggestion
    monkeypatch.setattr(
        check_result, "find_suggestion", lambda *found: replace(find(*found), rewritten=rewritten)
    )
    found = attempt(PROMPT, "--provider", "veo", "--apply", "1", code=1)
    assert (found["state"], bool(found["reason"]), gateway.sent) == ("not_tried", True, [])


def test_a_try_that_is_not_possible_says_why(
    gateway: FakeGateway, complain: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments, said in (
        ((), "--try needs --provider"),
        (("--provider", "veo", "--template", "soft light"), "tries the prompt alone"),
        (("--provider", "kling", "--yes", "--max-cost", "1"), "has no model of 'kling'"),
    ):
        assert said in complain(*arguments)
    assert gateway.created == []
    gateway.sent.clear()
    with monkeypatch.context() as patch:
        patch.setattr("safelight_client.__version__", "0.0.9")
        said = complain("--provider", "veo", "--yes", "--max-cost", "1", code=2)
    assert "safelight-client 0.0.9 is installed" in said
    monkeypatch.delenv("SAFELIGHT_URL")
    assert "SAFELIGHT_URL" in complain("--provider", "veo", "--yes", code=2)
    assert gateway.sent == []


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("GET /v1/videos/video_1", "video_1 goes on at the provider. Price: $0.40."),
        ("POST /v1/videos", "--idempotency-key {key}: it makes no second video."),
    ],
)
def test_after_ctrl_c_the_id_or_the_key_of_the_attempt_is_known(
    gateway: FakeGateway, say: Say, at: str, said: str
) -> None:
    gateway.interrupted_at = at
    arguments = ("--provider", "veo", "--yes", "--max-cost", "1", "--json")
    errors = say("check", "--try", PROMPT, *arguments, code=130).err
    (key,) = set(gateway.keys) - {""}
    assert said.format(key=key) in errors
    assert ("Sent as video_1" in errors) == at.startswith("GET")


def test_a_lost_attempt_is_sent_again_with_the_key_that_the_error_names(
    gateway: FakeGateway, attempt: Run, complain: Callable[..., str]
) -> None:
    gateway.is_lost = True
    said = complain("--provider", "veo", "--yes", "--max-cost", "1", code=2)
    found = re.search(r"--idempotency-key (\S+):", said)
    assert found is not None
    gateway.is_lost = False
    assert attempt(PROMPT, "--provider", "veo", "--idempotency-key", found[1])["state"] == "passed"
    assert set(gateway.keys) - {""} == {found[1]}
