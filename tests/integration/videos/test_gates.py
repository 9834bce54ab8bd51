"""Rollout steps through the pipeline: what each lets accounts do, and the way of a default installation."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from safelight.accounts import ROLES, KeyScope, Principal, PrincipalKind, Role
from safelight.accounts.incidents import IncidentKind
from safelight.accounts.models import TENANT_SUBJECT, account_subject
from safelight.accounts.sessions import open_session
from safelight.accounts.terms import Terms
from safelight.cases.gates import GateService
from safelight.cases.incident_inputs import IncidentQuery
from safelight.cases.inputs import DecisionRequest
from safelight.core.errors import Forbidden, GateClosed, QuotaExceeded, RequestBlocked
from safelight.policy.gates import GateStep
from safelight.store.tables import audit_log, gates
from safelight.videos.models import FIRST_OUTPUT, VideoState
from safelight.videos.requests.request import CreateRequest
from safelight.web.auth import COOKIE
from support.people import add_person

from .conftest import Furnish, House
from .test_decisions import decide, only_case
from .test_standing import Clock, person

DAY = 86_400.0
CARD = "SAFELIGHT-TEST:violence"
ON = {"gates": {"enabled": True}}


@pytest.fixture
def house(furnish: Furnish) -> House:
    made = furnish(**ON)
    made.waive()
    return made


def service(house: House) -> GateService:
    assert house.container.gates is not None
    return house.container.gates


def enter(house: House, step: GateStep) -> None:
    with house.transaction() as tx:
        tx.insert_or_ignore(gates, step=step.value, entered_at=tx.now())
        tx.update(gates, step=step.value)


def account(house: House, *scopes: KeyScope, name: str = "key_app") -> Principal:
    return Principal(
        tenant=house.who.tenant,
        id=name,
        kind=PrincipalKind.KEY,
        name=name,
        scopes=frozenset({KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE, KeyScope.CHECKS, *scopes}),
    )


def order(house: House, who: Principal, prompt: str = "a quiet lake") -> Any:
    return house.videos.create(who, CreateRequest(prompt=prompt))


def test_steps_are_off_until_enabled(furnish: Furnish) -> None:
    house = furnish()
    house.waive()
    enter(house, GateStep.PILOT)
    assert house.container.gates is None
    assert house.carry(order(house, account(house))).state is VideoState.DELIVERED
    with TestClient(house.app) as client:
        key = house.accounts.create_key(house.who.tenant, "staff", (KeyScope.ADMIN,))[1]
        answer = client.get("/v1/safelight/gates", headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == 404
        assert "gates.enabled" in answer.text


def test_closed_lets_administrators_and_test_keys_in(house: House) -> None:
    with pytest.raises(GateClosed, match="not open yet") as refused:
        order(house, account(house))
    assert (refused.value.status, refused.value.code) == (403, "gate_closed")
    order(house, account(house, KeyScope.TEST))
    order(house, account(house, KeyScope.ADMIN))


def test_pilot_lets_granted_accounts_in_and_holds_every_output(house: House) -> None:
    enter(house, GateStep.PILOT)
    app = account(house)
    with pytest.raises(GateClosed, match="pilot"):
        order(house, app)
    with house.transaction() as tx:
        add_person(tx, app.id, role=Role.CREATOR)
    house.standing.terms.set(house.who, account_subject(app.id), Terms(videos_per_day=3))
    video = house.carry(order(house, app))
    assert video.state is VideoState.HELD
    assert only_case(house).rule == FIRST_OUTPUT
    assert "rollout" in only_case(house).reason
    decide(house, only_case(house), "approve")
    assert house.carry(video).state is VideoState.DELIVERED


def test_pilot_lets_the_key_of_an_approved_request_in(furnish: Furnish) -> None:
    house = furnish(**ON, access={"requests": True})
    house.waive()
    enter(house, GateStep.PILOT)
    access = house.standing.access
    made, token = access.request(house.who.tenant, name="Ada", contact="a@example.com", purpose="Films.")
    access.approve(house.who, made.id, reason="Welcome.")
    _, key = access.collect(token)
    assert key is not None
    principal = house.accounts.authenticate(key)
    assert order(house, principal).state is VideoState.QUEUED
    access.withdraw(house.who, made.id, reason="Over.")
    with pytest.raises(GateClosed):
        order(house, principal)


def test_limited_holds_what_a_waiver_concerns_and_nothing_else(house: House) -> None:
    enter(house, GateStep.LIMITED)
    assert house.carry(order(house, account(house))).state is VideoState.HELD
    enter(house, GateStep.GENERAL)
    delivered = house.carry(order(house, account(house)))
    assert delivered.state is VideoState.DELIVERED
    assert delivered.waived


def test_the_quota_of_the_step_bounds_the_tenant_whatever_its_terms(house: House) -> None:
    enter(house, GateStep.PILOT)
    house.standing.terms.set(house.who, TENANT_SUBJECT, Terms(videos_per_day=1000))
    for _ in range(20):
        order(house, house.who)
    with pytest.raises(QuotaExceeded, match="20 videos"):
        order(house, house.who)
    enter(house, GateStep.GENERAL)
    order(house, house.who)


def test_the_test_card_of_a_prompt_counts_for_test_keys_once_a_step_is_entered(house: House) -> None:
    with pytest.raises(RequestBlocked):
        order(house, account(house, KeyScope.ADMIN), CARD)
    enter(house, GateStep.GENERAL)
    with pytest.raises(RequestBlocked):
        order(house, account(house, KeyScope.TEST), CARD)
    assert order(house, account(house), CARD).state is VideoState.QUEUED
    found, _, _ = house.container.checks.check(account(house), CreateRequest(prompt=CARD))
    assert found.verdict == "allow"


def test_a_decided_violation_lowers_the_step_in_the_same_transaction(house: House) -> None:
    enter(house, GateStep.GENERAL)
    video = house.carry(order(house, house.who))
    house.report(video, reason="violence/graphic", category="violence/graphic")
    # Reports alone change nothing.
    service(house).lower_by_measurements()
    assert service(house).show(house.who).state.step is GateStep.GENERAL
    rules = house.policy().policy.rules
    clause = next(one.id for one in rules if one.when and one.when.categories == {"violence/graphic"})
    case = only_case(house)
    request = DecisionRequest(action="withdraw", reason="Gore.", clause=clause, facts="It shows gore.")
    house.reviews.decide(person(house, "ada", Role.SENIOR_REVIEWER), case.id, request)
    report = service(house).show(house.who)
    assert report.state.step is GateStep.LIMITED
    assert report.evidence.days_without_incident == pytest.approx(0, abs=0.01)
    with house.read_transaction() as tx:
        logged = [row.event for row in tx.select(audit_log, audit_log.c.subject == "gates")]
    assert logged == ["gate.incident", "gate.lowered"]
    (opened,) = house.container.case_reads.incidents.list(house.who, IncidentQuery()).items
    assert (opened.videos, opened.cases, opened.category) == ((video.id,), (case.id,), "violence/graphic")
    assert (opened.kind, opened.published) == (IncidentKind.HARM, False)


def test_a_default_installation_with_its_waiver_reaches_limited(furnish: Furnish, house: House) -> None:
    clock = Clock(house.database)
    with house.transaction() as tx:
        for name in ("ada", "bo"):
            add_person(tx, name, role=Role.OWNER)
    ada, bo = person(house, "ada", Role.OWNER), person(house, "bo", Role.OWNER)
    gate = service(house)
    assert gate.show(ada).evidence.waived
    gate.record_evaluation(ada, "ab" * 32)
    gate.propose(ada)
    assert gate.confirm(bo).state.step is GateStep.PILOT
    for _ in range(20):
        video = house.carry(order(house, house.who))
        decide(house, only_case(house), "approve", name="ada")
        assert house.carry(video).state is VideoState.DELIVERED
    requirements = {one.requirement for one in gate.show(ada).missing}
    assert requirements == {"min_days_without_incident"}
    clock.now += 15 * DAY
    gate.propose(bo)
    report = gate.confirm(ada)
    assert report.state.step is GateStep.LIMITED
    evidence = report.moves[0].content["evidence"]
    assert (evidence["delivered"], evidence["reviewed_share"], evidence["late_share"]) == (20, 1.0, 0.0)


def test_outputs_delivered_without_review_in_the_pilot_keep_the_step(house: House) -> None:
    enter(house, GateStep.GENERAL)
    video = house.carry(order(house, house.who))
    assert video.state is VideoState.DELIVERED
    enter(house, GateStep.PILOT)
    assert service(house).show(house.who).evidence.reviewed_share == 0


def test_the_page_and_the_routes_move_a_step_with_two_sessions(house: House) -> None:
    sessions = {}
    with house.transaction() as tx:
        for name, role in (("ada", Role.OWNER), ("bo", Role.INTEGRATOR), ("cy", Role.AUDITOR)):
            add_person(tx, name, role=role)
            sessions[name] = open_session(tx, person(house, name, role))[1]
        add_person(tx, "di", role=Role.CREATOR)
        sessions["di"] = open_session(tx, person(house, "di", Role.CREATOR))[1]
    service(house).record_evaluation(person(house, "ada", Role.OWNER), "ab" * 32)
    with TestClient(house.app, headers={"sec-fetch-site": "same-origin"}) as client:

        def call(name: str, method: str, path: str, **sent: Any) -> Any:
            client.cookies.set(COOKIE, sessions[name])
            return client.request(method, path, follow_redirects=False, **sent)

        route = "/v1/safelight/gates"
        shown = call("cy", "GET", route).json()
        assert (shown["step"], shown["next"], shown["missing"]) == ("closed", "pilot", [])
        assert call("cy", "POST", f"{route}/proposal").status_code == 403
        assert call("di", "GET", route).status_code == 403
        proposed = call("ada", "POST", f"{route}/proposal")
        assert proposed.json()["proposal"]["by"] == "ada"
        assert call("ada", "POST", f"{route}/confirmation").status_code == 403
        page = call("bo", "GET", "/compliance/rollout").text
        assert "ada proposed the step pilot" in page
        assert 'value="confirm"' in page
        assert call("bo", "POST", "/compliance/rollout", data={"action": "confirm"}).status_code == 303
        page = call("cy", "GET", "/compliance/rollout").text
        assert "Step: pilot" in page
        assert "Days in this step without an incident" in page
        assert 'value="lower"' not in page
        assert "/compliance/rollout" in call("cy", "GET", "/compliance").text
        refused = call("ada", "POST", "/compliance/rollout", data={"action": "lower", "reason": ""})
        assert refused.status_code == 400
        lowered = call("ada", "POST", f"{route}/lowering", json={"reason": "A drill."})
        assert lowered.json()["step"] == "closed"
        assert lowered.json()["moves"][0]["content"]["reason"] == "A drill."


def test_the_operator_at_the_terminal_proposes_nothing(house: House) -> None:
    with pytest.raises(Forbidden, match="enrolled person"):
        service(house).propose(house.who)
    assert KeyScope.ADMIN in ROLES[Role.INTEGRATOR].scopes
