"""A try of a prompt at the shortest length, after its price was shown, and the full video after it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import Conflict, InvalidField, NotFound, RequestBlocked
from safelight.i18n import load_messages
from safelight.jobs.models import VideoState
from safelight.moderation.coverage_count import installed_checks
from safelight.moderation.request import CreateRequest
from safelight.policy.verdicts import Action
from safelight.trust.accounts import KeyScope, Principal
from safelight.web.create_request import create_request
from safelight.web.video_facts import valid_video_id

from .form_key import form_key, new_form_id
from .handler import PageHandler
from .try_lengths import LengthPrice, find_try_lengths
from .video_view import video_view

_ALLOWED = (Action.ALLOW.value, Action.LABEL.value)


class TryPages(PageHandler):
    async def create(self, request: Request, principal: Principal) -> Response:
        """Submit the prompt at the shortest length, if it costs at most what the page has shown.

        The help gate decides first, as for suggestions. It counts as one check.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        services, t = self.services, self.translations(request)
        if services.checks is None:
            raise NotFound("This server does not check prompts.")
        sent = await self.read_form(request)
        offer = find_try_lengths(services.generators, sent.get("model", ""), t)
        if offer is None:
            raise InvalidField("This server has no such model.", param="model")
        _require_price(offer.shortest, sent.get("usd", ""))
        asked = self._request(sent, sent.get("prompt", ""), offer.model, offer.shortest)
        found, _, _ = await self.run(services.checks.check, principal, asked, estimates_risk=False)
        if found.verdict not in _ALLOWED or not found.prompt_advice.helps:
            wire = found.prompt_advice.as_wire(t.tag)["no_suggestions"]
            raise InvalidField(wire["text"] if wire else found.summary, param="prompt")
        rewritten = "?rewritten=1" if sent.get("rewritten") else ""
        return await self._submit(principal, asked, "/advice/try/{video}" + rewritten)

    async def create_full(self, request: Request, principal: Principal) -> Response:
        """Submit the prompt of a delivered try at a longer length, if it costs at most what was shown."""
        sent = await self.read_form(request)
        video_id = valid_video_id(request.path_params["video_id"])
        tried = await self.run(self.services.videos.get, principal, video_id)
        if tried.state is not VideoState.DELIVERED:
            raise Conflict("The try was not delivered. Nothing was sent.")
        offer = find_try_lengths(self.services.generators, tried.model, self.translations(request))
        longer = offer.longer if offer else ()
        length = next((one for one in longer if str(one.seconds) == sent.get("seconds")), None)
        if offer is None or length is None:
            raise InvalidField("This server does not sell this length.", param="seconds")
        _require_price(length, sent.get(f"usd_{length.seconds}", ""))
        asked = self._request(sent, tried.prompt, offer.model, length, size=f"{tried.width}x{tried.height}")
        return await self._submit(principal, asked, "/videos/{video}")

    def _request(
        self, sent: Mapping[str, str], prompt: str, model: str, length: LengthPrice, **fields: str
    ) -> CreateRequest:
        return create_request(
            {"prompt": prompt, "model": model, "seconds": str(length.seconds), **fields},
            max_prompt_chars=self.services.max_prompt_chars,
            idempotency_key=form_key(sent),
        )

    async def _submit(self, principal: Principal, asked: CreateRequest, page: str) -> Response:
        try:
            video = await self.run(self.services.videos.create, principal, asked)
        except RequestBlocked as error:
            return self.redirect(f"/videos/{error.details['video_id']}")
        return self.redirect(page.format(video=video.id))

    async def show(self, request: Request, principal: Principal) -> Response:
        """Progress and result of a try, and the longer lengths when it has passed."""
        services, t = self.services, self.translations(request)
        video_id = valid_video_id(request.path_params["video_id"])
        record = await self.run(services.videos.record, principal, video_id)
        installed = installed_checks(await self.run(services.videos.coverage))
        video = record.video
        view = video_view(video, record, t, services.taxonomy, now=self.console.clock(), installed=installed)
        values: dict[str, Any] = {
            "video": view,
            "offer": find_try_lengths(services.generators, video.model, t),
            "passed": video.state is VideoState.DELIVERED,
            "form_id": new_form_id(),
            "stop": view.blocked_by_provider and "rewritten" in request.query_params,
            "a": load_messages("advice", t.tag),
            "problem": None,
        }
        return await self.render_page(request, "try.html", principal, **values)


def _require_price(length: LengthPrice, shown: str) -> None:
    """Raise `Conflict` if a length costs more than was shown. `shown`: empty if no price was known."""
    now = length.usd
    try:
        costs_more = shown != now and not (now and shown and float(now) <= float(shown) < math.inf)
    except ValueError:
        costs_more = True
    if costs_more:
        raise Conflict("The price has changed since the page was shown. Nothing was sent.", param="usd")
