"""Videos made from an uploaded copy of a delivered video: withdrawal, consents and reviews follow them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, text
from sqlalchemy.dialects import sqlite

from safelight.cases.reviews.conflicts import people_around
from safelight.consents.store import end_consent
from safelight.core import canonical_json
from safelight.core.background.rows import RowFailures
from safelight.core.errors import InvalidField, Withdrawn
from safelight.core.ids import new_id
from safelight.policy.findings import Stage
from safelight.policy.intended_use import VideoRequester
from safelight.providers.protocol import Derivation
from safelight.store import tables
from safelight.store.database import Transaction
from safelight.testing.generators import create as instant
from safelight.videos.consent_withdrawals import ConsentWithdrawals
from safelight.videos.copied_sources import (
    CopiedSources,
    hand_on_copied_sources,
    look_up_copied_sources,
    withdraw_copies,
)
from safelight.videos.models import Character, CharacterState, Video, VideoState
from safelight.videos.requests.request import Upload
from safelight.videos.sweeper import Sweeper
from safelight.web.api.record import record_object
from support.house import withdraw

from .conftest import House
from .test_lineage import ABLE, consent_to, users_of, withdraw_due
from .test_video_lifecycle import NoEngine

pytestmark = pytest.mark.real_media


@pytest.fixture
def able(house: House) -> House:
    settings = {**ABLE, "seconds": [4]}
    house.generators["able"] = instant(settings)
    return house


@pytest.fixture
def other(able: House) -> str:
    """Another tenant, with the same rules."""
    return able.accounts.create_tenant("other").id


@contextmanager
def acting_for(house: House, tenant: str) -> Iterator[None]:
    mine = house.who
    house.who = replace(mine, tenant=tenant, id=f"key_of_{tenant}")
    yield
    house.who = mine


def upload_of(house: House, video: Video, folder: Path, *, field: str = "video") -> Upload:
    """The delivered file, as somebody uploads it."""
    path = folder / f"{video.id}.mp4"
    tenant, sha256 = video.tenant, video.sealed_sha256 or ""
    path.write_bytes(b"".join(house.blobs.stream(tenant, sha256)))
    return Upload(field=field, filename="mine.mp4", path=path, media_type="video/mp4")


def edit_copy(house: House, video: Video, folder: Path, **fields: Any) -> Video:
    """An accepted edit of an uploaded copy of a delivered video."""
    uploads = (upload_of(house, video, folder),)
    return house.order("at night", model="able-1", step=Derivation.EDIT, uploads=uploads, **fields)


def new_character(house: House, video: Video, folder: Path, end_user: str | None = None) -> Character:
    """A character made from an uploaded copy of a delivered video."""
    clip = upload_of(house, video, folder).path
    return house.videos.create_character(house.who, name="Bo", clip=clip, end_user=end_user)


def sources(house: House, video: Video) -> list[Row[Any]]:
    with house.database.read_transaction(video.tenant) as tx:
        return tx.select(tables.copied_sources, tables.copied_sources.c.video_id == video.id)


def state_of(house: House, video: Video) -> VideoState:
    return house.context.videos.get(video.tenant, video.id).state


def add_source(house: House, video: Video, source: Video) -> None:
    with house.database.transaction(video.tenant) as tx:
        CopiedSources(video_ids=(source.id,)).record(tx, video.id)


def finished(house: House) -> Video:
    """A video in the state of a delivered one, without its files."""
    video = house.order()
    house.change(video, state=VideoState.DELIVERED.value)
    return replace(video, state=VideoState.DELIVERED)


def withdraw_all_copies(house: House) -> int:
    return withdraw_copies(house.context, RowFailures(), only_recent=False)


def test_a_withdrawal_reaches_a_chain_of_three_uploaded_copies(able: House, tmp_path: Path) -> None:
    first = able.make()
    second = able.carry(edit_copy(able, first, tmp_path))
    upload = upload_of(able, second, tmp_path, field="input_reference")
    third = able.make("by day", uploads=(upload,))
    assert [row.source_id for row in sources(able, second)] == [first.id]
    assert [row.source_id for row in sources(able, third)] == [second.id]
    assert third.state is VideoState.DELIVERED
    changed = able.withdraw(first)
    assert changed == (first.id, second.id, third.id)
    assert state_of(able, third) is VideoState.WITHDRAWN
    assert withdraw_all_copies(able) == 2
    assert withdraw_all_copies(able) == 0
    assert all(row.ended_at is not None for row in sources(able, third))


@pytest.mark.both_databases
def test_a_withdrawal_reaches_copy_and_character_of_another_tenant_which_learns_nothing(
    able: House, other: str, tmp_path: Path
) -> None:
    first = able.make()
    with acting_for(able, other):
        copy = able.carry(edit_copy(able, first, tmp_path))
        waiting = edit_copy(able, first, tmp_path)
        assert copy.state is VideoState.DELIVERED
        add_source(able, waiting, first)  # as if its screening had ended
        character = new_character(able, first, tmp_path)
        played = able.order("Bo sails", model="able-1", characters=(character.id,))
    changed = withdraw(able.context, first, actor="a", why="a secret")
    assert changed == (first.id,)
    Sweeper(able.context, NoEngine()).withdraw_copies()  # type: ignore[arg-type]
    assert state_of(able, copy) is VideoState.WITHDRAWN
    assert {state_of(able, waiting), state_of(able, played)} == {VideoState.FAILED}
    with acting_for(able, other):
        record = able.record(copy)
    shown = canonical_json.encode(record_object(record, able.container.core.taxonomy, for_reviewer=True))
    with able.database.read_transaction(other) as tx:
        assert [row.state for row in tx.select(tables.characters)] == [CharacterState.REJECTED.value]
        log = b"".join(row.content for row in tx.select(tables.audit_log_contents))
        [statement] = tx.select(tables.statements, tables.statements.c.video_id == copy.id)
    for secret in (first.id, able.who.tenant, "a secret"):
        assert secret.encode() not in shown + log + str(statement).encode()


def test_a_chain_over_three_tenants_ends_and_unrelated_videos_stay(able: House, other: str) -> None:
    third_tenant = able.accounts.create_tenant("third").id
    first, unrelated = finished(able), finished(able)
    with acting_for(able, other):
        second = finished(able)
        bystander = finished(able)
    with acting_for(able, third_tenant):
        third = finished(able)
    for video, source in ((second, first), (third, second), (bystander, unrelated)):
        add_source(able, video, source)
    able.withdraw(first)
    assert withdraw_all_copies(able) == 1
    assert withdraw_all_copies(able) == 1
    assert withdraw_all_copies(able) == 0
    assert [state_of(able, one) for one in (second, third)] == [VideoState.WITHDRAWN] * 2
    assert [state_of(able, one) for one in (unrelated, bystander)] == [VideoState.DELIVERED] * 2


def test_a_source_that_is_vaulted_or_withdrawn_before_the_row_is_written_is_found(able: House) -> None:
    vaulted, withdrawn, kept = (finished(able) for _ in range(3))
    made = [finished(able) for _ in range(3)]
    able.withdraw(withdrawn)
    able.change(vaulted, vaulted=True)
    for video, source in zip(made, (vaulted, withdrawn, kept), strict=True):
        add_source(able, video, source)
        add_source(able, video, source)  # a step that runs again
    assert withdraw_all_copies(able) == 2
    expected = [VideoState.WITHDRAWN, VideoState.WITHDRAWN, VideoState.DELIVERED]
    assert [state_of(able, one) for one in made] == expected


@pytest.mark.both_databases
def test_the_source_is_the_newest_release_of_the_file(able: House) -> None:
    old, new = finished(able), finished(able)
    database = able.database
    with able.transaction() as tx:
        tx.update(tables.videos, tables.videos.c.id == old.id, reinstated_as=new.id)
    found = look_up_copied_sources(
        database, able.who.tenant, {old.id, new.id}, VideoRequester(account="a"), compares_faces=True
    )
    assert found.video_ids == (new.id,)


def test_a_reinstated_video_keeps_its_sources_unless_one_was_withdrawn(able: House) -> None:
    source, made, released = (finished(able) for _ in range(3))
    add_source(able, made, source)
    with able.transaction() as tx:
        hand_on_copied_sources(tx, made.id, released.id)
    able.withdraw(source)
    assert state_of(able, released) is VideoState.WITHDRAWN
    withdraw_all_copies(able)
    with able.transaction() as tx, pytest.raises(Withdrawn):
        hand_on_copied_sources(tx, made.id, source.id)


def test_a_withdrawal_reaches_a_character_made_from_an_uploaded_copy(able: House, tmp_path: Path) -> None:
    first = able.make()
    character = new_character(able, first, tmp_path)
    assert character.state is CharacterState.READY
    made = able.make("Bo sails", model="able-1", characters=(character.id,))
    assert made.state is VideoState.DELIVERED
    changed = able.withdraw(first)
    assert changed == (first.id, made.id)
    with pytest.raises(InvalidField, match="There is no character"):
        able.order("Bo swims", model="able-1", characters=(character.id,))


@pytest.mark.both_databases
def test_consents_are_found_behind_a_copy_that_another_tenant_made(able: House, other: str) -> None:
    first = finished(able)
    with acting_for(able, other):
        second, third = finished(able), finished(able)
        with able.database.transaction(other) as tx:
            tx.update(tables.videos, tables.videos.c.id == third.id, remixed_from=second.id)
            tx.insert(
                tables.video_lineage,
                video_id=third.id,
                parent_id=second.id,
                derivation="remix",
                created_at=tx.now(),
            )
    add_source(able, second, first)
    database = able.database
    consent = consent_to(able, first.id, "ann")
    requester = VideoRequester(account="a", end_user="bob")
    found = look_up_copied_sources(database, able.who.tenant, {third.id}, requester, compares_faces=True)
    assert (found.video_ids, found.consents, len(found.findings)) == ((third.id,), (consent,), 1)


def test_a_round_between_two_full_searches_finds_only_recent_withdrawals(able: House) -> None:
    old, recent = finished(able), finished(able)
    copies = [finished(able), finished(able)]
    for video, source in zip(copies, (old, recent), strict=True):
        add_source(able, video, source)
    context = able.context
    sweeper = Sweeper(context, NoEngine())  # type: ignore[arg-type]
    sweeper.withdraw_copies()
    with able.transaction() as tx:
        for video, ago_s in ((old, 2 * 3600.0), (recent, 0.0)):
            changes = {"state": VideoState.WITHDRAWN.value, "updated_at": tx.now() - ago_s}
            tx.update(tables.videos, tables.videos.c.id == video.id, **changes)
    sweeper.withdraw_copies()
    assert [state_of(able, one) for one in copies] == [VideoState.DELIVERED, VideoState.WITHDRAWN]
    Sweeper(context, NoEngine()).withdraw_copies()  # type: ignore[arg-type]
    assert state_of(able, copies[0]) is VideoState.WITHDRAWN


@pytest.mark.both_databases
def test_the_search_for_recent_withdrawals_reads_no_whole_table(
    able: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = able.database
    if not database.is_sqlite:
        pytest.skip("with an empty table, PostgreSQL always reads all of it")
    seen: list[Any] = []
    execute = Transaction.execute

    def record(tx: Transaction, statement: Any) -> Any:
        seen.append(statement)
        return execute(tx, statement)

    monkeypatch.setattr(Transaction, "execute", record)
    withdraw_copies(able.context, RowFailures(), only_recent=True)
    [statement] = seen
    sql = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    with database.raw_connection(readonly=True) as connection:
        plan = " ".join(row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {sql}")))
    assert "SCAN videos" not in plan
    assert "SCAN copied_sources" not in plan
    assert plan.index("ix_videos_state_updated_at") < plan.index("ix_copied_sources_source_id_ended_at")


def test_a_copy_and_a_character_of_it_rest_on_the_consents_of_the_source(
    able: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = able.make()
    consent = consent_to(able, first.id, "ann")
    character = new_character(able, first, tmp_path, "bob")
    copy = able.carry(edit_copy(able, first, tmp_path, safety_identifier="bob"))
    assert (character.state, copy.state) == (CharacterState.HELD, VideoState.HELD)
    stage = able.snapshot(copy).last_stage(Stage.REFERENCE)
    assert stage is not None
    assert stage.verdict.rule == "lk-10"
    assert users_of(able, consent) == {first.id, copy.id, character.id}
    with able.transaction() as tx:
        end_consent(tx, consent, revoked_by="subject", actor="subject")
    # The record of the source has no face; the policy is evaluated in tests of its own.
    monkeypatch.setattr(ConsentWithdrawals, "_needs_consent", lambda *given: given[-1] == first.id)
    withdraw_due(able)
    assert (state_of(able, first), state_of(able, copy)) == (VideoState.WITHDRAWN, VideoState.FAILED)


def test_the_people_of_source_and_copy_are_involved_in_both_and_those_of_two_copies_not_in_each_other(
    able: House,
) -> None:
    source, one, another = (finished(able) for _ in range(3))
    for video, person in ((source, "key_of_source"), (one, "key_of_one"), (another, "key_of_another")):
        able.change(video, principal_id=person)
    add_source(able, one, source)
    add_source(able, another, source)
    with able.read_transaction() as tx:
        assert people_around(tx, one.id) >= {"key_of_one", "key_of_source"}
        assert "key_of_another" not in people_around(tx, one.id)
        assert people_around(tx, source.id) >= {"key_of_source", "key_of_one", "key_of_another"}


def test_the_people_of_the_source_of_a_character_are_involved_in_its_videos(able: House) -> None:
    source, made = finished(able), finished(able)
    character_id = new_id("character")
    with able.transaction() as tx:
        tx.update(tables.videos, tables.videos.c.id == source.id, principal_id="key_of_source")
        CopiedSources(video_ids=(source.id,)).record(tx, character_id)
        tx.insert(
            tables.video_lineage,
            video_id=made.id,
            parent_id=character_id,
            derivation="character",
            created_at=tx.now(),
        )
        assert "key_of_source" in people_around(tx, made.id)
