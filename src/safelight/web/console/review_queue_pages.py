"""What a reviewer does with a case besides what the form of the case sends: take, keep, see and hear it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.cases.inputs import parse_day
from safelight.cases.quality import MIN_PEOPLE, NewDraw, NewGolden
from safelight.cases.quality.review_quality import own_figures, prevalence_figures, team_figures
from safelight.cases.quality.rule_suggestions import draft_for, suggest_rules
from safelight.core.errors import Conflict, InvalidField, NotFound, SafelightError
from safelight.policy.statistics import MIN_CASES
from safelight.videos.case_rows import CaseFile, CaseKind, ExposureLog
from safelight.videos.case_rows.models import ACTIONS, ViewSwitch

from .case_media import PictureRequest, Shot
from .render import Form, PageHandler, input_of
from .services import ReviewMedia
from .sound_excerpt import MAX_PART_S, SoundPart

_MAX_OWN_ROWS = 20
_MAX_DRAWS = 5
#: The id of a view, which the script sends back when the picture is hidden again, or the sound ends.
VIEW_HEADER = "x-safelight-view"
#: How the frames of a picture follow each other, as JSON.
SHEET_HEADER = "x-safelight-sheet"
#: No case has a million files, and no clip a million frames; `int` refuses 4,301 digits with its own error.
_MAX_DIGITS = 6


class QualityPages(PageHandler):
    refusals = (SafelightError,)

    async def add_golden(self, request: Request, principal: Principal) -> Response:
        """Make a video a golden case."""
        form = await self.read_form(request)
        new = input_of(
            NewGolden,
            form,
            video_id=form.get("video_id", "").strip(),
            clause=form.get("clause", "").strip() or None,
        )
        await self.run(self.services.quality.add_golden, principal, new)
        return self.redirect("/review/quality")

    async def retire_golden(self, request: Request, principal: Principal) -> Response:
        await self.run(self.services.quality.retire_golden, principal, request.path_params["golden_id"])
        return self.redirect("/review/quality")

    async def draw(self, request: Request, principal: Principal) -> Response:
        """Draw a sample of delivered videos."""
        form = await self.read_form(request)
        await self.run(self.services.quality.draw, principal, _new_draw(form))
        return self.redirect("/review/quality")

    async def show(self, request: Request, principal: Principal) -> Response:
        own = await self.run(self.services.quality_results.own_answers, principal)
        lead = await self._lead_values(principal) if principal.has_scope(KeyScope.POLICY) else {}
        return await self.render_page(
            request,
            "quality.html",
            principal,
            own=own_figures(own),
            last=own[:_MAX_OWN_ROWS],
            lead=lead,
            answers=ACTIONS[CaseKind.QUALITY],
            percent=_percent,
            min_people=MIN_PEOPLE,
            min_cases=MIN_CASES,
        )

    def _suggestions(self, principal: Principal) -> list[dict[str, Any]]:
        """The rules that are wrong too often, each with the draft of a policy that changes it."""
        policies = self.console.policies
        if policies is None:
            return []
        current = policies.in_force(principal.tenant)
        counts = policies.published.unchanged_rules(principal.tenant, current).has
        rates = self.services.appeals.overturn_rates(principal, counts=counts)
        found = suggest_rules(rates, self.services.quality_results.rule_answers(principal, counts=counts))
        reasons = {rule.id: rule.reason for rule in current.rules}
        return [
            {
                **one.as_json(),
                "reason": reasons.get(one.rule, ""),
                "draft": draft_for(one, current, self.services.taxonomy),
            }
            for one in found
        ]

    async def _lead_values(self, principal: Principal) -> dict[str, Any]:
        results = self.services.quality_results
        draws = await self.run(results.list_draws, principal)
        return {
            "halts": await self.run(self.services.halts.list, principal),
            "suggestions": await self.run(self._suggestions, principal),
            "team": team_figures(await self.run(results.team_answers, principal)),
            "samples": [{**prevalence_figures(one), "draw": one} for one in draws[:_MAX_DRAWS]],
            "golden": await self.run(self.services.quality.list_golden, principal),
        }


def _new_draw(form: Form) -> NewDraw:
    """Raises `InvalidField`."""
    since, until = (parse_day(form.get(name, ""), name) for name in ("since", "until"))
    field = "per_stratum"
    number = _number(form.get(field, ""), field, "per_stratum must be a whole number.")
    return NewDraw(since=since, until=until, per_stratum=number)


def _percent(rate: float) -> str:
    return f"{100 * rate:.2f} %"


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
        """Pictures of a file of a case. Each request is first written to the audit log, and counts against
        the reviewer's budget.
        """
        media, exposure, case_file = await self._open_media(request, principal)
        asked = _picture_request(await self.read_form(request))
        sheet = await self.run(media.show, principal, case_file, asked)
        # Only now: the time to draw the picture, and a case without pictures, do not count.
        view = await self.run(exposure.begin_view, principal, case_file.case)
        shown = _shown(sheet.image, "image/webp", view)
        shown.headers[SHEET_HEADER] = json.dumps(
            {"frames": sheet.frames, "columns": sheet.columns, "fps": sheet.fps, "per_s": sheet.per_s}
        )
        return shown

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
        case_id = request.path_params["case_id"]
        with suppress(Conflict):
            # Pictures and sound of a case that no reviewer has make it the case of this one.
            await self.run(self.services.review_queue.extend_lease, principal, case_id)
        case_file = await self.run(self.services.reviews.get, principal, case_id)
        await self.run(exposure.require_budget, principal, case_file.case.id)
        return media, exposure, case_file

    async def switch(self, request: Request, principal: Principal) -> Response:
        """Switch protections of pictures and sound off for this shift, or on again."""
        form = await self.read_form(request)
        off = [switch.value for switch in ViewSwitch if switch.value not in form]
        await self.run(self.services.review_queue.switch_off, principal, off)
        return self.redirect(f"/review/{request.path_params['case_id']}#pictures")

    async def decline(self, request: Request, principal: Principal) -> Response:
        """Give the case back, offer this reviewer no more cases of its category, and open the next case."""
        await self.run(self.services.review_queue.decline_case, principal, request.path_params["case_id"])
        return await self.open_next(principal)

    async def accept(self, request: Request, principal: Principal) -> Response:
        """Offer cases of a category that was declined again."""
        category = (await self.read_form(request)).get("category", "")
        queue = self.services.review_queue
        declined = (await self.run(queue.preferences, principal)).declined_categories
        await self.run(queue.decline_categories, principal, [one for one in declined if one != category])
        return self.redirect("/review")

    async def hide(self, request: Request, principal: Principal) -> Response:
        """The end of a view."""
        form = await self.read_form(request)
        if self.console.exposure is not None:
            await self.run(self.console.exposure.end_view, principal, form.get("view", ""))
        return Response(status_code=204)


def _shown(content: bytes, media_type: str, view: str) -> Response:
    headers = {"cache-control": "no-store", VIEW_HEADER: view}
    return Response(content, media_type=media_type, headers=headers)


def _picture_request(form: Form) -> PictureRequest:
    """What a form asks to be shown. Raises `InvalidField`."""
    shot, _, file = form.get("show", "").partition(" ")
    if shot not in list(Shot):
        shots = ", ".join(Shot)
        raise InvalidField(f"What is shown is one of {shots}, and the number of a file.", param="show")
    return PictureRequest(
        file=_number(file, "show", "A file of a case has a number: 0 for the video, 1 for a reference."),
        shot=Shot(shot),
        frame=_number(form.get("frame", "").strip() or "0", "frame", "A frame has a number, from 0."),
        in_colour="colour" in form,
        large="large" in form,
    )


def _number(value: str, field: str, problem: str) -> int:
    """A number from a form. Raises `InvalidField` with this text."""
    if not (value.isascii() and value.isdecimal()) or len(value) > _MAX_DIGITS:
        raise InvalidField(problem, param=field)
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
    return _number(number, "part", "A file of a case has a number: 0 for the video."), part
