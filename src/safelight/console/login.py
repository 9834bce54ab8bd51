"""Sign-in with password and one-time code or with a one-time link, and sign-out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from safelight.errors import NotFound, RateLimited, SafelightError, Unauthenticated
from safelight.i18n import load_messages
from safelight.trust.accounts import SessionRecord
from safelight.trust.people import Proofs
from safelight.trust.people.service import MAX_EMAIL_CHARACTERS
from safelight.web.auth import COOKIE, AppState, browser_of, check_same_origin, clear_session, set_session
from safelight.web.rate_limit import RateLimiter
from safelight.web.request_body import read_short_form

from .page_address import find_address_after_sign_in
from .people_texts import describe_problem, people_texts
from .render import Pages
from .services import ConsoleServices
from .translations import COOKIE as LANGUAGE_COOKIE

#: How long a browser keeps the language and the theme: one year.
PREFERENCE_TTL_S = 31_536_000


#: Failed and successful sign-ins of one client address in five minutes. A company behind one address stays
#: below it; the failures for one account have their own, lower limit.
MAX_SIGN_INS = 60
SIGN_IN_WINDOW_S = 300.0


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
        return await self._page(request, query.get("token", ""), local_path(query.get("back", "/")))

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
        response = RedirectResponse(back, status_code=303)
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
        response = RedirectResponse(back, status_code=303)
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
            "has_people": self._console.people is not None,
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
    set_session(response, request, token, max_age_s=int(session.expires_at - session.created_at))


def store_language(response: Response, language: str) -> None:
    """Show the pages in this language in this browser."""
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=PREFERENCE_TTL_S, samesite="strict", path="/")


def redirect_to_login(request: Request) -> Response:
    """Redirect to the sign-in page, which leads back to this page.

    A browser that follows a link from another site does not send the `SameSite=strict` cookie. The sign-in
    page therefore offers a link to this page, which makes the browser send it.
    """
    back = find_address_after_sign_in(request)
    return RedirectResponse(f"/login?{urlencode({'back': back})}", status_code=303)


def local_path(back: str) -> str:
    """Return `back` if it is a path on this server, else `/`."""
    return back if back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable() else "/"
