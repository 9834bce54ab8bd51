"""Pages of the staff for consents: ask, see the state of requests, and confirm what was given on camera."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.consents.requests import (
    AskedConsent,
    ConsentRequest,
    ConsentRequests,
    NewConsentRequest,
    SubjectAnswer,
    SubjectAnswers,
    SubjectPage,
)
from safelight.consents.requests.models import NOT_CHECKED
from safelight.core.errors import Conflict, InvalidField, InvalidMedia, NotFound, RateLimited, SafelightError
from safelight.core.i18n import LANGUAGES, load_messages
from safelight.policy.intended_use import WORLD, ConsentLevel, UseKind
from safelight.web.auth import check_same_origin
from safelight.web.consent_call import base_url, device_of
from safelight.web.middleware import PERMISSIONS_POLICY
from safelight.web.request_body import Body, read_body
from safelight.web.translations import Translations, format_date

from .render import Form, PageHandler, client_address, find_refused, input_of

#: The message of a problem with one field.
_FIELDS = {
    "is_adult",
    "scope",
    "media",
    "email",
    "expires_at",
    "level",
    "territory",
    "cleared_flags",
    "frames",
}
#: A clip of half a minute from a telephone.
_MAX_UPLOAD_BYTES = 96 << 20
#: The subject records the clip on the page.
_WITH_CAMERA = PERMISSIONS_POLICY.replace("camera=()", "camera=(self)")
_MAX_DAYS = 731
_DAY_S = 86_400.0

# Prepares consents for the pages.


def terms_rows(asked: ConsentRequest, t: Translations) -> list[tuple[str, str]]:
    """The terms in words, as pairs of label and value."""
    c, terms = load_messages("consents", t.tag), asked.terms
    separator = c("separator")
    kinds = separator.join(c(f"kind.{kind.value}") for kind in terms.kinds)
    return [
        (c("terms.asker"), asked.asker),
        (c("terms.subject"), asked.subject),
        (c("terms.scope"), separator.join(c(f"scope.{part.value}") for part in terms.scope)),
        (c("terms.uses"), terms.uses),
        (c("terms.kinds"), kinds or c("kind.every")),
        (c("terms.commercial"), c("yes") if terms.commercial else c("no")),
        (c("terms.territory"), c("territory.world") if terms.territory == WORLD else terms.territory),
        (c("terms.until"), format_date(terms.expires_at, t)),
        (c("terms.level"), c(f"level.{asked.reachable_level.value}")),
        (c("terms.not_checked"), separator.join(c(f"not_checked.{name}") for name in NOT_CHECKED)),
    ]


def describe_problem(problem: SafelightError | None, t: Translations) -> str:
    """The problem in the language of the page; empty without one."""
    c = load_messages("consents", t.tag)
    if problem is None:
        return ""
    if isinstance(problem, InvalidMedia):
        return c("error.clip")
    if isinstance(problem, NotFound):
        return c("error.link")
    if isinstance(problem, RateLimited):
        return c("error.wait")
    if isinstance(problem, Conflict):
        return c("error.reused") if problem.param == "media" else c("error.conflict")
    if isinstance(problem, InvalidField) and problem.param in _FIELDS:
        return c(f"error.{problem.param}")
    return str(problem)


class ConsentAnswerPages(PageHandler):
    """Handlers of the pages that a secret link opens."""

    async def show(self, request: Request) -> Response:
        """What is asked. Opening the link does not use it up."""
        return await self._render_question(request, request.query_params.get("token", ""))

    async def answer(self, request: Request) -> Response:
        """Accept or refuse, and show the link of the subject's page once."""
        check_same_origin(request)
        self.forms.allow(client_address(request))
        token = request.query_params.get("token", "")
        try:
            # Before the body is read, because no account is needed.
            asked = await self.run(self._answers.open, token)
            device = await device_of(request)
            async with read_body(request, self._upload_limits()) as body:
                given = _read_answer(body)
                result = await self.run(
                    lambda: self._answers.answer(token, given, device, base_url=base_url(request))
                )
        except SafelightError as problem:
            return await self._render_question(request, token, problem=problem)
        link = None if result.page is None else f"{base_url(request)}{result.page}"
        return await self._render(
            request,
            "consent_answered.html",
            request_=result.request,
            link=link,
            waits=asked.level is ConsentLevel.ON_CAMERA,
            page_address="/consent",
        )

    async def show_page(self, request: Request) -> Response:
        """The uses of the consent."""
        token = request.query_params.get("token", "")
        try:
            page = await self.run(self._answers.page, token)
        except NotFound as problem:
            return await self._render_page(request, token, None, problem=problem)
        return await self._render_page(request, token, page)

    async def withdraw(self, request: Request) -> Response:
        """Withdraw the consent, with one click."""
        token = (await self.read_public_form(request)).get("token", "")
        try:
            page = await self.run(self._answers.withdraw, token)
        except NotFound as problem:
            return await self._render_page(request, token, None, problem=problem)
        return await self._render_page(request, token, page)

    @property
    def _answers(self) -> SubjectAnswers:
        if self.services.consents is None:
            raise NotFound("This server has no consents.")
        return self.services.consents.answers

    def _upload_limits(self) -> Any:
        most = min(self.services.max_body_bytes, _MAX_UPLOAD_BYTES)
        return replace(self.services, max_body_bytes=most)

    async def _render_question(
        self, request: Request, token: str, *, problem: SafelightError | None = None
    ) -> Response:
        asked: ConsentRequest | None = None
        try:
            asked = await self.run(self._answers.open, token)
        except NotFound as invalid:
            problem = invalid
        on_camera = asked is not None and asked.level is ConsentLevel.ON_CAMERA
        response = await self._render(
            request,
            "consent.html",
            problem,
            asked=asked,
            rows=terms_rows(asked, self.translations(request)) if asked else [],
            on_camera=on_camera,
            action=f"/consent?{urlencode({'token': token})}",
            page_address=f"/consent?{urlencode({'token': token})}",
        )
        if on_camera:
            response.headers["permissions-policy"] = _WITH_CAMERA
        return response

    async def _render_page(
        self, request: Request, token: str, page: SubjectPage | None, *, problem: NotFound | None = None
    ) -> Response:
        return await self._render(
            request,
            "consent_page.html",
            problem,
            page=page,
            rows=terms_rows(page.request, self.translations(request)) if page else [],
            can_withdraw=page is not None and page.request.state.value in ("given", "waiting"),
            token=token,
            page_address=f"/consent/page?{urlencode({'token': token})}",
        )

    async def _render(
        self, request: Request, template: str, problem: SafelightError | None = None, **values: Any
    ) -> Response:
        alert = describe_problem(problem, self.translations(request))
        response = await self.render_page(request, template, problem=problem, alert=alert, **values)
        # The address has a secret, and the page personal data.
        response.headers["cache-control"] = "no-store"
        return response


