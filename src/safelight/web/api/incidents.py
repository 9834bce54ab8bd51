"""The incidents of a tenant: views and operations."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from safelight.accounts.incidents import Incident
from safelight.cases.incidents import READERS, WRITERS, Incidents
from safelight.store.pages import Page
from safelight.web.operations import Operations
from safelight.web.views import ListPage, show

operations = Operations(
    "/v1/safelight/incidents", tag="incidents", scopes=READERS, of=attrgetter("incidents")
)
changes = Operations(operations.prefix, tag=operations.tag, scopes=WRITERS, statuses=(404,), of=operations.of)


@dataclass(frozen=True, kw_only=True)
class IncidentObject(Incident):
    object: Literal["incident"] = "incident"


@dataclass(frozen=True, kw_only=True)
class IncidentList(ListPage):
    data: tuple[IncidentObject, ...]


def show_incident(found: Incident) -> IncidentObject:
    return show(IncidentObject, found)


def show_list(page: Page[Incident]) -> IncidentList:
    return IncidentList.page(map(show_incident, page.items), has_more=page.has_more)


operations.add(
    "GET ",
    "List incidents",
    Incidents.list,
    shows=show_list,
    description="Newest first, at most 100.",
    name="list_incidents",
)
operations.add(
    "GET /{incident_id}", "Read an incident", Incidents.read, 404, shows=show_incident, name="read_incident"
)
changes.add("POST ", "Open an incident", Incidents.open, shows=show_incident, name="open_incident")
changes.add(
    "POST /{incident_id}",
    "Change an incident",
    Incidents.update,
    409,
    shows=show_incident,
    description="What is left out stays. 409 if `revision` is given and the incident was changed since.",
    name="update_incident",
)
changes.add(
    "POST /{incident_id}/closing",
    "Close an incident",
    Incidents.close,
    409,
    shows=show_incident,
    name="close_incident",
)
