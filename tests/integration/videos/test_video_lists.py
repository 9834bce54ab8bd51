"""The list of the console on both databases: blocked prompts, filters, words, pages, tenants and deletion."""

from __future__ import annotations

from dataclasses import replace

import pytest

from safelight.accounts import Principal
from safelight.core.errors import Forbidden, NotFound, RequestBlocked
from safelight.core.ids import new_id
from safelight.store import tables
from safelight.videos.models import VideoFilter, VideoState

from .conftest import House

BLOCKED = VideoFilter(states=frozenset({VideoState.BLOCKED}))
REJECTED = VideoFilter(states=frozenset({VideoState.REJECTED}))


def reject(house: House, words: str) -> str:
    with pytest.raises(RequestBlocked) as caught:
        house.order(f"{words} SAFELIGHT-TEST:violence")
    return str(caught.value.details["video_id"])


def find(house: House, wanted: VideoFilter | None = None, who: Principal | None = None) -> list[str]:
    page = house.videos.find(who or house.who, wanted or VideoFilter(), after=None, limit=100)
    return [video.id for video in page.items]


def test_a_blocked_prompt_is_found_but_not_in_the_list_of_the_api(house: House) -> None:
    accepted, rejected = house.order().id, reject(house, "a red door")
    assert find(house) == [rejected, accepted]
    assert find(house, REJECTED) == [rejected]
    assert find(house, VideoFilter(states=frozenset({VideoState.QUEUED}))) == [accepted]
    listed = house.videos.list(house.who, after=None, limit=10, order="desc").items
    assert [video.id for video in listed] == [accepted]


def test_words_are_parts_of_the_prompt_in_any_case(house: House) -> None:
    reject(house, "a red door")
    house.order("a quiet lake")
    found = {words: len(find(house, VideoFilter(words=words))) for words in ("RED Door", "100% _d", "%", "_")}
    assert found == {"RED Door": 1, "100% _d": 0, "%": 0, "_": 0}


def test_videos_are_found_by_the_name_of_their_batch(house: House) -> None:
    first, _ = house.order(metadata={"batch": "shots"}), house.order(metadata={"scene": "shots"})
    later = house.order(metadata={"batch": "takes"})
    with pytest.raises(RequestBlocked) as caught:
        house.order("SAFELIGHT-TEST:violence", metadata={"batch": "shots"})
    blocked = str(caught.value.details["video_id"])
    assert house.videos.batches(house.who) == ("shots", "takes")
    assert find(house, VideoFilter(batch="shots")) == [blocked, first.id]
    assert find(house, replace(REJECTED, batch="takes")) == []
    house.videos.delete(house.who, blocked)
    assert house.videos.batches(house.who) == ("takes", "shots")
    assert find(house, VideoFilter(batch="takes"), house.stranger()) == []
    assert house.videos.batches(house.stranger()) == ()
    assert house.reread(later).metadata == {"batch": "takes"}


def test_a_vaulted_video_is_blocked_and_found_by_no_words(house: House) -> None:
    rejected = reject(house, "a red door")
    house.change(house.videos.get(house.who, rejected), vaulted=True)
    assert find(house, BLOCKED) == [rejected]
    assert find(house, REJECTED) == []
    assert find(house, VideoFilter(words="red door")) == []


def test_a_deleted_video_and_those_of_others_are_not_found(house: House) -> None:
    kept, deleted = reject(house, "a red door"), reject(house, "a blue door")
    house.videos.delete(house.who, deleted)
    assert find(house) == [kept]
    stranger = house.stranger()
    assert find(house, who=stranger) == []
    with pytest.raises(NotFound):
        house.videos.find(stranger, VideoFilter(), after=kept, limit=10)
    with pytest.raises(Forbidden):
        find(house, who=replace(house.who, scopes=frozenset()))


def test_each_of_five_thousand_videos_is_on_one_page(house: House) -> None:
    first = reject(house, "a red door")
    database = house.database
    with database.read_transaction(house.who.tenant) as tx:
        row = tx.one(tables.videos, tables.videos.c.id == first)
    assert row is not None
    # Groups of seven have one creation time, so that the id decides the order.
    rows = [
        {**row._mapping, "id": new_id("video"), "created_at": row.created_at + number // 7}
        for number in range(1, 5000)
    ]
    with database.raw_connection() as connection:
        connection.execute(tables.videos.insert(), rows)
    seen: list[str] = []
    more = True
    while more:
        page = house.videos.find(house.who, REJECTED, after=seen[-1] if seen else None, limit=100)
        seen += [video.id for video in page.items]
        more = page.has_more
    newest_first = sorted([row._mapping, *rows], key=lambda one: (one["created_at"], one["id"]), reverse=True)
    assert seen == [one["id"] for one in newest_first]
