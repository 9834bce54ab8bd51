"""Refusals in the shape of OpenAI's Videos API, as its servers, its resellers and Safelight itself say them.

    {"error": {"code": "moderation_blocked", "message": ..., "moderation_details":
        {"moderation_stage": "input" | "output" | "unknown", "categories": [...]}}}

The same object without the `error` around it is what a failed job carries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from safelight.generation.protocol import Charged, Refusal
from safelight.net.masking import masked
from safelight.policy.categories import SHIPPED

#: Codes that mean "our filter said no" wherever they stand, with the stage and charge they imply.
_CODES: Mapping[str, tuple[str, Charged]] = {
    "sentinel_block": ("input", Charged.NO),
    "moderation_blocked": ("unknown", Charged.UNKNOWN),
    "content_policy_violation": ("unknown", Charged.UNKNOWN),
    "content_policy": ("unknown", Charged.UNKNOWN),
    "content_filter": ("unknown", Charged.UNKNOWN),
    "content_moderated": ("output", Charged.UNKNOWN),
    "moderated": ("unknown", Charged.UNKNOWN),
    "nsfw": ("output", Charged.UNKNOWN),
    "request_moderated": ("input", Charged.UNKNOWN),
    "responsibleaipolicyviolation": ("unknown", Charged.UNKNOWN),
    "safety_violation": ("unknown", Charged.UNKNOWN),
}
#: Sentences that older servers send without a code.
_SENTENCES = (
    re.compile(r"blocked by (?:our|the) (?:content )?moderation system", re.I),
    re.compile(r"\b(?:violat\w+|against) (?:our|the) (?:content|usage|safety) polic", re.I),
    re.compile(r"hmmm something didn'?t look right with your request", re.I),
)
_REASONS = re.compile(r"possible reasons?:\s*([^.]*)", re.I)
#: Words of providers for our categories, where they are not the same.
_WORDS: Mapping[str, str] = {
    "gore": "violence/graphic",
    "graphic": "violence/graphic",
    "hateful": "hate",
    "nudity": "sexual",
    "self_harm": "self-harm",
    "selfharm": "self-harm",
    "suicide": "self-harm",
    "terrorism": "extremism",
    "copyright": "ip/character",
    "third_party_content": "ip/character",
    "public_figure": "likeness",
    "real_person": "likeness",
    "minors": "sexual/minors",
}
_STAGES = frozenset({"input", "output", "unknown"})
_RETRIES = frozenset({"same", "new_seed", "change_prompt", "never"})


def read(body: Mapping[str, Any]) -> Refusal | None:
    """The refusal in an error envelope, an error object or a failed job; None where it is other trouble."""
    error = body.get("error") if "error" in body else body
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, Mapping):
        return None
    code, message = _text(error.get("code")), _text(error.get("message"))
    details = error.get("moderation_details")
    details = details if isinstance(details, Mapping) else None
    word = re.sub(r"[\s-]+", "_", code.strip().lower())
    by_sentence = any(sentence.search(message) for sentence in _SENTENCES)
    if word not in _CODES and details is None and not by_sentence:
        return None
    stage, charged = _CODES.get(word, ("unknown", Charged.UNKNOWN))
    stage = _stage(details, message, stage)
    category = _category(details, message)
    return Refusal(
        provider="openai",
        stage=stage,
        category=category,
        code=masked(code, longest=80),
        message=masked(message),
        charged=_charged(details, charged),
        retry=_retry(details, word, stage, category),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _stage(details: Mapping[str, Any] | None, message: str, implied: str) -> str:
    said = details.get("moderation_stage") if details else None
    if isinstance(said, str) and said in _STAGES and said != "unknown":
        return said
    if re.search(r"checking (?:the )?inputs?", message, re.I):
        return "input"
    if re.search(r"checking (?:the )?outputs?", message, re.I):
        return "output"
    return implied


def _category(details: Mapping[str, Any] | None, message: str) -> str:
    said = details.get("categories") if details else None
    words = [word for word in said if isinstance(word, str)] if isinstance(said, list) else []
    if found := _REASONS.search(message):
        words += re.split(r",|;|\band\b|\bor\b", found.group(1))
    known = [category for word in words if (category := _known(word))]
    # Where several are named, the gravest decides what is offered next.
    return next((category for category in known if category == "sexual/minors"), known[0] if known else "")


def _known(word: str) -> str:
    plain = word.strip().lower().replace(" ", "_")
    if plain in _WORDS:
        return _WORDS[plain]
    for spelling in (plain, plain.replace("_", "-"), plain.replace("-", "_")):
        if spelling in SHIPPED:
            return spelling
    return ""


def _charged(details: Mapping[str, Any] | None, implied: Charged) -> Charged:
    said = details.get("charged") if details else None
    if isinstance(said, bool):
        return Charged.YES if said else Charged.NO
    return Charged(said) if isinstance(said, str) and said in list(Charged) else implied


def _retry(details: Mapping[str, Any] | None, word: str, stage: str, category: str) -> str:
    if category == "sexual/minors":
        return "never"
    said = details.get("retry") if details else None
    if isinstance(said, str) and said in _RETRIES:
        return said
    if word == "sentinel_block" and not category and details is None:
        # First-hand traces show this bare code as an anti-abuse block that passes unchanged later.
        return "same"
    return "new_seed" if stage == "output" else "change_prompt"
