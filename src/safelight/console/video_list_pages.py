"""The grid of videos, with filters and pagination."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.i18n import load_messages
from safelight.jobs.models import VideoFilter, VideoState
from safelight.trust.accounts import Principal
from safelight.web.video_facts import valid_video_id

from .handler import PageHandler
from .video_card import video_card

VIDEOS_PER_PAGE = 24

STATE_FILTERS: dict[str, frozenset[VideoState]] = {
    "all": frozenset(VideoState),
    "underway": frozenset(
        {VideoState.QUEUED, VideoState.GENERATING, VideoState.SCANNING, VideoState.SEALING}
    ),
    "held": frozenset({VideoState.HELD}),
    "delivered": frozenset({VideoState.DELIVERED}),
    "blocked": frozenset({VideoState.REJECTED, VideoState.BLOCKED, VideoState.WITHDRAWN}),
    "rejected": frozenset({VideoState.REJECTED}),
    "failed": frozenset({VideoState.FAILED}),
}


class VideoListPages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        """The videos, newest first. A script gets only the fragment with the cards.

        Query: `state` (one of `STATE_FILTERS`), `q` (part of the prompt), `view` (`grid` or `list`), `after`
        (the last id of the previous page).
        """
        state = request.query_params.get("state", "all")
        state = state if state in STATE_FILTERS else "all"
        search = request.query_params.get("q", "")[:200].strip()
        after_param = request.query_params.get("after")
        after = valid_video_id(after_param) if after_param else None
        wanted = VideoFilter(states=STATE_FILTERS[state], words=search)
        page = await self.run(
            self.services.videos.find, principal, wanted, after=after, limit=VIDEOS_PER_PAGE
        )
        t, now = self.translations(request), self.console.clock()
        cards = [video_card(video, now, t) for video in page.items]
        if self.wants_fragment(request):
            return await self.render_page(request, "video_grid.html", principal, cards=cards)
        view = "list" if request.query_params.get("view") == "list" else "grid"
        query = {"state": state, "q": search, "view": view}
        return await self.render_page(
            request,
            "videos.html",
            principal,
            b=load_messages("batches", t.tag),
            cards=cards,
            view=view,
            views=[(name, f"/videos?{urlencode({**query, 'view': name})}") for name in ("grid", "list")],
            source=f"/videos?{request.url.query}",
            state=state,
            search=search,
            filters=tuple(STATE_FILTERS),
            first=after is None,
            start=f"/videos?{urlencode(query)}",
            more=f"/videos?{urlencode({**query, 'after': page.items[-1].id})}" if page.has_more else None,
        )
