"""What a try of a prompt at the shortest length is, and what the other lengths cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from safelight.providers.advice.model_choice import ModelOffer, choose_offer, list_offers
from safelight.providers.protocol import Generator
from safelight.web.translations import Translations

from .video_view import format_price


@dataclass(frozen=True, kw_only=True)
class LengthPrice:
    """A length that a model sells."""

    seconds: int
    #: In words.
    price: str
    #: US dollars as text, for the form; empty if not known.
    usd: str


@dataclass(frozen=True, kw_only=True)
class TryLengths:
    """A model with its lengths, the shortest one apart."""

    model: str
    shortest: LengthPrice
    longer: tuple[LengthPrice, ...]


def find_try_lengths(generators: Mapping[str, Generator], asked: str, t: Translations) -> TryLengths | None:
    """The offer for a model, or for the cheapest model of a provider; None if this server has none."""
    chosen = choose_offer(list_offers(generators), asked)
    # A request names a whole number of seconds.
    whole = sorted(int(each) for each in chosen.seconds if each == int(each)) if chosen else []
    if chosen is None or not whole:
        return None
    lengths = [_length_price(chosen, seconds, t) for seconds in whole]
    return TryLengths(model=chosen.name, shortest=lengths[0], longer=tuple(lengths[1:]))


def _length_price(offer: ModelOffer, seconds: int, t: Translations) -> LengthPrice:
    usd = offer.usd(seconds)
    price = format_price(0.0 if offer.is_own else offer.usd_per_second, seconds, t)
    return LengthPrice(seconds=seconds, price=price, usd="" if usd is None else f"{usd:g}")
