"""The meaning of errors of servers that do not state it: a table of documented codes and sentences.

`tests/client/error_rules.py` of the repository writes `error_rules.json` from the rules behind
`safelight explain-error`. The meaning of a body by it is the same as that by the server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from .error_body import ErrorBody

_MAX_DELAY_S = 86_400.0
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_CHARGED = ("yes", "no", "unknown")
RETRIES = ("same", "new_seed", "change_prompt", "never", "unknown")
#: How to send again what is not a block.
AGAIN = {
    "rate_limit": "same",
    "quota": "never",
    "auth": "never",
    "transient": "same",
    "invalid_request": "never",
    "timeout": "same",
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row of the table: it matches if all its conditions match."""

    id: str
    kind: str
    fields: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    status: Sequence[int] = ()
    empty_lists: Sequence[str] = ()
    #: Whether the conditions are sufficient for any provider.
    anywhere: bool = False
    #: Whether the aggregator itself refused, and not a provider behind it.
    by_relay: bool = False
    stage: str = "unknown"
    category: str = ""
    charged: str = "unknown"
    #: Whether the error states that the request was not accepted.
    not_taken: bool = False
    retry: str = ""
    after_s: float | None = None

    @property
    def is_block(self) -> bool:
        return self.kind == "content_block"

    def matches(self, said: ErrorBody) -> bool:
        if self.status and said.status not in self.status:
            return False
        for names, pattern in self.fields.items():
            if not any(_compiled(pattern).fullmatch(value) for value in said.values(names)):
                return False
        if self.empty_lists and said.empty_lists.isdisjoint(self.empty_lists):
            return False
        return not self.text or _compiled(self.text).search(said.prose) is not None


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """The rules of a provider, of an aggregator (`relay`), or of nobody (`first`, `shaped`, `last`)."""

    role: str
    #: Empty for rules of nobody.
    name: str = ""
    #: A pattern by which the provider is recognized.
    signs: str = ""
    #: Whether it sells the models of others at its own prices.
    resells: bool = False
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What an error means by the table."""

    #: The rule; empty if none matched.
    rule: str = ""
    #: Name of the provider that refused; empty if unknown.
    provider: str = ""
    #: Name of the aggregator that passed the error on.
    via: str = ""
    kind: str = "unknown"
    stage: str = "unknown"
    category: str = "unknown"
    charged: str = "unknown"
    #: Whether the error itself states the charge.
    is_charge_stated: bool = False
    not_taken: bool = False
    retry: str = "unknown"
    after_s: float | None = None
    #: Whether the error itself states the delay.
    is_delay_stated: bool = False


@cache
def load_table() -> dict[str, Any]:
    """The generated table: the `sets` of rules, the `words` of errors and names of `categories`, names of
    `products`, the `statuses` of videos, and the kinds of Safelight's own `codes`.
    """
    table: dict[str, Any] = json.loads(Path(__file__).with_name("error_rules.json").read_text("utf-8"))
    table["sets"] = [
        RuleSet(**{**row, "rules": tuple(Rule(**rule) for rule in row["rules"])}) for row in table["sets"]
    ]
    return table


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _words(name: str) -> re.Pattern[str]:
    return _compiled(load_table()["words"][name])


def _names(name: str) -> str:
    return str(load_table()["words"][name])


def read_error(body: object, status: int | None, headers: Mapping[str, str]) -> Reading:
    """The meaning of the body of an error response or a failed video."""
    said = ErrorBody(body, status, headers, frozenset(load_table()["words"]["echoes"]))
    providers, routers = _sets("provider"), [one for one in _sets("relay") if _is_from(one, said)]
    known = [one for one in providers if _is_from(one, said)]
    for rule, owner in _candidates(known, routers):
        if rule.matches(said):
            return _answer(said, rule, owner, known, routers)
    charged = "no" if _is_refunded(said) else "unknown"
    provider = known[0].name if known else _find_product(said.prose)
    return Reading(provider=provider, charged=charged, is_charge_stated=charged == "no")


def _sets(role: str) -> list[RuleSet]:
    return [one for one in load_table()["sets"] if one.role == role]


def _is_from(one: RuleSet, said: ErrorBody) -> bool:
    return bool(one.signs) and _compiled(one.signs).search(said.signature) is not None


def _candidates(known: list[RuleSet], routers: list[RuleSet]) -> Iterator[tuple[Rule, RuleSet]]:
    """Rules in the order of matching: blocks before other errors, recognized providers before all others,
    and rules on the HTTP status alone last.
    """
    every = _sets("provider")
    shaped = _sets("shaped")
    yield from _rules(_sets("first"))
    yield from (pair for pair in _rules(routers) if pair[0].is_block and pair[0].by_relay)
    yield from (pair for pair in _rules(known) if pair[0].is_block)
    yield from (pair for pair in _rules(every) if pair[0].is_block and pair[0].anywhere)
    yield from (pair for pair in _rules(routers) if pair[0].is_block)
    yield from (pair for pair in _rules(shaped) if pair[0].fields)
    yield from _rules(routers)
    yield from (pair for pair in _rules(known) if pair[0].fields or pair[0].text)
    yield from _rules(shaped)
    yield from (pair for pair in _rules((*_sets("relay"), *every)) if pair[0].anywhere)
    yield from _rules(known)
    yield from _rules(_sets("last"))


def _rules(owners: Iterable[RuleSet]) -> Iterator[tuple[Rule, RuleSet]]:
    return ((rule, owner) for owner in owners for rule in owner.rules)


def _answer(
    said: ErrorBody, rule: Rule, owner: RuleSet, known: list[RuleSet], routers: list[RuleSet]
) -> Reading:
    via = routers[0].name if routers else ""
    provider = known[0].name if known else ""
    resold = False
    if owner.role == "relay":
        provider, via = (owner.name, "") if rule.by_relay else (provider, via)
    else:
        product = _find_product(said.prose)
        named = "" if routers else product
        provider = owner.name or provider or named
        resold = any(one.resells for one in (*known, *routers) if one.name != provider)
        only_words = bool(owner.name) and owner not in known and not rule.fields
        if only_words and not named and product != owner.name:
            provider = ""  # Others use the same words.
    stage, category = rule.stage, "unknown"
    if rule.is_block:
        stage = _side(said) if stage == "unknown" else stage
        category = rule.category or _category(said)
    charged = "unknown" if rule.is_block and resold else rule.charged
    retry = rule.retry or _again(rule, stage, category)
    after = _delay(said) if retry == "same" else None
    is_stated = charged == "unknown" and _is_refunded(said)
    charged = "no" if is_stated else charged
    details = _details(said) if rule.is_block else {}
    cost = details.get("charged")
    cost = (cost.get("charged") or cost.get("upstream")) if isinstance(cost, Mapping) else cost
    cost = ("no", "yes")[cost] if isinstance(cost, bool) else cost
    if isinstance(cost, str) and cost in _CHARGED:
        charged, is_stated = cost, True
    again = details.get("retry")
    again = again.get("action") if isinstance(again, Mapping) else again
    if isinstance(again, str) and again in RETRIES and category != "sexual/minors":
        retry = again
    return Reading(
        rule=rule.id,
        provider=provider,
        via="" if via == provider else via,
        kind=rule.kind,
        stage=stage,
        category=category,
        charged=charged,
        is_charge_stated=is_stated,
        not_taken=rule.not_taken and not is_stated,
        retry=retry,
        after_s=rule.after_s if after is None and retry == "same" else after,
        is_delay_stated=after is not None,
    )


def _again(rule: Rule, stage: str, category: str) -> str:
    if not rule.is_block:
        return AGAIN.get(rule.kind, "unknown")
    if category == "sexual/minors":
        return "never"
    return "new_seed" if stage == "output" else "change_prompt"


def _details(said: ErrorBody) -> Mapping[str, Any]:
    """What a server of Safelight's or OpenAI's format states about a block."""
    for document in said.documents:
        error = document.get("error") if isinstance(document, Mapping) else None
        for place in (error, document):
            details = place.get("moderation_details") if isinstance(place, Mapping) else None
            if isinstance(details, Mapping):
                return details
    return {}


def _is_refunded(said: ErrorBody) -> bool:
    flags = said.values("credits_refunded|refunded")
    return (
        any(value.lower() == "true" for value in flags) or _words("refunded").search(said.prose) is not None
    )


def _delay(said: ErrorBody) -> float | None:
    """Seconds that the error states, at most a day."""
    scales = {"retry-after-ms": 0.001, "retry-after": 1.0, "retry_after": 1.0, "retryafter": 1.0}
    for name, scale in scales.items():
        value = said.headers.get(name) or said.first(name)
        if re.fullmatch(r"\d{1,7}(?:\.\d{1,6})?s?", value):
            return min(float(value.rstrip("s")) * scale, _MAX_DELAY_S)
    for pattern in load_table()["words"]["waits"]:
        if found := _compiled(pattern).search(said.prose):
            unit = found[2].lower()
            return min(float(found[1]) * _UNITS_S["ms" if unit == "ms" else unit[0]], _MAX_DELAY_S)
    return None


def _sentences(said: ErrorBody) -> str:
    found = [value for value in said.values(_names("messages")) if " " in value or not value.isascii()]
    return ("\n".join(found) or said.prose)[:4000]


def _side(said: ErrorBody) -> str:
    """Whether the input or the output was refused."""
    stated = said.first("moderation_stage")
    if stated in ("input", "output"):
        return stated
    if _words("parameters").fullmatch(said.first("param|parameter")):
        return "input"
    text = _words("advice").sub("", _sentences(said))
    if _words("either_side").search(text):
        return "unknown"
    return next((side for side in ("output", "input") if _words(side).search(text)), "unknown")


def _find_product(text: str) -> str:
    """The provider whose product a text names first; empty if it names none.

    A quoted prompt does not count.
    """
    text = _words("quoted").sub("", text)
    places: list[tuple[int, str]] = []
    for row in load_table()["products"]:
        pattern = re.compile(row["words"]) if row.get("cased") else _compiled(row["words"])
        if found := pattern.search(text):
            places.append((found.start(), row["name"]))
    return min(places, key=lambda place: place[0])[1] if places else ""


def _category(said: ErrorBody) -> str:
    """Our category for a block: from its lists, else from its stated reasons, else from its words."""
    listed = find_gravest(said.values(_names("category_fields"))) or find_gravest(_filtered(said))
    if listed:
        return listed
    for match in _words("reasons").finditer(said.prose):
        if found := find_gravest(re.split(r",|;|\band\b|\bor\b", match[1])) or _spoken(match[1]):
            return found
    return _spoken(_sentences(said)) or "unknown"


def _spoken(text: str) -> str:
    """The gravest category that the words of a message name; empty if they name none."""
    named = load_table()["words"]["categories"].items()
    return next((str(name) for name, pattern in named if _compiled(pattern).search(text)), "")


def find_gravest(listed: Iterable[str]) -> str:
    """The gravest category of a list; empty if the list has none."""
    order: list[str] = load_table()["gravest"]
    known = [name for word in listed if (name := _category_of(word))]
    return min(known, key=lambda name: order.index(name) if name in order else len(order), default="")


def _category_of(word: str) -> str:
    """Our category for one word from a provider's list; empty if we have none."""
    plain = re.sub(r"[\s\-]+", "_", word.strip().strip("\"'").lower())
    if named := load_table()["words"]["category_names"].get(plain):
        return str(named)
    spellings = (plain, plain.replace("_", "-"), plain.replace("_", "/", 1), plain.replace("/", "_"))
    return next((name for name in spellings if name in load_table()["categories"]), "")


def _filtered(said: ErrorBody) -> Iterator[str]:
    """The filtered categories in Azure's format: `content_filter_result: {violence: {filtered: true}}`."""
    for document in said.documents:
        for result in _filter_results(document, 0):
            for name, state in result.items():
                if isinstance(state, Mapping) and state.get("filtered") is True:
                    yield str(name)


def _filter_results(value: object, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > 8:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if str(name).startswith("content_filter_result") and isinstance(inner, Mapping):
                yield inner
            yield from _filter_results(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value[:50]:
            yield from _filter_results(inner, depth + 1)
