"""The form with which a person without an account says that an answer on the origin of a file looks wrong."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import InvalidField
from safelight.provenance.recovery.conclusion import Answer, Ground
from safelight.trust.seals import NewFeedback
from safelight.web.auth import AppState, check_same_origin
from safelight.web.rate_limit import RateLimiter
from safelight.web.request_body import read_short_form

from .handler import PageHandler
from .render import Pages
from .services import ConsoleServices

#: Forms of one address, valid or not.
_MAX_FORMS, _FORMS_WINDOW_S = 10, 3600.0
#: 2,000 Chinese characters are 18 kB in a form.
_MAX_FORM_BYTES = 32 * 1024


class FeedbackPages(PageHandler):
    """Handlers that work without an account and without scripts."""

    def __init__(self, state: AppState, pages: Pages, console: ConsoleServices) -> None:
        super().__init__(state, pages, console)
        self._rate_limiter = RateLimiter(_MAX_FORMS, _FORMS_WINDOW_S)

    async def send(self, request: Request) -> Response:
        check_same_origin(request)
        # Before the body is read, because no account is needed.
        self._rate_limiter.allow(request.client.host if request.client else "")
        form = await read_short_form(request, self.services, max_bytes=_MAX_FORM_BYTES)
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
            problem.status if problem else 200,
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
