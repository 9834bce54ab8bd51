"""The registry of providers, in the order in which their rules are tried."""

from __future__ import annotations

from .aggregators import NEW_API, OPENROUTER
from .azure import AZURE
from .bfl import BFL
from .dashscope import DASHSCOPE
from .fal import FAL
from .gemini import GEMINI
from .higgsfield import HIGGSFIELD
from .http import FIRST, TRANSPORT
from .kling import KLING
from .litellm import LITELLM
from .luma import LUMA
from .minimax import MINIMAX
from .nova_reel import NOVA_REEL
from .openai import OPENAI
from .pika import PIKA
from .pixverse import PIXVERSE
from .replicate import REPLICATE
from .rules import Provider
from .runware import RUNWARE
from .runway import RUNWAY
from .seedance import SEEDANCE
from .self_hosted import SELF_HOSTED
from .shaped import SHAPED
from .stability import STABILITY
from .venice import VENICE
from .veo import VEO
from .vidu import VIDU
from .wavespeed import WAVESPEED
from .xai import XAI

#: Hosts that offer other makers' models come before the makers, so that their rules are tried first.
PROVIDERS: tuple[Provider, ...] = (
    FAL,
    REPLICATE,
    WAVESPEED,
    RUNWARE,
    HIGGSFIELD,
    NOVA_REEL,
    AZURE,
    # The same support codes stand in errors of both; Gemini is known by the fields of its response.
    GEMINI,
    VEO,
    RUNWAY,
    SEEDANCE,
    DASHSCOPE,
    KLING,
    MINIMAX,
    LUMA,
    BFL,
    XAI,
    VIDU,
    PIXVERSE,
    PIKA,
    STABILITY,
    OPENAI,
    SELF_HOSTED,
)
RELAYS: tuple[Provider, ...] = (LITELLM, OPENROUTER, VENICE, NEW_API)
#: Rules that belong to no provider. The first set is tried before all others, the last set after them.
NOBODYS_FIRST, NOBODYS_SHAPE, NOBODYS_LAST = FIRST, SHAPED, TRANSPORT
EVERYBODY: tuple[Provider, ...] = (FIRST, *PROVIDERS, *RELAYS, SHAPED, TRANSPORT)


def named(word: str | None) -> Provider | None:
    """The provider with this name or alias; None if it is unknown."""
    if not word:
        return None
    plain = word.strip().lower()
    for provider in (*PROVIDERS, *RELAYS):
        if plain and (plain == provider.name or plain in provider.aliases):
            return provider
    first = plain.replace("_", "-").split("-")[0].split("/")[0]
    return next((p for p in (*PROVIDERS, *RELAYS) if first and first in {p.name, *p.aliases}), None)
