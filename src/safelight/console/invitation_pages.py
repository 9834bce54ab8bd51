"""The page of an invitation: a person sets a password and an authenticator, and gets recovery codes."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlencode

import segno
from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import NotFound, SafelightError, Unauthenticated
from safelight.trust.people import OpenInvitation, PersonState, Proofs, SignedIn, SignIn
from safelight.trust.people.passwords import MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS
from safelight.web.auth import AppState, browser_of, check_same_origin
from safelight.web.rate_limit import RateLimiter
from safelight.web.request_body import read_short_form

from .handler import PageHandler
from .login import MAX_SIGN_INS, SIGN_IN_WINDOW_S, start_session, store_language
from .people_texts import describe_problem, people_texts
from .render import Pages
from .services import ConsoleServices


class InvitationPages(PageHandler):
    """Handlers of the page of an invitation. The token in its address identifies an account."""

    def __init__(self, state: AppState, pages: Pages, console: ConsoleServices) -> None:
        super().__init__(state, pages, console)
        self._rate_limiter = RateLimiter(MAX_SIGN_INS, SIGN_IN_WINDOW_S)

    async def show(self, request: Request) -> Response:
        return await self._render_form(request, request.query_params.get("token", ""))

    async def accept(self, request: Request) -> Response:
        """Set password and authenticator, sign in, and show the recovery codes once."""
        check_same_origin(request)
        # Before the body is read, because a client needs no account to send one.
        self._rate_limiter.allow(request.client.host if request.client else "")
        form = await read_short_form(request, self.services)
        token = form.get("token", "")
        sealed_secret = form.get("secret", "")
        proofs = Proofs(
            password=form.get("password", ""), code=form.get("code", ""), sealed_secret=sealed_secret
        )
        try:
            signed_in = await self.run(
                lambda: self._sign_in.accept(token, proofs, browser=browser_of(request))
            )
        except SafelightError as problem:
            return await self._render_form(request, token, sealed_secret, problem=problem)
        return await self._render_codes(request, signed_in)

    @property
    def _sign_in(self) -> SignIn:
        if self.console.people is None:
            raise NotFound("This server has no accounts of people.")
        return self.console.people.sign_in

    async def _render_form(
        self,
        request: Request,
        token: str,
        sealed_secret: str = "",
        *,
        problem: SafelightError | None = None,
    ) -> Response:
        p = people_texts(self.translations(request))
        invitation: OpenInvitation | None = None
        try:
            invitation = await self.run(self._sign_in.invited, token, sealed_secret)
        except Unauthenticated as invalid:
            problem = invalid
        values: dict[str, Any] = {
            "p": p,
            "token": token,
            "invitation": invitation,
            "is_change": invitation is not None and invitation.person.state is PersonState.ACTIVE,
            "qr_code": _draw_qr_code(invitation.totp_address, p("invitation.qr_label")) if invitation else "",
            "secret_groups": _in_groups(invitation.totp_secret) if invitation else "",
            "problem": describe_problem(problem, p, unauthenticated="error.invitation") if problem else "",
            "min_password": MIN_PASSWORD_CHARACTERS,
            "max_password": MAX_PASSWORD_CHARACTERS,
            # A change of language or theme leads back here, with the token.
            "page_address": f"/invitation?{urlencode({'token': token})}",
        }
        return await self.render_page(
            request, "invitation.html", None, problem.status if problem else 200, **values
        )

    async def _render_codes(self, request: Request, signed_in: SignedIn) -> Response:
        response = await self.render_page(
            request,
            "recovery_codes.html",
            signed_in.session.principal,
            p=people_texts(self.translations(request)),
            codes=signed_in.recovery_codes,
            page_address="/account",
        )
        store_language(response, signed_in.language)
        await start_session(self.state, request, response, signed_in.session, signed_in.token)
        return response


def _draw_qr_code(address: str, label: str) -> str:
    """The address as SVG. It has no inline style, which the pages forbid."""
    drawn = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        drawn,
        kind="svg",
        xmldecl=False,
        svgns=False,
        nl=False,
        border=4,
        omitsize=True,
        title=label,
        svgclass="qr",
        lineclass=None,
        dark="#000",
        light="#fff",
    )
    return drawn.getvalue().decode()


def _in_groups(secret: str) -> str:
    """The secret in groups of four characters, which are easier to type."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
