"""A source that rests on a consent: who else uses it, for what, and after its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from safelight.accounts.terms import read_requester
from safelight.core.errors import Withdrawn
from safelight.core.ids import new_id
from safelight.policy.findings import Basis, Finding, Modality
from safelight.policy.intended_use import IntendedUse, Shortfall, UseKind, VideoRequester
from safelight.store.database import Database, Transaction
from safelight.store.tables import (
    account_terms,
    consent_requests,
    consent_uses,
    consents,
    video_lineage,
)
from safelight.videos.lineage import LineageTrace
from safelight.videos.source_consents import with_consents
from safelight.web.api.record import record_object
from support.consent_records import add_given_request

from .conftest import House

TENANT, NOW = "tenant_here", 1_700_000_000.0
FITS = IntendedUse(kind=UseKind.NEWS, commercial=False, territory="DE")
ASKER = VideoRequester(account="key_1", use=FITS)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, clock=lambda: NOW)
    yield database
    database.close()


def give(tx: Transaction, video: str, *, end_user: str | None = None, **changed: Any) -> str:
    """A consent that a video used, of level 2 unless `changed` says otherwise."""
    identity = new_id("consent")
    columns = {"created_at": 0.0, "expires_at": NOW + 60, "level": 2} | changed
    people = {"subject": "Ann", "recorded_by": "subject", "evidence": "link"}
    tx.insert(consents, id=identity, scope=["likeness"], **people, **columns)
    terms: dict[str, Any] = {"uses": "a film", "kinds": ["news"], "commercial": False, "territory": "EU"}
    terms |= {"scope": ["likeness"], "expires_at": NOW + 60}
    add_given_request(tx, identity, terms, asked_by="key_1", end_user=end_user)
    tx.insert(consent_uses, consent_id=identity, video_id=video, at=0.0)
    return identity


def shortfalls(
    tx: Transaction, parent: str, requester: VideoRequester, *, compares: bool = True
) -> list[str]:
    found = with_consents(tx, LineageTrace(parents={parent: "remix"}), requester, compares_faces=compares)
    return [str(one.attributes["shortfall"]) for one in found.prior]


def test_only_the_asker_with_a_use_that_fits_derives_a_video_without_a_review(database: Database) -> None:
    with database.transaction(TENANT) as tx:
        consent = give(tx, "video_1")
        traced = with_consents(tx, LineageTrace(parents={"video_1": "remix"}), ASKER, compares_faces=True)
        assert (traced.prior, traced.consents) == ((), (consent,))
        stranger = VideoRequester(account="key_2", use=FITS)
        assert shortfalls(tx, "video_1", stranger) == [Shortfall.REQUESTER]
        assert shortfalls(tx, "video_1", VideoRequester(account="key_1")) == [Shortfall.KIND]
        assert shortfalls(tx, "video_1", ASKER, compares=False) == [Shortfall.BASIS]
        assert shortfalls(tx, "video_2", stranger) == []


def test_a_consent_reaches_the_remix_of_a_remix_and_its_finding_is_not_inherited(database: Database) -> None:
    with database.transaction(TENANT) as tx:
        give(tx, "video_1")
        tx.insert(video_lineage, video_id="video_2", parent_id="video_1", derivation="remix", created_at=0.0)
        assert shortfalls(tx, "video_2", VideoRequester(account="key_2", use=FITS)) == [Shortfall.REQUESTER]
        earlier = Finding(
            category="likeness",
            score=1.0,
            modality=Modality.FRAMES,
            detector="consents",
            version="1",
            basis=Basis.MATCHED,
            reason="of an earlier request",
            attributes={"kind": "consent"},
        )
        lineage = LineageTrace(parents={"video_2": "remix"}, prior=(earlier,))
        assert with_consents(tx, lineage, ASKER, compares_faces=True).prior == ()


def test_an_expired_consent_is_reviewed_and_a_withdrawn_one_is_refused(database: Database) -> None:
    with database.transaction(TENANT) as tx:
        give(tx, "video_1", expires_at=NOW)
        assert shortfalls(tx, "video_1", ASKER) == [Shortfall.EXPIRED]
        withdrawn = give(tx, "video_2", revoked_at=NOW)
        with pytest.raises(Withdrawn):
            shortfalls(tx, "video_2", ASKER)
        # What remains after the evaluation without the consent does not need it.
        tx.update(consent_uses, consent_uses.c.consent_id == withdrawn, ended_at=NOW)
        assert shortfalls(tx, "video_2", ASKER) == []


def test_only_a_consent_on_camera_is_compared_and_one_without_its_request_covers_nobody(
    database: Database,
) -> None:
    with database.transaction(TENANT) as tx:
        give(tx, "video_1", level=1)
        assert shortfalls(tx, "video_1", VideoRequester(account="key_2", use=FITS)) == []
        assert shortfalls(tx, "video_1", ASKER, compares=False) == []
        lost = give(tx, "video_2")
        tx.delete(consent_requests, consent_requests.c.id == lost)
        assert shortfalls(tx, "video_2", ASKER) == [Shortfall.REQUESTER]


def test_what_a_request_does_not_state_comes_from_the_terms_nearest_to_it(database: Database) -> None:
    with database.transaction(TENANT) as tx:
        columns = {"held_first": 0, "revision": 0}
        tx.insert(account_terms, subject="tenant", use_kind="news", territory="DE", **columns)
        tx.insert(account_terms, subject="account:key_1", commercial=False, territory="FR", **columns)
        found = read_requester(tx, "key_1", None, IntendedUse(territory="IT"))
        assert found.use == IntendedUse(kind=UseKind.NEWS, commercial=False, territory="IT")
        for account, territory in (("key_1", "FR"), ("key_2", "DE")):
            use = read_requester(tx, account, None, IntendedUse()).use
            assert use is not None
            assert use.territory == territory


def test_only_a_reviewer_reads_that_the_person_in_a_picture_gave_a_consent_to_somebody_else(
    house: House,
) -> None:
    record = house.videos.record(house.who, house.order().id)
    uncovered = {"consent_a": Shortfall.REQUESTER.value, "consent_b": Shortfall.KIND.value}
    stage = replace(record.stages[0], details={"uncovered": uncovered})
    taxonomy = house.container.core.taxonomy

    def details(**reader: bool) -> Any:
        return record_object(replace(record, stages=(stage,)), taxonomy, **reader)["stages"][0]["details"]

    assert details() == {"uncovered": {"consent_b": "kind"}}
    assert details(for_reviewer=True) == {"uncovered": uncovered}
