from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from safelight.core.net.client import Timeouts, upstream_client
from safelight.detectors.protocol import Capability, TextContent, TextDetector
from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.remote.endpoint import GuardUnavailable
from safelight.detectors.remote.guard_formats import GUARD_FORMATS
from safelight.detectors.remote.plugins import GUARD, VISION_GUARD
from safelight.detectors.remote.text_guard import AskMode, GuardDetector, GuardOptions
from safelight.detectors.text.normalise import views
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED, Finding, Modality, Stage
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action
from safelight.screening.evaluation import StageInput, evaluate, texts_sha256
from support.rows import each_row
from support.verdicts import seen

TEXT = "two people in a room, and what follows"
SAFE = {
    "qwen3guard": "Safety: Safe\nCategories: None",
    "llama-guard": "safe",
    "shieldgemma": "No",
    "gpt-oss-safeguard": '{"violation": 0, "categories": [], "confidence": "high"}',
}
SEXUAL = {
    "qwen3guard": "Safety: Unsafe\nCategories: Sexual Content or Sexual Acts",
    "llama-guard": "unsafe\nS12",
    "shieldgemma": "Yes",
    "gpt-oss-safeguard": '{"violation": 1, "categories": ["sexual"], "confidence": "high"}',
}


class Scripted:
    """A fake guard server with fixed answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answer: bytes = b"{}"
        self.status, self.wait_s = 200, 0.0
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                script.asked.append((self.path, json.loads(body)))
                time.sleep(script.wait_s)
                self.send_response(script.status)
                self.send_header("content-length", str(len(script.answer)))
                self.end_headers()
                try:
                    self.wfile.write(script.answer)
                except OSError:
                    pass

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def says(self, text: str) -> None:
        self.answer = json.dumps({"choices": [{"message": {"content": text}}]}).encode()

    def scores(self, **scores: float) -> None:
        flags = {name: score > 0.5 for name, score in scores.items()}
        self.answer = json.dumps({"results": [{"categories": flags, "category_scores": scores}]}).encode()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


@pytest.fixture
def made(server: Scripted) -> Iterator[Any]:
    clients = []

    def make(grammar: str = "llama-guard", **options: Any) -> GuardDetector:
        clock = options.pop("clock", time.monotonic)
        client = upstream_client(server.url, timeouts=Timeouts(connect_s=1, read_s=5))
        clients.append(client)
        chosen = GuardOptions(**{"model": "m", "timeout_s": 5.0, **options})
        return GuardDetector(client, GUARD_FORMATS[grammar], chosen, clock=clock)

    yield make
    for client in clients:
        client.close()


def content(text: str = TEXT) -> TextContent:
    return TextContent(field="prompt", text=text, views=views(text))


def verdict(detector: GuardDetector) -> tuple[Action, bool]:
    """The verdict of `starter` with only this guard, and whether its coverage is complete."""
    report = TextPipeline([detector], budget_s=5).screen({"prompt": TEXT})
    policy = load("starter", SHIPPED)
    judged = evaluate(
        TenantPolicy(tenant="", taxonomy=SHIPPED, policy=policy),
        StageInput(
            stage=Stage.PROMPT,
            subject_sha256=texts_sha256({"prompt": TEXT}),
            findings=report.findings,
            coverage=report.cells,
            modalities=frozenset({Modality.TEXT}),
        ),
    )
    return judged.verdict.action, all(cell.complete for cell in report.cells)


@pytest.mark.parametrize("grammar", sorted(SAFE))
def test_a_guard_in_its_own_format_changes_the_verdict(grammar: str, server: Scripted, made: Any) -> None:
    server.says(SAFE[grammar])
    before, complete = verdict(made(grammar))
    assert complete
    server.says(SEXUAL[grammar])
    after, complete = verdict(made(grammar))
    assert complete
    assert before is not Action.BLOCK
    assert after is Action.BLOCK
    path, body = server.asked[0]
    assert path == "/v1/chat/completions"
    assert TEXT in body["messages"][-1]["content"]


def test_the_moderations_endpoint_gets_its_own_request_format(server: Scripted, made: Any) -> None:
    server.scores(sexual=0.98, violence=0.01)
    assert verdict(made("omni-moderation")) == (Action.BLOCK, True)
    assert server.asked == [("/v1/moderations", {"model": "m", "input": TEXT})]


@each_row
def test_a_guard_without_a_usable_answer_is_a_gap(trouble: str, server: Scripted, made: Any) -> None:
    server.says("safe")
    options: dict[str, Any] = {}
    if trouble == "late":
        server.wait_s, options["timeout_s"] = 1.0, 0.2
    elif trouble == "garbled":
        server.says("Sure! Here is the video you asked for")
    elif trouble == "unknown":
        server.says("unsafe\nS42")
    elif trouble == "status":
        server.status = 503
    elif trouble == "not json":
        server.answer = b"<html>"
    else:
        server.answer = b""
    detector = made(**options)
    report = TextPipeline([detector], budget_s=5).screen({"prompt": TEXT})
    assert report.findings == ()
    assert report.cells
    assert not any(cell.complete for cell in report.cells)
    assert all("guard failed" in cell.note for cell in report.cells)


def test_consecutive_failures_open_the_circuit_breaker(server: Scripted, made: Any) -> None:
    now = [0.0]
    server.status = 500
    detector = made(failure_threshold=2, cooldown_s=10, clock=lambda: now[0])
    for number in range(4):
        with pytest.raises(GuardUnavailable):
            detector.inspect_text(content(f"{TEXT} {number}"))
    assert len(server.asked) == 2
    server.status = 200
    server.says("safe")
    now[0] = 11.0
    assert list(detector.inspect_text(content())) == []


def test_answers_are_cached_and_calls_are_limited(server: Scripted, made: Any) -> None:
    server.says("unsafe\nS1")
    detector = made(calls_per_day=1)
    first = list(detector.inspect_text(content()))
    assert [one.category for one in first] == ["violence"]
    assert list(detector.inspect_text(content())) == first
    assert len(server.asked) == 1
    with pytest.raises(GuardUnavailable, match="calls per day"):
        detector.inspect_text(content("another text"))


def local_detector(signs: dict[str, float], *, late_s: float = 0.0) -> TextDetector:
    """A local detector that reports these categories in every text."""

    class Local:
        name, version = "local", "1"
        capabilities = (Capability(category="sexual/minors", modality=Modality.TEXT),)

        def inspect_text(self, content: TextContent) -> list[Finding]:
            time.sleep(late_s)
            return [seen(category, score) for category, score in signs.items()]

    return Local()


@each_row
def test_the_mode_decides_when_the_guard_is_called(
    ask: AskMode, score: float, asked: int, server: Scripted, made: Any
) -> None:
    server.asked.clear()
    server.says("safe")
    local = local_detector({"hate": score})
    guard = made(mode=ask, categories=frozenset({"hate"}))
    TextPipeline([guard, local], budget_s=5).screen({"prompt": TEXT})
    assert len(server.asked) == asked
    other = made(mode=AskMode.CATEGORIES, categories=frozenset({"sexual"}))
    report = TextPipeline([other, local], budget_s=5).screen({"prompt": TEXT})
    assert len(server.asked) == asked
    assert all(cell.complete for cell in report.cells)


def test_the_plugin_reports_what_is_missing_and_loads_the_configured_guard(server: Scripted) -> None:
    assert "No guard model" in str(GUARD.missing({}))
    assert "format" in str(GUARD.missing({"url": server.url, "model": "m", "format": "other"}))
    options = {"url": server.url, "model": "m", "format": "llama-guard", "mode": "always", "timeout_s": 5}
    assert GUARD.missing(options) is None
    [detector] = DetectorRegistry([(GUARD, options)]).text_detectors()
    assert isinstance(detector, GuardDetector)
    server.says("unsafe\nS10")
    assert [one.category for one in detector.inspect_text(content())] == ["hate"]


def test_several_guards_are_configured_and_each_is_a_detector_of_its_own(server: Scripted) -> None:
    table = {"url": server.url, "model": "m", "timeout_s": 5}
    options = {
        **table,
        "format": "llama-guard",
        "measurements": "/nowhere.json",
        "others": {"moderation": {**table, "format": "omni-moderation"}},
    }
    assert GUARD.missing(options) is None
    first, second = DetectorRegistry([(GUARD, options)]).text_detectors()
    assert (first.name, second.name) == ("text-guard", "text-guard:moderation")
    claimed = {one.category for one in GUARD.resolve_capabilities(options)}
    assert {"privacy", "violence/graphic"} <= claimed
    broken = {**options, "others": {"moderation": {**table, "format": "other"}}}
    assert "format" in str(GUARD.missing(broken))
    scene_options = {**table, "format": "policy", "others": {"second": {**table, "format": "llama-guard"}}}
    scenes = DetectorRegistry([(VISION_GUARD, scene_options)]).scene_detectors()
    assert [one.name for one in scenes] == ["vision-guard", "vision-guard:second"]


@each_row
def test_possibly_sexual_text_about_a_minor_is_not_sent_to_a_guard(
    signs: dict[str, float], server: Scripted, made: Any
) -> None:
    server.says("safe")
    report = TextPipeline([made(), local_detector(signs)], budget_s=5).screen({"prompt": TEXT})
    assert server.asked == []
    assert any("Not sent to a server" in cell.note and not cell.complete for cell in report.cells)


def test_a_text_is_not_sent_where_it_is_unknown_whether_it_is_about_a_minor(
    server: Scripted, made: Any
) -> None:
    server.says("safe")
    late = local_detector({}, late_s=0.6)
    report = TextPipeline([made(), late], budget_s=0.2, total_s=5).screen({"prompt": TEXT})
    assert server.asked == []
    assert any("whether it is about a minor" in cell.note for cell in report.cells)


class Waiting:
    """A guard that answers only after as many guards as `together` counts have been called."""

    version, remote = "1", True

    def __init__(self, category: str, together: threading.Barrier) -> None:
        self.name, self._together = f"{category}-guard", together
        self.capabilities = (Capability(category=category, modality=Modality.TEXT),)

    def inspect_text(self, content: TextContent) -> list[Finding]:
        self._together.wait(20)
        return [seen(self.capabilities[0].category)]


def test_all_guards_begin_before_one_ends() -> None:
    together = threading.Barrier(3)
    guards = [Waiting(name, together) for name in ("hate", "violence", "illicit")]
    report = TextPipeline(guards, budget_s=30).screen({"prompt": TEXT})
    assert {one.category for one in report.findings} == {"hate", "violence", "illicit"}
    assert all(cell.complete for cell in report.cells)


def test_a_guard_without_an_answer_is_a_gap_and_the_others_count(server: Scripted, made: Any) -> None:
    server.says("unsafe\nS10")
    silent = Waiting("deception", threading.Barrier(2))
    report = TextPipeline([silent, made()], budget_s=0.8, total_s=9).screen({"prompt": TEXT})
    silent._together.abort()
    assert [one.category for one in report.findings] == ["hate"]
    cells = {cell.category: cell for cell in report.cells}
    assert cells["hate"].complete
    assert not cells["illicit"].note
    assert "deception-guard did not finish" in cells["deception"].note
