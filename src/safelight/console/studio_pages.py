"""The studio: check a prompt, request a video, and show the outcome."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.advice.prompt_advice import AdviceOptions
from safelight.errors import BadInput, NotFound, RateLimited, RequestBlocked, SafelightError
from safelight.i18n import load_messages
from safelight.jobs.models import VideoFilter
from safelight.moderation.coverage_count import installed_checks
from safelight.policy.intended_use import UseKind
from safelight.trust.accounts import KeyScope, Principal
from safelight.web.create_request import create_request
from safelight.web.request_body import read_body
from safelight.web.video_facts import valid_video_id

from .check_view import check_view
from .form_key import FORM_ID, form_key, new_form_id
from .handler import PageHandler
from .prompt_highlights import PROMPT_FIELD
from .studio import FORM_FIELDS, USE_FIELDS, StudioForm, form_values, is_own_hardware, list_providers
from .video_card import VideoCard, video_card
from .video_view import video_view

RECENT_VIDEOS = 8


class StudioPages(PageHandler):
    """The studio form, which is the start page."""

    async def show(self, request: Request, principal: Principal) -> Response:
        """The form. A script gets only the fragment with the cards of recent videos.

        An auditor reads no videos and begins on the page for compliance.
        """
        if not principal.has_scope(KeyScope.VIDEOS_READ):
            return self.redirect("/compliance")
        if self.wants_fragment(request):
            cards = await self._recent_cards(request, principal)
            return await self.render_page(request, "video_grid.html", principal, cards=cards)
        form = dict(self._form.default_values())
        form |= {
            name: request.query_params[name][:32_000] for name in FORM_FIELDS if name in request.query_params
        }
        if source := request.query_params.get("from", ""):
            video = await self.run(self.services.videos.get, principal, valid_video_id(source))
            form["prompt"] = video.prompt
        return await self._render_studio(request, principal, form, {})

    async def create(self, request: Request, principal: Principal) -> Response:
        """Request a video. A script gets only the fragment that changes; a form without scripts gets a
        full page.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        services = self.services
        async with read_body(request, services) as body:
            form = dict.fromkeys(FORM_FIELDS, "") | form_values(body.fields)
            # Files are not part of the key, so a form with one has none. The script changes the id of its
            # form after each answer: the page stays, and the same request may be sent again on purpose.
            key = None if body.uploads else form_key(body.fields)
            body.fields.pop("provider", None)
            body.fields.pop(FORM_ID, None)
            try:
                asked = create_request(
                    body.fields,
                    body.uploads,
                    max_prompt_chars=services.max_prompt_chars,
                    idempotency_key=key,
                )
                video = await self.run(services.videos.create, principal, asked)
                video_id, status = video.id, 200
            except RequestBlocked as error:
                video_id, status = str(error.details["video_id"]), error.status
            except SafelightError as error:
                return await self._render_outcome(request, principal, form, {"problem": error}, error.status)
        if status == 200 and not self.wants_fragment(request):
            return self.redirect(f"/videos/{video_id}")
        record = await self.run(services.videos.record, principal, video_id)
        t, now = self.translations(request), self.console.clock()
        installed = installed_checks(await self.run(services.videos.coverage))
        view = video_view(record.video, record, t, services.taxonomy, now=now, installed=installed)
        return await self._render_outcome(request, principal, form, {"video": view}, status)

    async def check(self, request: Request, principal: Principal) -> Response:
        """Check the prompt without requesting a video.

        A script gets only the fragment that changes; a form without scripts gets a full page.
        """
        services, t = self.services, self.translations(request)
        if services.checks is None:
            raise NotFound("This server does not check prompts.")
        async with read_body(request, services) as body:
            form = form_values(body.fields)
            asked = form.get("provider", "").strip()
            body.fields.pop("provider", None)
            body.fields.pop(FORM_ID, None)
            values: dict[str, Any] = {"check": None, "problem": None}
            try:
                order = create_request(body.fields, body.uploads, max_prompt_chars=services.max_prompt_chars)
                found, admitted, price = await self.run(
                    services.checks.check,
                    principal,
                    order,
                    options=AdviceOptions(provider=asked),
                )
                prompt = form.get(PROMPT_FIELD, "")
                own = not asked and is_own_hardware(services, admitted.generator)
                values["check"] = check_view(found, price, prompt, services.taxonomy, t, own_hardware=own)
            except (BadInput, RateLimited) as problem:
                values["problem"] = problem
        if self.wants_fragment(request):
            return await self.render_page(
                request, "check_result.html", principal, a=load_messages("advice", t.tag), **values
            )
        return await self._render_studio(
            request, principal, dict(self._form.default_values()) | form, {"checks": values}
        )

    @property
    def _form(self) -> StudioForm:
        return StudioForm(self.services)

    async def _recent_cards(self, request: Request, principal: Principal) -> list[VideoCard]:
        recent = await self.run(
            self.services.videos.find, principal, VideoFilter(), after=None, limit=RECENT_VIDEOS
        )
        t, now = self.translations(request), self.console.clock()
        return [video_card(video, now, t) for video in recent.items]

    async def _render_outcome(
        self,
        request: Request,
        principal: Principal,
        form: dict[str, str],
        outcome: dict[str, Any],
        status: int,
    ) -> Response:
        if self.wants_fragment(request):
            values = {"video": None, "problem": None, **outcome}
            return await self.render_page(request, "fragment.html", principal, status, **values)
        return await self._render_studio(request, principal, form, outcome, status)

    async def _render_studio(
        self,
        request: Request,
        principal: Principal,
        form: dict[str, str],
        outcome: dict[str, Any],
        status: int = 200,
    ) -> Response:
        t, services = self.translations(request), self.services
        values: dict[str, Any] = {
            "form": form,
            "form_id": new_form_id(),
            "a": load_messages("advice", t.tag),
            "c": load_messages("consents", t.tag),
            "kinds": [kind.value for kind in UseKind],
            "use": {name: form.get(field, "") for name, field in USE_FIELDS.items()},
            "options": self._form.options(t),
            "cards": await self._recent_cards(request, principal),
            "max_prompt_chars": services.max_prompt_chars,
            "video": None,
            "problem": None,
            "checks": {"check": None, "problem": None},
            "can_check": services.checks is not None and principal.has_scope(KeyScope.CHECKS),
            "providers": list_providers(),
            **outcome,
        }
        return await self.render_page(request, "studio.html", principal, status, **values)
