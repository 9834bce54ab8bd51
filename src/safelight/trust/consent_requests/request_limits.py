"""Limits of consent requests, so that an address is not flooded with mail from the operator."""

from __future__ import annotations

from safelight.errors import Conflict, InvalidField, RateLimited
from safelight.store.tables import consent_requests, people
from safelight.store.transaction import Transaction
from safelight.trust.consents.models import validate_line

from .models import RequestState

_MAX_OPEN_REQUESTS = 200
#: A person who has three open links is not reminded by a fourth.
_MAX_OPEN_TO_ADDRESS = 3
#: Answered requests count too: without it, refusals would make room for more mail.
_MAX_PER_HOUR = 60
_HOUR_S = 3600.0
#: The name is the only free text of a mail, so it has no room for a message.
_MAX_ASKER_CHARACTERS = 80
#: The safety identifier of a request for a video has this limit too.
_MAX_IDENTIFIER_CHARACTERS = 128
_LINK_PARTS = ("://", "www.")


def require_asker(text: str) -> str:
    """The name of the person who asks. Raises `InvalidField` for a long text and for a link."""
    asker = validate_line(text, "asker")
    if len(asker) > _MAX_ASKER_CHARACTERS or any(part in asker.lower() for part in _LINK_PARTS):
        raise InvalidField(
            f"asker must be a name of at most {_MAX_ASKER_CHARACTERS} characters without a link.",
            param="asker",
        )
    return asker


def require_end_user(text: str | None) -> str | None:
    """The safety identifier of the end user; None if it is empty. Raises `InvalidField`."""
    if text and (len(text) > _MAX_IDENTIFIER_CHARACTERS or not text.isprintable()):
        raise InvalidField(
            f"safety_identifier must be one line of at most {_MAX_IDENTIFIER_CHARACTERS} characters.",
            param="safety_identifier",
        )
    return text or None


def require_room(tx: Transaction, asked_by: str, email: str) -> None:
    """Raise `Conflict` if too many requests are open, and `RateLimited` after too many in an hour."""
    of = consent_requests.c
    is_open = of.state.in_((RequestState.ASKED.value, RequestState.WAITING.value))
    addresses = [row.email for row in tx.select(consent_requests, is_open, columns=[of.email])]
    if len(addresses) >= _MAX_OPEN_REQUESTS:
        raise Conflict(f"{_MAX_OPEN_REQUESTS} requests are open. Wait for answers.")
    wanted = _without_tag(email)
    if sum(_without_tag(address) == wanted for address in addresses) >= _MAX_OPEN_TO_ADDRESS:
        raise Conflict(
            f"{_MAX_OPEN_TO_ADDRESS} requests to this address are open. Wait for an answer.", param="email"
        )
    since = tx.now() - _HOUR_S
    if tx.count(consent_requests, of.asked_by == asked_by, of.created_at > since) >= _MAX_PER_HOUR:
        raise RateLimited(f"At most {_MAX_PER_HOUR} requests an hour are made.", retry_after_s=_HOUR_S)


def refuse_own_address(tx: Transaction, email: str) -> None:
    """Raise `Conflict` if a person of this tenant has the address, also with another part after `+`."""
    wanted = _without_tag(email)
    rows = tx.select(people, columns=[people.c.email])
    if any(_without_tag(row.email) == wanted for row in rows):
        raise Conflict(
            "The address belongs to this account. A consent is asked of another person.", param="email"
        )


def _without_tag(email: str) -> str:
    name, _, domain = email.rpartition("@")
    return f"{name.partition('+')[0]}@{domain}"
