"""`safelight coverage`: what this installation checks, by which detector, and what it does not check."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.core.fileio import write_atomic

from .commands import load_container
from .language import category_name, detector_name, language, modality_name, texts, translate
from .operations import Json
from .output import Exit, emit, make_table, print_prose, printable

if TYPE_CHECKING:
    from rich.console import Console

    from safelight.policy.findings import Taxonomy

app = typer.Typer()

_MODALITIES = ("text", "image", "frames", "audio")
#: Columns of a terminal on which the table fits without broken statuses, and the longest word of a status.
_FULL_WIDTH, _STATUS_WIDTH = 80, 8


@app.callback(invoke_without_command=True)
def coverage(
    ctx: typer.Context,
    as_json: Json = False,
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet",
            help="Also write the decision sheet to this HTML file: what is done, found and missing, to sign.",
        ),
    ] = None,
) -> int:
    """Print the coverage of every category and modality.

    Exit code 5: a required check is not covered. 6: it is only waived.
    """
    container = load_container(ctx)
    table = container.coverage.describe()
    if sheet is not None:
        _write_sheet(sheet, table, container.core.taxonomy)
    emit(table, as_json, lambda console: _print_table(console, table, container.core.taxonomy))
    open_cells = [cell for cell in table["cells"] if cell["status"] == "not checked"]
    if any(not cell["waived_by"] for cell in open_cells):
        return Exit.NOT_COVERED
    return Exit.WAIVED if open_cells else Exit.OK


def _write_sheet(path: Path, table: dict[str, Any], taxonomy: Taxonomy) -> None:
    from safelight.web.console.decision_sheet import decision_sheet, render_sheet
    from safelight.web.translations import load_languages

    t = load_languages()[language()]
    text = render_sheet(decision_sheet(table, taxonomy, t, at=time.time()), t)
    write_atomic(path, text.encode())


def _print_table(console: Console, table: dict[str, Any], taxonomy: Taxonomy) -> None:
    from rich.text import Text

    from safelight.screening.coverage_count import count_complete, installed_checks
    from safelight.screening.coverage_table import describe_waiver_scope, waived_checks
    from safelight.screening.text_figures import describe_installed_text
    from safelight.web.console.measured_text import describe_prompts
    from safelight.web.translations import load_languages, name_waiver_decider

    t, words = texts(), load_languages()[language()]
    policy = table["policy"]
    cells = {(cell["category"], cell["modality"]): cell for cell in table["cells"]}
    print_prose(console, t("coverage.title", name=policy["name"], version=policy["version"]), style="bold")
    grid = make_table(console, words("coverage.category"), *map(modality_name, _MODALITIES))
    for category in dict.fromkeys(cell["category"] for cell in table["cells"]):
        row = [cells.get((category, modality)) for modality in _MODALITIES]
        grid.add_row(Text(category_name(category)), *(Text(_format_cell(cell)) for cell in row))
    if console.width < _FULL_WIDTH:
        # Statuses are broken between words, so that no word of a category is cut.
        for column in grid.columns[1:]:
            column.max_width = _STATUS_WIDTH
        grid.columns[0].overflow = "fold"
    console.print(grid)
    complete, total = count_complete(installed_checks(table))
    print_prose(console, t("coverage.count", checked=complete, all=total))
    lines = [t("coverage.waived")] if any(cell["waived_by"] for cell in table["cells"]) else []
    lines += [
        t(
            "coverage.waiver",
            name=waiver["name"],
            scope=describe_waiver_scope(
                waived_checks(table, waiver["name"]), waiver["categories"], taxonomy, language()
            ),
            who=name_waiver_decider(waiver["name"], waiver["decided_by"], words),
            reason=translate(waiver["reason"]),
        )
        for waiver in table["waivers"]
    ]
    lines += _describe_cells(table["cells"])
    lines.append(describe_installed_text(table, words))
    if any(_is_measured_with_all_text(cell) for cell in table["cells"]):
        lines.append(t("coverage.together", figure=describe_prompts(words)))
    lines += [
        t("coverage.missing", name=detector_name(one["detector"]), reason=translate(one["message"]))
        for one in table["missing"]
    ]
    for line in lines:
        print_prose(console, printable(line))


def _describe_cells(cells: list[dict[str, Any]]) -> Iterator[str]:
    """Which detectors check what and how well, then the reasons of the gaps; equal ones in one line."""
    t = texts()
    checked: dict[tuple[str, str], list[dict[str, Any]]] = {}
    gaps: dict[str, list[dict[str, Any]]] = {}
    for cell in cells:
        if cell["detectors"]:
            names = t("separator").join(map(detector_name, cell["detectors"]))
            checked.setdefault((names, _format_figure(cell["measured"])), []).append(cell)
        if cell["note"]:
            gaps.setdefault(translate(cell["note"]), []).append(cell)
    for (names, figure), same in checked.items():
        yield t("coverage.checked", cell=_format_cells(same), names=names, figure=figure)
    for reason, same in gaps.items():
        yield t("coverage.gap", cell=_format_cells(same), reason=reason)


def _format_cells(cells: list[dict[str, Any]]) -> str:
    """The categories of these cells, those of the same modalities together."""
    t = texts()
    modalities: dict[str, list[str]] = {}
    for cell in cells:
        modalities.setdefault(cell["category"], []).append(modality_name(cell["modality"]))
    groups: dict[str, list[str]] = {}
    for category, names in modalities.items():
        groups.setdefault(t("separator").join(names), []).append(category_name(category))
    return t("separator").join(
        t("check.cell", category=t("separator").join(categories), modality=names)
        for names, categories in groups.items()
    )


def _format_figure(measured: str | None) -> str:
    """The measured quality in the language in use, and the page that documents it."""
    t = texts()
    if not measured:
        return texts("console")("coverage.unmeasured")
    figure, _, page = measured.rpartition(", ")
    if not figure:
        return t("coverage.measured_together")
    return t("coverage.measured", figure=translate(figure), page=page.removeprefix("docs/"))


def _is_measured_with_all_text(cell: dict[str, Any]) -> bool:
    from safelight.web.console.measured_text import is_prompts_page

    return bool(cell["detectors"]) and is_prompts_page(cell["measured"] or "")


def _format_cell(cell: dict[str, Any] | None) -> str:
    """The status in words; an asterisk marks a gap that a waiver excuses."""
    status = "off" if cell is None else cell["status"].replace(" ", "_")
    excused = "*" if cell is not None and cell["waived_by"] else ""
    return texts()(f"coverage.status.{status}") + excused
