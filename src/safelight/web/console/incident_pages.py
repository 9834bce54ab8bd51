"""The pages of incidents, under Compliance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.accounts.incidents import Incident, IncidentKind, IncidentState, Severity
from safelight.cases.incident_inputs import (
    MAX_SENTENCE_CHARACTERS,
    IncidentChange,
    IncidentClosing,
    IncidentOpening,
    IncidentQuery,
)
from safelight.cases.incidents import format_time, may_write
from safelight.core.errors import Conflict, InvalidField, NotFound, SafelightError
from safelight.core.reasons import MAX_REASON_CHARACTERS

from .render import NOTHING_TYPED, Form, PageHandler, find_refused, input_of

PATH = "/compliance/incidents"


class IncidentPages(PageHandler):
    """Handlers of the pages; the scopes `admin` and `policy` change incidents, and `audit` reads them."""

    refusals = (SafelightError,)

    async def open(self, request: Request, principal: Principal) -> Response:
        form = await self.read_form(request)
        asked = input_of(IncidentOpening, form, **_ids_of(form))
        made = await self.run(self.services.incidents.open, principal, asked)
        return self.redirect(f"{PATH}/{made.id}")

    async def change(self, request: Request, principal: Principal) -> Response:
        form, record = await self.read_form(request), self.services.incidents
        incident_id, revision = request.path_params["incident_id"], _revision_of(form)
        match form.get("action"):
            case "save":
                await self.run(record.update, principal, incident_id, _change_of(form, revision))
            case "close":
                await self.run(record.close, principal, incident_id, IncidentClosing(revision=revision))
            case _:
                # First, whether the incident is one of this tenant.
                await self.run(record.read, principal, incident_id)
                raise InvalidField("action must be save or close.", param="action")
        return self.redirect(f"{PATH}/{incident_id}")

    async def show_again(
        self, request: Request, principal: Principal, problem: SafelightError, form: Form
    ) -> Response:
        if not request.path_params:
            return await super().show_again(request, principal, problem, form)
        if isinstance(problem, NotFound) and problem.param == "incident_id":
            raise problem
        # What another person wrote meanwhile is shown, and not what was typed over it.
        if isinstance(problem, Conflict):
            request.state.refused = problem, NOTHING_TYPED
        return await self.show_one(request, principal)

    async def show(self, request: Request, principal: Principal) -> Response:
        query = IncidentQuery(after=request.query_params.get("after"))
        page = await self.run(self.services.incidents.list, principal, query)
        return await self._render(request, "incidents.html", principal, page=page)

    async def show_one(self, request: Request, principal: Principal) -> Response:
        record, (_, form) = self.services.incidents, find_refused(request)
        one = await self.run(record.read, principal, request.path_params["incident_id"])
        typed = {**_values(one), "published": "", **form} if form.get("action") == "save" else _values(one)
        return await self._render(
            request,
            "incident.html",
            principal,
            form=typed,
            one=one,
            may_close=one.state is IncidentState.OPEN and bool(one.done),
            reads_videos=principal.has_scope(KeyScope.VIDEOS_READ),
            reads_cases=principal.has_scope(KeyScope.REVIEW),
        )

    async def _render(self, request: Request, template: str, principal: Principal, **values: Any) -> Response:
        return await self.render_page(
            request,
            template,
            principal,
            may_write=may_write(principal),
            kinds=IncidentKind,
            severities=Severity,
            categories=[spec.name for spec in self.services.taxonomy],
            max_sentence=MAX_SENTENCE_CHARACTERS,
            max_text=MAX_REASON_CHARACTERS,
            **values,
        )


def _change_of(form: Form, revision: int | None) -> IncidentChange:
    # One that a decision opened keeps an empty beginning until a person states it.
    began = form.get("began") or None
    others = {"began": began, "published": "published" in form, "revision": revision}
    return input_of(IncidentChange, form, **_ids_of(form), **others)


def _ids_of(form: Form) -> Mapping[str, list[str]]:
    return {name: form.get(name, "").split() for name in ("videos", "cases")}


def _revision_of(form: Form) -> int | None:
    """The revision that the form was made for."""
    text = form.get("revision", "")
    return int(text) if text.isdecimal() and len(text) < len(str(2**31)) else None


def _values(one: Incident) -> dict[str, str]:
    """The fields of the form."""
    return {
        "kind": one.kind.value,
        "severity": one.severity.value,
        "began": "" if one.began_at is None else format_time(one.began_at),
        "ended": "" if one.ended_at is None else format_time(one.ended_at),
        "category": one.category or "",
        "videos": " ".join(one.videos),
        "cases": " ".join(one.cases),
        "sentence": one.sentence,
        "note": one.note,
        "done": one.done,
        "published": "yes" if one.published else "",
        "revision": str(one.revision),
    }
