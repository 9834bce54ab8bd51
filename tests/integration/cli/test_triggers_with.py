"""`safelight triggers --with`: limits of money and refusals, the gate of help, providers that misbehave."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.cli.output import Exit
from support.commands import FAILED, Say
from support.fake_gateway import serving

PROMPT = "A person standing alone on a rooftop at night"
BLOCKED = {"code": "moderation_blocked", "message": "The filter refused it."}
FAILURE = {"code": "upstream_error", "message": "The GPU failed."}


class FakeGateway:
    """The parts of a gateway that a search needs. Its filter refuses “rooftop” together with “night”."""

    def __init__(self) -> None:
        self.stage = "input"
        self.model: dict[str, Any] = {
            "billing": "paid",
            "seconds": [8, 4],
            "usd_per_second": 0.1,
            "refusal_budget": "open",
        }
        #: What the check says about a text that has this word.
        self.no_help: dict[str, dict[str, Any]] = {}
        #: The state of the n-th video, counted from 1, instead of that of the filter.
        self.errors: dict[int, dict[str, Any]] = {}
        #: The charge of a finished video.
        self.charge: dict[str, Any] = {"charged": "yes", "amount": 0.4, "currency": "USD"}
        #: Ctrl-C is pressed at the request after this number of videos, so many times.
        self.interrupted_at, self.presses = -1, 2
        #: Judged instead of every prompt.
        self.always = ""
        #: Prompts and videos by Idempotency-Key.
        self.videos: dict[str, tuple[str, dict[str, Any]]] = {}

    @property
    def prompts(self) -> list[str]:
        return [prompt for prompt, _ in self.videos.values()]

    def answer(self, method: str, path: str, fields: dict[str, str], key: str) -> tuple[int, dict[str, Any]]:
        name = "veo-3.1"
        row = {"id": name, "object": "model", "safelight": self.model}
        if path == "/v1/models":
            return 200, {"object": "list", "data": [row]}
        if path == f"/v1/models/{name}":
            return 200, row
        if path == "/v1/safelight/checks":
            refusal = next((one for word, one in self.no_help.items() if word in fields["prompt"]), None)
            return 200, {"verdict": "allow", "no_suggestions": refusal, "summary": "Allowed."}
        if method == "POST":
            is_interrupted = len(self.videos) == self.interrupted_at
            if key not in self.videos:
                self.videos[key] = (fields["prompt"], self.video(fields["prompt"], len(self.videos) + 1))
            if is_interrupted:
                self.interrupted_at = -1
                self.press_ctrl_c()
            return 200, self.videos[key][1]
        return 200, next(video for _, video in self.videos.values() if path.endswith(video["id"]))

    def press_ctrl_c(self) -> None:
        for _press in range(self.presses):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            # Two signals at the same time are one.
            time.sleep(0.2)

    def video(self, prompt: str, number: int) -> dict[str, Any]:
        prompt = self.always or prompt
        refused = "rooftop" in prompt and "night" in prompt
        error = self.errors.get(number) or (BLOCKED if refused else None)
        charge = {"charged": "no"} if error and self.stage == "input" else self.charge
        if error is BLOCKED:
            details = {"source": "provider", "moderation_stage": self.stage, "charged": charge["charged"]}
            error = {**error, "moderation_details": details}
        return {
            "id": f"video_{number}",
            "object": "video",
            "status": "failed" if error else "completed",
            "error": error,
            "seconds": "4",
            "safelight": {"state": "blocked" if error else "delivered", "charge": charge},
        }


@pytest.fixture
def gateway(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGateway]:
    fake = FakeGateway()

    def answer(method: str, path: str, body: str, key: str) -> tuple[int, dict[str, Any]]:
        fields = dict(re.findall(r'name="(\w+)"\r\n\r\n(.*?)\r\n', body))
        return fake.answer(method, path, fields, key)

    monkeypatch.setenv("SAFELIGHT_DATA", str(folder / "data"))
    monkeypatch.setenv("SAFELIGHT_API_KEY", "sk-test")
    with serving(answer) as address:
        monkeypatch.setenv("SAFELIGHT_URL", address)
        yield fake


#: The result of a search, and what it and its error say in one line.
Search = Callable[..., tuple[dict[str, Any], str]]
RECORD = ("--record", "record.jsonl")


@pytest.fixture
def search(say: Say) -> Search:
    def search(
        *options: str, code: int | None = 0, ceiling: tuple[str, ...] = ("--max-cost", "10")
    ) -> tuple[dict[str, Any], str]:
        asked = ("triggers", PROMPT, "--with", "veo", "--yes", "--json", *ceiling, *options)
        out, err = say(*asked, code=code)
        found = json.loads(out)
        why = found.get("error", {})
        return found, " ".join(f"{err} {why.get('message', '')} {why.get('remedy', '')}".split())

    return search


def words(found: dict[str, Any]) -> set[str]:
    return {word["text"] for one in found["sets"] for word in one["triggers"]}


def test_the_words_are_found_and_the_price_is_shown_before_the_first_test(
    gateway: FakeGateway, search: Search
) -> None:
    found, err = search()
    assert words(found) == {"rooftop", "at night"}
    assert found["tests"] == len(gateway.prompts) <= 12
    assert err.startswith("At most 12 tests with veo-3.1, 4 s. $0.40 each, at most $4.80 in all.")
    passed = sum(not ("rooftop" in one and "night" in one) for one in gateway.prompts)
    assert (found["cost"]["usd"], found["cost"]["unknown"]) == (pytest.approx(0.4 * passed), 0)


@pytest.mark.parametrize(
    ("tag", "said"),
    [("en", "$0.40 each"), ("zh-Hant", "每次 $0.40"), ("zh-Hans", "每次 $0.40")],
)
def test_without_a_yes_nothing_is_sent(gateway: FakeGateway, say: Say, tag: str, said: str) -> None:
    assert said in say("--lang", tag, "triggers", PROMPT, "--with", "veo", code=FAILED).err
    assert gateway.prompts == []


@pytest.mark.parametrize(
    ("options", "price", "said"),
    [
        ((), 0.1, "--yes needs --max-cost"),
        (("--max-cost", "0"), 0.1, "more than the ceiling of $0.00"),
        (("--max-cost", "0.3"), 0.1, "more than the ceiling of $0.30"),
        (("--max-cost", "5"), None, "price of veo-3.1 is not known"),
        (("--allow-charged", "0.1"), 0.1, "more than the ceiling of $0.10"),
    ],
)
def test_nothing_is_sent_without_a_ceiling_or_above_it(
    gateway: FakeGateway, search: Search, options: tuple[str, ...], price: float | None, said: str
) -> None:
    gateway.model["usd_per_second"] = price
    assert said in search(ceiling=options, code=Exit.ERROR)[1]
    assert gateway.prompts == []


def test_the_ceiling_of_the_cost_ends_a_search_that_goes_on_with_a_higher_one(
    gateway: FakeGateway, search: Search
) -> None:
    found, err = search(*RECORD, ceiling=("--max-cost", "0.8"), code=Exit.ERROR)
    assert (found["result"], found["cost"]["usd"] <= 0.8) == ("stopped", True)
    assert "more than the ceiling of $0.80" in err
    made = len(gateway.prompts)
    found, _ = search(*RECORD)
    assert words(found) == {"rooftop", "at night"}
    assert len(gateway.prompts) == found["tests"] > made
    assert len(set(gateway.prompts[:made]) - set(gateway.prompts[made:])) == made


def test_a_charge_that_is_not_known_counts_with_the_price(gateway: FakeGateway, search: Search) -> None:
    gateway.charge = {"charged": "unknown"}
    found, _ = search(ceiling=("--max-cost", "0.8"), code=Exit.ERROR)
    assert (found["cost"]["usd"], found["cost"]["unknown"]) == (0, 2)


def test_a_search_stops_when_half_of_the_refusal_budget_is_used_and_has_lost_no_test(
    gateway: FakeGateway, search: Search, folder: Path
) -> None:
    gateway.model["refusal_budget"] = "half_used"
    _, err = search(*RECORD, code=Exit.ERROR)
    assert "half as many requests as it may refuse today" in err
    assert "--record tomorrow" in search(code=Exit.ERROR)[1]
    assert gateway.prompts == []
    assert "sent_at" not in (folder / "record.jsonl").read_text()


def test_nothing_is_sent_where_the_gateway_gives_no_help(gateway: FakeGateway, search: Search) -> None:
    gateway.no_help["person"] = {"reason": "recent_block", "text": "Two requests were blocked today."}
    assert "Two requests were blocked today." in search(code=Exit.ERROR)[1]
    assert not [one for one in gateway.prompts if "person" in one]


@pytest.mark.parametrize("stage", ["input", "output"])
def test_refusals_of_the_finished_video_are_searched_only_if_their_charge_is_allowed(
    gateway: FakeGateway, search: Search, stage: str
) -> None:
    gateway.stage = stage
    is_free = stage == "input"
    found, _ = search(code=Exit.OK if is_free else Exit.NOT_COVERED)
    assert (words(found) != set()) == is_free
    assert (found["cost"]["refused_at_output"] > 0) != is_free
    found, err = search(ceiling=("--allow-charged", "4.8"))
    assert words(found) == {"rooftop", "at night"}
    assert "may not be in the words" in err


def test_a_test_that_failed_is_no_answer_and_is_made_again_with_its_cost_counted(
    gateway: FakeGateway, search: Search
) -> None:
    gateway.errors[3] = FAILURE
    found, err = search(*RECORD, code=Exit.ERROR)
    assert (found["tests"], found["result"]) == (2, "stopped")
    assert "video_3 gave no answer" in err
    found, _ = search(*RECORD)
    assert words(found) == {"rooftop", "at night"}
    assert gateway.prompts[2] == gateway.prompts[3]
    assert found["cost"]["videos"] == [f"video_{number + 1}" for number in range(len(gateway.prompts))]


def test_an_answer_that_was_not_recorded_is_not_paid_twice(
    gateway: FakeGateway, search: Search, folder: Path
) -> None:
    before, _ = search(*RECORD)
    sent, record = len(gateway.prompts), folder / "record.jsonl"
    record.write_bytes(b"".join(record.read_bytes().splitlines(keepends=True)[:3]) + b'{"kept": [1')
    assert search(*RECORD)[0] == before
    assert len(gateway.prompts) == sent


@pytest.mark.parametrize("presses", [1, 2])
def test_after_one_ctrl_c_the_running_test_ends_and_after_two_no_test_is_paid_twice(
    gateway: FakeGateway, search: Search, presses: int
) -> None:
    gateway.interrupted_at, gateway.presses = 2, presses
    found, err = search(*RECORD, code=Exit.INTERRUPTED)
    assert (found["result"], found["tests"], len(gateway.prompts)) == ("stopped", 4 - presses, 3)
    assert "Stopping after the running test" in err
    assert search(*RECORD)[0]["tests"] == len(gateway.prompts)


def test_a_stop_during_the_last_test_does_not_hide_the_result(gateway: FakeGateway, search: Search) -> None:
    needed = search()[0]["tests"]
    gateway.videos.clear()
    gateway.interrupted_at, gateway.presses = needed - 1, 1
    assert search()[0]["result"] == "found"


def test_a_test_whose_key_no_longer_protects_is_counted_and_not_sent_again_by_itself(
    gateway: FakeGateway, search: Search, folder: Path
) -> None:
    gateway.interrupted_at = 1
    search(*RECORD, code=Exit.INTERRUPTED)
    record = folder / "record.jsonl"
    rows = [json.loads(line) for line in record.read_bytes().splitlines()]
    rows[-1]["sent_at"] -= 21 * 3600
    record.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sent = len(gateway.prompts)
    gateway.videos = {f"forgotten-{key}": video for key, video in gateway.videos.items()}
    found, err = search(*RECORD, code=Exit.ERROR)
    assert "more than 20 hours ago" in err
    assert (found["cost"]["unknown"], len(gateway.prompts)) == (1, sent)
    spent = found["cost"]["usd"] + 0.4
    _, err = search(*RECORD, ceiling=("--max-cost", f"{spent + 0.3:.2f}"), code=Exit.ERROR)
    assert f"may have cost ${spent:.2f}" in err
    assert len(gateway.prompts) == sent
    assert search(*RECORD)[0]["cost"]["unknown"] == 1
    assert not {key for key in gateway.videos if f"forgotten-{key}" in gateway.videos}


def test_a_provider_that_charges_more_than_its_price_ends_the_search(
    gateway: FakeGateway, search: Search
) -> None:
    gateway.charge["amount"] = 0.8
    found, err = search(code=Exit.ERROR)
    assert "was charged $0.80, but its price is $0.40" in err
    assert found["cost"]["usd"] == 0.8


@pytest.mark.parametrize(
    ("always", "result"), [("rooftop at night", "more_sets"), ("a lake", "not_repeated")]
)
def test_a_provider_that_always_answers_the_same_is_not_said_to_react_to_words(
    gateway: FakeGateway, search: Search, always: str, result: str
) -> None:
    gateway.always = always
    assert search(code=Exit.NOT_COVERED)[0]["result"] == result


def test_one_of_a_command_and_a_provider_is_needed(gateway: FakeGateway, say: Say) -> None:
    say("triggers", PROMPT, "--with", "veo", "--exec", "true", code=Exit.ERROR)
    said = say("triggers", PROMPT, "--with", "kling", "--yes", "--max-cost", "1", code=Exit.ERROR).err
    assert "has no model of 'kling'" in said
