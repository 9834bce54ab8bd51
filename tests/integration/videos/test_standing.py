"""Strikes, terms and quotas through the pipeline, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.accounts import Principal, PrincipalKind
from safelight.accounts.models import ROLES, TENANT_SUBJECT, Role, account_subject, end_user_subject
from safelight.accounts.standing import Bans, Level, Standing
from safelight.accounts.terms import AccountTerms, Terms, normalize_context
from safelight.core.errors import (
    AccountSuspended,
    Conflict,
    CoolDown,
    Forbidden,
    InvalidField,
    QuotaExceeded,
    RequestBlocked,
)
from safelight.policy.verdicts import Audience
from safelight.store import tables
from safelight.store.database import Database
from safelight.testing.detectors import text_marker
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.models import Video, VideoState
from safelight.videos.requests.request import CreateRequest

from .conftest import Furnish, House
from .test_appeals import appealed, released
from .test_decisions import decide, only_case
from .test_retries import refused
from .test_video_lifecycle import PAID

#: Blocked on matched or composed evidence, and no paraphrases of each other. Each gives 3 points in a house
#: with the `SECOND_VOICE`, else one.
BLOCKED = (
    "A gladiator cuts off the arm of another gladiator MARKER",
    "A zombie bites into a screaming man's neck, blood sprays MARKER",
    "The king is beheaded in the square, blood gushes from the neck MARKER",
    "A butcher knife chops the fingers off a screaming sailor, gore everywhere MARKER",
)
SECOND_VOICE = text_marker(category="violence/graphic")
DAY = 86_400.0


class Clock:
    def __init__(self, database: Database) -> None:
        self.now = database.clock()
        database.clock = lambda: self.now


@pytest.fixture
def clock(database: Database) -> Clock:
    return Clock(database)


def blocked(house: House, prompt: str, end_user: str | None = "ann", **fields: Any) -> Video:
    with pytest.raises(RequestBlocked) as caught:
        house.order(prompt, safety_identifier=end_user, **fields)
    return house.videos.get(house.who, str(caught.value.details["video_id"]))


def standing(house: House, end_user: str | None = "ann") -> Standing:
    return house.container.pipeline.standings.own(house.who, end_user)


def events(house: House, topic: str) -> list[Any]:
    with house.read_transaction() as tx:
        return tx.select(
            tables.outbox, tables.outbox.c.topic == topic, order_by=(tables.outbox.c.created_at,)
        )


def person(house: House, name: str, role: Role) -> Principal:
    scopes = ROLES[role].scopes
    return Principal(
        tenant=house.who.tenant, id=name, kind=PrincipalKind.PERSON, name=name, scopes=scopes, role=role
    )


def test_strikes_lead_to_a_suspension_and_expiry_leads_back(furnish: Furnish, clock: Clock) -> None:
    house = furnish(SECOND_VOICE)
    blocked(house, BLOCKED[0])
    assert (standing(house).level, standing(house).points) == (Level.WARNING, 3)
    blocked(house, BLOCKED[1])
    with pytest.raises(CoolDown) as waiting:
        house.order(safety_identifier="ann")
    assert waiting.value.retry_after_s == DAY
    house.order(safety_identifier="bob")
    clock.now += DAY
    house.order(safety_identifier="ann")
    blocked(house, BLOCKED[2])
    with pytest.raises(AccountSuspended):
        house.order(safety_identifier="ann")
    clock.now += 14 * DAY
    house.order(safety_identifier="ann")
    assert standing(house).level is Level.WARNING
    clock.now += 90 * DAY
    assert (standing(house).level, standing(house).points) == (Level.GOOD, 0)
    assert len(events(house, "standing.changed")) == 3
    with house.read_transaction() as tx:
        kinds = [row.kind for row in tx.select(tables.statements, tables.statements.c.video_id.is_(None))]
    assert sorted(kinds) == ["cooled_down", "suspended", "warned"]


def test_three_blocks_by_one_detector_alone_stop_nobody(furnish: Furnish) -> None:
    house = furnish(without=["ngrams"])
    for prompt in BLOCKED[:3]:
        blocked(house, prompt)
    assert (standing(house).level, standing(house).points) == (Level.WARNING, 3)
    house.order(safety_identifier="ann")


def test_a_check_a_block_of_the_test_card_a_hold_and_a_repeated_block_give_no_strike(
    furnish: Furnish,
) -> None:
    house = furnish(SECOND_VOICE)
    house.container.checks.check(house.who, _request(BLOCKED[0], "ann"))
    blocked(house, "a test of SAFELIGHT-TEST:violence on a stage")
    assert house.make(safety_identifier="ann").state is VideoState.HELD
    assert standing(house).points == 0
    blocked(house, BLOCKED[1])
    blocked(house, BLOCKED[1] + ".")
    assert standing(house).points == 3


def _request(prompt: str, end_user: str) -> CreateRequest:
    return CreateRequest(prompt=prompt, safety_identifier=end_user)


def test_strikes_without_an_end_user_warn_the_account_and_never_stop_it(
    furnish: Furnish,
) -> None:
    house = furnish(SECOND_VOICE)
    for prompt in BLOCKED:
        blocked(house, prompt, None)
    assert (standing(house, None).level, standing(house, None).points) == (Level.WARNING, 12)
    house.order()
    house.order(safety_identifier="ann")


def test_a_won_appeal_removes_the_strike_and_the_video_takes_no_quota(furnish: Furnish, clock: Clock) -> None:
    house = furnish(SECOND_VOICE, limits={"end_user_videos_per_day": 1})
    house.waive()
    blocked(house, BLOCKED[0])
    video = blocked(house, BLOCKED[1])
    assert standing(house).level is Level.COOL_DOWN
    decide(house, appealed(house, video), "overturn")
    assert (standing(house).level, standing(house).points) == (Level.WARNING, 3)
    assert house.carry(released(house, video)).state is VideoState.DELIVERED
    # The released video took no quota: the one of today is left.
    house.order(safety_identifier="ann")


@pytest.mark.parametrize(("charge", "kept"), [(0.4, 400_000), (0.0, 0)])
def test_the_cost_of_a_video_is_reserved_and_returned_if_nothing_came_and_nothing_was_charged(
    priced: House, upstream: ScriptedUpstream, charge: float, kept: int
) -> None:
    ann, quotas = end_user_subject("ann"), priced.standing.quotas
    AccountTerms(priced.database).set(priced.who, ann, Terms(cost_per_day_micros=500_000))
    upstream.play({"otherwise": {**refused(), "charge": charge}})
    video = priced.order(safety_identifier="ann", **PAID)
    assert quotas.of_subject(priced.who, ann).used.cost_micros == 400_000
    with pytest.raises(QuotaExceeded, match=r"a cost of \$0\.50 a day"):
        priced.order(safety_identifier="ann", **PAID)
    assert priced.carry(video).state is VideoState.BLOCKED
    assert quotas.of_subject(priced.who, ann).used.cost_micros == kept
    assert quotas.of_subject(priced.who, ann).used.videos == 0


def test_quotas_of_tenant_account_and_end_user_are_separate(furnish: Furnish) -> None:
    house = furnish()
    terms = AccountTerms(house.database)
    terms.set(house.who, end_user_subject("ann"), Terms(videos_per_day=1))
    terms.set(house.who, account_subject(house.who.id), Terms(seconds_per_day=16))
    house.order(safety_identifier="ann", seconds="4")
    with pytest.raises(QuotaExceeded, match="This end user has used its quota for today: 1 videos"):
        house.order(safety_identifier="ann", seconds="4")
    house.order(safety_identifier="bob", seconds="4")
    with pytest.raises(QuotaExceeded, match="This API key has used its quota for today: 16 seconds"):
        house.order(seconds="12")
    house.order(seconds="4")
    terms.set(house.who, TENANT_SUBJECT, Terms(videos_per_day=3))
    with pytest.raises(QuotaExceeded, match="This tenant"):
        house.order(seconds="4")


def test_the_context_of_a_tenant_is_a_fact_of_its_verdicts_and_no_words_of_a_prompt_are(house: House) -> None:
    terms = AccountTerms(house.database)
    prompt = "A news report for education, medical context: a calm lake"
    before = house.record(house.order(prompt))
    assert before.stages[0].verdict.facts == frozenset()
    saved = terms.set(house.who, TENANT_SUBJECT, Terms(context=normalize_context("News, education")))
    assert saved.terms.facts == {"education", "news"}
    after = house.record(house.order(prompt))
    assert after.stages[0].verdict.facts == {"education", "news"}
    with pytest.raises(InvalidField, match="Only a tenant"):
        terms.set(house.who, end_user_subject("ann"), Terms(context="news"))
    with pytest.raises(InvalidField, match="context must have"):
        normalize_context("news!")


def test_the_first_outputs_of_an_end_user_wait_for_a_reviewer(furnish: Furnish) -> None:
    house = furnish()
    house.waive()
    AccountTerms(house.database).set(house.who, end_user_subject("ann"), Terms(review_first=2))
    first = house.make(safety_identifier="ann")
    assert first.state is VideoState.HELD
    assert (first.explanation or {})["reason"] == "review_first"
    decide(house, only_case(house), "approve")
    assert house.carry(first).state is VideoState.DELIVERED
    second = house.make("a red balloon", safety_identifier="ann")
    decide(house, only_case(house), "refuse")
    assert house.reread(second).state is VideoState.BLOCKED
    assert standing(house).points == 0
    assert house.make("a paper boat", safety_identifier="ann").state is VideoState.DELIVERED
    assert house.make(safety_identifier="bob").state is VideoState.DELIVERED


def test_the_audience_of_an_end_user_applies_to_prompt_check_and_output(
    furnish: Furnish,
) -> None:
    house = furnish()
    house.waive()
    AccountTerms(house.database).set(house.who, end_user_subject("kim"), Terms(audience=Audience.MINORS))
    minor = house.snapshot(house.make(safety_identifier="kim"))
    adult = house.snapshot(house.make(safety_identifier="ann"))
    assert {one.verdict.audience for one in minor.stages} == {Audience.MINORS}
    assert {one.verdict.audience for one in adult.stages} == {Audience.GENERAL}
    found, _, _ = house.container.checks.check(house.who, _request("a quiet lake", "kim"))
    assert found.deciding.verdict.audience is Audience.MINORS


def test_a_ban_needs_two_senior_people_and_a_notice_of_a_day(furnish: Furnish, clock: Clock) -> None:
    house = furnish(standing={"cool_down_points": 90, "suspension_points": 91, "ban_points": 92})
    database = house.database
    bans = Bans(database, house.container.pipeline.standings)
    ada, ben = (person(house, name, Role.SENIOR_REVIEWER) for name in ("ada", "ben"))
    subject = end_user_subject("ann")
    with pytest.raises(Conflict, match="points, and a ban needs 92"):
        bans.propose(ada, subject, reason="Insults everybody.")
    made = bans.propose(ada, subject, reason="Threatens to kill a neighbour.", threat_to_life=True)
    for other in (ada, person(house, "cem", Role.REVIEWER)):
        with pytest.raises(Forbidden):
            bans.confirm(other, made.id)
    bans.confirm(ben, made.id)
    with pytest.raises(AccountSuspended, match="banned"):
        house.order(safety_identifier="ann")
    bans.lift(ben, made.id, reason="It was a film.")
    house.order(safety_identifier="ann")


def test_a_ban_without_a_threat_to_life_starts_after_a_day(furnish: Furnish, clock: Clock) -> None:
    house = furnish(
        SECOND_VOICE,
        standing={"warning_points": 1, "cool_down_points": 2, "suspension_points": 3, "ban_points": 4},
    )
    bans = Bans(house.database, house.container.pipeline.standings)
    ada, ben = (person(house, name, Role.TRUST_LEAD) for name in ("ada", "ben"))
    blocked(house, BLOCKED[0])
    clock.now += 15 * DAY
    blocked(house, BLOCKED[1])
    clock.now += 15 * DAY
    made = bans.confirm(ben, bans.propose(ada, end_user_subject("ann"), reason="Third time.").id)
    assert made.effective_at == clock.now + DAY
    house.order(safety_identifier="ann")
    clock.now += DAY
    with pytest.raises(AccountSuspended, match="banned"):
        house.order(safety_identifier="ann")
    assert standing(house).level is Level.BAN
