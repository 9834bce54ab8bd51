"""Texts of reports and appeals are screened when they arrive, and arrive in any case."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from safelight.app.core import CoreParts
from safelight.cases.appeals import NewAppeal
from safelight.cases.inputs import CaseFilter
from safelight.cases.reports import NewReport
from safelight.cli.reviews import _format_case_file
from safelight.core.errors import Conflict, NotFound, RequestBlocked
from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.remote.text_guard import GuardDetector
from safelight.screening.received_text import ReceivedTextScreen
from safelight.screening.text_screening import TextScreening
from safelight.videos.case_rows import CaseKind
from safelight.web.api.reviews import show_decided
from safelight.web.views import to_json

from .conftest import House
from .test_decisions import reviewer

THREAT = "I will find you and burn your office."


def shown(house: House, kind: CaseKind) -> dict[str, Any]:
    """The only open case of this kind, as the API returns it."""
    who = reviewer(house, "ada")
    (case,) = house.reviews.list(who, CaseFilter(kind=kind)).items
    read: dict[str, Any] = json.loads(to_json(show_decided(house.reviews.get(who, case.id), who)))
    return read


def test_a_threat_in_a_report_is_named_in_the_api_and_kept_out_of_lists_and_the_terminal(
    house: House,
) -> None:
    video = house.make("a quiet lake")
    new = NewReport(location=video.id, reason=THREAT, note="Please look at it again.")
    house.container.correspondence.reports.add_from_visitor(new, network="192.0.2.1")
    case = shown(house, CaseKind.REPORT)
    assert case["text_screening"] == {"state": "flagged", "kinds": ["harassment"]}
    assert case["notes"][0]["text_screening"] == case["text_screening"]
    assert case["notes"][0]["reason"] == THREAT
    assert case["reason"] == "Reported: other"
    who = reviewer(house, "ada")
    printed = _format_case_file(house.reviews.get(who, case["id"]), 0.0)
    assert "burn" not in printed
    assert "--json" in printed


def test_an_ordinary_report_is_clear(house: House) -> None:
    video = house.make("a quiet lake")
    new = NewReport(
        location=video.id, reason="deception", note="This video shows something that never happened."
    )
    house.container.correspondence.reports.add_from_visitor(new, network="192.0.2.1")
    assert shown(house, CaseKind.REPORT)["text_screening"] == {"state": "clear", "kinds": []}


def test_an_appeal_is_screened_and_accepted_if_the_detectors_fail(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("out of memory")

    with pytest.raises(RequestBlocked) as blocked:
        house.order("a test of SAFELIGHT-TEST:violence on a stage")
    video_id = blocked.value.details["video_id"]
    monkeypatch.setattr(ReceivedTextScreen, "_screen", fail)
    house.appeals.add(house.who, str(video_id), text=THREAT)
    case = shown(house, CaseKind.APPEAL)
    assert case["text_screening"] == {"state": "not_checked", "kinds": []}
    assert case["notes"][0]["note"] == THREAT


def test_an_appeal_that_is_refused_or_sent_again_is_not_screened(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    screened: list[tuple[str, ...]] = []

    def count(_self: ReceivedTextScreen, texts: tuple[str, ...]) -> TextScreening:
        screened.append(texts)
        return TextScreening()

    monkeypatch.setattr(ReceivedTextScreen, "screen", count)
    appeals = house.appeals
    with pytest.raises(NotFound):
        appeals.add(house.who, "video_" + "0" * 32, text="Please look again.")
    assert not screened
    with pytest.raises(RequestBlocked) as blocked:
        house.order("a test of SAFELIGHT-TEST:violence on a stage")
    new = NewAppeal(
        video_id=str(blocked.value.details["video_id"]), text="Please look again.", idempotency_key="one"
    )
    first = appeals.send(house.who, new)
    assert appeals.send(house.who, new).id == first.id
    with pytest.raises(Conflict, match="appealed already"):
        appeals.send(house.who, replace(new, idempotency_key="two"))
    assert screened == [("Please look again.", "")]


@pytest.mark.both_databases
def test_texts_of_people_are_not_sent_to_the_guard_model(house: House) -> None:
    guard = {"url": "http://127.0.0.1:9/v1", "model": "Llama-Guard-3-8B", "format": "llama-guard"}
    core = CoreParts(house.container.core.settings)
    core.detectors = DetectorRegistry.discover({"minilm": False, "text-guard": guard})
    assert any(isinstance(one, GuardDetector) for one in core.text_pipeline.detectors)
    assert not any(isinstance(one, GuardDetector) for one in core.text_pipeline.local.detectors)
    assert len(core.text_pipeline.local.detectors) == len(core.text_pipeline.detectors) - 1
