"""The coverage page: a map of categories and modalities, and the details of one selected cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.cases.inputs import FiguresQuery, RulePointChange
from safelight.cases.quality.check_figures import PointTrial
from safelight.cases.quality.figure_texts import describe_proposal
from safelight.core.errors import InvalidField, SafelightError
from safelight.core.i18n import load_messages
from safelight.policy.draft import MAX_SCORE, MIN_SCORE
from safelight.policy.findings import Modality, Taxonomy
from safelight.policy.points import RulePoint, find_points
from safelight.screening.coverage_count import installed_checks
from safelight.screening.coverage_table import describe_waiver_scope, waived_checks
from safelight.screening.text_figures import describe_installed_text
from safelight.web.translations import (
    Translations,
    name_waiver_decider,
    translate_category,
    translate_detector,
    translate_note,
)

from .coverage import COUNTED, summarize
from .decision_sheet import decision_sheet
from .measured_text import describe_measured, format_share
from .render import PageHandler, find_refused

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
    #: Share found, such as `70 %`; empty if it was not measured.
    share: str = ""
    #: Everything that was measured, with intervals, false alarms and day.
    figure: str = ""
    #: Names of the waivers under which it may be missing.
    waived_by: str = ""


@dataclass(frozen=True, kw_only=True)
class CategoryCoverageRow:
    name: str
    required: bool
    cells: tuple[CoverageCellView, ...]

    @property
    def is_unknown(self) -> bool:
        """Whether the category is neither required nor covered anywhere."""
        return not any(cell.status for cell in self.cells)


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


@dataclass(frozen=True, kw_only=True)
class PointsView:
    """The points of the rules about the selected cell, and what was asked about one of them."""

    cell: str
    points: tuple[RulePoint, ...]
    min: float = MIN_SCORE
    max: float = MAX_SCORE
    #: What the decisions about videos of this tenant propose, as sentences.
    proposals: tuple[str, ...] = ()
    #: What another point would have changed; None if none was tried.
    trial: PointTrial | None = None


class CoveragePages(PageHandler):
    refusals = (SafelightError,)

    async def show(self, request: Request, principal: Principal) -> Response:
        """The map. A script gets only the details of the selected cell, or the trial of a point.

        Query: `cell` (category and modality of the selected cell, such as `hate/text`); `rule` and `score`,
        the point that is tried; `published`, the version that was published; `print`, the decision sheet
        instead.
        """
        query, (problem, form) = request.query_params, find_refused(request)
        if "print" in query:
            return await self._show_sheet(request, principal)
        selected = query.get("cell") or form.get("cell", "")
        points = await self._read_points(principal, selected)
        if points is not None and "rule" in query:
            try:
                trial = await self.run(self.services.check_figures.try_point, principal, _asked(query))
                points = replace(points, trial=trial)
            except SafelightError as refused:
                problem = refused
            if self.wants_fragment(request):
                return await self.render_page(
                    request, "coverage_trial.html", principal, 200, problem=problem, points=points
                )
        if points is not None:
            proposals = await self._propose(principal, selected, self.translations(request))
            points = replace(points, proposals=proposals)
        table = await self.run(self.services.videos.coverage)
        t, cells = self.translations(request), table["cells"]
        detail = _find_detail(cells, selected, t)
        if self.wants_fragment(request):
            return await self.render_page(
                request, "coverage_detail.html", principal, detail=detail, points=points
            )
        summary = summarize(installed_checks(table), t)
        rows = _category_rows(cells, self.services.taxonomy, selected, t)
        return await self.render_page(
            request,
            "coverage.html",
            principal,
            modalities=[t(f"modality.{modality.value}") for modality in MODALITIES],
            rows=rows,
            summary=summary,
            text_checks=describe_installed_text(table, t),
            neither=sum(not cell.status for row in rows for cell in row.cells),
            detail=detail,
            points=points,
            problem=problem,
            published=query.get("published", "")[:12],
            waivers=[_waiver_row(waiver, table, self.services.taxonomy, t) for waiver in table["waivers"]],
            missing=[_missing_row(one, t) for one in table.get("missing", ())],
            policy=table.get("policy"),
        )

    async def set_point(self, request: Request, principal: Principal) -> Response:
        """Publish the policy in force with another point of one rule."""
        form = await self.read_form(request)
        published = await self.run(self.services.check_figures.set_point, principal, _asked(form))
        query = urlencode({"cell": form.get("cell", ""), "published": published.version})
        return self.redirect(f"/coverage?{query}")

    async def _show_sheet(self, request: Request, principal: Principal) -> Response:
        t, table = self.translations(request), await self.run(self.services.videos.coverage)
        sheet = decision_sheet(table, self.services.taxonomy, t, at=self.console.clock())
        return await self.render_page(request, "decision_sheet.html", principal, sheet=sheet, style="")

    async def _read_points(self, principal: Principal, selected: str) -> PointsView | None:
        """None without a cell or the scope `policy`."""
        category, _, modality = selected.rpartition("/")
        if self.console.policies is None or not (category and principal.has_scope(KeyScope.POLICY)):
            return None
        policy = await self.run(self.console.policies.in_force, principal.tenant)
        return PointsView(cell=selected, points=find_points(policy, category, modality))

    async def _propose(self, principal: Principal, selected: str, t: Translations) -> tuple[str, ...]:
        found = await self.run(self.services.check_figures.figures, principal, FiguresQuery())
        q = load_messages("quality", t.tag)
        return tuple(
            describe_proposal(one, translate_detector(one.detector, t), q)
            for one in found.points
            if f"{one.category}/{one.modality}" == selected
        )


def _asked(fields: Mapping[str, str]) -> RulePointChange:
    """Raises `InvalidField`."""
    try:
        score = float(fields.get("score", ""))
    except ValueError:
        raise InvalidField("The score must be a number such as 0.6.", param="score") from None
    return RulePointChange(rule=fields.get("rule", ""), score=score)


def _category_rows(
    cells: Sequence[Mapping[str, Any]], taxonomy: Taxonomy, selected: str, t: Translations
) -> tuple[CategoryCoverageRow, ...]:
    """One row per category: first those with missing checks, then the mandatory ones, last those that are
    neither required nor covered.
    """
    mandatory = taxonomy.mandatory
    known = {(cell["category"], cell["modality"]): cell for cell in cells}
    worst = {spec.name: len(COUNTED) + 1 for spec in taxonomy}
    for (category, _), cell in known.items():
        rank = COUNTED.index(cell["status"]) if cell["status"] in COUNTED else len(COUNTED)
        worst[category] = min(rank, worst.get(category, rank))
    names = sorted(worst, key=lambda name: (worst[name], name not in mandatory, name))
    return tuple(
        CategoryCoverageRow(
            name=translate_category(name, t),
            required=name in mandatory,
            cells=tuple(
                _cell_view(name, modality, known.get((name, modality.value), {}), selected, t)
                for modality in MODALITIES
            ),
        )
        for name in names
    )


def _cell_view(
    category: str, modality: Modality, cell: Mapping[str, Any], selected: str, t: Translations
) -> CoverageCellView:
    key, status = f"{category}/{modality.value}", str(cell.get("status", ""))
    is_covered = bool(cell.get("detectors"))
    return CoverageCellView(
        key=key,
        modality=t(f"modality.{modality.value}"),
        status=status,
        label=t(f"coverage.{status.replace(' ', '_')}") if status else t("coverage.neither"),
        selected=bool(status) and key == selected,
        share=format_share(cell.get("measured"), category, modality) if is_covered else "",
        figure=" ".join(describe_measured(cell.get("measured"), category, modality, t)) if is_covered else "",
        waived_by=t.join_list(list(cell.get("waived_by") or ())),
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
) -> dict[str, Any]:
    checks = waived_checks(table, waiver["name"])
    return {
        **waiver,
        "decided_by": name_waiver_decider(waiver["name"], waiver["decided_by"], t),
        # The reason of the waiver that `make run` records is a text of this project.
        "reason": translate_note(waiver["reason"], t).rstrip(".。"),
        "scope": describe_waiver_scope(checks, waiver["categories"], taxonomy, t.tag),
    }
