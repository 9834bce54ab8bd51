"""The model with which a prompt is tried."""

from __future__ import annotations

from safelight.providers.advice.model_choice import ModelOffer, choose_offer


def offer(name: str, usd_per_second: float | None, *seconds: float, is_own: bool = False) -> ModelOffer:
    return ModelOffer(name=name, is_own=is_own, seconds=seconds, usd_per_second=usd_per_second)


OFFERS = [
    offer("veo-3.1", 0.4, 4, 6, 8),
    offer("veo-3.1-fast", 0.1, 8),
    offer("veo-unpriced", None, 4),
    offer("storyboard", None, 4, is_own=True),
]


def test_a_model_is_taken_as_named_and_a_provider_by_the_price_of_its_shortest_length() -> None:
    assert choose_offer(OFFERS, "veo-3.1") is OFFERS[0]
    assert choose_offer(OFFERS, "veo") is OFFERS[1]
    assert choose_offer([OFFERS[2], OFFERS[0]], "veo") is OFFERS[0]


def test_nothing_is_chosen_for_an_unknown_name() -> None:
    assert choose_offer(OFFERS, "") is None
    assert choose_offer(OFFERS, "kling") is None
    assert choose_offer([], "veo") is None


def test_a_price_is_known_only_with_a_length_except_on_own_hardware() -> None:
    assert OFFERS[0].usd(OFFERS[0].shortest) == 1.6
    assert OFFERS[2].usd(4) is None
    assert offer("paid", 0.1).usd(None) is None
    assert OFFERS[3].usd(None) == 0.0
