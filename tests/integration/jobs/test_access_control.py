"""Cursors, keys and content in the wrong hands or at the wrong time, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from safelight.errors import NotFound, Withdrawn
from safelight.jobs.models import CreateRequest, Video
from safelight.jobs.states import VideoState
from safelight.trust.accounts import KeyScope, Principal, PrincipalKind
from support.house import withdraw

from .conftest import House


@pytest.fixture
def stranger(house: House) -> Principal:
    return Principal(
        tenant=house.container.persistence.accounts.create_tenant("other").id,
        id="key_x",
        kind=PrincipalKind.KEY,
        name="x",
        scopes=frozenset(KeyScope),
    )


def ids(house: House, who: Principal, after: str | None = None) -> list[str]:
    return [video.id for video in house.videos.list(who, after=after, limit=10, order="desc").videos]


def test_a_cursor_works_only_for_its_own_tenant(house: House, stranger: Principal) -> None:
    mine = house.order()
    theirs = house.videos.create(stranger, CreateRequest(prompt="another lake"))
    assert ids(house, house.who) == [mine.id]
    for who, cursor in ((stranger, mine.id), (house.who, theirs.id), (house.who, "video_1"), (stranger, "")):
        with pytest.raises(NotFound):
            ids(house, who, after=cursor)


def test_a_deleted_video_still_works_as_a_cursor(house: House) -> None:
    first, second = house.order(), house.carry(house.order("another lake"))
    house.videos.delete(house.who, second.id)
    assert ids(house, house.who, after=second.id) == [first.id]


def content(house: House, video: Video) -> int:
    return house.videos.content(house.who, video.id, "video").size


def test_content_is_available_from_delivery_until_withdrawal(house: House) -> None:
    video = house.order()
    with pytest.raises(NotFound):
        content(house, video)
    done = house.carry(video)
    assert content(house, done) > 0
    withdraw(house.container.pipeline.context, done, actor="tests", why="a test")
    for variant in ("video", "thumbnail", "spritesheet"):
        with pytest.raises(Withdrawn):
            house.videos.content(house.who, video.id, variant)
    assert house.videos.get(house.who, video.id).state is VideoState.WITHDRAWN


def test_an_idempotency_key_returns_a_withdrawn_video_but_not_a_deleted_one(house: House) -> None:
    asked = CreateRequest(prompt="a quiet lake", idempotency_key="k")
    video = house.carry(house.videos.create(house.who, asked))
    withdraw(house.container.pipeline.context, video, actor="tests", why="a test")
    assert house.videos.submit(house.who, asked).video.state is VideoState.WITHDRAWN
    other = replace(asked, idempotency_key="k2")
    house.videos.delete(house.who, house.carry(house.videos.create(house.who, other)).id)
    with pytest.raises(NotFound):
        house.videos.submit(house.who, other)
