"""The coverage page: category by modality in four words, what stands behind each, and the waivers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.policy.findings import Modality
from safelight.trust.accounts import Principal

from .formatting import category_name, day
from .handler import PageHandler
from .translations import Translations

PLACES = tuple(Modality)


@dataclass(frozen=True, kw_only=True)
class CoverageCellView:
    """One of the four words, or none where the policy and the detectors say nothing."""

    place: str
    word: str
    name: str
    detectors: str
    measured: str
    waived_by: str


@dataclass(frozen=True, kw_only=True)
class CoverageRow:
    category: str
    name: str
    required: bool
    cells: tuple[CoverageCellView, ...]


class CoveragePages(PageHandler):
    async def coverage(self, request: Request, principal: Principal) -> Response:
        table = await self.run(self.services.videos.coverage)
        words = self.words(request)
        cells = table["cells"]
        return await self.page(
            request,
            "coverage_page.html",
            principal,
            places=[words(f"modality.{place.value}") for place in PLACES],
            lines=_lines(cells, self.services.taxonomy.mandatory, words),
            counts=[
                (
                    word,
                    words(f"coverage.{word.replace(' ', '_')}"),
                    sum(cell["word"] == word for cell in cells),
                )
                for word in ("checked", "partly", "not checked", "off")
            ],
            waivers=[_waiver(waiver, words) for waiver in table.get("waivers", ())],
            missing=table.get("missing", ()),
            policy=table.get("policy"),
        )


def _lines(cells: Any, mandatory: frozenset[str], words: Translations) -> tuple[CoverageRow, ...]:
    by_place: dict[tuple[str, str], Mapping[str, Any]] = {
        (cell["category"], cell["modality"]): cell for cell in cells
    }
    names = sorted({category for category, _ in by_place}, key=lambda name: (name not in mandatory, name))
    return tuple(
        CoverageRow(
            category=name,
            name=category_name(name, words),
            required=name in mandatory,
            cells=tuple(_cell(by_place.get((name, place.value)), place, words) for place in PLACES),
        )
        for name in names
    )


def _cell(cell: Mapping[str, Any] | None, place: Modality, words: Translations) -> CoverageCellView:
    where = words(f"modality.{place.value}")
    if cell is None:
        return CoverageCellView(place=where, word="", name="–", detectors="", measured="", waived_by="")
    word = str(cell["word"])
    detectors = list(cell.get("detectors") or ())
    measured = ""
    if detectors:
        measured = str(cell.get("measured") or words("coverage.unmeasured"))
    return CoverageCellView(
        place=where,
        word=word,
        name=words(f"coverage.{word.replace(' ', '_')}"),
        detectors=words.listed(detectors),
        measured=measured,
        waived_by=words.listed(list(cell.get("waived_by") or ())),
    )


def _waiver(waiver: Mapping[str, Any], words: Translations) -> dict[str, str]:
    whole = "*" in waiver["categories"]
    until = waiver.get("expires_at")
    return {
        "name": str(waiver["name"]),
        "who": str(waiver["who"]),
        "why": str(waiver["why"]),
        "what": words("banner.everything") if whole else words.listed(list(waiver["categories"])),
        "since": day(float(waiver["created_at"]), words),
        "until": day(float(until), words) if until else words("coverage.no_end"),
    }
