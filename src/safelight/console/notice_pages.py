"""Public pages: report a video, have intimate pictures removed, and read the status of a report."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import Conflict, InvalidField, NotFound, RateLimited, SafelightError, Withdrawn
from safelight.i18n import Messages, load_messages
from safelight.trust.reports import NewReport, Notice, ReportLane, ReportReason
from safelight.trust.reports.validation import MAX_HASHES, find_video_id
from safelight.web.auth import AppState, check_same_origin
from safelight.web.middleware import CONTENT_SECURITY_POLICY
from safelight.web.rate_limit import RateLimiter, network_of
from safelight.web.reported_hashes import read_hashes
from safelight.web.request_body import read_short_form

from .render import PageHandler, Pages
from .services import ConsoleServices
from .translations import format_datetime

#: The page reads frames of a clip that the person chose, which never leaves the browser.
_WITH_LOCAL_CLIPS = CONTENT_SECURITY_POLICY.replace("media-src 'self'", "media-src 'self' blob:")
#: 240 hashes and a note of 4000 Chinese characters are 70 KiB in a form.
_MAX_FORM_BYTES = 256 * 1024
#: Forms that one address may send, valid or not. The valid ones also have an hourly limit.
_MAX_FORMS, _FORMS_WINDOW_S = 30, 600.0
_PROBLEMS: tuple[tuple[type[SafelightError], str], ...] = (
    (RateLimited, "problem.limit"),
    (Withdrawn, "problem.withdrawn"),
    (NotFound, "problem.not_found"),
    (Conflict, "problem.conflict"),
)


class NoticePages(PageHandler):
    """Handlers that need no account and work without scripts, except for the hashes."""

    def __init__(self, state: AppState, pages: Pages, console: ConsoleServices) -> None:
        super().__init__(state, pages, console)
        self._rate_limiter = RateLimiter(_MAX_FORMS, _FORMS_WINDOW_S)

    async def show(self, request: Request) -> Response:
        location = request.query_params.get("video", "")[:200]
        return await self._render(request, "report_form.html", form={"location": location})

    async def show_intimate(self, request: Request) -> Response:
        return await self._render(request, "intimate_form.html", form={})

    async def report(self, request: Request) -> Response:
        return await self._file(request, ReportLane.ORDINARY, "report_form.html")

    async def report_intimate(self, request: Request) -> Response:
        return await self._file(request, ReportLane.INTIMATE_IMAGERY, "intimate_form.html")

    async def show_status(self, request: Request) -> Response:
        status = await self.run(self.services.reports.get_by_token, request.path_params["token"])
        t = self.translations(request)
        # Matches in the same state are one entry with their number.
        counted = Counter(
            (
                one.video_id,
                one.is_match,
                format_datetime(one.created_at, t),
                format_datetime(one.due_at, t),
                _state_of(one),
                one.hidden,
                one.outcome is not None,
            )
            for one in status.notices
        )
        names = ("video_id", "is_match", "sent", "due", "state", "hidden", "is_decided")
        notices = [{**dict(zip(names, one, strict=True)), "n": n} for one, n in counted.items()]
        return await self._render(
            request, "report_status.html", notices=notices, hashes=status.hashes, report_id=status.id
        )

    async def _file(self, request: Request, lane: ReportLane, template: str) -> Response:
        check_same_origin(request)
        address = request.client.host if request.client else ""
        # Before the body is read, because no account is needed.
        self._rate_limiter.allow(address)
        form = await read_short_form(request, self.services, max_bytes=_MAX_FORM_BYTES)
        network = network_of(address)
        try:
            new = replace(_new_report(form, lane), language=self.translations(request).tag)
            receipt = await self.run(self.services.reports.add_from_visitor, new, network=network)
        except (InvalidField, RateLimited, Withdrawn, NotFound, Conflict) as problem:
            return await self._render(request, template, form=form, problem=problem)
        return self.redirect(receipt.path or "/report")

    async def _render(
        self, request: Request, template: str, *, problem: SafelightError | None = None, **values: Any
    ) -> Response:
        n = load_messages("notices", self.translations(request).tag)
        response = await self.render_page(
            request,
            template,
            await self.current_principal(request),
            problem.status if problem else 200,
            n=n,
            problem=_describe(problem, n) if problem else "",
            reasons=[one.value for one in ReportReason],
            max_hashes=MAX_HASHES,
            sends_mail=self.services.reports.sends_mail,
            **values,
        )
        if template == "intimate_form.html":
            response.headers["content-security-policy"] = _WITH_LOCAL_CLIPS
        return response


def _new_report(form: Mapping[str, str], lane: ReportLane) -> NewReport:
    """The report of a form. Raises `InvalidField`."""
    location = form.get("location", "").strip()
    if location and not find_video_id(location):
        raise InvalidField("The location contains no id of a video.", param="location")
    is_intimate = lane is ReportLane.INTIMATE_IMAGERY
    if not is_intimate and form.get("good_faith") != "yes":
        raise InvalidField("The declaration is missing.", param="good_faith")
    try:
        hashes = read_hashes(json.loads(form["hashes"])) if form.get("hashes") else ()
    except ValueError as error:
        raise InvalidField("The hashes are not JSON.", param="hashes") from error
    return NewReport(
        location=location,
        reason=ReportReason.INTIMATE.value if is_intimate else form.get("reason") or None,
        note=form.get("note", ""),
        name=form.get("name"),
        contact=form.get("contact"),
        lane=lane,
        in_good_faith=form.get("good_faith") == "yes",
        hashes=hashes if is_intimate else (),
    )


def _describe(problem: SafelightError, n: Messages) -> str:
    for kind, key in _PROBLEMS:
        if isinstance(problem, kind):
            return n(key)
    field = problem.param or ""
    if field in ("location", "hashes"):
        return n(f"problem.{field}")
    labels = {name: n(f"intimate.{name}") for name in ("name", "contact", "note", "good_faith", "files")}
    labels |= {"reason": n("report.reason")}
    return n("problem.missing", field=labels.get(field, field))


def _state_of(one: Notice) -> str:
    if one.outcome is not None:
        return one.outcome.value
    return "waiting" if one.is_about_video else "watching"
