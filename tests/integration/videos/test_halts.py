"""Halts through the pipeline: what is refused, what ends, and what is held until people have looked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from safelight.accounts import KeyScope
from safelight.accounts.halts import Halts
from safelight.core.errors import Conflict, Forbidden, Halted, InvalidField, NotFound
from safelight.policy.halts import Halt
from safelight.policy.halts import NewHalt as New
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.fair_order import SlotRequest
from safelight.videos.models import Video, VideoState
from safelight.videos.runner import Runner

from . import test_decisions
from .conftest import Crash, House
from .test_decisions import MARKED, POLICY, decide, held, only_case
from .test_video_lifecycle import PAID, sweeper

__all__ = ["held"]


def halts(house: House) -> Halts:
    return house.container.persistence.halts


def halt(house: House, kind: str, target: str, **fields: Any) -> Halt:
    return halts(house).create(house.who, New(kind=kind, target=target, reason="At night.", **fields))


def of_tenant(house: House) -> Halt:
    return halt(house, "tenant", house.who.tenant)


def end(house: House, made: Halt) -> None:
    halts(house).end(house.who, made.id)


def quota(house: House) -> int:
    return house.videos.allowance(house.who).videos_left


def test_a_halted_model_is_refused_and_others_are_not(house: House, upstream: ScriptedUpstream) -> None:
    made, before = halt(house, "model", "paid-1"), quota(house)
    with pytest.raises(Halted, match=r"model paid-1 is halted. Nothing was charged. Try again later."):
        house.order(**PAID, idempotency_key="again")
    assert (quota(house), upstream.counts["accepted"]) == (before, 0)
    assert house.make().state is VideoState.DELIVERED
    end(house, made)
    assert house.make(**PAID, idempotency_key="again").state is VideoState.DELIVERED


def test_a_halt_that_is_set_during_the_checks_of_a_request_counts(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_boundary(name: str) -> None:
        if name == "screened":
            halt(house, "model", "paid-1")

    monkeypatch.setattr(house, "_boundary", at_boundary)
    context = replace(house.videos.context, fault_hook=at_boundary)
    service = replace(house.videos, context=context)
    monkeypatch.setattr(house, "videos", service)
    with pytest.raises(Halted):
        house.order(**PAID)
    assert house.videos.list(house.who, after=None, limit=5, order="desc").items == ()


@pytest.mark.parametrize("ended_by", ["its run", "the sweeper"])
@pytest.mark.parametrize("of", ["model", "tenant"])
def test_a_waiting_video_ends_unpaid_with_its_quota(
    house: House, upstream: ScriptedUpstream, ended_by: str, of: str
) -> None:
    before = quota(house)
    video, other = house.order(**PAID), house.order()
    Runner(house.context).run_steps(video.tenant, video.id)
    _ = halt(house, "model", "paid-1") if of == "model" else of_tenant(house)
    if ended_by == "its run":
        house.carry(video)
    else:
        house.change(video, updated_at=2.0)
        sweeper(house).requeue_abandoned()
    ended = house.reread(video)
    assert (ended.state, ended.error_code) == (VideoState.FAILED, "halted")
    assert "Nothing was charged." in (ended.error_message or "")
    assert upstream.counts["accepted"] == 0
    assert quota(house) == before - 1
    if of == "model":
        assert house.carry(other).state is VideoState.DELIVERED


@pytest.mark.both_databases
def test_a_halt_before_the_intent_is_committed_sends_nothing(
    house: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = house.order(**PAID)
    Runner(house.context).run_steps(video.tenant, video.id)
    # The first look of the step sees no halt: it was set a moment later.
    monkeypatch.setattr("safelight.videos.steps._find_halt", lambda *_, **__: None)
    halt(house, "model", "paid-1")
    assert (house.carry(video).error_code, upstream.counts["accepted"]) == ("halted", 0)


def test_a_step_that_works_on_an_ended_video_sends_nothing(
    house: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweeper ends it, and the halt ends, while the step prepares its request."""
    video = house.order(**PAID)
    Runner(house.context).run_steps(video.tenant, video.id)
    gate = house.context.upstreams["paid"]
    enter = gate.enter

    def halt_meanwhile(request: SlotRequest) -> None:
        made = halt(house, "model", "paid-1")
        house.change(video, updated_at=2.0)
        sweeper(house).requeue_abandoned()
        end(house, made)
        enter(request)

    monkeypatch.setattr(gate, "enter", halt_meanwhile)
    assert (house.carry(video).error_code, upstream.counts["accepted"]) == ("halted", 0)


def paid_for(house: House, *prompt: str) -> Video:
    """A video that a paid upstream has made."""
    video = house.order(*prompt, **PAID)
    house.crash_at = "fetched"
    with pytest.raises(Crash):
        house.carry(video)
    return video


def test_what_is_paid_of_a_halted_model_is_delivered(house: House) -> None:
    video = paid_for(house)
    halt(house, "model", "paid-1")
    house.change(video, updated_at=2.0)
    sweeper(house).requeue_abandoned()
    assert house.carry(video).state is VideoState.DELIVERED


