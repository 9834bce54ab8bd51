"""The page that verifies the origin of a file or an id. It needs no account and stores nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from safelight.core.errors import InvalidField, InvalidMedia, SafelightError
from safelight.core.i18n import load_messages
from safelight.provenance.manifest import remarks_of
from safelight.provenance.models import Evidence, ManifestReport, ManifestState, Verification
from safelight.provenance.recovery.conclusion import Answer, Ground
from safelight.provenance.recovery.public_answer import (
    PublicAnswer,
    describe_answer,
    describe_evidence,
    describe_mark,
)
from safelight.videos.registry import NewFeedback, ProvenanceCheck
from safelight.web.auth import check_same_origin
from safelight.web.provenance import MAX_STRANGERS_FILE_BYTES
from safelight.web.request_body import read_body
from safelight.web.translations import Translations

from .render import PageHandler

#: 2,000 Chinese characters are 18 kB in a form.
_MAX_FORM_BYTES = 32 * 1024
_TONES = {Answer.UNCHANGED: "allow", Answer.CHANGED: "label", Answer.CANNOT_TELL: "hold"}
#: What manifest and registry show already.
_SHOWN_BY_MANIFEST = (Ground.EXACT_FILE, Ground.MANIFEST)


class FeedbackPages(PageHandler):
    """Handlers that work without an account and without scripts."""

    max_forms = (10, 3600.0)

    async def send(self, request: Request) -> Response:
        form = await self.read_public_form(request, max_bytes=_MAX_FORM_BYTES)
        try:
            await self.run(self.state.provenance.feedback.add, _read(form))
        except InvalidField as problem:
            return await self._render(request, form=form, problem=problem)
        return self.redirect("/verify/feedback?sent=yes")

    async def show_thanks(self, request: Request) -> Response:
        if request.query_params.get("sent") != "yes":
            return self.redirect("/verify")
        return await self._render(request, form=None, problem=None)

    async def _render(
        self, request: Request, *, form: Mapping[str, str] | None, problem: InvalidField | None
    ) -> Response:
        return await self.render_page(
            request,
            "feedback.html",
            await self.current_principal(request),
            form=form,
            problem=problem,
        )


def _read(form: Mapping[str, str]) -> NewFeedback:
    try:
        answer, ground = Answer(form.get("answer", "")), Ground(form.get("ground", ""))
    except ValueError:
        raise InvalidField("The form names no answer.", param="answer") from None
    return NewFeedback(
        answer=answer, ground=ground, text=form.get("text", ""), contact=form.get("contact") or None
    )


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One piece of evidence: what it claims, what it proves, and what it does not prove."""

    name: str
    claims: str
    proves: str
    does_not_prove: str


@dataclass(frozen=True, kw_only=True)
class VerifyResult:
    #: None if only a manifest was verified.
    public: PublicAnswer | None = None
    tone: str
    sentence: str
    #: What the manifest shows, if it did not decide the answer.
    manifest: str = ""
    #: Whether the delivered file has a watermark, in words; empty if that is not told.
    mark: str = ""
    proofs: tuple[Proof, ...]
    sha256: str
    #: The delivered video; empty if it is not known.
    video_id: str
    #: Claims that the file itself contains.
    claims: tuple[tuple[str, str], ...]
    #: Names of what it says about checks that were not made.
    remarks: tuple[str, ...] = ()


