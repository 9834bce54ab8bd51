"""The grid of videos, with filters and pagination."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.jobs.models import Video
from safelight.jobs.states import VideoState
from safelight.trust.accounts import Principal
from safelight.web.video_facts import valid_video_id

from .handler import PageHandler
from .video_card import video_card

VIDEOS_PER_PAGE = 24
#: Maximum number of videos that are read to fill one page.
_MAX_VIDEOS_READ = 500
_READ_BATCH = 100

STATE_FILTERS: dict[str, frozenset[VideoState]] = {
    "all": frozenset(VideoState),
    "underway": frozenset(
        {VideoState.QUEUED, VideoState.GENERATING, VideoState.SCANNING, VideoState.SEALING}
    ),
    "held": frozenset({VideoState.HELD}),
    "delivered": frozenset({VideoState.DELIVERED}),
    "blocked": frozenset({VideoState.REJECTED, VideoState.BLOCKED, VideoState.WITHDRAWN}),
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
        videos, last_id = await self.run(self._find, principal, after, STATE_FILTERS[state], search)
        t, now = self.translations(request), self.console.clock()
        cards = [video_card(video, now, t) for video in videos]
        if self.wants_fragment(request):
            return await self.render_page(request, "video_grid.html", principal, cards=cards)
        view = "list" if request.query_params.get("view") == "list" else "grid"
        query = {"state": state, "q": search, "view": view}
        return await self.render_page(
            request,
            "videos.html",
            principal,
            cards=cards,
            view=view,
            views=[(name, f"/videos?{urlencode({**query, 'view': name})}") for name in ("grid", "list")],
            source=f"/videos?{request.url.query}",
            searched=_MAX_VIDEOS_READ,
            state=state,
            search=search,
            filters=tuple(STATE_FILTERS),
            first=after is None,
            start=f"/videos?{urlencode(query)}",
            more=f"/videos?{urlencode({**query, 'after': last_id})}" if last_id else None,
        )

    def _find(
        self, principal: Principal, after: str | None, states: frozenset[VideoState], search: str
    ) -> tuple[list[Video], str | None]:
        """One page of matching videos, and the id from which the next page continues; None on the last
        page.
        """
        videos: list[Video] = []
        limit = VIDEOS_PER_PAGE if len(states) == len(VideoState) and not search else _READ_BATCH
        for _ in range(_MAX_VIDEOS_READ // _READ_BATCH):
            page = self.services.videos.list(principal, after=after, limit=limit, order="desc")
            for video in page.videos:
                after = video.id
                if video.state in states and search.casefold() in video.prompt.casefold():
                    videos.append(video)
                if len(videos) == VIDEOS_PER_PAGE:
                    left = page.has_more or video.id != page.videos[-1].id
                    return videos, after if left else None
            if not page.has_more:
                return videos, None
        return videos, after
