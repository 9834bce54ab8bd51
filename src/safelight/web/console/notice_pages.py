"""Public pages: report a video, have intimate pictures removed, and read the status of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts.people.service import normalize_email
from safelight.accounts.statements import describe_objection, describe_reply
from safelight.cases.reports import NewReport, Notice, ReportLane, ReportReason
from safelight.cases.reports.validation import reject_hashes
from safelight.core.errors import InvalidField, NotFound, RateLimited, SafelightError
from safelight.core.i18n import Messages, load_messages
from safelight.web.rate_limit import network_of
from safelight.web.translations import format_datetime

from .render import NOTHING_TYPED, Form, PageHandler, client_address

#: A note of 4000 and a location of 2000 Chinese characters are 54 KB in a form.
_MAX_FORM_BYTES = 64 * 1024
_PROBLEMS: tuple[tuple[type[SafelightError], str], ...] = (
    (RateLimited, "problem.limit"),
    (NotFound, "problem.not_found"),
)
#: What the page of a receipt says about the address for the decision.
_CONTACT_STATES = ("saved", "wrong", "undelivered")


class NoticePages(PageHandler):
    """Handlers that need no account and work without scripts."""

    max_forms = (30, 600.0)

    async def show(self, request: Request) -> Response:
        location = request.query_params.get("video", "")[:200]
        return await self._render(request, "report_form.html", form={"location": location})

    async def show_intimate(self, request: Request) -> Response:
        location = request.query_params.get("video", "")[:200]
        return await self._render(request, "intimate_form.html", form={"location": location})

    async def report(self, request: Request) -> Response:
        return await self._file(request, ReportLane.ORDINARY, "report_form.html")

    async def report_intimate(self, request: Request) -> Response:
        return await self._file(request, ReportLane.INTIMATE_IMAGERY, "intimate_form.html")

    async def show_status(
        self, request: Request, *, problem: SafelightError | None = None, form: Form = NOTHING_TYPED
    ) -> Response:
        status = await self.run(self.services.reports.get_by_token, request.path_params["token"])
        t = self.translations(request)
        one, statement = status.notice, status.statement
        asked = "undelivered" if status.is_undelivered else request.query_params.get("contact")
        return await self._render(
            request,
            "report_status.html",
            problem=problem,
            one=one,
            sent=format_datetime(one.created_at, t),
            state=_state(one),
            reply=describe_reply(one.reply, t.tag),
            objection=describe_objection(statement, t.tag) if statement else None,
            appeal=self.services.appeals.link_of(statement) if statement else None,
            is_intimate=one.lane is ReportLane.INTIMATE_IMAGERY,
            token=request.path_params["token"],
            contact=asked if asked in _CONTACT_STATES else None,
            form=form,
        )

    async def change_contact(self, request: Request) -> Response:
        """Send the decision to another address. Whatever is wrong with it, the report stays."""
        token, form = request.path_params["token"], await self.read_public_form(request)
        contact, language = form.get("contact", ""), self.translations(request).tag
        change = self.services.reports.change_contact
        try:
            await self.run(partial(change, token, contact, language=language))
        except (InvalidField, RateLimited) as problem:
            return await self.show_status(request, problem=problem, form=form)
        return self.redirect(f"/report/{token}?contact=saved")

    async def _file(self, request: Request, lane: ReportLane, template: str) -> Response:
        form = await self.read_public_form(request, max_bytes=_MAX_FORM_BYTES)
        network = network_of(client_address(request))
        try:
            new = replace(_new_report(form, lane), language=self.translations(request).tag)
            receipt = await self.run(self.services.reports.add_from_visitor, new, network=network)
        except (InvalidField, RateLimited, NotFound) as problem:
            return await self._render(request, template, form=form, problem=problem)
        wrong = "?contact=wrong" if new.contact and not _is_email(new.contact) else ""
        return self.redirect(f"{receipt.path}{wrong}")

    async def _render(
        self, request: Request, template: str, *, problem: SafelightError | None = None, **values: Any
    ) -> Response:
        n = load_messages("notices", self.translations(request).tag)
        alert = _describe(problem, n) if problem else ""
        return await self.render_page(
            request,
            template,
            await self.current_principal(request),
            problem=problem,
            alert=alert,
            n=n,
            reasons=ReportReason,
            sends_mail=self.services.reports.sends_mail,
            **values,
        )


def _state(one: Notice) -> str:
    """The sentence of the receipt: what was decided, or what happens next."""
    if one.outcome is not None:
        return "released" if one.released else one.outcome.value
    if one.due_at is None:
        return "looking"
    return "waiting" if one.video_id else "found"


def _new_report(form: Mapping[str, str], lane: ReportLane) -> NewReport:
    """The report of a form. Raises `InvalidField`."""
    reject_hashes(form)
    is_intimate = lane is ReportLane.INTIMATE_IMAGERY
    if not is_intimate and form.get("good_faith") != "yes":
        raise InvalidField("The declaration is missing.", param="declaration")
    return NewReport(
        location=form.get("location", ""),
        reason=ReportReason.INTIMATE.value if is_intimate else form.get("reason") or None,
        note=form.get("note", ""),
        name=form.get("name"),
        contact=form.get("contact"),
        lane=lane,
        in_good_faith=form.get("good_faith") == "yes",
    )


def _describe(problem: SafelightError, n: Messages) -> str:
    for kind, key in _PROBLEMS:
        if isinstance(problem, kind):
            return n(key)
    field = problem.param or ""
    if field == "email":
        return n("status.contact_wrong")
    if field in ("location", "hashes"):
        return n(f"problem.{field}")
    labels = {name: n(f"intimate.{name}") for name in ("name", "contact", "note", "good_faith")}
    labels |= {"reason": n("report.reason"), "declaration": n("report.good_faith")}
    return n("problem.missing", field=labels.get(field, field))


def _is_email(contact: str) -> bool:
    try:
        return bool(normalize_email(contact))
    except InvalidField:
        return False
