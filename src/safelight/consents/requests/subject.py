"""What the subject of a consent does with secret links, without an account: answer, look up, withdraw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from safelight.accounts import find_same_people
from safelight.accounts.mail import MailKind, MailQueue, NewMail
from safelight.accounts.models import (
    CONSENT_PAGE_PREFIX,
    CONSENT_PREFIX,
    hash_token,
    is_well_formed,
    new_token,
)
from safelight.consents.encryption import TemplateKey
from safelight.consents.enrolment import EnrolledClip
from safelight.consents.models import SUBJECT, validate_scopes
from safelight.consents.service import Enroll
from safelight.consents.store import end_consent, store_templates
from safelight.core.errors import Conflict, InvalidField, NotFound
from safelight.core.fileio import sha256_file
from safelight.policy.intended_use import ConsentLevel, ConsentScope
from safelight.store.database import Database, Row, Transaction
from safelight.store.key_ring import KeyRing
from safelight.store.tables import consent_media, consent_requests, consents

from . import store
from .models import (
    ConsentFlag,
    ConsentRequest,
    Device,
    GivenConsent,
    RequestState,
    SubjectAnswer,
    SubjectPage,
)
from .service import media_record

#: Computes the templates of a clip that shows one person.
EnrollClip = Callable[..., EnrolledClip]


@dataclass(frozen=True, kw_only=True)
class SubjectEnrolment:
    """How the files of subjects become templates."""

    picture: Enroll
    clip: EnrollClip
    #: Why consents before the camera are off; None if they are on.
    no_camera_reason: str | None


class SubjectAnswers:
    """Answers to requests. A token is the only proof of identity, so every method takes one."""

    def __init__(
        self,
        database: Database,
        *,
        keys: KeyRing,
        template_key: TemplateKey,
        mail: MailQueue,
        enrolment: SubjectEnrolment,
    ) -> None:
        self._database, self._keys, self._template_key, self._mail = database, keys, template_key, mail
        self.enrolment = enrolment

    def open(self, token: str, *, tenant: str | None = None) -> ConsentRequest:
        """The request of a link. Changes nothing, because programs that read mail open links too.

        `tenant`: only this tenant's requests, for a platform that answers with its key. Raises `NotFound` for
        a link that was used or has expired.
        """
        with self._database.across_tenants("the link of a consent request", readonly=True) as tx:
            row = _find_open(tx, token)
            if tenant is not None and row.tenant_id != tenant:
                raise _no_link()
            return store.request_from_row(row, tx.now())

    def answer(
        self, token: str, answer: SubjectAnswer, device: Device, *, base_url: str, tenant: str | None = None
    ) -> GivenConsent:
        """Accept or refuse. The link is used up, except if the answer is not valid.

        Raises `NotFound`, `InvalidField`, and `InvalidMedia` for a clip that does not show one person.
        """
        request = self.open(token, tenant=tenant)
        if not answer.accepts:
            return self._refuse(token, request)
        scope = _accepted_scope(request, answer)
        enrolled = self._enrol(request, answer, scope)
        clip = None if answer.media is None else sha256_file(answer.media)
        with self._database.transaction(request.tenant) as tx:
            row = _find_open(tx, token, lock=True)
            now = tx.now()
            _refuse_known_clip(tx, clip)
            flags = _flags(tx, row, device, enrolled)
            on_camera = request.level is ConsentLevel.ON_CAMERA
            state = RequestState.WAITING if on_camera else RequestState.GIVEN
            page = new_token(CONSENT_PAGE_PREFIX)
            tx.update(
                consent_requests,
                row.id,
                state=state.value,
                link_digest=None,
                page_digest=hash_token(page),
                asker_device="",
                flags=[flag.value for flag in flags],
                accepted=[part.value for part in scope],
                clip_sha256=clip,
                answered_at=now,
            )
            level = ConsentLevel.LINK if row.mailed else ConsentLevel.RECORDED
            if not on_camera:
                store.record_consent(tx, store.find_row(tx, row.id), level)
            store_templates(tx, self._template_key, request.tenant, row.id, enrolled.vectors)
            if enrolled.sheet:
                tx.insert(
                    consent_media,
                    request_id=row.id,
                    media_type="image/webp",
                    ciphertext=self._keys.encrypt(enrolled.sheet, media_record(row.id)),
                    created_at=now,
                )
            path = f"/consent/page?token={page}"
            self._mail.enqueue(tx, _page_mail(row, f"{base_url}{path}"))
            content = {
                "scope": [part.value for part in scope],
                "flags": [flag.value for flag in flags],
            }
            tx.append_audit("consent.answered", subject=row.id, actor="subject", content=content)
            given = store.request_from_row(store.find_row(tx, row.id), now)
        return GivenConsent(request=given, page=path)

    def page(self, token: str, *, tenant: str | None = None) -> SubjectPage:
        """The uses of a consent. Raises `NotFound`."""
        with self._database.across_tenants("the page of a subject", readonly=True) as tx:
            row = _find_by_page(tx, token, tenant=tenant)
        with self._database.read_transaction(row.tenant_id) as tx:
            return _page(tx, row)

    def withdraw(self, token: str, *, tenant: str | None = None) -> SubjectPage:
        """Withdraw a consent, at once and for good. The second time changes nothing."""
        with self._database.across_tenants("the page of a subject", readonly=True) as tx:
            found = _find_by_page(tx, token, tenant=tenant)
        with self._database.transaction(found.tenant_id) as tx:
            row = _find_by_page(tx, token, lock=True)
            if row.state in (RequestState.GIVEN.value, RequestState.WAITING.value):
                store.delete_media(tx, row.id)
                end_consent(tx, row.id, revoked_by=SUBJECT, actor=SUBJECT)
            return _page(tx, _find_by_page(tx, token))

    def _refuse(self, token: str, request: ConsentRequest) -> GivenConsent:
        with self._database.transaction(request.tenant) as tx:
            row = _find_open(tx, token, lock=True)
            store.end_request(tx, row.id, RequestState.REFUSED, answered_at=tx.now())
            tx.append_audit("consent.refused", subject=row.id, actor="subject", content={})
            ended = store.request_from_row(store.find_row(tx, row.id), tx.now())
        return GivenConsent(request=ended, page=None)

    def _enrol(
        self, request: ConsentRequest, answer: SubjectAnswer, scope: tuple[ConsentScope, ...]
    ) -> EnrolledClip:
        """What is kept of the clip or the picture."""
        if request.level is ConsentLevel.ON_CAMERA:
            store.require_camera(self.enrolment.no_camera_reason)
            if answer.media is None:
                raise InvalidField(
                    "A clip is needed.", param="media", remedy="Record yourself with the phrase."
                )
            clip = self.enrolment.clip(answer.media)
            return clip if ConsentScope.LIKENESS in scope else replace(clip, vectors=())
        if answer.media is None:
            return EnrolledClip(vectors=(), sheet=b"")
        if ConsentScope.LIKENESS not in scope:
            raise InvalidField("A picture is accepted only with the scope likeness.", param="media")
        return EnrolledClip(vectors=(self.enrolment.picture(answer.media),), sheet=b"")


def _accepted_scope(request: ConsentRequest, answer: SubjectAnswer) -> tuple[ConsentScope, ...]:
    if not answer.is_adult:
        raise InvalidField(
            "Only a person of full age can give this consent.",
            param="is_adult",
            remedy="Confirm your age, or refuse.",
        )
    scope = validate_scopes(answer.scope)
    if not set(scope) <= set(request.terms.scope):
        raise InvalidField("More was accepted than was asked.", param="scope")
    return scope


def _flags(tx: Transaction, row: Row, device: Device, enrolled: EnrolledClip) -> tuple[ConsentFlag, ...]:
    found = []
    if not row.mailed:
        found.append(ConsentFlag.LINK_SHOWN)
    if store.device_digest(row.id, device) == row.asker_device:
        found.append(ConsentFlag.SAME_DEVICE)
    if device.signed_in in find_same_people(tx, (row.asked_by,)):
        found.append(ConsentFlag.SAME_SESSION)
    if enrolled.is_still:
        found.append(ConsentFlag.STILL_PICTURE)
    return tuple(found)


def _refuse_known_clip(tx: Transaction, sha256: str | None) -> None:
    if sha256 is not None and tx.count(consent_requests, consent_requests.c.clip_sha256 == sha256):
        raise Conflict("This clip was sent before. Record a new one with the phrase.", param="media")


def _page_mail(row: Row, link: str) -> NewMail:
    return NewMail(
        kind=MailKind.CONSENT_GIVEN,
        to=row.email,
        language=row.language,
        event=row.id,
        link=link,
        values={"asker": row.asker},
    )


def _page(tx: Transaction, row: Row) -> SubjectPage:
    consent = tx.one(consents, row.id)
    request = store.request_from_row(row, tx.now())
    return SubjectPage(
        request=request,
        level=None if consent is None else ConsentLevel(consent.level),
        scope=tuple(ConsentScope(part) for part in row.accepted),
        uses=store.read_uses(tx, row.id),
    )


def _find_open(tx: Transaction, token: str, *, lock: bool = False) -> Row:
    of = consent_requests.c
    row = None
    if is_well_formed(token, CONSENT_PREFIX):
        row = tx.one(consent_requests, of.link_digest == hash_token(token), lock=lock)
    if row is None or tx.now() >= row.link_expires_at:
        raise _no_link()
    return row


def _no_link() -> NotFound:
    return NotFound("This link was used already or has expired.", param="token", remedy="Ask for a new link.")


def _find_by_page(tx: Transaction, token: str, *, tenant: str | None = None, lock: bool = False) -> Row:
    row = None
    if is_well_formed(token, CONSENT_PAGE_PREFIX):
        row = tx.one(consent_requests, consent_requests.c.page_digest == hash_token(token), lock=lock)
    if row is None or (tenant is not None and row.tenant_id != tenant):
        raise NotFound("There is no such page.", param="token")
    return row
