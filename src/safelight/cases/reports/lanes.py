"""Lanes of reports: who may use each, when its decision is due, and what happens if no person decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_HOUR_S = 3600.0


class ReportLane(StrEnum):
    ORDINARY = "ordinary"
    #: From a trusted flagger in the sense of Article 22 of the EU Digital Services Act.
    TRUSTED_FLAGGER = "trusted_flagger"
    #: Intimate pictures of a person who did not agree (TAKE IT DOWN Act of the United States).
    INTIMATE_IMAGERY = "intimate_imagery"
    #: An order of an authority to remove content within one hour (Regulation (EU) 2021/784).
    REMOVAL_ORDER = "removal_order"


class UnattendedAction(StrEnum):
    """What is done with a reported video if no person decided in time."""

    NONE = "none"
    #: The video is hidden until a person decides.
    HIDE = "hide"
    REMOVE = "remove"


@dataclass(frozen=True, kw_only=True)
class LaneRules:
    due_s: float
    unattended: UnattendedAction = UnattendedAction.NONE
    #: Time from the report to the action without a person.
    unattended_s: float | None = None
    #: Whether the case comes before all others that are open, whatever their category.
    comes_first: bool = False
    #: Whether only staff and keys with the scope `review` or `admin` may enter such a report.
    needs_staff: bool = False


LANES: Mapping[ReportLane, LaneRules] = {
    ReportLane.ORDINARY: LaneRules(due_s=48 * _HOUR_S),
    ReportLane.TRUSTED_FLAGGER: LaneRules(due_s=24 * _HOUR_S, needs_staff=True),
    ReportLane.INTIMATE_IMAGERY: LaneRules(
        due_s=24 * _HOUR_S,
        unattended=UnattendedAction.REMOVE,
        # The law asks for the removal within 48 hours of a valid request.
        unattended_s=48 * _HOUR_S,
        comes_first=True,
    ),
    ReportLane.REMOVAL_ORDER: LaneRules(
        due_s=_HOUR_S,
        unattended=UnattendedAction.HIDE,
        unattended_s=_HOUR_S,
        comes_first=True,
        needs_staff=True,
    ),
}
