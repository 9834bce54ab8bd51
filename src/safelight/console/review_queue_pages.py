"""What a reviewer does with a case besides what the form of the case sends: take, keep, show its pictures."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import NotFound
from safelight.trust.accounts import Principal

from .handler import PageHandler

#: The id of a view, which the script sends back when the picture is hidden again.
VIEW_HEADER = "x-safelight-view"


class ReviewQueuePages(PageHandler):
    async def take_next(self, request: Request, principal: Principal) -> Response:
        return await self.open_next(principal)

    async def open_next(self, principal: Principal, *, decided: str = "") -> Response:
        """The next case of the queue, or the queue if there is none. `decided`: the case decided before."""
        case = await self.run(self.services.review_queue.take_next, principal)
        path = f"/review/{case.id}" if case is not None else "/review"
        empty = "" if case is not None or decided else "?next=none"
        return self.redirect(f"{path}?decided={decided}" if decided else path + empty)

    async def extend_lease(self, request: Request, principal: Principal) -> Response:
        """Keep the case for this reviewer; the script of the page calls this regularly."""
        case_id = request.path_params["case_id"]
        await self.run(self.services.review_queue.extend_lease, principal, case_id)
        return Response(status_code=204)

    async def reserve_next(self, request: Request, principal: Principal) -> Response:
        """The page of the case after this one, which is reserved for the reviewer; 204 if there is none.

        The script of the page fetches it while the reviewer reads, to show it at once after the decision.
        """
        case_id = request.path_params["case_id"]
        following = await self.run(self.services.review_queue.reserve_next, principal, case_id)
        return Response(status_code=204) if following is None else self.redirect(f"/review/{following.id}")

    async def release(self, request: Request, principal: Principal) -> Response:
        """Give a reserved case back; the script calls this when the reviewer leaves the page."""
        case_id = request.path_params["case_id"]
        await self.run(self.services.review_queue.cancel_reservation, principal, case_id)
        return Response(status_code=204)

    async def reveal(self, request: Request, principal: Principal) -> Response:
        """The greyscale images of a case. Each request is first written to the audit log, and counts against
        the reviewer's budget.
        """
        reveal_pictures, exposure = self.console.reveal, self.console.exposure
        if reveal_pictures is None or exposure is None:
            raise NotFound("This server shows no images.")
        case_file = await self.run(self.services.reviews.get, principal, request.path_params["case_id"])
        await self.run(exposure.require_budget, principal)
        image = await self.run(reveal_pictures, principal, case_file)
        # Only now: the time to draw the picture, and a case without pictures, do not count.
        view = await self.run(exposure.begin_view, principal, case_file.case)
        headers = {"cache-control": "no-store", VIEW_HEADER: view}
        return Response(image, media_type="image/webp", headers=headers)

    async def hide(self, request: Request, principal: Principal) -> Response:
        """The end of a view."""
        form = await self.read_form(request)
        if self.console.exposure is not None:
            await self.run(self.console.exposure.end_view, principal, form.get("view", ""))
        return Response(status_code=204)
