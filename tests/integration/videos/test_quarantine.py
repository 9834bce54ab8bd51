"""A quarantined video stays quarantined, whatever happens to it later, until the vault officer lifts it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from safelight.accounts import ROLES, Principal, PrincipalKind, Role
from safelight.accounts.models import account_subject
from safelight.accounts.sessions import open_session
from safelight.accounts.standing import Level
from safelight.accounts.terms import AccountTerms, Terms
from safelight.cases.inputs import DecisionRequest
from safelight.cases.vault_inputs import VaultDecisionRequest, VaultQuery
from safelight.core.errors import AccountSuspended, RequestBlocked
from safelight.detectors.protocol import DetectorPlugin
from safelight.policy.findings import Stage
from safelight.testing.clips import tiny_clip
from safelight.testing.detectors import text_marker
from safelight.videos.case_rows import Case, CaseKind
from safelight.videos.models import FIRST_OUTPUT, Video, VideoState
from safelight.videos.requests.request import Upload
from safelight.videos.vault_entries import VaultDecision, VaultKind
from safelight.web.auth import COOKIE
from support.people import add_person
from support.spoken_clips import speaking_house

from .conftest import Furnish, House
from .test_decisions import only_case
from .test_known_content import drawn, imported, patient, upload
from .test_transcripts import BLOCKED_WORDS

WORD = "zanzibar"
PROMPT = "a quiet lake MARKER"
POLICY = """
policy: house
extends: starter
rules:
  - id: held-1
    reason: A marked word.
    category: sexual/minors
    when: {category: deception, modality: text, score: {at_least: 0.5}}
    action: hold
