"""The console's pages: studio, one video, sign-in, errors."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from safelight.api.auth import COOKIE, check_same_origin
from safelight.api.bodies import read_body
from safelight.api.intake import create_request
from safelight.api.state import AppState
from safelight.api.videos import known
from safelight.errors import Blocked, SafelightError, Unauthenticated
from safelight.trust.accounts import Principal, Scope

from .login import Login, first, local
from .render import THEME_COOKIE, THEMES, Pages
from .studio import FIELDS, Studio
from .view import row, video_view

RECENT = 12
_PART = "text/x-part"


class Console:
    """Everything a browser is shown. It asks the same service as the API, as the same principals."""

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._videos = state.services.videos
        self._pages = Pages(state)
        self._studio = Studio(state.services)
        self._login = Login(state, self._pages)

    def attach(self, app: FastAPI) -> None:
        """Add the pages to the app."""
        app.router.routes += [
            Route("/", self.studio, methods=["GET"]),
            Route("/", self.create, methods=["POST"]),
            Route("/videos/{video_id}", self.video, methods=["GET"]),
            Route("/login", self._login.show, methods=["GET"]),
            Route("/login", self._login.redeem, methods=["POST"]),
            Route("/logout", self._login.sign_out, methods=["POST"]),
            Route("/theme", self.theme, methods=["POST"]),
            Route("/static/{version}/{name}", self.static, methods=["GET"]),
        ]

    async def studio(self, request: Request) -> Response:
        """The first page anyone sees."""
        principal = await self._principal(request)
        if principal is None:
            return first(request)
        form = dict(self._studio.defaults())
        source = request.query_params.get("from", "")
        if source:
            video = await self._state.threads.run(self._videos.get, principal, known(source))
            form["prompt"] = video.prompt
        return await self._page(request, principal, form, None)

    async def create(self, request: Request) -> Response:
        """Order a video. A script gets the part of the page that changes, a plain form the whole page."""
        principal = await self._principal(request)
        if principal is None:
            raise Unauthenticated("You are not signed in.", remedy="Open a login link.")
        principal.require(Scope.VIDEOS_WRITE)
        check_same_origin(request)
        words = self._pages.words(request)
        services = self._state.services
        async with read_body(request, services) as body:
            form = {name: str(body.fields.get(name) or "") for name in FIELDS}
            try:
                asked = create_request(body.fields, body.uploads, max_prompt_chars=services.max_prompt_chars)
                video = await self._state.threads.run(self._videos.create, principal, asked)
                video_id, status = video.id, 200
            except Blocked as error:
                video_id, status = str(error.details["video_id"]), error.status
            except SafelightError as error:
                return await self._outcome(request, principal, form, {"problem": error}, error.status)
        if status == 200 and not self._wants_part(request):
            return RedirectResponse(f"/videos/{video_id}", status_code=303)
        record = await self._state.threads.run(self._videos.record, principal, video_id)
        view = video_view(record.video, record, words)
        return await self._outcome(request, principal, form, {"video": view}, status)

    async def video(self, request: Request) -> Response:
        """One video: its way, verdict, seal; whole, or the part that changes."""
        principal = await self._principal(request)
        if principal is None:
            return first(request)
        principal.require(Scope.VIDEOS_READ)
        video_id = known(request.path_params["video_id"])
        record = await self._state.threads.run(self._videos.record, principal, video_id)
        view = video_view(record.video, record, self._pages.words(request))
        template = "part.html" if self._wants_part(request) else "video.html"
        return await self._pages.render(
            request, template, {"video": view, "problem": None, "signed_in": principal.name}
        )

    async def theme(self, request: Request) -> Response:
        """Keep the choice of colours and go back to the page."""
        check_same_origin(request)
        async with read_body(request, self._state.services) as body:
            chosen = str(body.fields.get("theme", ""))
            back = str(body.fields.get("back", "/"))
        response = RedirectResponse(local(back), status_code=303)
        if chosen in THEMES:
            response.set_cookie(THEME_COOKIE, chosen, max_age=31_536_000, samesite="strict", path="/")
        return response

    async def static(self, request: Request) -> Response:
        return self._pages.static(request)

    def wants_page(self, request: Request) -> bool:
        """Whether a person is to read the answer: not for `/v1`, and only where HTML is asked for."""
        path = request.url.path
        return not path.startswith("/v1/") and "text/html" in request.headers.get("accept", "")

    async def error_page(
        self, request: Request, error: SafelightError | None, response: Response
    ) -> Response:
        """The page in place of an error's JSON, with its id and a next step."""
        status = response.status_code
        values: dict[str, Any] = {"status": status, "kind": _kind(status), "error": error}
        page = await self._pages.render(request, "error.html", values, status=status)
        for name in ("retry-after", "allow", "x-should-retry", "www-authenticate"):
            if name in response.headers:
                page.headers[name] = response.headers[name]
        return page

    async def _principal(self, request: Request) -> Principal | None:
        cookie = request.cookies.get(COOKIE)
        if not cookie:
            return None
        try:
            return await self._state.threads.run(self._state.services.accounts.session, cookie)
        except Unauthenticated:
            return None

    async def _outcome(
        self,
        request: Request,
        principal: Principal,
        form: dict[str, str],
        outcome: dict[str, Any],
        status: int,
    ) -> Response:
        values = {"video": None, "problem": None, **outcome}
        if self._wants_part(request):
            return await self._pages.render(request, "part.html", values, status=status)
        return await self._page(request, principal, form, values, status)

    async def _page(
        self,
        request: Request,
        principal: Principal,
        form: dict[str, str],
        outcome: dict[str, Any] | None,
        status: int = 200,
    ) -> Response:
        run = self._state.threads.run
        words = self._pages.words(request)
        recent = await run(self._videos.list, principal, after=None, limit=RECENT, order="desc")
        table = await run(self._videos.coverage)
        values = {
            "form": form,
            "choices": self._studio.choices(words),
            "coverage": self._studio.coverage(table, words),
            "recent": [row(video, words) for video in recent.videos],
            "most": self._state.services.max_prompt_chars,
            "signed_in": principal.name,
            "video": None,
            "problem": None,
            **(outcome or {}),
        }
        return await self._pages.render(request, "studio.html", values, status=status)

    def _wants_part(self, request: Request) -> bool:
        return request.headers.get("accept", "").startswith(_PART)


def _kind(status: int) -> str:
    known = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 410: "not_found", 429: "limited"}
    if status in known:
        return known[status]
    if status == 503:
        return "unavailable"
    return "input" if status < 500 else "fault"
