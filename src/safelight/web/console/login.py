"""Sign-in with password and one-time code or with a one-time link, and sign-out."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import quote, unquote, urlencode

import segno
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from safelight.accounts import KeyScope, Principal, SessionRecord
from safelight.accounts.openid import CallbackAnswer, OpenIdSignIn
from safelight.accounts.people import OpenInvitation, PersonState, Proofs, SignedIn, SignIn
from safelight.accounts.people.passwords import MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS
from safelight.accounts.people.service import MAX_EMAIL_CHARACTERS
from safelight.core.errors import NotFound, RateLimited, SafelightError, Unauthenticated
from safelight.core.i18n import load_messages
from safelight.web.auth import (
    COOKIE,
    AppState,
    browser_of,
    check_same_origin,
    clear_session,
    set_private_cookie,
    set_session,
)
from safelight.web.rate_limit import RateLimiter
from safelight.web.request_body import read_short_form

from .page_address import MAX_BACK_CHARACTERS, find_open_page
from .people_pages import describe_problem, people_texts
from .render import PageHandler, Pages, client_address, nav_items, store_language
from .services import ConsoleServices

#: Failed and successful sign-ins of one client address in five minutes. A company behind one address stays
#: below it; the failures for one account have their own, lower limit.
MAX_SIGN_INS = 60
SIGN_IN_WINDOW_S = 300.0
#: The page that asked for the sign-in, for a login link that is opened in another tab, and as long as a link
#: is valid.
BACK_COOKIE = "safelight_back"
BACK_TTL_S = 900
#: Binds the answer of the provider to the browser that began the sign-in.
ATTEMPT_COOKIE = "safelight_openid"
_ATTEMPT_PATH = "/login/openid"


class Login:
    """Handlers to sign in, with password and one-time code or with a one-time link, and to sign out.

    A login link opens a page with a button, and only the button signs in. Otherwise, the link preview of a
    mail program would use up the one-time link.
    """

    def __init__(self, state: AppState, pages: Pages, console: ConsoleServices) -> None:
        self._state = state
        self._pages = pages
        self._console = console
        self._rate_limiter = RateLimiter(MAX_SIGN_INS, SIGN_IN_WINDOW_S)

    async def show(self, request: Request) -> Response:
        query = request.query_params
        token = query.get("token", "")
        kept = unquote(request.cookies.get(BACK_COOKIE, "/")) if token else "/"
        back = local_path(query.get("back", kept))
        response = await self._page(request, token, back)
        if back != "/" and not token and len(quoted := quote(back)) <= MAX_BACK_CHARACTERS:
            set_private_cookie(
                response, request, BACK_COOKIE, quoted, path="/login", samesite="lax", max_age_s=BACK_TTL_S
            )
        return response

    async def redeem(self, request: Request) -> Response:
        """Sign in with a login link, or with e-mail address, password and one-time code."""
        check_same_origin(request)
        form = await read_short_form(request, self._state.services)
        back = local_path(form.get("back", "/"))
        try:
            if "email" in form:
                return await self._sign_in(request, form, back)
            return await self._redeem_link(request, form.get("token", ""), back)
        except (Unauthenticated, RateLimited) as problem:
            return await self._page(request, "", back, problem=problem, email=form.get("email"))

    async def _redeem_link(self, request: Request, token: str, back: str) -> Response:
        # The field accepts a whole pasted link as well as the token alone.
        token = token.strip().rpartition("token=")[2]
        session, secret = await self._state.threads.run(
            lambda: self._state.services.accounts.redeem_login_link(token, browser=browser_of(request))
        )
        response = RedirectResponse(find_start(request, session.principal, back), status_code=303)
        await start_session(self._state, request, response, session, secret)
        return response

    async def _sign_in(self, request: Request, form: dict[str, str], back: str) -> Response:
        if self._console.people is None:
            raise NotFound("This server has no accounts of people.")
        # Links are not counted: they cannot be guessed, and need no hash.
        self._rate_limiter.allow(request.client.host if request.client else "")
        proofs = Proofs(password=form.get("password", ""), code=form.get("code", ""))
        sign_in = self._console.people.sign_in.sign_in
        signed_in = await self._state.threads.run(
            lambda: sign_in(form["email"], proofs, browser=browser_of(request))
        )
        start = find_start(request, signed_in.session.principal, back)
        response = RedirectResponse(start, status_code=303)
        store_language(response, signed_in.language)
        await start_session(self._state, request, response, signed_in.session, signed_in.token)
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session here, and lead on to the provider through which the person signed in, if any."""
        check_same_origin(request)
        address = None
        if cookie := request.cookies.get(COOKIE):
            address = await self._state.threads.run(self._end_session, cookie)
        if address is None:
            response: Response = RedirectResponse("/login", status_code=303)
        else:
            # Browsers refuse to follow a form's redirect to another site.
            response = await self.show_next(request, address, "sign_in.signed_out", "sign_in.sign_out_there")
        clear_session(response, request)
        return response

    def _end_session(self, token: str) -> str | None:
        """End the session. Returns the address to sign out at the provider."""
        sessions, openid = self._state.services.accounts.sessions, self._console.openid
        session = sessions.identify(token) if openid is not None else ""
        sessions.end(token)
        return openid.sign_in.sign_out_url(session) if openid is not None else None

    async def show_next(
        self, request: Request, address: str, message: str, link: str = "sign_in.continue"
    ) -> Response:
        """A page that leads on to an address by itself, with a link to it."""
        values = {
            "p": people_texts(self._pages.translations(request)),
            "address": address,
            "message": message,
            "link": link,
            "provider": self._provider_name,
            "page_address": "/login",
        }
        return await self._pages.render(request, "continue.html", values)

    async def show_problem(self, request: Request, problem: SafelightError, back: str) -> Response:
        """The sign-in page with a problem of the sign-in through the provider."""
        return await self._page(request, "", back, problem=problem, email="")

    @property
    def _provider_name(self) -> str:
        return self._console.openid.name if self._console.openid is not None else ""

    async def _page(
        self,
        request: Request,
        token: str,
        back: str,
        *,
        problem: SafelightError | None = None,
        email: str | None = None,
    ) -> Response:
        p = people_texts(self._pages.translations(request))
        kept = ({"token": token} if token else {}) | ({"back": back} if back != "/" else {})
        values: dict[str, Any] = {
            "p": p,
            "token": token,
            "back": back,
            "has_people": self._console.people is not None
            and (
                email is not None
                or await self._state.threads.run(self._console.people.sign_in.is_anyone_enrolled)
            ),
            "has_ended": await self._has_ended(request),
            "link_failed": problem is not None and email is None,
            "problem": describe_problem(problem, p, provider=self._provider_name)
            if problem is not None and email is not None
            else "",
            "provider": self._provider_name,
            "openid_address": f"/login/openid?{urlencode({'back': back})}",
            # A change of language or theme leads here, with the token and the page that was asked for. The
            # page of an answer of the provider cannot be requested again.
            "page_address": f"/login?{urlencode(kept)}" if kept else "/login",
            "ask_for_access": self._ask_for_access(request),
            "email": (email or "")[:MAX_EMAIL_CHARACTERS],
        }
        return await self._pages.render(
            request, "login.html", values, status=problem.status if problem else 200
        )

    async def _has_ended(self, request: Request) -> bool:
        """Whether the browser had a session: a script says so, or it still has the cookie."""
        cookie = request.cookies.get(COOKIE)
        if not cookie:
            return "ended" in request.query_params
        return not await self._state.threads.run(self._state.services.accounts.sessions.identify, cookie)

    def _ask_for_access(self, request: Request) -> str:
        """The text of the link to the form; empty if this server accepts no requests for access."""
        standing = self._state.services.standing
        if standing is None or not standing.access.accepts_requests:
            return ""
        return load_messages("accounts", self._pages.translations(request).tag)("applicant.title")


