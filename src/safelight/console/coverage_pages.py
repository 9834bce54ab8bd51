"""The coverage page: status per category and modality, with detectors, measured figures and waivers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.policy.findings import Modality
from safelight.trust.accounts import Principal

from .formatting import format_date, translate_category
from .handler import PageHandler
from .translations import Translations

MODALITIES = tuple(Modality)


@dataclass(frozen=True, kw_only=True)
class CoverageCellView:
    """One cell of the coverage table. `status` is empty if no policy requires the check and no detector
    covers it.
    """

    modality: str
    status: str
    label: str
    detectors: str
    measured: str
    waived_by: str


@dataclass(frozen=True, kw_only=True)
class CategoryCoverageRow:
    category: str
    name: str
    required: bool
    cells: tuple[CoverageCellView, ...]


class CoveragePages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        table = await self.run(self.services.videos.coverage)
        t = self.translations(request)
        cells = table["cells"]
        return await self.render_page(
            request,
            "coverage.html",
            principal,
            modalities=[t(f"modality.{modality.value}") for modality in MODALITIES],
            rows=_category_rows(cells, self.services.taxonomy.mandatory, t),
            counts=[
                (
                    status,
                    t(f"coverage.{status.replace(' ', '_')}"),
                    sum(cell["status"] == status for cell in cells),
                )
                for status in ("checked", "partly", "not checked", "off")
            ],
            waivers=[_waiver_row(waiver, t) for waiver in table.get("waivers", ())],
            missing=table.get("missing", ()),
            policy=table.get("policy"),
        )


def _category_rows(cells: Any, mandatory: frozenset[str], t: Translations) -> tuple[CategoryCoverageRow, ...]:
    by_modality: dict[tuple[str, str], Mapping[str, Any]] = {
        (cell["category"], cell["modality"]): cell for cell in cells
    }
    names = sorted({category for category, _ in by_modality}, key=lambda name: (name not in mandatory, name))
    return tuple(
        CategoryCoverageRow(
            category=name,
            name=translate_category(name, t),
            required=name in mandatory,
            cells=tuple(
                _cell_view(by_modality.get((name, modality.value)), modality, t) for modality in MODALITIES
            ),
        )
        for name in names
    )


def _cell_view(cell: Mapping[str, Any] | None, modality: Modality, t: Translations) -> CoverageCellView:
    modality_name = t(f"modality.{modality.value}")
    if cell is None:
        return CoverageCellView(
            modality=modality_name, status="", label="–", detectors="", measured="", waived_by=""
        )
    status = str(cell["status"])
    detectors = list(cell.get("detectors") or ())
    measured = ""
    if detectors:
        measured = str(cell.get("measured") or t("coverage.unmeasured"))
    return CoverageCellView(
        modality=modality_name,
        status=status,
        label=t(f"coverage.{status.replace(' ', '_')}"),
        detectors=t.join_list(detectors),
        measured=measured,
        waived_by=t.join_list(list(cell.get("waived_by") or ())),
    )


def _waiver_row(waiver: Mapping[str, Any], t: Translations) -> dict[str, str]:
    all_categories = "*" in waiver["categories"]
    until = waiver.get("expires_at")
    return {
        "name": str(waiver["name"]),
        "decided_by": str(waiver["decided_by"]),
        "reason": str(waiver["reason"]),
        "categories": t("banner.everything") if all_categories else t.join_list(list(waiver["categories"])),
        "since": format_date(float(waiver["created_at"]), t),
        "until": format_date(float(until), t) if until else t("coverage.until_revoked"),
    }
