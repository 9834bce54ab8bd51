"""Classifies a parsed error: finds the first matching rule and derives the fields that the rule leaves
open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from safelight.core.net.redaction import redact
from safelight.providers.protocol import ChargeStatus

from . import safelight
from .categories import of_said
from .messages import next_step, sentence
from .model import UNKNOWN, Confidence, ErrorKind, ErrorSource, ModerationStage, ProviderError, ProviderRetry
from .parse import ParsedError, read_amount
from .product_names import find_product
from .registry import FIRST, LAST, SHAPED, load_rules, named, providers, relays
from .rules import ErrorRule, Provider, compiled
from .words import words

_CODES = (
    "failurecode|failure_code|code|error_code|errorcode|error_type|status_code|type|task_status|status|state"
)
_OWN = "The server"
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_WAIT_S = 86_400.0
_AGAIN = {
    ErrorKind.RATE_LIMIT: ProviderRetry.SAME,
    ErrorKind.QUOTA: ProviderRetry.NEVER,
    ErrorKind.AUTH: ProviderRetry.NEVER,
    ErrorKind.TRANSIENT: ProviderRetry.SAME,
    ErrorKind.INVALID_REQUEST: ProviderRetry.NEVER,
    ErrorKind.TIMEOUT: ProviderRetry.SAME,
    ErrorKind.UNKNOWN: ProviderRetry.UNKNOWN,
}
_WHO = {
    ErrorSource.RELAY: "The relay",
    ErrorSource.NETWORK: "The connection",
    ErrorSource.CLIENT: "The caller's own program",
}
_NO_CODES = frozenset({"failed", "error", "none", "null", "success", "completed", "failure"})
_UNDER_WAY = frozenset(
    {"queued", "in_progress", "processing", "running", "pending", "starting", "dreaming", "in_queue"}
)
_OVER = frozenset({"failed", "fail", "failure", "error"})
#: Next step if nothing is known about a text.
NOT_ENOUGH = "Paste the whole response, or name the provider."
#: Matches if a content filter of the caller's own network answered instead of the provider.
_NETWORK_FILTER = (
    r"access to this (?:web ?)?(?:page|site|address|url) (?:has been|was|is) (?:blocked|denied|restricted)"
    r"|web access policy|blocked by your (?:network |it )?(?:administrator|organi[sz]ation)"
)


def classify(said: ParsedError, provider: str | None = None) -> ProviderError:
    """The meaning of an error. `provider` is the name that the user gave for its source; it is only a
    hint.
    """
    hint = named(provider)
    if hint is None and (own := safelight.read(said)) is not None:
        return own
    found = _find(said, hint)
    if found is None:
        return _nothing(said, hint)
    return _answer(said, found)


class _Match(NamedTuple):
    rule: ErrorRule
    provider: Provider | None
    #: The aggregator, if any.
    via: Provider | None
    #: Whether a reseller charges for it.
    is_resold: bool = False
    #: The provider from which these words are known, where nothing else in the error names it.
    likely: Provider | None = None


def _find(said: ParsedError, hint: Provider | None) -> _Match | None:
    """The matching rule and the parties."""
    known = [p for p in providers() if p is hint or p.matches_signature(said)]
    known.sort(key=lambda p: p is not hint)
    routers = [p for p in relays() if p is hint or p.matches_signature(said)]
    via = routers[0] if routers else None
    for row, holder in _candidates(known, routers):
        if row.holds(said):
            if holder.relay:
                # The refusal is the aggregator's own, or that of a provider which the aggregator does not
                # name.
                behind = known[0] if known and row.error_source is not ErrorSource.RELAY else None
                if row.error_source is ErrorSource.RELAY:
                    return _Match(row, holder, None)
                return _Match(row, behind, via)
            who = holder if holder.name else (known[0] if known else _mentioned(said, routers))
            is_resold = any(p.resells for p in (*known, *routers) if p is not who)
            if _is_unnamed(said, row, holder, known) and _mentioned(said, routers) is None:
                # A server of one's own is no company.
                return _Match(row, None, via, is_resold, likely=None if holder.title == _OWN else holder)
            return _Match(row, who, via, is_resold)
    return None


def _is_unnamed(said: ParsedError, row: ErrorRule, holder: Provider, known: list[Provider]) -> bool:
    """Whether only words matched, in an error without a sign of the provider that uses them."""
    only_words = bool(holder.name) and holder not in known and not row.fields
    return only_words and find_product(said.prose) is not holder


def _mentioned(said: ParsedError, routers: list[Provider]) -> Provider | None:
    """The provider that the words name. A relay or a web page may name a provider that never answered."""
    return None if routers or said.html else find_product(said.prose)


def _candidates(known: list[Provider], routers: list[Provider]) -> Iterator[tuple[ErrorRule, Provider]]:
    """Rules in the order of matching.

    Blocks come before other errors, and recognized providers before all others. Rules on the HTTP status
    alone come last.
    """
    yield from _rules((load_rules(FIRST),))
    yield from (
        pair for pair in _rules(routers) if _is_block(pair[0]) and pair[0].error_source is ErrorSource.RELAY
    )
    yield from (pair for pair in _rules(known) if _is_block(pair[0]))
    yield from (pair for pair in _rules(providers()) if _is_block(pair[0]) and pair[0].anywhere)
    yield from (pair for pair in _rules(routers) if _is_block(pair[0]))
    yield from (pair for pair in _rules((load_rules(SHAPED),)) if pair[0].fields)
    precise = [pair for pair in _rules(known) if not _is_block(pair[0]) and (pair[0].fields or pair[0].text)]
    yield from _rules(routers)
    yield from precise
    yield from _rules((load_rules(SHAPED),))
    yield from (pair for pair in _rules((*relays(), *providers())) if pair[0].anywhere)
    yield from (pair for pair in _rules(known) if not (pair[0].fields or pair[0].text))
    yield from _rules((load_rules(LAST),))


def _is_block(row: ErrorRule) -> bool:
    return row.kind is ErrorKind.CONTENT_BLOCK


def _rules(holders: Iterable[Provider]) -> Iterator[tuple[ErrorRule, Provider]]:
    return ((rule, holder) for holder in holders for rule in holder.rules)


def _answer(said: ParsedError, found: _Match) -> ProviderError:
    row, holder, via, likely = found.rule, found.provider, found.via, found.likely
    block = row.kind is ErrorKind.CONTENT_BLOCK
    side = row.stage if row.stage is not ModerationStage.UNKNOWN or not block else _side(said)
    category = UNKNOWN
    if block:
        category = row.category or of_said(said, _sentences(said))
    charged, source = row.charged or ChargeStatus.UNKNOWN, row.charge_source
    if block and found.is_resold:
        charged, source = ChargeStatus.UNKNOWN, ""
    how = row.retry or _again(row.kind, side, category)
    after = _after(said) if how is ProviderRetry.SAME else None
    if charged is ChargeStatus.UNKNOWN and _refunded(said):
        charged, source = ChargeStatus.NO, "upstream"
    stated = _stated(said) if block else None
    if stated is not None:
        charged, source, how = _believed(stated, charged, source, how, category)
    amount, currency = read_amount(stated or {})
    owner = _owner(said, row, holder or likely, via)
    code, message = _code(said) or row.code, _message(said, row)
    who = holder.title if holder is not None else _WHO[owner]
    if likely is not None:
        who = f"Probably {likely.title}"
    decoded = ProviderError(
        source=owner,
        provider=holder.name if holder is not None else "",
        likely_provider=likely.name if likely is not None else "",
        via=via.name if via is not None and via is not holder else "",
        kind=row.kind,
        stage=side,
        category=category,
        modality=row.modality or (_modality(said) if block and side is ModerationStage.INPUT else ""),
        charged=charged,
        charge_source=source,
        amount=amount,
        currency=currency,
        retry=how,
        after_s=after if after is not None else (row.after_s if how is ProviderRetry.SAME else None),
        summary="",
        next_step="",
        confidence=row.confidence,
        rule=row.id,
        documented=row.documented,
        code=code,
        message="" if message == code else message,
    )
    return _worded(decoded, row, who)


def _worded(decoded: ProviderError, row: ErrorRule, who: str) -> ProviderError:
    # The words of a rule hold only at its own stage, not at one that was derived from the error.
    own = row.stage is decoded.stage
    return replace(
        decoded,
        summary=(own and row.message) or sentence(decoded, who),
        next_step=(own and row.next_step) or next_step(decoded),
    )


_WHO |= {owner: "The provider" for owner in ErrorSource if owner not in _WHO}


def _owner(said: ParsedError, row: ErrorRule, holder: Provider | None, via: Provider | None) -> ErrorSource:
    if row.error_source is not ErrorSource.PROVIDER or row.kind is ErrorKind.CONTENT_BLOCK:
        return row.error_source
    if holder is None and via is not None:
        # A rule of the aggregator itself states the exact `error_source`.
        return ErrorSource.PROVIDER if row in via.rules else ErrorSource.RELAY
    if holder is None and said.html:
        return ErrorSource.NETWORK
    if holder is None and not said.status and not (said.documents and _code(said)):
        # A sentence alone does not say who wrote it, also inside JSON.
        return ErrorSource.UNKNOWN
    return ErrorSource.PROVIDER


def _again(kind: ErrorKind, side: ModerationStage, category: str) -> ProviderRetry:
    if kind is not ErrorKind.CONTENT_BLOCK:
        return _AGAIN[kind]
    if category == "sexual/minors":
        return ProviderRetry.NEVER
    return ProviderRetry.NEW_SEED if side is ModerationStage.OUTPUT else ProviderRetry.CHANGE_PROMPT


def _side(said: ParsedError) -> ModerationStage:
    stated = said.first("moderation_stage")
    if stated in ("input", "output"):
        return ModerationStage(stated)
    if compiled(words().parameters).fullmatch(said.first("param|parameter")):
        return ModerationStage.INPUT
    text = compiled(words().advice).sub("", _sentences(said))
    if compiled(words().either_side).search(text):
        return ModerationStage.UNKNOWN
    if compiled(words().output).search(text):
        return ModerationStage.OUTPUT
    return ModerationStage.INPUT if compiled(words().input).search(text) else ModerationStage.UNKNOWN


def _modality(said: ParsedError) -> str:
    """The kind of reference that the words name, if they name one kind and not the prompt."""
    text = _sentences(said)
    found = [kind for kind, words_ in words().references.items() if compiled(words_).search(text)]
    is_prompt = re.search(r"\bprompts?\b|\btexts?\b|提示[词詞]|文本", text, re.IGNORECASE)
    return found[0] if len(found) == 1 and not is_prompt else ""


def _sentences(said: ParsedError) -> str:
    found = "\n".join(value for value in said.values(words().messages) if " " in value or not value.isascii())
    return (found or said.prose)[:4000]


def _stated(said: ParsedError) -> dict[str, object] | None:
    for document in said.documents:
        error = document.get("error") if isinstance(document, dict) else None
        for place in (error, document):
            details = place.get("moderation_details") if isinstance(place, dict) else None
            if isinstance(details, dict):
                return details
    return None


def _believed(
    stated: dict[str, object], charged: ChargeStatus, source: str, how: ProviderRetry, category: str
) -> tuple[ChargeStatus, str, ProviderRetry]:
    """Charge and retry as the error states them; they take precedence over those of the rule."""
    cost = stated.get("charged")
    cost = cost.get("charged") or cost.get("upstream") if isinstance(cost, dict) else cost
    if isinstance(cost, bool):
        charged, source = (ChargeStatus.YES if cost else ChargeStatus.NO), "upstream"
    elif isinstance(cost, str) and cost in list(ChargeStatus):
        charged, source = ChargeStatus(cost), "upstream"
    again = stated.get("retry")
    again = again.get("action") if isinstance(again, dict) else again
    if isinstance(again, str) and again in list(ProviderRetry) and category != "sexual/minors":
        how = ProviderRetry(again)
    return charged, source, how


def _refunded(said: ParsedError) -> bool:
    return said.field("credits_refunded|refunded", "true") or bool(
        compiled(words().refunded).search(said.prose)
    )


def _after(said: ParsedError) -> float | None:
    for name, scale in (
        ("retry-after-ms", 0.001),
        ("retry-after", 1.0),
        ("retry_after", 1.0),
        ("retryafter", 1.0),
    ):
        value = said.headers.get(name) or said.first(name)
        if value and re.fullmatch(r"\d{1,7}(?:\.\d{1,6})?s?", value):
            return min(float(value.rstrip("s")) * scale, _LONGEST_WAIT_S)
    for pattern in map(compiled, words().waits):
        if found := pattern.search(said.prose) or pattern.search(said.whole):
            unit = found[2].lower()
            scale = _UNIT_S["ms"] if unit == "ms" else _UNIT_S[unit[0]]
            return min(float(found[1]) * scale, _LONGEST_WAIT_S)
    return None


def _code(said: ParsedError) -> str:
    words = [value for value in said.values(_CODES) if value and value.lower() not in _NO_CODES]
    return redact(words[0][:400], longest=80) if words else ""


def _message(said: ParsedError, row: ErrorRule | None) -> str:
    spoken = [value for value in said.values(words().messages) if " " in value or not value.isascii()]
    if row is not None and row.text:
        pattern = compiled(row.text)
        spoken.sort(key=lambda value: pattern.search(value) is None)
        if not spoken and (match := pattern.search(said.prose)):
            start = max(0, said.prose.rfind("\n", 0, match.start()) + 1, match.start() - 200)
            return redact(said.prose[start : match.end() + 200])
    return redact(spoken[0][:4000]) if spoken else ""


def _nothing(said: ParsedError, hint: Provider | None) -> ProviderError:
    state = said.first("status|state").lower()
    who = hint or next((p for p in providers() if p.matches_signature(said)), None) or _mentioned(said, [])
    message = _message(said, None)
    owner = ErrorSource.UNKNOWN
    text = "This error is not known."
    step = NOT_ENOUGH
    if state in _UNDER_WAY or compiled(words().unfinished).search(message):
        text = "The job is still in progress; this response contains no error."
        step = (
            "Keep polling until your own deadline. A job that never ends was neither blocked nor finished: "
            "ask the provider about its state and its charge."
        )
    elif said.html and compiled(_NETWORK_FILTER).search(said.prose):
        owner = ErrorSource.NETWORK
        text = "A filter of your own network answered instead of the provider. The content was not judged."
        step = "Ask the administrator of your network to allow the provider's address."
    elif state in _OVER and who is not None and not who.relay:
        owner = ErrorSource.PROVIDER
        text = (
            f"{who.title} reports that the job failed, for a reason that Safelight does not know. "
            "It may or may not be about the content."
        )
        step = "Ask the provider for the reason and the charge before you submit the request again."
    refunded = _refunded(said)
    if refunded and owner is ErrorSource.UNKNOWN:
        text = "The job failed and its credits were returned; the reason is not stated."
    return ProviderError(
        source=owner,
        provider=who.name if who is not None else "",
        via="",
        kind=ErrorKind.UNKNOWN,
        stage=ModerationStage.UNKNOWN,
        category=UNKNOWN,
        modality="",
        charged=ChargeStatus.NO if refunded else ChargeStatus.UNKNOWN,
        charge_source="upstream" if refunded else "",
        retry=ProviderRetry.UNKNOWN,
        after_s=None,
        summary=text,
        next_step=step,
        confidence=Confidence.NONE,
        rule="",
        documented="",
        code=_code(said),
        message=message,
    )
