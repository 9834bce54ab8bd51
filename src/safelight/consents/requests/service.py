"""Asks for consents, and lets reviewers confirm what subjects gave before the camera."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import and_, or_

from safelight.accounts import KeyScope, Principal, find_same_people
from safelight.accounts.check_limits import require_hourly
from safelight.accounts.mail import MailKind, MailQueue, NewMail
from safelight.accounts.models import CONSENT_PREFIX, PrincipalKind, hash_token, new_token
from safelight.accounts.people.models import LANGUAGES
from safelight.accounts.people.service import normalize_email
from safelight.consents.models import validate_line
from safelight.consents.store import delete_templates
from safelight.core import yaml_loader
from safelight.core.errors import Conflict, Forbidden, IdempotencyKeyReused, InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.policy.intended_use import ConsentLevel
from safelight.store.database import Database, Row, Transaction
from safelight.store.key_ring import EncryptedColumn, KeyRing
from safelight.store.tables import audit_log, consent_media, consent_requests, people

from . import store
from .models import (
    AskedConsent,
    ConsentRequest,
    ConsentTerms,
    Device,
    NewConsentRequest,
    RequestState,
    terms_to_json,
)
from .store import require_camera

_MAX_OPEN_REQUESTS = 200
#: A person who has three open links is not reminded by a fourth.
_MAX_OPEN_TO_ADDRESS = 3
#: Answered requests count too: without it, refusals would make room for more mail.
_MAX_PER_HOUR = 60
#: The name is the only free text of a mail, so it has no room for a message.
_MAX_ASKER_CHARACTERS = 80
#: The safety identifier of a request for a video has this limit too.
_MAX_IDENTIFIER_CHARACTERS = 128
_LINK_PARTS = ("://", "www.")
_WORDS: Mapping[str, list[str]] = yaml_loader.load_shipped(__package__, "phrase_words.yaml")
_WORD_COUNT = 4
#: Long enough for a week of absence. The person who asks can ask again.
LINK_TTL_S = 7 * 86_400.0
#: An answer that no reviewer confirms in this time expires, because its picture must not be kept for long.
REVIEW_TTL_S = 14 * 86_400.0
_SHOWN = "consent.media_shown"
_MAX_LISTED = 500

# Limits of consent requests, so that an address is not flooded with mail from the operator.


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
    problem = f"At most {_MAX_PER_HOUR} requests an hour are made."
    require_hourly(tx, consent_requests, of.asked_by == asked_by, limit=_MAX_PER_HOUR, problem=problem)


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


def new_phrase(language: str) -> str:
    """Four different words and a number of three digits, in the language of the subject."""
    words = secrets.SystemRandom().sample(_WORDS[language], _WORD_COUNT)
    return " ".join([*words, str(100 + secrets.randbelow(900))])


class ConsentRequests:
    """The requests of a tenant. The person who asks can neither change nor withdraw what was given."""

    def __init__(
        self, database: Database, keys: KeyRing, mail: MailQueue, *, no_camera_reason: str | None
    ) -> None:
        self._database, self._keys, self._mail = database, keys, mail
        #: Why consents before the camera are off; None if they are on.
        self.no_camera_reason = no_camera_reason

    def ask(
        self, principal: Principal, new: NewConsentRequest, device: Device, *, base_url: str
    ) -> AskedConsent:
        """Make a request and send its link by mail, or return the link if no mail server is configured.

        A repeated request with an idempotency key of this principal returns the first one, without its link.
        Raises `InvalidField`, `IdempotencyKeyReused` for another request with the key, `Conflict` for an
        address of this account and for too many open requests, and `RateLimited`.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        level = self._level(new.level)
        email = normalize_email(new.email)
        if new.language not in LANGUAGES:
            raise InvalidField("That is not a language of the pages.", param="language")
        with self._database.transaction(principal.tenant) as tx:
            terms = new.terms(tx.now())
            key = new.idempotency_key and f"{principal.id} {new.idempotency_key}"
            if key and (row := tx.one(consent_requests, consent_requests.c.idempotency_key == key)):
                _require_same(row, new, terms, email)
                return AskedConsent(request=store.request_from_row(row, tx.now()), link=None)
            refuse_own_address(tx, email)
            require_room(tx, principal.id, email)
            identity, token = new_id("consent"), new_token(CONSENT_PREFIX)
            asker, link = require_asker(new.asker), f"{base_url}/consent?token={token}"
            mail = NewMail(
                kind=MailKind.CONSENT_ASKED,
                to=email,
                language=new.language,
                event=identity,
                link=link,
                values={"asker": asker},
            )
            mailed = self._mail.enqueue(tx, mail)
            tx.insert(
                consent_requests,
                id=identity,
                asked_by=principal.id,
                end_user=require_end_user(new.end_user),
                asker=asker,
                subject=validate_line(new.subject, "subject"),
                email=email,
                language=new.language,
                terms=terms_to_json(terms),
                level=level.value,
                phrase=new_phrase(new.language) if level is ConsentLevel.ON_CAMERA else "",
                state=RequestState.ASKED.value,
                link_digest=hash_token(token),
                link_expires_at=tx.now() + LINK_TTL_S,
                mailed=mailed,
                asker_device=store.device_digest(identity, device),
                flags=[],
                accepted=[],
                idempotency_key=key,
                created_at=tx.now(),
            )
            content = {"level": level.value, "mailed": mailed, "terms": terms_to_json(terms)}
            tx.append_audit("consent.asked", subject=identity, actor=principal.id, content=content)
            request = store.request_from_row(store.find_row(tx, identity), tx.now())
            return AskedConsent(request=request, link=None if mailed else link)

    def list(self, principal: Principal) -> tuple[ConsentRequest, ...]:
        """The newest requests of the tenant."""
        principal.require(KeyScope.VIDEOS_READ)
        with self._database.read_transaction(principal.tenant) as tx:
            order = (consent_requests.c.created_at.desc(), consent_requests.c.id)
            rows = tx.select(consent_requests, order_by=order, limit=_MAX_LISTED)
            return tuple(store.request_from_row(row, tx.now()) for row in rows)

    def get(self, principal: Principal, identity: str) -> ConsentRequest:
        """One request. Raises `NotFound`."""
        principal.require(KeyScope.VIDEOS_READ)
        with self._database.read_transaction(principal.tenant) as tx:
            return store.request_from_row(store.find_row(tx, identity), tx.now())

    def show_media(self, principal: Principal, identity: str) -> bytes:
        """The frames of the subject's clip, as WebP, for a reviewer. Each view is in the audit log.

        Raises `NotFound`, and `Forbidden` for the person who asked.
        """
        principal.require(KeyScope.REVIEW)
        with self._database.transaction(principal.tenant) as tx:
            _refuse_asker(tx, store.find_row(tx, identity), principal)
            row = tx.one(consent_media, consent_media.c.request_id == identity)
            plain = None if row is None else self._keys.decrypt(row.ciphertext, media_record(identity))
            if plain is None:
                raise NotFound("There is no picture to show.", param="consent_id")
            tx.append_audit(_SHOWN, subject=identity, actor=principal.id, content={})
            return plain

    def decide(
        self, principal: Principal, identity: str, *, confirm: bool, cleared: Sequence[str] = ()
    ) -> ConsentRequest:
        """Confirm or reject an answer before the camera. Its picture is deleted in both cases.

        Only a person who has seen the frames confirms. `cleared` has to name every flag of a request that is
        confirmed. Raises `Conflict`, `InvalidField`, and `Forbidden` for a key and for the person who asked.
        """
        principal.require(KeyScope.REVIEW)
        with self._database.transaction(principal.tenant) as tx:
            row = store.find_row(tx, identity, lock=True)
            if row.state != RequestState.WAITING.value:
                raise Conflict("This request does not wait for a reviewer.", param="consent_id")
            _refuse_asker(tx, row, principal)
            if confirm:
                require_camera(self.no_camera_reason)
                _require_viewer(tx, identity, principal)
            left = [flag for flag in row.flags if flag not in cleared]
            if confirm and left:
                raise InvalidField(
                    f"These flags are not cleared: {', '.join(left)}.",
                    param="cleared_flags",
                    remedy="Ask the subject in another way, then name each flag, or reject the answer.",
                )
            decided = {"decided_by": principal.id, "decided_at": tx.now()}
            if confirm:
                state = RequestState.GIVEN
                tx.update(consent_requests, identity, state=state.value, **decided)
                store.record_consent(tx, row, ConsentLevel.ON_CAMERA)
                store.delete_media(tx, identity)
            else:
                state = RequestState.REJECTED
                delete_templates(tx, (identity,))
                store.end_request(tx, identity, state, **decided)
            tx.append_audit(
                f"consent.{'confirmed' if confirm else 'rejected'}",
                subject=identity,
                actor=principal.id,
                content={"flags": row.flags},
            )
            return store.request_from_row(store.find_row(tx, identity), tx.now())

    def end_old(self) -> int:
        """End requests without an answer in time, answers that no reviewer confirmed in time, and the data of
        consents that have expired. Returns how many ended.
        """
        asked, waiting = RequestState.ASKED.value, RequestState.WAITING.value
        with self._database.across_tenants("consent requests that are over") as tx:
            now, of = tx.now(), consent_requests.c
            # Locked, and without those that a subject or a reviewer is changing now.
            unanswered = and_(of.state == asked, of.link_expires_at <= now)
            undecided = and_(of.state == waiting, of.answered_at <= now - REVIEW_TTL_S)
            late = tx.select(consent_requests, or_(unanswered, undecided), lock=True, skip_locked=True)
            for row in late:
                delete_templates(tx, (row.id,))
                store.end_request(tx, row.id, RequestState.EXPIRED)
            return len(late) + store.delete_data_of_expired(tx)

    def _level(self, wanted: int) -> ConsentLevel:
        if wanted not in (ConsentLevel.LINK, ConsentLevel.ON_CAMERA):
            raise InvalidField("A request asks for level 1 or 2.", param="level")
        if wanted == ConsentLevel.ON_CAMERA:
            require_camera(self.no_camera_reason)
        return ConsentLevel(wanted)


