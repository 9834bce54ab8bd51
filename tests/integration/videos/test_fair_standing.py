"""Fairness of strikes, levels and bans through the pipeline, on both databases."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from safelight.accounts import Principal
from safelight.accounts import access_requests as access_module
from safelight.accounts.access_requests import AccessState
from safelight.accounts.models import Role, account_subject, end_user_subject
from safelight.accounts.standing import Ban, Bans, Cause, Level, Offence
from safelight.accounts.statements import StatementKind, StatementSource
from safelight.accounts.terms import AccountTerms, Terms
from safelight.core.errors import Conflict, InvalidField, NotFound
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED
from safelight.testing.detectors import FakeTextDetector, MarkerFailed
from safelight.videos.models import VideoState
from safelight.videos.outcomes import expire_review
from safelight.web.api.standing import standing_object
from support.concurrency import run_together

from .conftest import Furnish, House
from .test_appeals import appealed
from .test_appeals_by_statement import statements_to
from .test_decisions import MARKED, decide, held, only_case
from .test_standing import BLOCKED, DAY, SECOND_VOICE, Clock, blocked, clock, events, person, standing
from .test_video_lifecycle import sweeper

__all__ = ["clock", "held"]

#: Two strikes of three points are enough for a ban.
LOW = {"warning_points": 1, "cool_down_points": 2, "suspension_points": 3, "ban_points": 6}


def account_statements(house: House, end_user: str = "ann") -> list[str]:
    """The kinds of the statements about the account of an end user, newest first."""
    made = statements_to(house, end_user)
    return [one.content.kind.value for one in made if one.content.video_id is None]


def with_bans(furnish: Furnish, **settings: Any) -> tuple[House, Bans, Principal, Principal]:
    """A house, its bans, and two people who decide about them."""
    house = furnish(SECOND_VOICE, **settings)
    house.waive()
    bans = Bans(house.database, house.container.pipeline.standings)
    ada, ben = (person(house, name, Role.TRUST_LEAD) for name in ("ada", "ben"))
    return house, bans, ada, ben


def propose(bans: Bans, who: Principal) -> Ban:
    return bans.propose(who, end_user_subject("ann"), reason="x")


def offence(number: int, cause: Cause) -> Offence:
    return Offence(video_id=f"video_{number:032x}", account="k", end_user="ann", cause=cause)


def test_one_decision_on_near_duplicates_is_one_strike_per_end_user(held: Furnish) -> None:
    house = held()
    for end_user in ("ann", "ann", "ann", "bob"):
        assert house.make(MARKED, safety_identifier=end_user).state is VideoState.HELD
    decide(house, only_case(house), "refuse")
    assert [len(standing(house, one).strikes) for one in ("ann", "bob")] == [1, 1]
    assert house.make(MARKED, safety_identifier="ann").state is VideoState.HELD
    decide(house, only_case(house), "refuse")
    assert len(standing(house).strikes) == 1


@pytest.mark.both_databases
def test_strikes_at_the_same_time_announce_the_level_that_they_reach(furnish: Furnish) -> None:
    house = furnish()
    standings = house.container.pipeline.standings

    def give(number: int) -> None:
        with house.transaction() as tx:
            standings.give(tx, offence(number, Cause(category="ncii")))

    run_together([partial(give, number) for number in range(3)])
    assert standing(house).level is Level.SUSPENSION
    assert sorted(account_statements(house)) == ["cooled_down", "suspended", "warned"]
    assert len(events(house, "standing.changed")) == 3


def test_a_won_appeal_is_never_stated_as_a_warning(furnish: Furnish, clock: Clock) -> None:
    house = furnish(
        SECOND_VOICE, standing={"cool_down_points": 90, "suspension_points": 91, "ban_points": 92}
    )
    house.waive()
    blocked(house, BLOCKED[0])
    clock.now += 10
    video = blocked(house, BLOCKED[1])
    assert account_statements(house) == ["warned"]
    decide(house, appealed(house, video), "overturn")
    assert account_statements(house) == ["warned"]
    assert len(events(house, "standing.changed")) == 3


def test_only_an_end_user_with_an_identifier_can_be_banned(furnish: Furnish) -> None:
    _, bans, ada, _ = with_bans(furnish)
    for identifier in ("", "a" * 129, "a\0"):
        with pytest.raises(InvalidField):
            bans.propose(ada, end_user_subject(identifier), reason="x", threat_to_life=True)


@pytest.mark.both_databases
def test_waiting_requests_for_access_are_listed_oldest_first_and_by_page(
    furnish: Furnish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_module, "_MAX_LISTED", 2)
    house = furnish(access={"requests": True})
    access = house.standing.access
    ids = [
        access.request(house.who.tenant, name=str(number), contact="c", purpose="p")[0].id
        for number in range(3)
    ]
    assert [one.id for one in access.list(house.who, AccessState.WAITING)] == ids[:2]
    assert [one.id for one in access.list(house.who, AccessState.WAITING, after=ids[1])] == ids[2:]
    assert [one.id for one in access.list(house.who)] == [ids[2], ids[1]]
    assert [one.id for one in access.list(house.who, after=ids[1])] == [ids[0]]


def test_one_address_cannot_use_up_the_requests_for_access_of_all(furnish: Furnish) -> None:
    house = furnish(access={"requests": True})
    asked = {"name": "Ada", "contact": "ada@example.com", "purpose": "School films."}
    with TestClient(house.app) as client:
        answers = [client.post("/v1/safelight/access-requests", json=asked).status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]


def test_a_first_output_that_nobody_reviewed_does_not_count(furnish: Furnish, clock: Clock) -> None:
    house = furnish(review={"first_outputs": 1})
    house.waive()
    video = house.make(safety_identifier="ann")
    assert video.state is VideoState.HELD
    context = house.context
    with house.transaction() as tx:
        expire_review(context, tx, video)
    assert house.make("a red balloon", safety_identifier="ann").state is VideoState.HELD
    decide(house, only_case(house), "refuse")
    assert house.make("a paper boat", safety_identifier="ann").state is VideoState.DELIVERED
    told = [one.content for one in statements_to(house, "ann")]
    assert {(one.source, one.automated_detection) for one in told} == {(StatementSource.OPERATOR, False)}


def test_the_first_outputs_of_an_account_wait_for_a_reviewer(furnish: Furnish) -> None:
    house = furnish()
    house.waive()
    terms = AccountTerms(house.database)
    terms.set(house.who, account_subject(house.who.id), Terms(review_first=1))
    assert house.make().state is VideoState.HELD
    assert house.make("a red balloon").state is VideoState.DELIVERED


def test_a_proposed_or_announced_ban_ends_with_the_strikes_behind_it(furnish: Furnish, clock: Clock) -> None:
    house, bans, ada, ben = with_bans(furnish, standing=LOW)
    first = blocked(house, BLOCKED[0])
    clock.now += 15 * DAY
    second = blocked(house, BLOCKED[1])
    clock.now += 15 * DAY
    proposed = propose(bans, ada)
    decide(house, appealed(house, first), "overturn", "cem")
    with pytest.raises(NotFound):
        bans.confirm(ben, proposed.id)
    blocked(house, BLOCKED[2])
    clock.now += 15 * DAY
    announced = bans.confirm(ben, propose(bans, ada).id)
    told = statements_to(house, "ann")[0]
    assert (told.content.kind, told.content.until) == (StatementKind.BAN_ANNOUNCED, announced.effective_at)
    decide(house, appealed(house, second), "overturn", "cem")
    assert account_statements(house)[0] == "ban_cancelled"
    clock.now += DAY
    house.order(safety_identifier="ann")


def test_a_ban_in_force_whose_strikes_were_removed_is_marked_for_a_new_decision(
    furnish: Furnish, clock: Clock
) -> None:
    house, bans, ada, ben = with_bans(furnish, standing=LOW)
    standings = house.container.pipeline.standings
    video = blocked(house, BLOCKED[0])
    clock.now += 15 * DAY
    blocked(house, BLOCKED[1])
    made = bans.confirm(ben, propose(bans, ada).id)
    clock.now += DAY
    assert standings.list(ada).bans_without_points == frozenset()
    decide(house, appealed(house, video), "overturn", "cem")
    assert standing(house).level is Level.BAN
    assert standings.list(ada).bans_without_points == {made.id}


def test_a_ban_with_too_few_points_left_cannot_be_confirmed(furnish: Furnish, clock: Clock) -> None:
    house, bans, ada, ben = with_bans(furnish, standing=LOW)
    blocked(house, BLOCKED[0])
    clock.now += 15 * DAY
    blocked(house, BLOCKED[1])
    made = propose(bans, ada)
    clock.now += 91 * DAY
    with pytest.raises(Conflict, match="points"):
        bans.confirm(ben, made.id)


def test_a_strike_names_its_category_only_where_its_statement_does(furnish: Furnish) -> None:
    house = furnish()
    standings, taxonomy = house.container.pipeline.standings, house.container.core.taxonomy
    causes = (Cause(category="violence"), Cause(category="extremism"), Cause(category="ncii", learned=True))
    with house.transaction() as tx:
        for number, cause in enumerate(causes):
            standings.give(tx, offence(number, cause))
    found = standing(house)
    shown = {
        one["video_id"][-1]: (one["group"], one["category"])
        for one in standing_object(found, taxonomy)["strikes"]
    }
    assert shown == {"0": ("violence", "violence"), "1": ("extremism", None), "2": (None, None)}
    staff = standing_object(found, taxonomy, is_staff=True)["strikes"]
    assert {one["category"] for one in staff} == {"violence", "extremism", "ncii"}


def fail(*_: object) -> None:
    raise MarkerFailed


def test_a_better_policy_ends_a_stop_that_rests_on_blocks_of_a_worse_one(
    furnish: Furnish, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = furnish(SECOND_VOICE)
    made = sweeper(house)
    for prompt in BLOCKED[:2]:
        blocked(house, prompt)
    made.sweep()
    assert standing(house).level is Level.COOL_DOWN
    document = tmp_path / "house.yaml"
    document.write_text("policy: house\nversion: '1'\nextends: starter\nrules: [{id: vi-1, action: hold}]")
    better = load(document, SHIPPED)
    house.container.persistence.policies.publish(better, published_by="Ada", tenant=house.who.tenant)
    with monkeypatch.context() as patch:
        patch.setattr(FakeTextDetector, "inspect_text", fail)
        clock.now += 61
        made.sweep()
    assert standing(house).level is Level.COOL_DOWN, "a detector that fails clears nobody"
    clock.now += 61
    made.sweep()
    assert standing(house).level is Level.GOOD
    assert account_statements(house) == ["account_restored", "cooled_down", "warned"]
    assert statements_to(house, "ann")[0].content.automated_decision
