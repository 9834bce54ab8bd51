"""Rewrites of a language model: a real endpoint, also a hostile one, and the check around it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from safelight.app.container import Container
from safelight.app.settings import Settings
from safelight.app.web import make_app
from safelight.cli import main
from safelight.cli.demo import operator
from safelight.cli.output import Exit
from safelight.core.ids import new_id
from safelight.core.net.json_client import JsonClient, JsonExchangeFailed
from safelight.detectors.text.sketch import Embedder
from safelight.policy.waivers import EVERYTHING, NewWaiver
from safelight.providers.advice.check_result import CheckResult
from safelight.providers.advice.model_rewrites import DropReason
from safelight.providers.advice.model_rewriting import ModelRewriting
from safelight.providers.advice.prompt_advice import AdviceOptions, BlockedAt
from safelight.providers.advice.rewriter import Rewriter, RewriterOptions
from safelight.providers.advice.rewriter_report import RewriterNote, RewriterReport
from safelight.screening.evaluation import StageResult
from safelight.store import tables
from safelight.videos.requests.request import CreateRequest
from support.chat_server import ChatServer, chat_server
from support.fake_api_server import listening
from support.house import CALM_SCAN
from support.rows import each_row
from support.verdicts import seen

EXAMPLE = "A person standing alone on a rooftop at night, looking down at the city"
HONEST = "A person standing alone on a terrace at dusk, looking out over the city"
REWORDED = "On a quiet terrace at dusk a person stands alone and takes in the view of the city"
OTHER = "A person standing alone on a rooftop at dusk, looking over to the city"


class Installation:
    """An installation with a model for rewrites behind a scripted endpoint."""

    def __init__(self, container: Container, chat: ChatServer) -> None:
        self.container, self.chat = container, chat

    def use(self, **options: Any) -> Rewriter:
        """Make the container use the endpoint."""
        given = {"api_key": "sk-test", "timeout_s": 5.0, "calls_per_day": 0, **options}
        rewriter = Rewriter(RewriterOptions(url=self.chat.url, model="test-model", **given))
        use(self.container, rewriter)
        return rewriter

    def check(self, prompt: str = EXAMPLE, *, user: str | None = None, **options: Any) -> CheckResult:
        request = CreateRequest(prompt=prompt, safety_identifier=user or new_id("user"))
        wanted = AdviceOptions(rewriter=True, **options)
        return self.container.checks.check(operator(self.container), request, options=wanted)[0]

    def report(self, prompt: str = EXAMPLE, **options: Any) -> RewriterReport:
        report = self.check(prompt, **options).rewriter
        assert report is not None
        return report


def embed_by_city(text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Texts about a city are near to each other, and to no other text."""
    return np.array([1.0, 0.0] if "city" in text else [0.0, 1.0], dtype=np.float32)


def rewrites(found: CheckResult) -> list[str]:
    return [one.rewritten for one in found.prompt_advice.suggestions if one.source == "rewriter"]


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    with chat_server() as server:
        server.rewrite(HONEST, OTHER)
        yield server


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Container:
    """Its endpoint is set by each test."""
    container = Container(
        Settings(  # type: ignore[arg-type]
            data=tmp_path_factory.mktemp("rewriter") / "data",
            detectors={"minilm": False},
            limits={"checks_per_hour": 100_000, "end_user_checks_per_hour": 7},
            scan=CALM_SCAN,
        )
    )
    container.persistence.waivers.add(
        NewWaiver(name="tests", decided_by="a test", reason="no model", categories=(EVERYTHING,)),
        taxonomy=container.core.taxonomy,
    )
    return container


@pytest.fixture
def installation(furnished: Container, chat: ChatServer) -> Installation:
    made = Installation(furnished, chat)
    made.use()
    return made


def use(container: Container, rewriter: Rewriter | None, *, embedder: Embedder | None = None) -> None:
    container.core.__dict__.update(rewriter=rewriter, search_embedder=embedder)
    container.__dict__.pop("checks", None)


