"""Whose video comes next."""

from __future__ import annotations

from safelight.videos.fair_order import FairOrder, FairSequence, SlotRequest


def served(*waiting: SlotRequest) -> list[str]:
    """The videos in the order in which a single slot serves them."""
    order, left, names = FairOrder(), list(waiting), []
    while left:
        request = order.first(left)
        order.record(request)
        left.remove(request)
        names.append(request.video_id)
    return names


def request(tenant: str, key: str, since: float) -> SlotRequest:
    return SlotRequest(tenant=tenant, key=key, since=since, video_id=f"{tenant}.{key}.{since:g}")


def test_one_key_is_served_in_the_order_of_its_requests() -> None:
    assert served(*(request("a", "1", since) for since in (3, 1, 2))) == ["a.1.1", "a.1.2", "a.1.3"]


def test_tenants_are_served_in_turn_and_the_keys_of_a_tenant_in_turn() -> None:
    many = [request("a", "1", since) for since in (1, 2, 3)]
    other_key = [request("a", "2", since) for since in (4, 5)]
    other_tenant = [request("b", "1", since) for since in (6, 7, 8)]
    assert served(*many, *other_key, *other_tenant) == [
        *("a.1.1", "b.1.6", "a.2.4", "b.1.7", "a.1.2", "b.1.8", "a.2.5", "a.1.3"),
    ]


def test_a_key_that_has_just_been_served_waits_for_a_key_that_comes_later() -> None:
    order = FairOrder()
    order.record(request("a", "1", 1))
    assert order.first([request("a", "1", 2), request("a", "2", 3)]).video_id == "a.2.3"


def test_places_are_those_in_which_a_single_slot_serves_and_a_later_request_has_one_too() -> None:
    waiting = [
        *(request("a", "1", since) for since in (1, 2, 3, 9)),
        *(request("a", "2", since) for since in (4, 5)),
        *(request("b", "1", since) for since in (6, 7, 8)),
    ]
    requests = {each.video_id: each for each in waiting}
    order = served(*waiting)
    for later in waiting:
        known = [each for each in waiting if each is not later]
        sequence = FairSequence((each.tenant, each.key, each.since, each.video_id) for each in known)
        places = [sequence.place(requests[name]) for name in served(*known)]
        assert places == list(range(1, len(waiting)))
        if later.key == "1" and later.since in (9, 8):
            assert sequence.place(later) == order.index(later.video_id) + 1