async def start_session(
    state: AppState, request: Request, response: Response, session: SessionRecord, token: str
) -> None:
    """Give the browser a new session, and end the one that it had."""
    if previous := request.cookies.get(COOKIE):
        await state.threads.run(state.services.accounts.sessions.end, previous)
    if BACK_COOKIE in request.cookies:
        response.delete_cookie(BACK_COOKIE, path="/login")
    set_session(response, request, token, max_age_s=int(session.expires_at - session.created_at))


def find_start(request: Request, principal: Principal, back: str) -> str:
    """The page to show after the sign-in: `back` if the person may open it, else their first page.

    Who cannot request videos begins with the cases.
    """
    asked = "/review" if back == "/" and not principal.has_scope(KeyScope.VIDEOS_WRITE) else back
    return find_open_page(
        request, principal, (asked, "/", *(one.href for one in nav_items(principal, "", 0)))
    )


def local_path(back: str) -> str:
    """Return `back` if it is a path on this server, else `/`."""
    return back if back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable() else "/"


# Sign-in through an OpenID provider, and the provider's message that a person signed out there.


class OpenIdPages:
    """Handlers for the browser, and one for the provider itself."""

    def __init__(self, state: AppState, console: ConsoleServices, login: Login) -> None:
        self._state = state
        self._console = console
        self._login = login
        self._rate_limiter = RateLimiter(MAX_SIGN_INS, SIGN_IN_WINDOW_S)
        self._refused_messages = RateLimiter(MAX_SIGN_INS, SIGN_IN_WINDOW_S)

    async def begin(self, request: Request) -> Response:
        """Lead the browser to the provider."""
        sign_in = self._sign_in
        self._count(request)
        back = local_path(request.query_params.get("back", "/"))
        try:
            begun = await self._state.threads.run(sign_in.begin, back)
        except SafelightError as problem:
            return await self._login.show_problem(request, problem, back)
        response = RedirectResponse(begun.url, status_code=303)
        # With `strict`, the browser would not send it when the provider leads back.
        set_private_cookie(
            response, request, ATTEMPT_COOKIE, begun.browser_secret, path=_ATTEMPT_PATH, samesite="lax"
        )
        return response

    async def complete(self, request: Request) -> Response:
        """Sign the person in whom the provider has led back."""
        sign_in = self._sign_in
        self._count(request)
        query = request.query_params
        answer = CallbackAnswer(
            state=query.get("state", ""),
            code=query.get("code", ""),
            issuer=query.get("iss", ""),
            error=query.get("error", ""),
        )
        secret = request.cookies.get(ATTEMPT_COOKIE, "")
        try:
            done = await self._state.threads.run(
                lambda: sign_in.complete(answer, secret, browser=browser_of(request))
            )
        except SafelightError as problem:
            response = await self._login.show_problem(request, problem, "/")
        else:
            # A redirect from another site would not carry the new cookie, which is `SameSite=strict`.
            response = await self._login.show_next(
                request,
                find_start(request, done.signed_in.session.principal, done.back),
                "sign_in.signed_in",
            )
            store_language(response, done.signed_in.language)
            await start_session(self._state, request, response, done.signed_in.session, done.signed_in.token)
        response.delete_cookie(ATTEMPT_COOKIE, path=_ATTEMPT_PATH)
        return response

    async def end_by_provider(self, request: Request) -> Response:
        """Back-channel logout: the provider reports that a person signed out there.

        Only refused messages count: a provider sends one message for each session from one address, and does
        not repeat it.
        """
        sign_in = self._sign_in
        form = await read_short_form(request, self._state.services)
        try:
            await self._state.threads.run(sign_in.end_by_provider, form.get("logout_token", ""))
        except Unauthenticated as problem:
            self._refused_messages.allow(client_address(request))
            answer = {"error": "invalid_request", "error_description": problem.message}
            return JSONResponse(answer, status_code=400)
        return Response(status_code=200)

    def _count(self, request: Request) -> None:
        self._rate_limiter.allow(client_address(request))

    @property
    def _sign_in(self) -> OpenIdSignIn:
        if self._console.openid is None:
            raise NotFound("This server has no sign-in through a provider.")
        return self._console.openid.sign_in


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
            "alert": describe_problem(problem, p, unauthenticated="error.invitation") if problem else "",
            "min_password": MIN_PASSWORD_CHARACTERS,
            "max_password": MAX_PASSWORD_CHARACTERS,
            # A change of language or theme leads back here, with the token.
            "page_address": f"/invitation?{urlencode({'token': token})}",
        }
        return await self.render_page(request, "invitation.html", problem=problem, **values)

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