def test_honest_rewrites_are_suggested_beside_the_ordinary_suggestions(installation: Installation) -> None:
    found = installation.check(blocked_at=BlockedAt.OUTPUT)
    assert rewrites(found) == [HONEST, OTHER]
    assert [one.number for one in found.prompt_advice.suggestions][:2] == [1, 2]
    assert found.rewriter == RewriterReport(
        host=installation.chat.url.split("/")[2], model="test-model", called=True, received=2
    )
    key, body = installation.chat.requests[-1]
    assert (key, body["model"]) == ("Bearer sk-test", "test-model")
    sent = installation.chat.sent()
    assert (sent["prompt"], sent["blocked"]) == (EXAMPLE, "output")


def test_the_log_states_that_the_prompt_left_the_machine_and_not_the_prompt(
    installation: Installation,
) -> None:
    installation.check()
    who = operator(installation.container)
    with installation.container.persistence.database.read_transaction(who.tenant) as tx:
        rows = tx.select(tables.audit_log)
        contents = tx.select(tables.audit_log_contents)
    made, sent = rows[-2:]
    assert (made.event, sent.event, made.subject) == ("check.made", "check.sent_to_rewriter", sent.subject)
    assert b"test-model" in contents[-1].content
    assert "rooftop" not in repr(contents[-2:])


@each_row
def test_a_prompt_that_gets_no_help_never_leaves_the_machine(installation: Installation, prompt: str) -> None:
    found = installation.check(prompt)
    assert not found.prompt_advice.helps
    assert found.rewriter == RewriterReport(note=RewriterNote.NO_HELP)
    assert (rewrites(found), installation.chat.requests) == ([], [])


def test_after_a_block_of_an_end_user_the_model_is_not_called(installation: Installation) -> None:
    user = new_id("user")
    installation.check("how to build a bomb at home", user=user)
    assert installation.check(user=user).prompt_advice.refusal == "recent_block"
    assert installation.chat.requests == []


def test_the_model_is_called_only_if_the_caller_asks_for_it(installation: Installation) -> None:
    request = CreateRequest(prompt=EXAMPLE)
    checks = installation.container.checks
    found, _, _ = checks.check(operator(installation.container), request, options=AdviceOptions())
    assert (found.rewriter, installation.chat.requests) == (None, [])


def test_hostile_rewrites_are_dropped_and_counted(installation: Installation) -> None:
    installation.chat.rewrite(
        EXAMPLE, "A man standing alone on a terrace at dusk, looking at the city", 5, HONEST
    )
    report = installation.report()
    assert report.dropped == {"same": 1, "other_words": 1, "format": 2}
    assert (report.received, report.note) == (4, RewriterNote.NONE_KEPT)
    installation.chat.rewrite(
        EXAMPLE.replace("a rooftop at night", "beside taylor swift"),
        EXAMPLE.replace("a rooftop at night", "beside a mcdonald's"),
        EXAMPLE.replace("a rooftop at night", "bound and gagged"),
    )
    assert installation.report().dropped == {"verdict": 3}


def test_with_a_model_of_meaning_a_rewrite_may_say_everything_in_other_words(
    installation: Installation,
) -> None:
    installation.chat.rewrite(HONEST, REWORDED)
    assert rewrites(installation.check()) == [HONEST]
    assert installation.chat.sent()["whole"] is False
    use(installation.container, installation.use(), embedder=embed_by_city)
    found = installation.check()
    assert rewrites(found) == [HONEST, REWORDED]
    assert installation.chat.sent()["whole"] is True
    assert found.prompt_advice.suggestions[-1].message == "reworded_by_model"
    installation.chat.rewrite(REWORDED.replace("the city", "the sea"))
    assert installation.report().dropped == {"meaning": 1}


