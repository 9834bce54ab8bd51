"""What one call of a canary is at a model: its generator, the shortest length and the price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from safelight.core.errors import InvalidField
from safelight.providers.protocol import Billing, Generator, RemoteGenerator
from safelight_client.money import micro


@dataclass(frozen=True, kw_only=True)
class CanaryOffer:
    generator: str
    model: str
    #: The shortest length that the model sells.
    seconds: int
    #: None if the settings have no price.
    price_micros: int | None


def find_offer(generators: Mapping[str, Generator], asked: str) -> CanaryOffer:
    """The offer of a model or its alias. If two generators have the model, requests go to the first.

    Raises `InvalidField` if there is no such model, or if it has no provider or no known length.
    """
    for name, generator in generators.items():
        info = generator.info()
        model = info.aliases.get(asked, asked)
        if model not in info.models:
            continue
        if not isinstance(generator, RemoteGenerator):
            raise InvalidField(f"{model} is rendered here, so it has no provider to watch.", param="model")
        if not info.seconds:
            raise InvalidField(f"The lengths that {model} sells are not known.", param="model")
        seconds = min(info.seconds)
        per_second = 0.0 if generator.billing is Billing.OWN else info.usd_per_second
        price = None if per_second is None else micro(per_second * seconds)
        return CanaryOffer(generator=name, model=model, seconds=seconds, price_micros=price)
    raise InvalidField(f"There is no model {asked[:80]!r}.", param="model", remedy="See: GET /v1/models")


def offered_models(generators: Mapping[str, Generator]) -> frozenset[str]:
    return frozenset(model for generator in generators.values() for model in generator.info().models)
