"""Reads the fields of an attempt that was not made by this gateway, and explains its error."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from typing import Any

from safelight.core.errors import InvalidField
from safelight.core.ids import is_id
from safelight.core.net.redaction import mask_emails, mask_secrets
from safelight.providers.protocol import Charge, ChargeStatus
from safelight.providers.provider_errors import ErrorKind, ErrorSource, ProviderError, decode
from safelight_client.money import format_money

from .models import AttemptOutcome, AttemptRefund, NewAttempt

#: Longest prompt and error that are stored, in characters.
MAX_PROMPT_CHARS, MAX_ERROR_CHARS = 32_000, 64_000
#: Most attempts of one file.
MAX_ROWS = 100_000
_MAX_NAME_CHARS = 200
#: Larger amounts and lengths are mistakes.
_MAX_AMOUNT, _MAX_SECONDS, _MAX_SIDE = 1e6, 3600.0, 16_384
_CURRENCY = re.compile(r"[A-Z]{3,12}")
_SIZE = re.compile(r"(\d{2,5}) ?[x×*:] ?(\d{2,5})", re.IGNORECASE)
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


def read_attempt(given: Mapping[str, Any]) -> NewAttempt:
    """The attempt in these fields, with the names of docs/attempts.md. Unknown names are ignored.

    Raises `InvalidField` for a field with a wrong value, and if no field states what happened.
    """
    values = {name: value for name, value in given.items() if value is not None and value != ""}
    provider = _text(values, "provider", _MAX_NAME_CHARS)
    if not provider:
        raise InvalidField("`provider` is missing.", param="provider")
    error = mask_emails(mask_secrets(_text(values, "error", MAX_ERROR_CHARS)))
    prompt = mask_secrets(_text(values, "prompt", MAX_PROMPT_CHARS)) or None
    file_came = _flag(values, "file_came")
    stated = _stated_outcome(values)
    if not error and file_came is None and stated is None and "amount" not in values:
        raise InvalidField(
            "No field states what happened: give `error`, `file_came`, `amount` or `outcome`.", param="error"
        )
    found = decode(error, provider=provider) if error else None
    width, height = _size(values)
    charge = _charge(values, found)
    return NewAttempt(
        at=read_time(values.get("time")),
        provider=provider,
        model=_text(values, "model", _MAX_NAME_CHARS),
        prompt=prompt,
        error=error,
        outcome=stated or _outcome(found, file_came),
        stage="unknown" if found is None else found.stage.value,
        seconds=_number(values, "seconds", _MAX_SECONDS),
        width=width,
        height=height,
        file_came=False if file_came is None and stated is None and found is not None else file_came,
        charge=charge,
        request_id=mask_secrets(_text(values, "request_id", _MAX_NAME_CHARS)),
        refunds=_refunds(values, charge),
        exported_id=_exported_id(values.get("id")),
    )


def read_time(value: Any) -> float:
    """Unix seconds of a time with a zone (ISO 8601), or of a number of seconds. Raises `InvalidField`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _plausible_time(value)
    text = str(value or "").strip()
    if not text:
        raise InvalidField("`time` is missing.", param="time")
    try:
        return _plausible_time(float(text))
    except ValueError:
        pass
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise InvalidField(
            f"`time` is not a time: {text[:60]!r}. Write it as 2026-11-21T14:05:00+08:00.", param="time"
        ) from None
    if moment.tzinfo is None:
        raise InvalidField(
            f"`time` has no time zone: {text[:60]!r}. Add one, such as Z or +08:00.", param="time"
        )
    return _plausible_time(moment.timestamp())


def read_currency(value: Any) -> str:
    """A currency code, or the name of a provider's unit such as CREDITS. Raises `InvalidField`."""
    text = str(value).strip().upper()
    if not _CURRENCY.fullmatch(text):
        raise InvalidField(
            f"`currency` is not a code of 3 to 12 letters: {text[:20]!r}. Examples: USD, CNY, CREDITS.",
            param="currency",
        )
    return text


def read_amount(value: Any, name: str) -> float:
    """An amount of money from 0 on. Raises `InvalidField`."""
    return _bounded(value, name, _MAX_AMOUNT)


def _plausible_time(seconds: float) -> float:
    # 2010 to 2100: other values are milliseconds or mistakes.
    if not 1_262_304_000 <= seconds < 4_102_444_800:
        raise InvalidField("`time` is not between 2010 and 2100.", param="time")
    return float(seconds)


def _exported_id(value: Any) -> str:
    # Other programs have ids of their own.
    return value if isinstance(value, str) and is_id(value, "attempt") else ""


