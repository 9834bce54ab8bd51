"""The list of the console on both databases: blocked prompts, filters, words, pages, tenants and deletion."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.errors import Forbidden, NotFound, RequestBlocked
from safelight.ids import new_id
from safelight.jobs.models import VideoFilter
from safelight.jobs.states import VideoState
from safelight.store import tables
from safelight.trust.accounts import KeyScope, Principal, PrincipalKind

from .conftest import House

BLOCKED = VideoFilter(states=frozenset({VideoState.BLOCKED}))
REJECTED = VideoFilter(states=frozenset({VideoState.REJECTED}))


def reject(house: House, words: str) -> str:
    with pytest.raises(RequestBlocked) as caught:
        house.order(f"{words} SAFELIGHT-TEST:violence")
    return str(caught.value.details["video_id"])


def find(house: House, wanted: VideoFilter | None = None, who: Principal | None = None) -> list[str]:
    page = house.videos.find(who or house.who, wanted or VideoFilter(), after=None, limit=100)
    return [video.id for video in page.videos]


def change(house: House, video_id: str, **columns: Any) -> None:
    with house.container.persistence.database.transaction(house.who.tenant) as tx:
        tx.update(tables.videos, tables.videos.c.id == video_id, **columns)


def test_a_blocked_prompt_is_found_but_not_in_the_list_of_the_api(house: House) -> None:
    accepted, rejected = house.order().id, reject(house, "a red door")
    assert find(house) == [rejected, accepted]
    assert find(house, REJECTED) == [rejected]
    assert find(house, VideoFilter(states=frozenset({VideoState.QUEUED}))) == [accepted]
    listed = house.videos.list(house.who, after=None, limit=10, order="desc").videos
    assert [video.id for video in listed] == [accepted]


@pytest.mark.parametrize(
    ("words", "found"), [("RED Door", 1), ("100% _d", 0), ("%", 0), ("red", 1), ("_", 0)]
)
def test_words_are_parts_of_the_prompt_in_any_case(house: House, words: str, found: int) -> None:
    reject(house, "a red door")
    house.order("a quiet lake")
    assert len(find(house, VideoFilter(words=words))) == found


def test_a_vaulted_video_is_blocked_and_found_by_no_words(house: House) -> None:
    rejected = reject(house, "a red door")
    change(house, rejected, vaulted=True)
    assert find(house, BLOCKED) == [rejected]
    assert find(house, REJECTED) == []
    assert find(house, VideoFilter(words="red door")) == []


def test_a_deleted_video_and_those_of_others_are_not_found(house: House) -> None:
    kept, deleted = reject(house, "a red door"), reject(house, "a blue door")
    house.videos.delete(house.who, deleted)
    assert find(house) == [kept]
    tenant = house.container.persistence.accounts.create_tenant("other").id
    stranger = Principal(
        tenant=tenant, id="key_x", kind=PrincipalKind.KEY, name="x", scopes=frozenset({KeyScope.VIDEOS_READ})
    )
    assert find(house, who=stranger) == []
    with pytest.raises(NotFound):
        house.videos.find(stranger, VideoFilter(), after=kept, limit=10)
    nobody = Principal(
        tenant=house.who.tenant, id="key_y", kind=PrincipalKind.KEY, name="y", scopes=frozenset()
    )
    with pytest.raises(Forbidden):
        find(house, who=nobody)


def test_each_of_five_thousand_videos_is_on_one_page(house: House) -> None:
    first = reject(house, "a red door")
    database = house.container.persistence.database
    with database.read_transaction(house.who.tenant) as tx:
        row = tx.one(tables.videos, tables.videos.c.id == first)
    assert row is not None
    # Groups of seven have one creation time, so that the id decides the order.
    rows = [
        {**row._mapping, "id": new_id("video"), "created_at": row.created_at + number // 7}
        for number in range(1, 5000)
    ]
    with database.transaction(house.who.tenant) as tx:
        for values in rows:
            tx.insert(tables.videos, **values)
    seen: list[str] = []
    more = True
    while more:
        page = house.videos.find(house.who, REJECTED, after=seen[-1] if seen else None, limit=100)
        seen += [video.id for video in page.videos]
        more = page.has_more
    newest_first = sorted([row._mapping, *rows], key=lambda one: (one["created_at"], one["id"]), reverse=True)
    assert seen == [one["id"] for one in newest_first]
