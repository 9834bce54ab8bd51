"""The coverage page: a map of categories and modalities, and the details of one selected cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.moderation.coverage_count import installed_checks
from safelight.moderation.coverage_table import describe_waiver_scope, waived_checks
from safelight.policy.findings import Modality, Taxonomy
from safelight.trust.accounts import Principal

from .coverage import COUNTED, summarize
from .measured_text import describe_measured
from .render import PageHandler
from .translations import (
    Translations,
    format_date,
    name_waiver_decider,
    translate_category,
    translate_detector,
    translate_note,
)

MODALITIES = tuple(Modality)


@dataclass(frozen=True, kw_only=True)
class CoverageCellView:
    """One cell of the map. `status` is empty if no policy requires the check and no detector covers it."""

    #: Category and modality, as in the query of the page.
    key: str
    modality: str
    status: str
    label: str
    selected: bool
    #: Names of the waivers under which it may be missing.
    waived_by: str = ""


@dataclass(frozen=True, kw_only=True)
class CategoryCoverageRow:
    name: str
    required: bool
    cells: tuple[CoverageCellView, ...]


@dataclass(frozen=True, kw_only=True)
class CoverageDetail:
    """The selected cell: what checks it, how well, and what is missing."""

    title: str
    status: str
    label: str
    required: bool
    detectors: tuple[str, ...]
    measured: tuple[str, ...]
    #: Why no detector checks it; may be empty.
    note: str
    waived_by: str


class CoveragePages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        """The map. A script gets only the details of the selected cell.

        Query: `cell` (category and modality of the selected cell, such as `hate/text`).
        """
        table = await self.run(self.services.videos.coverage)
        t, cells = self.translations(request), table["cells"]
        selected = request.query_params.get("cell", "")
        detail = _find_detail(cells, selected, t)
        if self.wants_fragment(request):
            return await self.render_page(request, "coverage_detail.html", principal, detail=detail)
        summary = summarize(installed_checks(table), t)
        rows = _category_rows(cells, self.services.taxonomy.mandatory, selected, t)
        return await self.render_page(
            request,
            "coverage.html",
            principal,
            modalities=[t(f"modality.{modality.value}") for modality in MODALITIES],
            rows=rows,
            summary=summary,
            neither=sum(not cell.status for row in rows for cell in row.cells),
            off=sum(cell["status"] == "off" for cell in cells),
            detail=detail,
            waivers=[_waiver_row(waiver, table, self.services.taxonomy, t) for waiver in table["waivers"]],
            missing=[_missing_row(one, t) for one in table.get("missing", ())],
            policy=table.get("policy"),
        )


def _category_rows(
    cells: Sequence[Mapping[str, Any]], mandatory: frozenset[str], selected: str, t: Translations
) -> tuple[CategoryCoverageRow, ...]:
    """One row for each category; those with missing checks first, then the mandatory ones."""
    statuses = {(cell["category"], cell["modality"]): str(cell["status"]) for cell in cells}
    waived_by = {(cell["category"], cell["modality"]): tuple(cell.get("waived_by") or ()) for cell in cells}
    worst: dict[str, int] = {}
    for (category, _), status in statuses.items():
        rank = COUNTED.index(status) if status in COUNTED else len(COUNTED)
        worst[category] = min(rank, worst.get(category, rank))
    names = sorted(worst, key=lambda name: (worst[name], name not in mandatory, name))
    return tuple(
        CategoryCoverageRow(
            name=translate_category(name, t),
            required=name in mandatory,
            cells=tuple(
                replace(
                    _cell_view(name, modality, statuses.get((name, modality.value), ""), selected, t),
                    waived_by=t.join_list(list(waived_by.get((name, modality.value), ()))),
                )
                for modality in MODALITIES
            ),
        )
        for name in names
    )


def _cell_view(
    category: str, modality: Modality, status: str, selected: str, t: Translations
) -> CoverageCellView:
    key = f"{category}/{modality.value}"
    return CoverageCellView(
        key=key,
        modality=t(f"modality.{modality.value}"),
        status=status,
        label=t(f"coverage.{status.replace(' ', '_')}") if status else "",
        selected=bool(status) and key == selected,
    )


def _find_detail(cells: Sequence[Mapping[str, Any]], selected: str, t: Translations) -> CoverageDetail | None:
    for cell in cells:
        if f"{cell['category']}/{cell['modality']}" == selected:
            detectors, modality = tuple(cell.get("detectors") or ()), Modality(cell["modality"])
            status = str(cell["status"])
            return CoverageDetail(
                title=t(
                    "scan.named",
                    name=translate_category(cell["category"], t),
                    value=t(f"modality.{modality.value}"),
                ),
                status=status,
                label=t(f"coverage.{status.replace(' ', '_')}"),
                required=bool(cell.get("required")),
                detectors=tuple(translate_detector(name, t) for name in detectors),
                measured=describe_measured(cell.get("measured"), cell["category"], modality, t)
                if detectors
                else (),
                note=translate_note(str(cell.get("note") or ""), t),
                waived_by=t.join_list(list(cell.get("waived_by") or ())),
            )
    return None


def _missing_row(missing: Mapping[str, Any], t: Translations) -> dict[str, str]:
    return {
        "name": translate_detector(str(missing["detector"]), t),
        "message": translate_note(str(missing["message"]), t),
    }


def _waiver_row(
    waiver: Mapping[str, Any], table: Mapping[str, Any], taxonomy: Taxonomy, t: Translations
) -> dict[str, str]:
    until = waiver.get("expires_at")
    checks = waived_checks(table, waiver["name"])
    return {
        "name": str(waiver["name"]),
        "decided_by": name_waiver_decider(str(waiver["name"]), str(waiver["decided_by"]), t),
        # The reason of the waiver that `make run` records is a text of this project.
        "reason": translate_note(str(waiver["reason"]), t).rstrip(".。"),
        "scope": describe_waiver_scope(checks, waiver["categories"], taxonomy, t.tag),
        "since": format_date(float(waiver["created_at"]), t),
        "until": format_date(float(until), t) if until else t("coverage.until_revoked"),
    }
