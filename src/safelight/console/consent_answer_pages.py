"""Pages for the subject of a consent: answer a request, list its uses, and withdraw. No account is needed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import NotFound, SafelightError
from safelight.i18n import load_messages
from safelight.trust.consent_requests import ConsentRequest, SubjectAnswer, SubjectAnswers, SubjectPage
from safelight.trust.consents import ConsentLevel
from safelight.web.auth import AppState, check_same_origin
from safelight.web.consent_call import base_url, device_of
from safelight.web.middleware import PERMISSIONS_POLICY
from safelight.web.rate_limit import RateLimiter
from safelight.web.request_body import Body, read_body, read_short_form

from .consent_view import describe_problem, terms_rows
from .handler import PageHandler
from .login import MAX_SIGN_INS, SIGN_IN_WINDOW_S
from .render import Pages
from .services import ConsoleServices
from .translations import format_datetime

#: A clip of half a minute from a telephone.
_MAX_UPLOAD_BYTES = 96 << 20
#: The subject records the clip on the page.
_WITH_CAMERA = PERMISSIONS_POLICY.replace("camera=()", "camera=(self)")


class ConsentAnswerPages(PageHandler):
    """Handlers of the pages that a secret link opens."""

    def __init__(self, state: AppState, pages: Pages, console: ConsoleServices) -> None:
        super().__init__(state, pages, console)
        self._rate_limiter = RateLimiter(MAX_SIGN_INS, SIGN_IN_WINDOW_S)

    async def show(self, request: Request) -> Response:
        """What is asked. Opening the link does not use it up."""
        return await self._render_question(request, request.query_params.get("token", ""))

    async def answer(self, request: Request) -> Response:
        """Accept or refuse, and show the link of the subject's page once."""
        check_same_origin(request)
        self._limit(request)
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
        check_same_origin(request)
        self._limit(request)
        token = (await read_short_form(request, self.services)).get("token", "")
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

    def _limit(self, request: Request) -> None:
        self._rate_limiter.allow(request.client.host if request.client else "")

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
        t = self.translations(request)
        on_camera = asked is not None and asked.level is ConsentLevel.ON_CAMERA
        response = await self._render(
            request,
            "consent.html",
            problem.status if problem else 200,
            asked=asked,
            rows=terms_rows(asked, t) if asked else [],
            on_camera=on_camera,
            action=f"/consent?{urlencode({'token': token})}",
            problem=describe_problem(problem, t),
            page_address=f"/consent?{urlencode({'token': token})}",
        )
        if on_camera:
            response.headers["permissions-policy"] = _WITH_CAMERA
        return response

    async def _render_page(
        self, request: Request, token: str, page: SubjectPage | None, *, problem: NotFound | None = None
    ) -> Response:
        t = self.translations(request)
        uses = [
            {"id": use.video_id, "at": format_datetime(use.at, t), "state": use.state}
            for use in (page.uses if page else ())
        ]
        return await self._render(
            request,
            "consent_page.html",
            problem.status if problem else 200,
            page=page,
            rows=terms_rows(page.request, t) if page else [],
            uses=uses,
            can_withdraw=page is not None and page.request.state.value in ("given", "waiting"),
            token=token,
            problem=describe_problem(problem, t),
            page_address=f"/consent/page?{urlencode({'token': token})}",
        )

    async def _render(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        c = load_messages("consents", self.translations(request).tag)
        response = await self.render_page(request, template, None, status, c=c, **values)
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
