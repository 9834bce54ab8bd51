"""The list of videos, filtered and by pages."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.jobs.models import Video
from safelight.jobs.states import VideoState
from safelight.trust.accounts import Principal
from safelight.web.video_facts import valid_video_id

from .handler import PageHandler
from .video_view import row

PER_PAGE = 25
#: Looked through for one page of a filter that fits few.
_MOST_READ = 500
_AT_ONCE = 100

FILTERS: dict[str, frozenset[VideoState]] = {
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
    async def videos(self, request: Request, principal: Principal) -> Response:
        """Newest first. `state` is one of `FILTERS`, `q` words of the prompt, `after` where to go on."""
        state = request.query_params.get("state", "all")
        state = state if state in FILTERS else "all"
        sought = request.query_params.get("q", "")[:200].strip()
        asked = request.query_params.get("after")
        after = valid_video_id(asked) if asked else None
        found, last = await self.run(self._find, principal, after, FILTERS[state], sought)
        words = self.words(request)
        query = {"state": state, "q": sought}
        return await self.page(
            request,
            "videos.html",
            principal,
            rows=[row(video, words) for video in found],
            state=state,
            sought=sought,
            filters=tuple(FILTERS),
            first=after is None,
            start=f"/videos?{urlencode(query)}",
            more=f"/videos?{urlencode({**query, 'after': last})}" if last else None,
        )

    def _find(
        self, principal: Principal, after: str | None, states: frozenset[VideoState], sought: str
    ) -> tuple[list[Video], str | None]:
        """A page of what fits, and the id to go on from: None where nothing is left."""
        found: list[Video] = []
        limit = PER_PAGE if len(states) == len(VideoState) and not sought else _AT_ONCE
        for _ in range(_MOST_READ // _AT_ONCE):
            page = self.services.videos.list(principal, after=after, limit=limit, order="desc")
            for video in page.videos:
                after = video.id
                if video.state in states and sought.casefold() in video.prompt.casefold():
                    found.append(video)
                if len(found) == PER_PAGE:
                    left = page.has_more or video.id != page.videos[-1].id
                    return found, after if left else None
            if not page.has_more:
                return found, None
        return found, after
