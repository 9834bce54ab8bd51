"""Sign-in through an OpenID provider, and the provider's message that a person signed out there."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from safelight.errors import NotFound, SafelightError, Unauthenticated
from safelight.trust.openid import CallbackAnswer, OpenIdSignIn
from safelight.web.auth import AppState, browser_of
from safelight.web.rate_limit import RateLimiter
from safelight.web.request_body import read_short_form

from .login import MAX_SIGN_INS, SIGN_IN_WINDOW_S, Login, local_path, start_session, store_language
from .services import ConsoleServices

#: Binds the answer of the provider to the browser that began the sign-in.
ATTEMPT_COOKIE = "safelight_openid"
_ATTEMPT_PATH = "/login/openid"


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
        response.set_cookie(
            ATTEMPT_COOKIE,
            begun.browser_secret,
            httponly=True,
            # With `strict`, the browser would not send it when the provider leads back.
            samesite="lax",
            secure=request.url.scheme == "https",
            path=_ATTEMPT_PATH,
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
            response = await self._login.show_next(request, done.back, "sign_in.signed_in")
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
            self._refused_messages.allow(_address_of(request))
            answer = {"error": "invalid_request", "error_description": problem.message}
            return JSONResponse(answer, status_code=400)
        return Response(status_code=200)

    def _count(self, request: Request) -> None:
        self._rate_limiter.allow(_address_of(request))

    @property
    def _sign_in(self) -> OpenIdSignIn:
        if self._console.openid is None:
            raise NotFound("This server has no sign-in through a provider.")
        return self._console.openid.sign_in


def _address_of(request: Request) -> str:
    return request.client.host if request.client else ""