def test_our_policy_examines_a_reworded_prompt_too(installation: Installation) -> None:
    use(installation.container, installation.use(), embedder=embed_by_city)
    installation.chat.rewrite(
        REWORDED.replace("a person", "a person beside taylor swift"),
        "On a rooftop at night a person stands alone and keeps looking down at the city",
    )
    assert installation.report().dropped == {"verdict": 1, "risk": 1}


def test_after_a_block_a_prompt_without_a_word_of_the_tables_may_be_reworded(
    installation: Installation,
) -> None:
    use(installation.container, installation.use(), embedder=embed_by_city)
    prompt = "A red fox walks through the city in the morning"
    installation.chat.rewrite("In the morning a fox with red fur walks through the streets of the city")
    assert installation.report(prompt).note is RewriterNote.NOTHING_TO_CHANGE
    assert len(rewrites(installation.check(prompt, blocked_at=BlockedAt.REQUEST))) == 1


def test_a_rewrite_must_lower_the_risk(installation: Installation) -> None:
    installation.chat.rewrite(
        EXAMPLE.replace("a rooftop", "a bridge"), EXAMPLE.replace("a rooftop", "a cliff")
    )
    assert installation.report().dropped == {"risk": 2}


def test_what_a_reference_shows_does_not_excuse_a_rewrite(installation: Installation) -> None:
    found, rewritten = installation.check(), installation.check(HONEST)
    found = replace(found, prompt_advice=replace(found.prompt_advice, suggestions=()))
    brand = seen("ip/brand")

    def with_brand(stage: StageResult) -> StageResult:
        return replace(stage, findings=(*stage.findings, brand))

    rewriting = ModelRewriting(
        rewriter=installation.container.core.rewriter,
        check=lambda _prompt: replace(rewritten, stages=(with_brand(rewritten.stages[0]),)),
        estimate=lambda _prompts: None,
    )
    with_reference = replace(found, stages=(*found.stages, with_brand(found.stages[0])))
    report = rewriting.extend(with_reference, EXAMPLE).rewriter
    assert (report.note, report.dropped) == (RewriterNote.NONE_KEPT, {DropReason.VERDICT: 2})
    rewriting = replace(rewriting, check=lambda _prompt: rewritten)
    assert len(rewrites(rewriting.extend(with_reference, EXAMPLE))) == 2


def test_a_rewrite_that_own_outcomes_call_riskier_is_dropped(installation: Installation) -> None:
    checks = installation.container.checks
    asked: list[list[str]] = []

    def estimate(_tenant: str, _model: str, prompts: list[str], **_more: Any) -> list[float]:
        asked.append(list(prompts))
        return [0.5, 0.9 if "terrace" in prompts[1] else 0.1]

    object.__setattr__(checks, "estimate_risks", estimate)
    found = installation.check()
    assert rewrites(found) == [OTHER]
    assert asked == [[EXAMPLE, HONEST], [EXAMPLE, OTHER]]
    assert found.rewriter.dropped == {"risk": 1}


@pytest.mark.parametrize(
    ("content", "message", "note"),
    [
        pytest.param("Here are some ideas!", {}, "unusable", id="prose"),
        pytest.param('{"rewrites": "alone"}', {}, "unusable", id="another type"),
        pytest.param(None, {"tool_calls": [{"function": {"name": "run"}}]}, "unusable", id="a tool call"),
        pytest.param('{"rewrites": []}', {}, "none_kept", id="an empty list"),
        pytest.param("[" * 50_000, {}, "unusable", id="deep nesting"),
        pytest.param("x" * 10_000_000, {}, "unavailable", id="ten megabytes"),
    ],
)
def test_a_bad_answer_leaves_the_ordinary_suggestions_with_a_note(
    installation: Installation, content: Any, message: dict[str, Any], note: str
) -> None:
    installation.chat.complete(content, **message)
    found = installation.check()
    assert (found.rewriter.note, found.rewriter.called, rewrites(found)) == (note, True, [])
    assert found.prompt_advice.suggestions


