"""The same key is the same video: one after the other, at once, refused, expired, on both databases."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from safelight.core.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidField,
    QuotaExceeded,
    RequestBlocked,
)
from safelight.store import tables
from safelight.store.database import Database
from safelight.videos.idempotency import (
    KEY_LIFETIME_S,
    ClaimExpired,
    CompletedKey,
    IdempotencyKeys,
    KeyClaim,
    fingerprint,
)
from safelight.videos.models import Video
from safelight.videos.requests.request import CreateRequest, Upload
from support.concurrency import run_together

from .conftest import House

pytestmark = pytest.mark.both_databases


def ask(house: House, key: str | None = "k1", prompt: str = "a quiet lake", **fields: Any) -> Video:
    return house.videos.create(house.who, CreateRequest(prompt=prompt, idempotency_key=key, **fields))


def made(house: House) -> int:
    with house.read_transaction() as tx:
        return tx.count(tables.videos)


def test_the_same_key_with_the_same_request_is_the_same_video_as_it_is_now(house: House) -> None:
    first, again = ask(house), ask(house)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.id == first.id
    assert made(house) == 1
    assert house.handed_over == [first.id]
    done = house.carry(first)
    assert ask(house) == replace(done, replayed=True)
    assert ask(house, "k2").id != first.id


def test_the_same_key_with_another_request_is_a_conflict(house: House) -> None:
    ask(house)
    for other in (
        {"prompt": "a loud lake"},
        {"seconds": "8"},
        {"safety_identifier": "u2"},
        {"metadata": {"a": "b"}},
    ):
        with pytest.raises(IdempotencyKeyReused) as caught:
            ask(house, **other)
        assert caught.value.param == "Idempotency-Key"
    assert made(house) == 1


def test_the_bytes_of_a_file_and_the_source_are_part_of_the_request(tmp_path: Path) -> None:
    def with_file(data: bytes) -> str:
        path = tmp_path / "file"
        path.write_bytes(data)
        upload = Upload(field="input_reference", path=path, filename="a.png", media_type="image/png")
        return fingerprint(CreateRequest(prompt="a", uploads=(upload,)))

    assert with_file(b"one") == with_file(b"one")
    assert with_file(b"one") != with_file(b"two")
    one = CreateRequest(prompt="a", source="video_1")
    assert fingerprint(one) != fingerprint(replace(one, source="video_2"))


def test_a_rejection_is_replayed_unchanged(house: House) -> None:
    prompt = "a scene with SAFELIGHT-TEST:violence in it"
    refused = []
    for _ in range(2):
        with pytest.raises(RequestBlocked) as caught:
            ask(house, prompt=prompt)
        refused.append(caught.value)
    first, again = refused
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.details, str(again), again.param) == (first.details, str(first), "prompt")
    assert made(house) == 1


def test_a_request_without_a_video_frees_its_key(house: House) -> None:
    with pytest.raises(InvalidField):
        ask(house, seconds="7")
    limits = house.context.quota.__dict__
    limits["videos_per_day"] = 0
    with pytest.raises(QuotaExceeded):
        ask(house)
    limits["videos_per_day"] = 10
    assert not ask(house, prompt="something else").replayed


def test_of_two_concurrent_requests_one_creates_the_video_and_both_get_it(house: House) -> None:
    got = run_together([partial(ask, house)] * 6)
    assert len({ordered.id for ordered in got}) == 1
    assert sorted(ordered.replayed for ordered in got) == [False] + [True] * 5
    assert made(house) == 1
    assert house.handed_over == [got[0].id]


def test_a_key_belongs_to_one_tenant(house: House) -> None:
    first = ask(house)
    house.who = house.stranger()
    theirs = ask(house)
    assert not theirs.replayed
    assert theirs.id != first.id


def test_a_second_request_stops_waiting_after_a_while(database: Database, house: House) -> None:
    keys = IdempotencyKeys(database=database, wait_s=0.0)
    assert isinstance(keys.claim(house.who.tenant, "k", "f", "video_1"), KeyClaim)
    with pytest.raises(IdempotencyKeyInUse, match="with the same key") as refused:
        keys.claim(house.who.tenant, "k", "f", "video_2")
    assert refused.value.retry_after_s > 0


def test_an_expired_claim_is_taken_over_and_its_old_holder_creates_nothing(
    database: Database, house: House
) -> None:
    tenant = house.who.tenant
    keys = IdempotencyKeys(database=database, claim_s=-1.0)
    dead = keys.claim(tenant, "k", "f", "video_1")
    alive = keys.claim(tenant, "k", "f", "video_2")
    assert isinstance(dead, KeyClaim)
    assert isinstance(alive, KeyClaim)
    with pytest.raises(ClaimExpired), database.transaction(tenant) as tx:
        keys.complete(tx, dead)
    keys.release(dead)
    with database.transaction(tenant) as tx:
        keys.complete(tx, alive)
    assert keys.claim(tenant, "k", "f", "video_3") == CompletedKey(video_id="video_2", rejected_field=None)


def test_where_a_process_is_alone_a_claim_from_before_its_start_is_dead(
    database: Database, house: House
) -> None:
    tenant = house.who.tenant
    dead = IdempotencyKeys(database=database).claim(tenant, "k", "f", "video_1")
    assert isinstance(dead, KeyClaim)
    started = database.clock() + 1
    database.clock = lambda: started
    after = IdempotencyKeys(database=database, alone_since=started, wait_s=0.0)
    assert after.find(tenant, "k") is None
    assert after.claim(tenant, "k", "f", "video_2") == KeyClaim(tenant=tenant, key="k", video_id="video_2")
    with pytest.raises(IdempotencyKeyInUse):
        after.claim(tenant, "k", "f", "video_3")
    with pytest.raises(ClaimExpired), database.transaction(tenant) as tx:
        after.complete(tx, dead)


def test_a_gateway_on_sqlite_is_alone_and_one_on_postgresql_is_not(database: Database, house: House) -> None:
    assert (house.videos.keys.alone_since > 0) == database.is_sqlite


def test_a_key_lives_for_a_day(database: Database, house: House) -> None:
    tenant = house.who.tenant
    keys = IdempotencyKeys(database=database)
    claim = keys.claim(tenant, "k", "f", "video_1")
    assert isinstance(claim, KeyClaim)
    with database.transaction(tenant) as tx:
        keys.complete(tx, claim)
    later = database.clock() + KEY_LIFETIME_S + 1
    database.clock = lambda: later
    assert isinstance(keys.claim(tenant, "k", "another", "video_2"), KeyClaim)
