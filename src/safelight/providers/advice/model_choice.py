"""Which model a prompt is tried with, at which length, and what that costs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from safelight.providers.protocol import Billing, Generator

from .provider_rules import document_for


@dataclass(frozen=True, kw_only=True)
class ModelOffer:
    """A model, or an alias of one, with its lengths and its price."""

    name: str
    is_own: bool
    #: The lengths that it sells, in seconds; empty if not known.
    seconds: tuple[float, ...]
    #: None if not known.
    usd_per_second: float | None

    @property
    def shortest(self) -> float | None:
        return min(self.seconds, default=None)

    def usd(self, seconds: float | None) -> float | None:
        """The price of this length in US dollars; None if not known. Own hardware costs nothing."""
        if self.is_own:
            return 0.0
        if self.usd_per_second is None or seconds is None:
            return None
        return round(self.usd_per_second * seconds, 6)


def list_offers(generators: Mapping[str, Generator]) -> Iterator[ModelOffer]:
    """The models of all generators. If two have one of the same name, requests go to the first."""
    for generator in generators.values():
        info = generator.info()
        for name in (*info.models, *info.aliases):
            yield ModelOffer(
                name=name,
                is_own=generator.billing is Billing.OWN,
                seconds=info.seconds,
                usd_per_second=info.usd_per_second,
            )


def choose_offer(offers: Iterable[ModelOffer], asked: str) -> ModelOffer | None:
    """The model that `asked` names, or the cheapest one of the provider that it names, if any."""
    known = list(offers)
    named = next((one for one in known if one.name == asked), None)
    document = document_for(asked) if asked else None
    if named is not None or document is None:
        return named
    fitting = [one for one in known if document_for(one.name) == document]
    return min(fitting, key=_price_of_shortest, default=None)


def _price_of_shortest(offer: ModelOffer) -> float:
    usd = offer.usd(offer.shortest)
    return float("inf") if usd is None else usd