def test_a_code_fence_is_read(installation: Installation) -> None:
    installation.chat.complete(f'```json\n{{"rewrites": ["{HONEST}"]}}\n```')
    assert rewrites(installation.check()) == [HONEST]


def test_an_endpoint_that_drips_or_fails_is_given_up_and_then_left_alone(installation: Installation) -> None:
    chat = installation.chat
    installation.use(timeout_s=0.3)
    for answer in ({"drips": True}, {"drips": False, "status": 500}, {"status": 200, "answer": b"<html>"}):
        for name, value in answer.items():
            setattr(chat, name, value)
        assert installation.report().note is RewriterNote.UNAVAILABLE
    chat.rewrite(HONEST)
    report = installation.report()
    assert (report.note, report.called, len(chat.requests)) == (RewriterNote.UNAVAILABLE, False, 3)


def test_a_redirect_is_not_followed(installation: Installation) -> None:
    installation.chat.status, installation.chat.answer = 307, b'{"choices": []}'
    assert installation.report().note is RewriterNote.UNAVAILABLE


def test_calls_are_limited_by_day_and_at_the_same_time(installation: Installation) -> None:
    installation.use(calls_per_day=3)
    held: list[RewriterReport] = []

    def two_more_meanwhile() -> None:
        installation.chat.meanwhile = lambda: None
        ready, go = threading.Event(), threading.Event()

        def second() -> None:
            installation.chat.meanwhile = lambda: (ready.set(), go.wait(10))
            held.append(installation.report())

        thread = threading.Thread(target=second)
        thread.start()
        assert ready.wait(10)
        held.append(installation.report())
        go.set()
        thread.join(10)

    installation.chat.meanwhile = two_more_meanwhile
    assert installation.report().note is None
    assert [one.note for one in held] == [RewriterNote.BUSY, None]
    installation.chat.meanwhile = lambda: None
    assert installation.report().note is None
    report = installation.report()
    assert (report.note, report.called) == (RewriterNote.CALL_LIMIT, False)


def test_a_call_counts_as_a_second_check_and_takes_no_place_of_the_day_without_one_left(
    installation: Installation,
) -> None:
    installation.use(calls_per_day=4)
    user = new_id("user")
    notes = [installation.report(user=user).note for _ in range(4)]
    assert notes == [None, None, None, RewriterNote.CHECK_LIMIT]
    assert len(installation.chat.requests) == 3
    assert installation.report().note is None


def test_a_key_with_a_character_that_is_not_ascii_leaves_a_note_and_the_key_in_no_error(
    installation: Installation,
) -> None:
    options = installation.use(api_key="sk-…abc").options
    assert installation.report().note is RewriterNote.UNAVAILABLE
    with pytest.raises(JsonExchangeFailed) as caught:
        JsonClient(allow_hosts=[options.host]).post_json(options.url, {}, {"authorization": "Bearer sk-…abc"})
    assert caught.value.__context__ is None
    assert installation.chat.requests == []


def test_prompts_without_a_word_to_change_and_long_ones_are_not_sent(installation: Installation) -> None:
    assert installation.report("a cat on a windowsill").note is RewriterNote.NOTHING_TO_CHANGE
    assert installation.report(f"{EXAMPLE}. " * 40).note is RewriterNote.TOO_LONG
    assert installation.chat.requests == []


def test_without_an_endpoint_a_note_says_so(installation: Installation) -> None:
    use(installation.container, None)
    report = installation.report()
    assert (report.note, report.called, report.host) == (RewriterNote.OFF, False, "")


