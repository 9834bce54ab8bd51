"""Pages of the staff for consents: ask, see the state of requests, and confirm what was given on camera."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import InvalidField, NotFound, SafelightError
from safelight.i18n import LANGUAGES, load_messages
from safelight.policy.intended_use import UseKind
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.consent_requests import (
    AskedConsent,
    ConsentRequest,
    ConsentRequests,
    NewConsentRequest,
    RequestState,
)
from safelight.trust.consents import ConsentLevel
from safelight.web.consent_call import base_url, device_of

from .consent_view import describe_problem, terms_rows
from .handler import PageHandler
from .translations import format_date, format_datetime

_MAX_DAYS = 731
_DAY_S = 86_400.0


class ConsentPages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        return await self._render_list(request, principal)

    async def ask(self, request: Request, principal: Principal) -> Response:
        """Ask for a consent. Without a mail server, the link is shown once."""
        form = await self.read_form(request)
        device = await device_of(request)
        try:
            new = self._new_request(form)
            asked = await self.run(
                lambda: self._requests.ask(principal, new, device, base_url=base_url(request))
            )
        except SafelightError as problem:
            return await self._render_list(request, principal, problem=problem, form=form)
        return await self._render_list(request, principal, asked=asked)

    async def show_one(self, request: Request, principal: Principal) -> Response:
        return await self._render_one(request, principal)

    async def decide(self, request: Request, principal: Principal) -> Response:
        """Show the frames on demand, confirm, or reject."""
        identity, form = request.path_params["consent_id"], await self.read_form(request)
        action = form.get("action")
        try:
            if action == "reveal":
                return await self._render_one(request, principal, shows_frames=True)
            cleared = [name.removeprefix("clear_") for name in form if name.startswith("clear_")]
            confirm = action == "confirm"
            await self.run(
                lambda: self._requests.decide(principal, identity, confirm=confirm, cleared=cleared)
            )
        except NotFound:
            raise
        except SafelightError as problem:
            return await self._render_one(request, principal, problem=problem)
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

    def _new_request(self, form: dict[str, str]) -> NewConsentRequest:
        days = form.get("days", "")
        if not days.isdecimal() or len(days) > 9 or not 1 <= int(days) <= _MAX_DAYS:
            raise InvalidField("The days are a number from 1 to 731.", param="expires_at")
        return NewConsentRequest(
            asker=form.get("asker", ""),
            subject=form.get("subject", ""),
            email=form.get("email", ""),
            uses=form.get("uses", ""),
            territory=form.get("territory", ""),
            expires_at=self.console.clock() + int(days) * _DAY_S,
            scope=[name for name in ("likeness", "voice") if form.get(name) == "yes"],
            commercial=form.get("commercial") == "yes",
            kinds=[kind.value for kind in UseKind if form.get(f"kind_{kind.value}") == "yes"],
            language=form.get("language", "en"),
            level=ConsentLevel.ON_CAMERA if form.get("level") == "2" else ConsentLevel.LINK,
        )

    async def _render_list(
        self,
        request: Request,
        principal: Principal,
        *,
        asked: AskedConsent | None = None,
        problem: SafelightError | None = None,
        form: dict[str, str] | None = None,
    ) -> Response:
        t = self.translations(request)
        c = load_messages("consents", t.tag)
        found = await self.run(self._requests.list, principal)
        rows = [
            {
                "id": each.id,
                "subject": each.subject,
                "level": c(f"level_short.{each.reachable_level.value}"),
                "state": c(f"state.{each.state.value}"),
                "waits": each.state is RequestState.WAITING,
                "asked": format_date(each.created_at, t),
                "until": format_date(each.terms.expires_at, t),
            }
            for each in found
        ]
        return await self.render_page(
            request,
            "consents.html",
            principal,
            problem.status if problem else 200,
            c=c,
            rows=rows,
            may_ask=principal.has_scope(KeyScope.VIDEOS_WRITE),
            may_review=principal.has_scope(KeyScope.REVIEW),
            no_camera=self._requests.no_camera_reason is not None,
            asked=asked,
            form=form or {},
            page_languages=LANGUAGES,
            kinds=[kind.value for kind in UseKind],
            max_days=_MAX_DAYS,
            problem=describe_problem(problem, t),
        )

    async def _render_one(
        self,
        request: Request,
        principal: Principal,
        *,
        shows_frames: bool = False,
        problem: SafelightError | None = None,
    ) -> Response:
        t = self.translations(request)
        made: ConsentRequest = await self.run(
            self._requests.get, principal, request.path_params["consent_id"]
        )
        values: dict[str, Any] = {
            "made": made,
            "terms": terms_rows(made, t),
            "answered": format_datetime(made.answered_at, t) if made.answered_at else "",
            "waits": made.state is RequestState.WAITING,
            "is_asker": made.asked_by == principal.id,
            "may_review": principal.has_scope(KeyScope.REVIEW),
            "flags": [flag.value for flag in made.flags],
            "shows_frames": shows_frames,
            "problem": describe_problem(problem, t),
        }
        c, status = load_messages("consents", t.tag), problem.status if problem else 200
        return await self.render_page(request, "consent_request.html", principal, status, c=c, **values)