class VerifyPages(PageHandler):
    """Handlers that verify an uploaded file of any type. The file is opened in the sandbox and deleted
    after the response.
    """

    async def show(self, request: Request) -> Response:
        return await self._render_form(request)

    async def verify(self, request: Request) -> Response:
        check_same_origin(request)
        self.state.provenance.admit_stranger(request.client.host if request.client else "")
        max_bytes = min(self.services.max_body_bytes, MAX_STRANGERS_FILE_BYTES)
        async with read_body(request, replace(self.services, max_body_bytes=max_bytes)) as body:
            files = [upload for upload in body.uploads if upload.path.stat().st_size]
            video_id = str(body.fields.get("video_id") or "").strip()
            if not files and not video_id:
                problem = InvalidField("No file was uploaded.", param="file", remedy="Choose a file.")
                return await self._render_form(request, problem=problem)
            try:
                door = self.state.provenance
                if files:
                    check = await door.check_upload(files[0].path, stranger=True)
                else:
                    principal = await self.current_principal(request)
                    tenant = principal.tenant if principal is not None else None
                    check = await door.check_id(video_id, tenant=tenant)
            except SafelightError as error:
                return await self._render_form(request, problem=error)
        return await self._render_form(request, result=describe_check(check, self.translations(request)))

    async def _render_form(
        self, request: Request, *, result: VerifyResult | None = None, problem: SafelightError | None = None
    ) -> Response:
        template = "verify_result.html" if self.wants_fragment(request) else "verify.html"
        principal = await self.current_principal(request)
        not_media = load_messages("provenance", self.translations(request).tag)("not_media")
        return await self.render_page(
            request,
            template,
            principal,
            result=result,
            problem=problem,
            problem_text=not_media if isinstance(problem, InvalidMedia) else "",
            max_mib=min(self.services.max_body_bytes, MAX_STRANGERS_FILE_BYTES) >> 20,
        )


def describe_check(check: ProvenanceCheck, t: Translations) -> VerifyResult:
    """The check of a stranger's file or id in the user's language: one answer, and what supports it."""
    public, verification = check.public, check.verification
    found = describe_evidence(public, t.tag)
    origin = Proof(
        name=t("verify.origin" if verification else "verify.registry"),
        claims=found.says,
        proves=found.proves,
        does_not_prove=found.does_not_prove,
    )
    sentence, tone = describe_answer(public, check.issuer, t.tag), _TONES.get(public.answer, "none")
    mark = describe_mark(public.mark, t.tag)
    if verification is None:
        return VerifyResult(
            public=public,
            tone=tone,
            sentence=sentence,
            mark=mark,
            proofs=(origin,),
            sha256="",
            video_id="",
            claims=(),
        )
    shown = describe_verification(verification, t)
    is_shown = public.ground in _SHOWN_BY_MANIFEST
    return replace(
        shown,
        public=public,
        tone=tone if tone != "none" else shown.tone,
        sentence=sentence,
        mark=mark,
        proofs=shown.proofs if is_shown else (origin, *shown.proofs),
        manifest="" if is_shown else shown.sentence,
    )


def describe_verification(verification: Verification, t: Translations) -> VerifyResult:
    """The verification in the user's language."""
    return VerifyResult(
        tone=_tone(verification),
        sentence=t.translate_error(verification.answer),
        proofs=tuple(_proof(one, t) for one in verification.evidence),
        sha256=verification.sha256,
        video_id=verification.video_id,
        claims=tuple(_claims(verification.reading, t)),
        remarks=tuple(remarks_of(verification.reading.verdict or {})),
    )


def _proof(evidence: Evidence, t: Translations) -> Proof:
    return Proof(
        name=t(f"verify.{evidence.kind.replace(' ', '_')}"),
        claims=t.translate_error(evidence.says),
        proves=t.translate_error(evidence.proves),
        does_not_prove=t.translate_error(evidence.does_not_prove),
    )


def _tone(verification: Verification) -> str:
    if verification.state is ManifestState.TRUSTED or verification.registered:
        return "allow"
    return {ManifestState.VALID: "label", ManifestState.INVALID: "block"}.get(verification.state, "none")


def _claims(manifest: ManifestReport, t: Translations) -> Iterator[tuple[str, str]]:
    for key in ("media_type", "issuer", "signed_at", "made_with", "source_type", "title"):
        if value := getattr(manifest, key):
            name = "confirmed_at" if key == "signed_at" and manifest.time_trusted else key
            yield t(f"verify.claim.{name}"), str(value)