def media_record(identity: str) -> str:
    """The associated data of the encrypted media of a request."""
    return f"consent_media:{identity}"


MEDIA = EncryptedColumn(table=consent_media, identity="request_id", column="ciphertext", record=media_record)


def _refuse_asker(tx: Transaction, row: Row, principal: Principal) -> None:
    """Raise `Forbidden` for the person who asked, also if this person asked or acts with a key."""
    if principal.id in find_same_people(tx, (row.asked_by,)):
        raise Forbidden("Another person than the one who asked decides about a consent.")


def _require_viewer(tx: Transaction, identity: str, principal: Principal) -> None:
    """Raise an error for a program, and for a person who has not looked at the frames."""
    if principal.kind is not PrincipalKind.PERSON:
        raise Forbidden("Only a person who is signed in confirms a consent on camera.")
    of = audit_log.c
    views = tx.count(audit_log, of.event == _SHOWN, of.subject == identity, of.actor == principal.id)
    if not views:
        raise InvalidField(
            "Nobody confirms a clip without having seen it.",
            param="frames",
            remedy="Look at the frames, then confirm.",
        )


def _require_same(row: Row, new: NewConsentRequest, terms: ConsentTerms, email: str) -> None:
    """Raise `IdempotencyKeyReused` if the first request with this key was another one."""
    first = (
        row.asker,
        row.subject,
        row.language,
        row.level,
        row.end_user,
        msgspec.convert(row.terms, ConsentTerms),
    )
    again = (new.asker.strip(), new.subject.strip(), new.language, new.level, new.end_user or None, terms)
    # The address of a request that has ended is deleted.
    if first != again or row.email not in ("", email):
        raise IdempotencyKeyReused(
            "This Idempotency-Key was sent earlier with a different request.",
            param="Idempotency-Key",
            remedy="Send the earlier request again without changes, or use a new key.",
        )
