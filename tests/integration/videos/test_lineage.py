"""Remixes, edits and extensions: what they inherit, and from what nothing is made. On both databases."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from safelight.accounts.models import end_user_subject
from safelight.cases.inputs import DecisionRequest
from safelight.consents.requests.store import read_uses
from safelight.consents.store import end_consent
from safelight.core.errors import (
    AccountSuspended,
    Conflict,
    InvalidField,
    InvalidMedia,
    NotFound,
    RequestBlocked,
    UnsupportedField,
    Withdrawn,
)
from safelight.policy.findings import Finding, Modality, Stage, TextSpan
from safelight.providers.protocol import Derivation
from safelight.providers.videos_api import create as videos_api
from safelight.store import tables
from safelight.testing.clips import tiny_clip
from safelight.testing.generators import create as instant
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.consent_withdrawals import ConsentWithdrawals
from safelight.videos.lineage import Lineage, LineageTrace, inherited
from safelight.videos.models import Character, Video, VideoState
from safelight.videos.requests.request import CreateRequest, Upload
from safelight.videos.stage_records import record_stage
from safelight.videos.sweeper import Sweeper
from safelight.videos.upstream_gate import UpstreamGate

from .conftest import Furnish, House
from .test_decisions import reviewer
from .test_source_consents import give as give_consent

pytestmark = pytest.mark.real_media

ABLE: dict[str, Any] = {
    "name": "able",
    "models": ["able-1"],
    "seconds": [4, 8],
    "operations": ["remix", "edit", "extend"],
    "takes_characters": True,
}


@pytest.fixture
def able(house: House) -> House:
    """A house with a generator that can everything."""
    house.generators["able"] = instant(ABLE)
    return house


def out(house: House, prompt: str = "a quiet lake", **fields: Any) -> Video:
    """A delivered video."""
    video = house.make(prompt, **{"model": "able-1", **fields})
    assert video.state is VideoState.DELIVERED
    return video


def step(house: House, step: Derivation, source: str, prompt: str = "at night", **fields: Any) -> Video:
    return house.order(prompt, step=step, source=source, **fields)


def character(house: House, folder: Path, end_user: str | None = None, name: str = "Bo") -> Character:
    return house.videos.create_character(house.who, name=name, clip=clip(folder).path, end_user=end_user)


def consent_to(
    house: House,
    source: str,
    end_user: str | None = None,
    *,
    is_withdrawn: bool = False,
    by: str = "subject",
) -> str:
    """Record a consent for a video or a character. Returns its id."""
    with house.transaction() as tx:
        consent = give_consent(tx, source, expires_at=None, end_user=end_user)
        if is_withdrawn:
            end_consent(tx, consent, revoked_by=by, actor=by)
    return consent


def users_of(house: House, consent: str) -> set[str]:
    with house.read_transaction() as tx:
        return {use.video_id for use in read_uses(tx, consent)}


def withdraw_due(house: House) -> None:
    """One round in which videos and characters end with the consents that they needed."""
    ConsentWithdrawals(house.context, stopping=threading.Event()).withdraw_due()


def test_a_remix_keeps_length_size_and_model_names_its_source_and_is_made_once_for_a_key(able: House) -> None:
    source = out(able, seconds="8", size="1280x720")
    made = step(able, Derivation.REMIX, source.id, idempotency_key="k")
    assert (made.model, made.seconds, made.width, made.height) == ("able-1", 8, 1280, 720)
    assert made.remixed_from == source.id
    assert step(able, Derivation.REMIX, source.id, idempotency_key="k").id == made.id
    assert able.carry(made).state is VideoState.DELIVERED
    assert able.record(made).parents == ({"id": source.id, "derivation": "remix"},)


def test_an_extension_is_as_long_as_source_and_addition(able: House) -> None:
    source = out(able, seconds="8")
    first = able.carry(step(able, Derivation.EXTEND, source.id, seconds="4"))
    assert (first.seconds, first.state) == (12, VideoState.DELIVERED)
    assert step(able, Derivation.EXTEND, first.id, seconds="8").seconds == 20
    with pytest.raises(InvalidField) as caught:
        step(able, Derivation.EXTEND, source.id)
    assert caught.value.param == "seconds"


def test_the_prompts_of_the_whole_chain_are_screened(able: House) -> None:
    first = out(able, "a quiet lake")
    second = able.carry(step(able, Derivation.REMIX, first.id, "at night"))
    third = step(able, Derivation.EDIT, second.id, "with a moon")
    assert able.snapshot(third).request["texts"] == {
        "prompt": "with a moon",
        "ancestor:1": "at night",
        "ancestor:2": "a quiet lake",
        "composed": "a quiet lake\nat night\nwith a moon",
    }


def test_harmless_prompts_can_be_blocked_together(able: House) -> None:
    source = out(able, "a poster that reads SAFELIGHT-TEST:")
    with pytest.raises(RequestBlocked) as caught:
        step(able, Derivation.REMIX, source.id, "violence")
    assert caught.value.param == "prompt"


def test_a_derived_video_inherits_the_findings_of_its_source(able: House) -> None:
    source = out(able)
    found = Finding(
        category="violence",
        score=0.99,
        modality=Modality.FRAMES,
        detector="a-reviewer-let-it-through",
        version="1",
        reason="It was seen in the frames.",
        attributes={"frames": 40, "area": 0.5, "source": "prompt"},
    )
    judged = able.context.stages.prompt.screen(
        {"prompt": "x"}, able.container.pipeline.policy_loader.load(able.who.tenant), prior=(found,)
    )
    with able.transaction() as tx:
        record_stage(tx, source.id, judged)
    child = step(able, Derivation.REMIX, source.id)
    mine = able.snapshot(child).findings(Stage.PROMPT)
    for kept, at in ((mine, 1), (inherited(mine, child.id), 2)):
        (one,) = [finding for finding in kept if finding.detector == found.detector]
        assert one.score == 0.99
        assert (one.attributes["inherited"], one.attributes["source"]) == (source.id, f"ancestor:{at}")


def test_inherited_spans_point_at_the_ancestor() -> None:
    finding = Finding(
        category="violence",
        score=0.5,
        modality=Modality.TEXT,
        detector="d",
        version="1",
        reason="r",
        evidence=tuple(
            TextSpan(field=name, start=0, end=1) for name in ("prompt", "ancestor:3", "negative_prompt")
        ),
    )
    moved = inherited([finding, finding], "video_1")
    assert len(moved) == 1
    assert [piece.field for piece in moved[0].evidence if isinstance(piece, TextSpan)] == [
        "ancestor:1",
        "ancestor:4",
        "ancestor:1.negative_prompt",
    ]


def test_only_a_delivered_video_can_be_a_source(able: House) -> None:
    source = out(able)
    child = able.carry(step(able, Derivation.REMIX, source.id))
    before = able.videos.allowance(able.who).videos_left
    delivered = {"state": "delivered", "deleted_at": None, "vaulted": False}
    for columns, error in (
        ({"state": "withdrawn"}, Withdrawn),
        ({"deleted_at": 1.0}, NotFound),
        ({"state": "blocked"}, InvalidField),
        ({"state": "rejected"}, InvalidField),
        ({"state": "blocked", "vaulted": True}, InvalidField),
        ({"state": "failed"}, InvalidField),
        ({"state": "scanning"}, Conflict),
        ({"state": "held"}, Conflict),
    ):
        able.change(source, **{**delivered, **columns})
        for kind, more in (
            (Derivation.REMIX, {}),
            (Derivation.EDIT, {}),
            (Derivation.EXTEND, {"seconds": "4"}),
        ):
            with pytest.raises(error):
                step(able, kind, source.id, **more)
    able.change(source, state="withdrawn")
    with pytest.raises(Withdrawn):
        step(able, Derivation.REMIX, child.id)
    # A chain of derived videos is limited.
    able.change(source, **delivered, remixed_from=source.id)
    with pytest.raises(Conflict):
        step(able, Derivation.REMIX, source.id)
    assert able.videos.allowance(able.who).videos_left == before


def test_a_source_that_is_withdrawn_during_screening_is_not_used(able: House) -> None:
    source = out(able)
    lineage = able.videos.lineage
    request = CreateRequest(prompt="x", step=Derivation.REMIX, source=source.id)
    _, descent = lineage.trace(able.who.tenant, request)
    able.change(source, deleted_at=time.time())
    with pytest.raises(NotFound), able.transaction() as tx:
        lineage.record(tx, "video_x", descent)


def test_files_of_a_deleted_source_are_kept_until_its_descendant_is_finished(able: House) -> None:
    source = out(able)
    child = step(able, Derivation.EDIT, source.id)
    able.videos.delete(able.who, source.id)
    quiet = type("Engine", (), {"carries": lambda *_: True})()
    Sweeper(able.context, quiet).delete_orphaned_blobs()
    assert able.carry(child).state is VideoState.DELIVERED
    Sweeper(able.context, quiet).delete_orphaned_blobs()
    assert not able.blobs.has(able.who.tenant, source.sealed_sha256 or "")


@pytest.mark.both_databases
def test_videos_of_other_tenants_cannot_be_a_source(able: House) -> None:
    source = out(able)
    able.who = able.stranger()
    for wrong in (source.id, "video_1", "../../x", ""):
        with pytest.raises(NotFound):
            step(able, Derivation.REMIX, wrong)


def test_an_unsupported_derivation_names_the_models_that_support_it(able: House) -> None:
    source = able.make()
    with pytest.raises(UnsupportedField) as caught:
        step(able, Derivation.EDIT, source.id)
    assert "instant-1 cannot edit" in str(caught.value)
    assert "able-1" in str(caught.value)
    with pytest.raises(UnsupportedField):
        able.order("x", characters=("character_" + "0" * 32,))


def clip(tmp_path: Path, data: bytes | None = None) -> Upload:
    path = tmp_path / f"clip-{time.monotonic_ns()}"
    path.write_bytes(tiny_clip() if data is None else data)
    return Upload(field="video", path=path, filename="a.mp4", media_type="video/mp4")


def test_an_uploaded_clip_is_screened_before_anything_is_made_of_it(able: House, tmp_path: Path) -> None:
    made = able.order("make it night", step=Derivation.EDIT, uploads=(clip(tmp_path),))
    assert (made.model, made.remixed_from) == ("able-1", None)
    assert able.snapshot(made).request["pending"]
    done = able.carry(made)
    assert done.state is VideoState.DELIVERED
    stages = [judgement.stage for judgement in able.record(made).stages]
    assert Stage.REFERENCE in stages
    with pytest.raises(InvalidMedia):
        able.order("x", step=Derivation.EDIT, uploads=(clip(tmp_path, b"this is no clip at all"),))
    with pytest.raises(InvalidField):
        able.order("x", step=Derivation.EDIT)


def test_characters_are_used_and_their_findings_inherited(able: House, tmp_path: Path) -> None:
    made = character(able, tmp_path, "u1", "Bo the boat")
    assert able.videos.character(able.who, made.id) == made
    video = able.order("Bo sails", model="able-1", characters=(made.id,))
    references = able.snapshot(video).request["references"]
    assert [(file["field"], file["of"]) for file in references] == [("characters[0]", made.id)]
    assert able.carry(video).state is VideoState.DELIVERED
    with pytest.raises(InvalidField):
        able.order("x", model="able-1", characters=(made.id, made.id))
    with pytest.raises(InvalidField):
        able.order("x", model="able-1", characters=("character_" + "0" * 32,))


def test_a_suspended_end_user_stores_no_character(able: House, tmp_path: Path) -> None:
    with able.transaction() as tx:
        tx.insert(
            tables.bans,
            id="ban_1",
            subject=end_user_subject("ann"),
            reason="a test",
            threat_to_life=True,
            proposed_by="a",
            proposed_at=0.0,
            confirmed_by="b",
            confirmed_at=0.0,
            effective_at=0.0,
        )
    with pytest.raises(AccountSuspended):
        character(able, tmp_path, "ann")
    assert character(able, tmp_path, "bob")


def test_a_remix_of_a_video_with_a_consent_of_another_end_user_is_held_and_listed(able: House) -> None:
    source = out(able, safety_identifier="ann")
    consent = consent_to(able, source.id, "ann")
    remix = step(able, Derivation.REMIX, source.id, safety_identifier="bob")
    assert remix.state is VideoState.HELD
    stage = able.snapshot(remix).last_stage(Stage.PROMPT)
    assert stage is not None
    assert stage.verdict.rule == "lk-10"
    assert users_of(able, consent) == {source.id, remix.id}


def test_the_withdrawal_of_a_consent_rejects_the_character_that_rests_on_it(
    able: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = character(able, tmp_path)
    consent_to(able, made.id, is_withdrawn=True)
    # The record of this character has no face; the policy is evaluated in tests of its own.
    monkeypatch.setattr(ConsentWithdrawals, "_needs_consent", lambda *_: True)
    withdraw_due(able)
    with pytest.raises(InvalidField, match="no character"):
        able.order("Bo sails", model="able-1", characters=(made.id,))


@pytest.mark.parametrize("source", ["video", "character"])
def test_a_consent_that_is_withdrawn_during_the_screening_stops_the_request(
    able: House, tmp_path: Path, source: str
) -> None:
    if source == "video":
        parent = out(able).id
        asked: dict[str, Any] = {"source": parent, "step": Derivation.REMIX}
    else:
        made = character(able, tmp_path)
        parent, asked = made.id, {"characters": (made.id,)}
    context = able.context
    consent = consent_to(able, parent, "ann")

    def withdraw(name: str) -> None:
        if name == "screened":
            with able.transaction() as tx:
                end_consent(tx, consent, revoked_by="subject", actor="subject")

    able.videos = replace(able.videos, context=replace(context, fault_hook=withdraw))
    with pytest.raises(Withdrawn):
        able.order("Bo sails", model="able-1", safety_identifier="ann", **asked)
    assert users_of(able, consent) == {parent}


def test_a_character_that_was_rejected_cannot_be_recorded_as_a_source(able: House, tmp_path: Path) -> None:
    made = character(able, tmp_path)
    video, characters = able.order(), tables.characters
    lineage = LineageTrace(parents={made.id: "character"})
    with able.transaction() as tx:
        tx.update(characters, characters.c.id == made.id, state="rejected")
        with pytest.raises(Withdrawn):
            Lineage(context=able.context).record(tx, video.id, lineage)


def test_a_withdrawal_ends_a_video_whose_source_needed_the_consent(
    able: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = out(able)
    remix = step(able, Derivation.REMIX, source.id)
    # Only the remix has a use, as if the use of the source had ended before.
    consent_to(able, remix.id, is_withdrawn=True)
    monkeypatch.setattr(ConsentWithdrawals, "_needs_consent", lambda *given: given[-1] == source.id)
    withdraw_due(able)
    assert able.reread(remix).state in (VideoState.WITHDRAWN, VideoState.FAILED)


def test_a_video_that_is_being_made_when_a_consent_is_withdrawn_says_so(
    able: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = able.order()
    consent_to(able, video.id, is_withdrawn=True)
    monkeypatch.setattr(ConsentWithdrawals, "_needs_consent", lambda *_: True)
    withdraw_due(able)
    ended = able.reread(video)
    assert (ended.error_code, ended.error_message) == (
        Withdrawn.code,
        "A consent that this video needs has ended.",
    )


@pytest.mark.parametrize(
    ("by", "actor", "source"), [("subject", "subject", "consent"), ("Ada", "operator", "consent_ended")]
)
def test_log_and_statement_name_who_ended_the_consent(
    able: House, monkeypatch: pytest.MonkeyPatch, by: str, actor: str, source: str
) -> None:
    video = out(able)
    consent_to(able, video.id, is_withdrawn=True, by=by)
    monkeypatch.setattr(ConsentWithdrawals, "_needs_consent", lambda *_: True)
    withdraw_due(able)
    with able.read_transaction() as tx:
        log = tx.select(tables.audit_log, tables.audit_log.c.subject == video.id)
        (made,) = tx.select(tables.statements, tables.statements.c.video_id == video.id)
    withdrawn = [one.actor for one in log if one.event == "video.withdrawn"]
    assert (withdrawn, made.source) == ([actor], source)


def test_a_character_whose_name_is_blocked_is_not_stored(able: House, tmp_path: Path) -> None:
    with pytest.raises(RequestBlocked) as caught:
        character(able, tmp_path, name="SAFELIGHT-TEST:violence")
    assert caught.value.param == "name"
    with able.read_transaction() as tx:
        row = tx.one(tables.characters)
    assert row is not None
    assert row.state == "rejected"
    with pytest.raises(NotFound):
        able.videos.character(able.who, row.id)


def test_a_held_character_cannot_be_used(furnish: Furnish, tmp_path: Path) -> None:
    house = furnish()
    house.generators["able"] = instant(ABLE)
    made = character(house, tmp_path)
    assert made.state == "held"
    with pytest.raises(InvalidField) as caught:
        house.order("Bo sails", model="able-1", characters=(made.id,))
    assert "waits for a reviewer" in str(caught.value)


@pytest.fixture
def attach(house: House, upstream: ScriptedUpstream) -> Iterator[Callable[..., None]]:
    """Gives the house the scripted upstream as a generator with further options."""
    made: list[Any] = []

    def attached(**options: Any) -> None:
        table = {"url": upstream.url, "models": ["up-1"], "name": "up", "billing": "own", **options}
        made.append(videos_api(table))
        house.generators["up"] = made[-1]
        house.context.upstreams["up"] = UpstreamGate(limit=4)  # type: ignore[index]

    yield attached
    for generator in made:
        generator.close()


def routes(upstream: ScriptedUpstream) -> list[str]:
    return [order["route"] for order in upstream.counts["orders"].values()]


def test_an_upstream_gets_edits_and_extensions_with_the_sealed_file(
    house: House, upstream: ScriptedUpstream, attach: Callable[..., None]
) -> None:
    attach(operations=["edit", "extend"])
    source = out(house, model="up-1")
    for kind, more in ((Derivation.EDIT, {}), (Derivation.EXTEND, {"seconds": "4"})):
        assert house.carry(step(house, kind, source.id, **more)).state is VideoState.DELIVERED
    assert routes(upstream)[1:] == ["/v1/videos/edits", "/v1/videos/extensions"]
    for order in list(upstream.counts["orders"].values())[1:]:
        assert [(f["field"], f["sha256"]) for f in order["files"]] == [("video", source.sealed_sha256)]
    with pytest.raises(UnsupportedField):
        step(house, Derivation.REMIX, source.id)


def test_a_remix_is_sent_as_a_new_video_if_the_operator_allows_it(
    house: House, upstream: ScriptedUpstream, attach: Callable[..., None]
) -> None:
    attach(remix_as_new=True)
    source = out(house, model="up-1")
    house.carry(step(house, Derivation.REMIX, source.id, "at night"))
    assert routes(upstream) == ["/v1/videos", "/v1/videos"]
    assert [o["prompt"] for o in upstream.counts["orders"].values()][1] == "a quiet lake\nat night"


def test_an_upstream_is_not_asked_to_remix_a_video_it_has_deleted(
    house: House, upstream: ScriptedUpstream, attach: Callable[..., None]
) -> None:
    attach(operations=["remix"])
    source = out(house, model="up-1")
    with pytest.raises(UnsupportedField) as caught:
        step(house, Derivation.REMIX, source.id)
    assert "still on its server" in str(caught.value)
    upstream.play({"otherwise": {"polls": 0, "delete": {"status": 405}}})
    kept = out(house, "another lake", model="up-1")
    house.carry(step(house, Derivation.REMIX, kept.id))
    assert routes(upstream)[-1].endswith("/remix")


def test_the_appeal_about_a_remix_succeeds_once_its_source_was_released_again(able: House) -> None:
    source = out(able)
    remix = able.carry(step(able, Derivation.REMIX, source.id))
    able.report(source, category="violence")
    ada, ben, cy = (reviewer(able, name) for name in ("ada", "ben", "cy"))
    (case,) = able.reviews.list(ada).items
    able.reviews.decide(ada, case.id, DecisionRequest(action="withdraw", reason="Seen.", **able.ground()))
    appeals = [able.appeals.add(able.who, each.id, text="A play.").case_id for each in (remix, source)]
    overturn = DecisionRequest(action="overturn", reason="It is.")
    with pytest.raises(Conflict, match="source"):
        able.reviews.decide(cy, appeals[0], overturn)
    able.reviews.decide(ben, appeals[1], overturn)
    new_source = able.reread(source).reinstated_as or ""
    assert able.carry(able.videos.get(able.who, new_source)).state is VideoState.DELIVERED
    able.reviews.decide(cy, appeals[0], overturn)
    new = able.carry(able.videos.get(able.who, able.reread(remix).reinstated_as or ""))
    assert new.state is VideoState.DELIVERED
    assert able.record(new).parents == ({"id": new_source, "derivation": "remix"},)
