"""A try of a prompt at the shortest length, after its price was shown, and the full video after it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import Conflict, InvalidField, NotFound, RequestBlocked
from safelight.i18n import load_messages
from safelight.jobs.states import VideoState
from safelight.moderation.coverage_count import installed_checks
from safelight.policy.verdicts import Action
from safelight.trust.accounts import KeyScope, Principal
from safelight.web.create_request import create_request
from safelight.web.video_facts import valid_video_id

from .handler import PageHandler
from .try_lengths import TryLengths, find_try_lengths
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
        _require_price(offer, sent.get("usd", ""))
        fields = {
            "prompt": sent.get("prompt", ""),
            "model": offer.model,
            "seconds": str(offer.shortest.seconds),
        }
        asked = create_request(fields, max_prompt_chars=services.max_prompt_chars)
        found, _, _ = await self.run(services.checks.check, principal, asked, estimates_risk=False)
        if found.verdict not in _ALLOWED or not found.prompt_advice.helps:
            wire = found.prompt_advice.as_wire(t.tag)["no_suggestions"]
            raise InvalidField(wire["text"] if wire else found.summary, param="prompt")
        try:
            video = await self.run(services.videos.create, principal, asked)
        except RequestBlocked as error:
            return self.redirect(f"/videos/{error.details['video_id']}")
        rewritten = "?rewritten=1" if sent.get("rewritten") else ""
        return self.redirect(f"/advice/try/{video.id}{rewritten}")

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
            "size": f"{video.width}x{video.height}",
            "prompt": video.prompt,
            "stop": view.blocked_by_provider and "rewritten" in request.query_params,
            "a": load_messages("advice", t.tag),
            "problem": None,
        }
        return await self.render_page(request, "try.html", principal, **values)


def _require_price(offer: TryLengths, shown: str) -> None:
    """Raise `Conflict` if the try costs more than was shown. `shown`: empty if no price was known."""
    now = offer.shortest.usd
    try:
        costs_more = shown != now and (not now or not shown or float(now) > float(shown))
    except ValueError:
        costs_more = True
    if costs_more:
        raise Conflict("The price has changed since the page was shown. Nothing was sent.", param="usd")