"""


Speaking = Callable[..., AbstractContextManager[House]]


@pytest.fixture
def speaking(furnish: Furnish, tmp_path: Path) -> Speaking:
    """A marked prompt is held in quarantine. Without a waiver, every output is held too."""
    document = tmp_path / "house.yaml"
    document.write_text(POLICY)

    def make(*plugins: DetectorPlugin, **settings: Any) -> House:
        marker = text_marker(category="deception", score=0.9)
        return furnish(*plugins, marker, policy={"document": str(document)}, **settings)

    return lambda *words: speaking_house(make, tmp_path, *words)


def enrol(house: House, name: str, role: Role) -> Principal:
    with house.transaction() as tx:
        add_person(tx, f"user_{name}", role=role)
    return Principal(
        tenant=house.who.tenant,
        id=f"user_{name}",
        kind=PrincipalKind.PERSON,
        name=name,
        scopes=ROLES[role].scopes,
        role=role,
    )


def order_with_reference(house: House, folder: Path) -> Video:
    clip = folder / "reference.mp4"
    clip.write_bytes(tiny_clip())
    upload = Upload(field="input_reference", path=clip, filename="a.mp4", media_type="video/mp4")
    return house.order(PROMPT, uploads=(upload,))


def approve_until(house: House, officer: Principal, video: Video, stage: Stage) -> Case:
    """Approve case after case, until the open one is about this stage."""
    reviews = house.reviews
    while (case := only_case(house, officer)).stage is not stage:
        reviews.decide(officer, case.id, DecisionRequest(action="approve", reason="Adults.", clause="held-1"))
        house.carry(video)
    return case


@contextmanager
def browser(house: House, who: Principal) -> Iterator[TestClient]:
    """A client that is signed in as this person."""
    with house.database.transaction(who.tenant) as tx:
        _, token = open_session(tx, who)
    headers = {"cookie": f"{COOKIE}={token}", "sec-fetch-site": "same-origin"}
    with TestClient(house.app, headers=headers) as client:
        yield client


def read_everything(client: TestClient, case: Case) -> dict[str, httpx.Response]:
    """The answers of the API and of the pages that show a case, its words, pictures, sound and references."""
    page = f"/review/{case.id}"
    return {
        "list": client.get("/v1/reviews"),
        "queue": client.get("/review"),
        "next": client.post("/v1/reviews/next"),
        "case": client.get(f"/v1/reviews/{case.id}"),
        "page": client.get(page),
        "pictures": client.post(f"{page}/reveal", data={"show": "frame 0"}),
        "reference": client.post(f"{page}/reveal", data={"show": "whole 1"}),
        "sound": client.post(f"{page}/sound", data={"part": "0 0 1"}),
    }


def test_an_output_that_is_held_after_a_quarantined_prompt_is_for_the_vault_officer_only(
    speaking: Speaking, tmp_path: Path
) -> None:
    with speaking("hello", WORD) as house:
        ada, officer = enrol(house, "ada", Role.REVIEWER), enrol(house, "vera", Role.VAULT_OFFICER)
        video = order_with_reference(house, tmp_path)
        assert house.reviews.list(ada).items == ()
        lane = house.container.case_reads.vault
        (entry,) = lane.list(officer, VaultQuery()).items
        assert (entry.kind, entry.video_id) == (VaultKind.QUARANTINED, video.id)
        case = approve_until(house, officer, video, Stage.OUTPUT)
        assert (case.kind, case.quarantined) == (CaseKind.HOLD, True)
        (closed,) = lane.list(officer, VaultQuery(closed=True)).items
        assert (closed.id, closed.decision) == (entry.id, VaultDecision.BY_CASE)

        with browser(house, ada) as client:
            hidden = read_everything(client, case)
        found = {name: answer.status_code for name, answer in hidden.items()}
        assert found == dict.fromkeys(hidden, 404) | {"list": 200, "queue": 200, "next": 204}
        for answer in hidden.values():
            assert not [one for one in (video.id, WORD, PROMPT) if one in answer.text]

        with browser(house, officer) as client:
            shown = read_everything(client, case)
        assert {name: answer.status_code for name, answer in shown.items()} == dict.fromkeys(shown, 200)
        assert shown["case"].json()["transcript"]["lines"][0]["text"] == f"hello {WORD}"
        assert WORD in shown["page"].text


def test_a_dismissed_quarantine_leaves_the_video_to_every_reviewer(speaking: Speaking) -> None:
    with speaking("hello", WORD) as house:
        house.waive()
        ada, officer = enrol(house, "ada", Role.REVIEWER), enrol(house, "vera", Role.VAULT_OFFICER)
        video, lane = house.order(PROMPT), house.container.case_reads.vault
        (entry,) = lane.list(officer, VaultQuery()).items
        lane.decide(officer, entry.id, VaultDecisionRequest(decision="dismissed"))
        case = only_case(house, ada)
        house.reviews.decide(ada, case.id, DecisionRequest(action="approve", reason="Adults."))
        assert house.carry(video).state is VideoState.DELIVERED
        assert lane.list(officer, VaultQuery()).items == ()


def test_an_appeal_against_a_block_after_a_quarantined_prompt_is_for_the_vault_officer_only(
    speaking: Speaking,
) -> None:
    with speaking(*BLOCKED_WORDS) as house:
        house.waive()
        ada, officer = enrol(house, "ada", Role.REVIEWER), enrol(house, "vera", Role.VAULT_OFFICER)
        video = house.order(PROMPT)
        reviews, case = house.reviews, only_case(house, officer)
        reviews.decide(officer, case.id, DecisionRequest(action="approve", reason="Adults.", clause="held-1"))
        assert house.carry(video).state is VideoState.BLOCKED
        house.appeals.add(house.who, video.id, text="It is a film.")
        assert reviews.list(ada).items == ()
        assert only_case(house, officer).kind is CaseKind.APPEAL


def test_a_first_output_after_a_quarantined_prompt_is_for_the_vault_officer_only(speaking: Speaking) -> None:
    with speaking("hello", WORD) as house:
        house.waive()
        ada, officer = enrol(house, "ada", Role.REVIEWER), enrol(house, "vera", Role.VAULT_OFFICER)
        terms = AccountTerms(house.database)
        terms.set(house.who, account_subject(house.who.id), Terms(review_first=1))
        video = house.order(PROMPT)
        case = approve_until(house, officer, video, Stage.OUTPUT)
        assert (case.rule, case.quarantined) == (FIRST_OUTPUT, True)
        assert house.reviews.list(ada).items == ()


def test_an_end_user_whose_content_was_vaulted_is_stopped_until_the_officer_dismisses_it(
    furnish: Furnish, tmp_path: Path
) -> None:
    house = patient(furnish)
    imported(house, tmp_path)
    with pytest.raises(RequestBlocked):
        house.order(uploads=(upload(tmp_path, drawn()),), safety_identifier="kim")
    with pytest.raises(AccountSuspended, match="until a person has decided"):
        house.order(safety_identifier="kim")
    house.order()
    house.order(safety_identifier="lee")
    standing = house.context.standings.own(house.who, "kim")
    assert (standing.level, standing.until, standing.strikes) == (Level.SUSPENSION, None, ())
    lane, officer = house.container.case_reads.vault, enrol(house, "vera", Role.VAULT_OFFICER)
    (entry,) = lane.list(officer, VaultQuery()).items
    assert entry.stops == "end_user:kim"
    lane.decide(officer, entry.id, VaultDecisionRequest(decision="dismissed"))
    assert house.order(safety_identifier="kim").state is VideoState.QUEUED
