"""Cursors, keys and content in the wrong hands or at the wrong time, on both databases."""

from __future__ import annotations

import pytest

from safelight.accounts import Principal
from safelight.core.errors import NotFound, Withdrawn
from safelight.videos.models import VideoState
from safelight.videos.requests.request import CreateRequest

from .conftest import House


def ids(house: House, who: Principal, after: str | None = None) -> list[str]:
    return [video.id for video in house.videos.list(who, after=after, limit=10, order="desc").items]


def test_a_cursor_works_only_for_its_own_tenant(house: House) -> None:
    mine = house.order()
    stranger = house.stranger()
    theirs = house.videos.create(stranger, CreateRequest(prompt="another lake"))
    assert ids(house, house.who) == [mine.id]
    for who, cursor in ((stranger, mine.id), (house.who, theirs.id), (house.who, "video_1"), (stranger, "")):
        with pytest.raises(NotFound):
            ids(house, who, after=cursor)


def test_a_deleted_video_still_works_as_a_cursor_and_its_idempotency_key_does_not_return_it(
    house: House,
) -> None:
    first, asked = house.order(), CreateRequest(prompt="another lake", idempotency_key="k2")
    second = house.carry(house.videos.create(house.who, asked))
    house.videos.delete(house.who, second.id)
    assert ids(house, house.who, after=second.id) == [first.id]
    with pytest.raises(NotFound):
        house.videos.create(house.who, asked)


def test_content_is_available_from_delivery_until_withdrawal(house: House) -> None:
    asked = CreateRequest(prompt="a quiet lake", idempotency_key="k")
    video = house.videos.create(house.who, asked)
    with pytest.raises(NotFound):
        house.content(video)
    assert house.content(house.carry(video)).size > 0
    house.withdraw(video)
    with pytest.raises(Withdrawn):
        house.content(video)
    assert house.videos.create(house.who, asked).state is VideoState.WITHDRAWN
