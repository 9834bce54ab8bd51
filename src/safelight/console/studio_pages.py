"""The studio: words looked at as they are typed, an order, and what became of it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import BadInput, NotFound, RateLimited, RequestBlocked, SafelightError
from safelight.trust.accounts import KeyScope, Principal
from safelight.web.create_request import create_request
from safelight.web.request_body import read_body
from safelight.web.video_facts import valid_video_id

from .check_view import FIELD, providers, view
from .handler import PageHandler, texts
from .studio import FIELDS, Studio
from .video_view import row, video_view

RECENT = 6


class StudioPages(PageHandler):
    """The first page anyone sees."""

    async def studio(self, request: Request, principal: Principal) -> Response:
        form = dict(self._studio.defaults())
        form |= {name: request.query_params[name][:32_000] for name in FIELDS if name in request.query_params}
        if source := request.query_params.get("from", ""):
            video = await self.run(self.services.videos.get, principal, valid_video_id(source))
            form["prompt"] = video.prompt
        return await self._whole(request, principal, form, {})

    async def create(self, request: Request, principal: Principal) -> Response:
        """Order a video. A script gets the part of the page that changes, a plain form the whole page."""
        principal.require(KeyScope.VIDEOS_WRITE)
        services = self.services
        async with read_body(request, services) as body:
            given = texts(body)
            form = {name: given.get(name, "") for name in FIELDS}
            body.fields.pop("for", None)
            try:
                asked = create_request(body.fields, body.uploads, max_prompt_chars=services.max_prompt_chars)
                video = await self.run(services.videos.create, principal, asked)
                video_id, status = video.id, 200
            except RequestBlocked as error:
                video_id, status = str(error.details["video_id"]), error.status
            except SafelightError as error:
                return await self._outcome(request, principal, form, {"problem": error}, error.status)
        if status == 200 and not self.wants_part(request):
            return self.redirect(f"/videos/{video_id}")
        record = await self.run(services.videos.record, principal, video_id)
        view = video_view(record.video, record, self.words(request), services.taxonomy)
        return await self._outcome(request, principal, form, {"video": view}, status)

    async def check(self, request: Request, principal: Principal) -> Response:
        """What would become of the words in the form; nothing is ordered. The part for a script, else all."""
        services, words = self.services, self.words(request)
        if services.checks is None:
            raise NotFound("This gateway makes no checks.")
        async with read_body(request, services) as body:
            form = {name: value for name, value in texts(body).items() if name in FIELDS}
            asked = form.get("for", "")
            body.fields.pop("for", None)
            values: dict[str, Any] = {"checked": None, "problem": None}
            try:
                order = create_request(body.fields, body.uploads, max_prompt_chars=services.max_prompt_chars)
                found, _, price = await self.run(services.checks.check, principal, order, asked=asked)
                prompt = form.get(FIELD, "")
                values["checked"] = view(found, price, prompt, services.taxonomy, words)
            except (BadInput, RateLimited) as problem:
                values["problem"] = problem
        if self.wants_part(request):
            return await self.page(request, "checks.html", principal, **values)
        return await self._whole(request, principal, dict(self._studio.defaults()) | form, {"checks": values})

    @property
    def _studio(self) -> Studio:
        return Studio(self.services)

    async def _outcome(
        self,
        request: Request,
        principal: Principal,
        form: dict[str, str],
        outcome: dict[str, Any],
        status: int,
    ) -> Response:
        if self.wants_part(request):
            values = {"video": None, "problem": None, **outcome}
            return await self.page(request, "part.html", principal, status, **values)
        return await self._whole(request, principal, form, outcome, status)

    async def _whole(
        self,
        request: Request,
        principal: Principal,
        form: dict[str, str],
        outcome: dict[str, Any],
        status: int = 200,
    ) -> Response:
        words, services = self.words(request), self.services
        recent = await self.run(services.videos.list, principal, after=None, limit=RECENT, order="desc")
        table = await self.run(services.videos.coverage)
        values: dict[str, Any] = {
            "form": form,
            "choices": self._studio.choices(words),
            "coverage": self._studio.coverage(table, words),
            "recent": [row(video, words) for video in recent.videos],
            "most": services.max_prompt_chars,
            "video": None,
            "problem": None,
            "checks": {"checked": None, "problem": None},
            "can_check": services.checks is not None and principal.has_scope(KeyScope.CHECKS),
            "providers": providers(),
            **outcome,
        }
        return await self.page(request, "studio.html", principal, status, **values)