@pytest.fixture
def gateway(installation: Installation) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Clients of the API and of the pages."""
    container = installation.container
    who = operator(container)
    _, token = container.persistence.accounts.create_key(who.tenant, "tests", by=who.id)
    with ExitStack() as stack:
        url = stack.enter_context(listening(make_app(container)))
        api = stack.enter_context(
            httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=30)
        )
        pages = stack.enter_context(
            httpx.Client(
                base_url=url,
                headers={"accept": "text/html", "origin": url},
                timeout=30,
                follow_redirects=True,
            )
        )
        link = container.persistence.accounts.create_login_link(who)
        assert pages.post("/login", data={"token": link}).url.path == "/"
        yield api, pages


def test_the_api_and_the_page_offer_rewrites_on_demand(
    installation: Installation, gateway: tuple[httpx.Client, httpx.Client]
) -> None:
    api, pages = gateway
    body = {"prompt": EXAMPLE, "rewriter": True, "apply": 1}
    told = api.post("/v1/safelight/checks", json=body).json()
    mine = [one for one in told["suggestions"] if one["source"] == "rewriter"]
    assert [(one["number"], one["rewritten"]) for one in mine] == [(None, HONEST), (None, OTHER)]
    assert "language model" in mine[0]["text"]
    assert "word by word" in mine[0]["condition"]
    assert (told["rewriter"]["kept"], told["rewriter"]["dropped"], told["spent"]["checks"]) == (2, {}, 3)
    assert len(installation.chat.requests) == 1
    assert api.post("/v1/safelight/checks", json={"prompt": EXAMPLE}).json()["rewriter"] is None
    assert api.post("/v1/safelight/checks", json={"prompt": EXAMPLE, "rewriter": "?"}).status_code == 400

    page = pages.post("/advice", data={"prompt": EXAMPLE}).text
    assert 'id="ask-rewriter"' in page
    assert f"to {installation.chat.url.split('/')[2]} (model test-model)" in page
    asked = pages.post("/advice", data={"prompt": EXAMPLE, "rewriter": "1"}).text
    section = asked.split('id="rewrites"')[1].split("</section>")[0]
    assert f'name="prompt" value="{HONEST}"' in section
    assert "<del>a rooftop at night</del><ins>a terrace at dusk</ins>" in section
    assert 'id="ask-rewriter"' not in asked
    assert len(installation.chat.requests) == 2
    used = pages.post("/advice", data={"prompt": HONEST}).text
    assert 'data-verdict="allow"' in used


def test_the_settings_name_the_endpoint_and_its_model(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="model"):
        Settings(advice={"rewriter": {"url": "http://127.0.0.1:9/v1"}})  # type: ignore[arg-type]
    for url in ("ftp://x/v1", "http://user:secret@x/v1", "x"):
        with pytest.raises(ValueError, match="advice"):
            Settings(advice={"rewriter": {"url": url, "model": "m"}})  # type: ignore[arg-type]
    settings = Settings(  # type: ignore[arg-type]
        data=tmp_path, advice={"rewriter": {"url": "http://127.0.0.1:9/v1", "model": "m"}}
    )
    rewriter = Container(settings).core.rewriter
    assert rewriter.options.host == "127.0.0.1:9"


def test_the_command_prints_the_rewrites_or_why_there_are_none(
    chat: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REWRITER_KEY", "sk-from-the-environment")
    (tmp_path / "safelight.toml").write_text(
        "[detectors]\nminilm = false\n[advice.rewriter]\n"
        f'url = "{chat.url}"\nmodel = "m"\napi_key_env = "REWRITER_KEY"\n'
    )
    assert main(["check", EXAMPLE, "--rewriter"]) == Exit.OK
    said = " ".join(capsys.readouterr().out.split())
    assert f"“{HONEST}”" in said
    assert "(--apply NUMBER): 1. Replace all these words" in said
    assert chat.requests[-1][0] == "Bearer sk-from-the-environment"
    assert main(["check", EXAMPLE, "--rewriter", "--apply", "1", "--json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["rewriter"]["kept"], told["applied"]["number"], len(chat.requests)) == (2, 1, 2)
    main(["check", "a nude woman dancing alone on a stage at night", "--rewriter", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["rewriter"]["note"]["reason"], len(chat.requests)) == ("no_help", 2)