def _stated_outcome(values: Mapping[str, Any]) -> AttemptOutcome | None:
    text = str(values.get("outcome", "")).strip().lower()
    if not text:
        return None
    if text not in tuple(AttemptOutcome):
        raise InvalidField(f"`outcome` must be one of {', '.join(AttemptOutcome)}.", param="outcome")
    # How a request of another program went on is not known.
    return AttemptOutcome.UNKNOWN if text == AttemptOutcome.RUNNING else AttemptOutcome(text)


def _outcome(found: ProviderError | None, file_came: bool | None) -> AttemptOutcome:
    if found is None:
        if file_came is None:
            return AttemptOutcome.UNKNOWN
        return AttemptOutcome.PASSED if file_came else AttemptOutcome.FAILED
    if found.kind is not ErrorKind.CONTENT_BLOCK:
        return AttemptOutcome.FAILED
    return AttemptOutcome.STOPPED if found.source is ErrorSource.GATEWAY else AttemptOutcome.REFUSED


def _charge(values: Mapping[str, Any], found: ProviderError | None) -> Charge:
    """What the fields state; otherwise what the error states or its documentation states."""
    stated, source = values.get("charged"), _text(values, "source", _MAX_NAME_CHARS)
    amount = read_amount(values["amount"], "amount") if "amount" in values else None
    currency = read_currency(values["currency"]) if "currency" in values else ""
    if amount and not currency:
        raise InvalidField("`amount` needs a `currency`, such as USD or CREDITS.", param="currency")
    if stated is not None:
        status = _status(stated)
    elif amount is not None:
        status = ChargeStatus.YES if amount else ChargeStatus.NO
    elif found is not None:
        return Charge(
            charged=found.charged,
            amount=found.amount,
            currency=found.currency if found.amount is not None else "",
            source=found.charge_source,
        )
    else:
        status = ChargeStatus.UNKNOWN
    if amount and status is not ChargeStatus.YES:
        raise InvalidField(
            f"`charged` is {status.value}, but `amount` is {format_money(amount, currency)}.", param="charged"
        )
    return Charge(
        charged=status,
        amount=amount if status is ChargeStatus.YES and amount else None,
        currency=currency if amount else "",
        source=source or ("" if status is ChargeStatus.UNKNOWN else "reported"),
    )


def _status(value: Any) -> ChargeStatus:
    text = str(value).strip().lower()
    if text in _TRUE or text in _FALSE:
        return ChargeStatus.YES if text in _TRUE else ChargeStatus.NO
    if text == ChargeStatus.UNKNOWN.value:
        return ChargeStatus.UNKNOWN
    raise InvalidField(f"`charged` must be yes, no or unknown, not {text[:20]!r}.", param="charged")


def _refunds(values: Mapping[str, Any], charge: Charge) -> tuple[AttemptRefund, ...]:
    if "refunded" not in values or not (amount := read_amount(values["refunded"], "refunded")):
        return ()
    if charge.amount is not None and amount > charge.amount:
        raise InvalidField(
            f"`refunded` is {format_money(amount, charge.currency)}, more than the charge of "
            f"{format_money(charge.amount, charge.currency)}.",
            param="refunded",
        )
    return (AttemptRefund(amount=amount, currency=charge.currency),)


def _size(values: Mapping[str, Any]) -> tuple[int | None, int | None]:
    text = _text(values, "size", 20)
    if not text:
        return None, None
    match = _SIZE.fullmatch(text)
    if match is None or max(int(match[1]), int(match[2])) > _MAX_SIDE:
        raise InvalidField(f"`size` must be like 1280x720, not {text!r}.", param="size")
    return int(match[1]), int(match[2])


def _text(values: Mapping[str, Any], name: str, longest: int) -> str:
    value = values.get(name, "")
    if isinstance(value, bool | int | float):
        value = str(value)
    if not isinstance(value, str):
        raise InvalidField(f"`{name}` must be a text.", param=name)
    # Half of a surrogate pair cannot be stored.
    text = re.sub("[\ud800-\udfff]", "\ufffd", value.strip().replace("\x00", ""))
    if len(text) > longest:
        raise InvalidField(f"`{name}` is longer than {longest:,} characters.", param=name)
    return text


def _number(values: Mapping[str, Any], name: str, largest: float) -> float | None:
    return _bounded(values[name], name, largest) if name in values else None


def _bounded(value: Any, name: str, largest: float) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number <= largest:
        raise InvalidField(f"`{name}` must be a number from 0 to {largest:,.0f}.", param=name)
    return number


def _flag(values: Mapping[str, Any], name: str) -> bool | None:
    text = str(values.get(name, "")).strip().lower()
    if not text:
        return None
    if text not in _TRUE + _FALSE:
        raise InvalidField(f"`{name}` must be yes or no, not {text[:20]!r}.", param=name)
    return text in _TRUE
