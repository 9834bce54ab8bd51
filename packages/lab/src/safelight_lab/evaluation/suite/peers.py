"""Other screeners, each a column beside the policy. What is not installed is reported as such."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import inspect
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from . import word_checker
from .cache import Cache, Decision

#: The categories of LiteLLM's filter that are about harm, and its patterns of personal data.
_CATEGORIES = (
    *("harmful_violence", "harmful_self_harm", "harmful_child_safety", "harmful_illegal_weapons"),
    *("bias_racial", "bias_gender", "bias_religious", "bias_sexual_orientation", "denied_insults"),
)
_PATTERNS = ("email", "us_phone", "credit_card", "us_ssn")


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One other screener."""

    name: str
    #: With the name part of the cache; empty if it is not installed.
    version: str
    #: Whether it stops a prompt; None if it is not installed.
    stops: Callable[[str], bool] | None
    #: Why it is not there.
    missing: str = ""


def ask(peer: Peer, cache: Cache[Decision], sha256: str, text: str) -> Decision:
    """What an installed peer decides about a text. Its decision is stored in the cache."""
    assert peer.stops is not None
    if sha256 not in cache.decisions:
        cache.put(sha256, Decision(action="block" if peer.stops(text) else "allow"))
    return cache.decisions[sha256]


def find_peers() -> list[Peer]:
    """All peers, installed or not."""
    own = hashlib.sha256(inspect.getsource(word_checker).encode()).hexdigest()[:16]
    return [
        Peer(name="word checker", version=own, stops=word_checker.is_refused),
        Peer(name="word checker and its tables", version=own, stops=word_checker.is_warned),
        _find("LiteLLM content filter", "litellm", _make_litellm),
        _find("better-profanity", "better-profanity", _make_better_profanity),
    ]


def _find(name: str, package: str, make: Callable[[], Callable[[str], bool]]) -> Peer:
    try:
        installed = version(package)
        stops = make()
        stops("a quiet lake at dawn")
    except PackageNotFoundError:
        return Peer(name=name, version="", stops=None, missing="not installed")
    # Another package can fail to import in any way.
    except Exception as error:
        return Peer(name=name, version="", stops=None, missing=f"not usable: {type(error).__name__}")
    return Peer(name=name, version=installed, stops=stops)


def _make_better_profanity() -> Callable[[str], bool]:
    profanity: Any = importlib.import_module("better_profanity").profanity
    profanity.load_censor_words()
    return lambda text: bool(profanity.contains_profanity(text))


def _make_litellm() -> Callable[[str], bool]:
    # Its import would ask a server for prices of models.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    place = "litellm.proxy.guardrails.guardrail_hooks.litellm_content_filter.content_filter"
    module: Any = importlib.import_module(place)
    # It logs the words that it finds.
    logging.getLogger("LiteLLM Proxy").setLevel(logging.ERROR)
    types: Any = importlib.import_module("litellm.types.guardrails")
    block = types.ContentFilterAction.BLOCK
    guardrail = module.ContentFilterGuardrail(
        guardrail_name="content-filter",
        patterns=[
            types.ContentFilterPattern(pattern_type="prebuilt", pattern_name=name, action=block)
            for name in _PATTERNS
        ],
        categories=[{"category": name, "enabled": True, "action": "BLOCK"} for name in _CATEGORIES],
    )
    refusal: type[Exception] = module.HTTPException

    def stops(text: str) -> bool:
        try:
            asyncio.run(guardrail.apply_guardrail({"texts": [text]}, {}, "request"))
        except refusal:
            return True
        return False

    return stops