@pytest.mark.both_databases
@pytest.mark.parametrize("boundary", ["scanned", "sealed"])
def test_what_is_paid_of_a_halted_tenant_is_held_until_its_end(house: House, boundary: str) -> None:
    video = paid_for(house)
    house.crash_at = boundary
    with pytest.raises(Crash):
        house.carry(video)
    made = of_tenant(house)
    assert house.carry(video).state is VideoState.HELD
    assert "halted" in only_case(house).reason
    with pytest.raises(Halted):
        decide(house, only_case(house), "approve")
    assert house.reread(video).state is VideoState.HELD
    end(house, made)
    decide(house, only_case(house), "approve")
    assert house.carry(video).state is VideoState.DELIVERED


def test_a_halted_category_refuses_what_would_be_held(held: Callable[..., House]) -> None:
    house = held()
    made = halt(house, "category", "deception")
    with pytest.raises(Halted, match="The category deception is halted"):
        house.order(MARKED)
    # Not a strike: the policy would not have blocked it.
    assert house.container.pipeline.standings.own(house.who).points == 0
    assert house.order().state is VideoState.QUEUED
    end(house, made)
    video = house.order(MARKED)
    assert video.state is VideoState.HELD
    halt(house, "category", "deception")
    # A person has looked.
    decide(house, only_case(house), "approve")
    assert house.carry(video).state is VideoState.DELIVERED


def test_a_labelled_video_of_a_halted_category_is_not_started_or_waits_for_a_person(
    held: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_decisions, "POLICY", POLICY.replace("action: hold", "action: label"))
    house = held()
    paid, waiting = paid_for(house, MARKED), house.order(MARKED)
    halt(house, "category", "deception")
    assert house.carry(waiting).error_code == "halted"
    assert house.carry(paid).state is VideoState.HELD
    decide(house, only_case(house), "approve")
    assert house.carry(paid).state is VideoState.DELIVERED


def test_another_tenant_is_not_concerned(house: House) -> None:
    other = house.stranger()
    halt(house, "tenant", other.tenant)
    assert house.order().state is VideoState.QUEUED
    key = replace(house.who, id="key_1")
    halts(house).create(key, New(kind="model", target="paid-1", reason="Ours."))
    with pytest.raises(Halted):
        house.order(**PAID)
    assert [one.target for one in halts(house).list(key)] == ["paid-1"]
    assert len(halts(house).list(house.who)) == 2


def test_only_the_operator_halts_all_tenants_and_ends_what_it_has_set(house: House) -> None:
    key, stranger = replace(house.who, id="key_1"), replace(house.stranger(), id="key_2")
    assert halt(house, "model", "paid-1").tenant is None
    own = halts(house).create(key, New(kind="tenant", target="", reason="Ours."))
    assert (own.tenant, own.target) == (key.tenant, key.tenant)
    with pytest.raises(InvalidField):
        halts(house).create(key, New(kind="tenant", target=stranger.tenant, reason="Not ours."))
    for made, who in ((halts(house).list(key)[0], key), (own, stranger)):
        with pytest.raises(NotFound):
            halts(house).end(who, made.id)
    with pytest.raises(Forbidden):
        halts(house).create(
            replace(key, scopes=frozenset({KeyScope.AUDIT})), New(kind="tenant", target="", reason="x")
        )
    halts(house).end(key, own.id)
    with pytest.raises(Conflict, match="has ended already"):
        halts(house).end(key, own.id)


@pytest.mark.parametrize(
    ("kind", "target", "remedy"),
    [
        ("model", "paid-2", "paid-1"),
        ("category", "violenze", "violence"),
        ("tenant", "nobody", "tenant_"),
        ("model", "", "paid-1"),
    ],
)
def test_what_is_not_known_is_refused_with_what_is(house: House, kind: str, target: str, remedy: str) -> None:
    with pytest.raises(InvalidField) as refused:
        halt(house, kind, target)
    assert remedy in (refused.value.remedy or "")


@pytest.mark.parametrize("wrong", [{"kind": "moon"}, {"reason": " "}, {"expires": "soon"}])
def test_a_wrong_field_is_refused(house: House, wrong: dict[str, str]) -> None:
    fields = {"kind": "model", "target": "paid-1", "reason": "At night.", **wrong}
    with pytest.raises(InvalidField):
        halts(house).create(house.who, New(**fields))


@pytest.mark.both_databases
def test_the_same_halt_is_there_once_and_ends_by_itself(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = halt(house, "model", "paid-1", expires="2h")
    with pytest.raises(Conflict, match="halted already"):
        halt(house, "model", "paid-1")
    assert len(halts(house).list(house.who)) == 1
    later = house.database.clock() + 7201
    monkeypatch.setattr(house.database, "clock", lambda: later)
    assert halts(house).list(house.who) == []
    assert house.order(**PAID).state is VideoState.QUEUED
    assert halt(house, "model", "paid-1").id != made.id
