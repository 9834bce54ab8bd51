"""What a reviewer does with a case besides what the form of the case sends: take, keep, see and hear it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import InvalidField, NotFound
from safelight.trust.accounts import Principal
from safelight.trust.reviews import CaseFile, ExposureLog

from .handler import PageHandler
from .services import ReviewMedia
from .sound_excerpt import MAX_PART_S, SoundPart

#: The id of a view, which the script sends back when the picture is hidden again, or the sound ends.
VIEW_HEADER = "x-safelight-view"
#: No case has a million files, and `int` refuses 4,301 digits with an error of its own.
_MAX_DIGITS = 6


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
        """The greyscale pictures of a file of a case. Each request is first written to the audit log, and
        counts against the reviewer's budget.
        """
        media, exposure, case_file = await self._open_media(request, principal)
        value = (await self.read_form(request)).get("file", "")
        number = _file_number(value, "file") if value else None
        image = await self.run(media.show, principal, case_file, number)
        # Only now: the time to draw the picture, and a case without pictures, do not count.
        view = await self.run(exposure.begin_view, principal, case_file.case)
        return _shown(image, "image/webp", view)

    async def listen(self, request: Request, principal: Principal) -> Response:
        """A part of the sound of a case, recorded and counted as pictures are."""
        media, exposure, case_file = await self._open_media(request, principal)
        number, part = _sound_part((await self.read_form(request)).get("part", ""))
        sound = await self.run(media.play, principal, case_file, number, part)
        view = await self.run(exposure.begin_view, principal, case_file.case)
        return _shown(sound, "audio/wav", view)

    async def _open_media(
        self, request: Request, principal: Principal
    ) -> tuple[ReviewMedia, ExposureLog, CaseFile]:
        media, exposure = self.console.case_media, self.console.exposure
        if media is None or exposure is None:
            raise NotFound("This server shows no pictures and plays no sound.")
        case_file = await self.run(self.services.reviews.get, principal, request.path_params["case_id"])
        await self.run(exposure.require_budget, principal)
        return media, exposure, case_file

    async def hide(self, request: Request, principal: Principal) -> Response:
        """The end of a view."""
        form = await self.read_form(request)
        if self.console.exposure is not None:
            await self.run(self.console.exposure.end_view, principal, form.get("view", ""))
        return Response(status_code=204)


def _shown(content: bytes, media_type: str, view: str) -> Response:
    headers = {"cache-control": "no-store", VIEW_HEADER: view}
    return Response(content, media_type=media_type, headers=headers)


def _file_number(value: str, field: str) -> int:
    """The number of a file of a case, from a form. Raises `InvalidField`."""
    if not (value.isascii() and value.isdecimal()) or len(value) > _MAX_DIGITS:
        raise InvalidField("A file of a case has a number: 0 for the video, 1 for a reference.", param=field)
    return int(value)


def _sound_part(value: str) -> tuple[int, SoundPart]:
    """The number of a file and a part of its sound, from a form. Raises `InvalidField`."""
    try:
        number, start_s, end_s = value.split(" ")
        part = SoundPart(start_s=float(start_s), end_s=float(end_s))
    except ValueError:
        part = None
    if part is None or not part.is_valid:
        raise InvalidField(
            f"A part of the sound is a file, a start and an end, at most {MAX_PART_S:g} s later.",
            param="part",
        )
    return _file_number(number, "part"), part