def _read_answer(body: Body) -> SubjectAnswer:
    files = [upload.path for upload in body.uploads if upload.field == "media"]
    scope = [name for name in ("likeness", "voice") if body.fields.get(name) == "yes"]
    return SubjectAnswer(
        accepts=body.fields.get("answer") == "accept",
        scope=scope,
        is_adult=body.fields.get("is_adult") == "yes",
        media=files[0] if files and files[0].stat().st_size else None,
    )


class ConsentPages(PageHandler):
    refusals = (SafelightError,)

    async def ask(self, request: Request, principal: Principal) -> Response:
        """Ask for a consent. Without a mail server, the link is shown once."""
        form = await self.read_form(request)
        device = await device_of(request)
        new = self._new_request(form)
        asked = await self.run(lambda: self._requests.ask(principal, new, device, base_url=base_url(request)))
        return await self.show(request, principal, asked=asked)

    async def decide(self, request: Request, principal: Principal) -> Response:
        """Show the frames on demand, confirm, or reject."""
        identity, form = request.path_params["consent_id"], await self.read_form(request)
        action = form.get("action")
        if action == "reveal":
            return await self.show_one(request, principal, shows_frames=True)
        cleared = [name.removeprefix("clear_") for name in form if name.startswith("clear_")]
        confirm = action == "confirm"
        await self.run(lambda: self._requests.decide(principal, identity, confirm=confirm, cleared=cleared))
        return self.redirect("/consents")

    async def frames(self, request: Request, principal: Principal) -> Response:
        """The frames of the subject's clip. Each view is recorded in the audit log."""
        identity = request.path_params["consent_id"]
        frames = await self.run(self._requests.show_media, principal, identity)
        return Response(frames, media_type="image/webp", headers={"cache-control": "no-store"})

    @property
    def _requests(self) -> ConsentRequests:
        if self.services.consents is None:
            raise NotFound("This server has no consents.")
        return self.services.consents.requests

    def _new_request(self, form: Form) -> NewConsentRequest:
        days = form.get("days", "")
        if not days.isdecimal() or len(days) > 9 or not 1 <= int(days) <= _MAX_DAYS:
            raise InvalidField("The days are a number from 1 to 731.", param="expires_at")
        return input_of(
            NewConsentRequest,
            form,
            expires_at=self.console.clock() + int(days) * _DAY_S,
            scope=[name for name in ("likeness", "voice") if form.get(name) == "yes"],
            commercial=form.get("commercial") == "yes",
            kinds=[kind.value for kind in UseKind if form.get(f"kind_{kind.value}") == "yes"],
            level=ConsentLevel.ON_CAMERA if form.get("level") == "2" else ConsentLevel.LINK,
        )

    async def show(
        self, request: Request, principal: Principal, *, asked: AskedConsent | None = None
    ) -> Response:
        problem, _ = find_refused(request)
        return await self.render_page(
            request,
            "consents.html",
            principal,
            alert=describe_problem(problem, self.translations(request)),
            requests=await self.run(self._requests.list, principal),
            may_ask=principal.has_scope(KeyScope.VIDEOS_WRITE),
            may_review=principal.has_scope(KeyScope.REVIEW),
            no_camera=self._requests.no_camera_reason is not None,
            asked=asked,
            page_languages=LANGUAGES,
            kinds=UseKind,
            max_days=_MAX_DAYS,
        )

    async def show_one(
        self, request: Request, principal: Principal, *, shows_frames: bool = False
    ) -> Response:
        t, (problem, _) = self.translations(request), find_refused(request)
        made: ConsentRequest = await self.run(
            self._requests.get, principal, request.path_params["consent_id"]
        )
        return await self.render_page(
            request,
            "consent_request.html",
            principal,
            alert=describe_problem(problem, t),
            made=made,
            terms=terms_rows(made, t),
            is_asker=made.asked_by == principal.id,
            may_review=principal.has_scope(KeyScope.REVIEW),
            shows_frames=shows_frames,
        )
