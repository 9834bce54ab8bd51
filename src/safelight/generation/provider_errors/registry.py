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
from .rules import Provider, compiled
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
    VEO,
    GEMINI,
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

#: Names of products in a sentence, by provider. They show whose error it is, but not which of its errors.
_PRODUCTS: tuple[tuple[Provider, str], ...] = (
    (VEO, r"\bveo\b|\bflow (?:api|is currently experiencing)|\bgoogle flow\b"),
    (GEMINI, r"\bgemini\b"),
    (OPENAI, r"\bsora\b|\bsora-?2(?:-pro)?\b"),
    (SEEDANCE, r"\bseedance\b|\bbyteplus\b|\bdreamina\b|\bjimeng\b|即梦|即夢|豆包"),
    (KLING, r"\bkling\b|可灵|可靈"),
    (MINIMAX, r"\bhailuo\b|海螺"),
    (XAI, r"\bgrok[ -]imagine\b"),
    (VIDU, r"\bvidu\b"),
    (PIXVERSE, r"\bpixverse\b"),
)


def mentioned(text: str) -> Provider | None:
    """The provider whose product a text names first; None if it names none."""
    found = ((compiled(words).search(text), provider) for provider, words in _PRODUCTS)
    places = [(match.start(), provider) for match, provider in found if match is not None]
    return min(places, key=lambda place: place[0])[1] if places else None


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
