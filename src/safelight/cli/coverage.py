"""`safelight coverage`: what this installation checks, by which detector, and what it does not check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.i18n import load_messages

from .commands import load_container
from .exit_codes import Exit
from .language import category_name, language, modality_name, texts, translate
from .output import emit, make_table, print_prose, printable

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="Show what is checked, by which detector, and what is not.")

_MODALITIES = ("text", "image", "frames", "audio")


@app.callback(invoke_without_command=True)
def coverage(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Print the coverage of every category and modality.

    Exit code 5: a required check is not covered. 6: it is only waived.
    """
    table = load_container(ctx).review.describe_coverage()
    emit(table, as_json, lambda console: _print_table(console, table))
    open_cells = [cell for cell in table["cells"] if cell["status"] == "not checked"]
    if any(not cell["waived_by"] for cell in open_cells):
        return Exit.NOT_COVERED
    return Exit.WAIVED if open_cells else Exit.OK


def _print_table(console: Console, table: dict[str, Any]) -> None:
    from rich.text import Text

    t, words = texts(), load_messages("console", language())
    policy = table["policy"]
    cells = {(cell["category"], cell["modality"]): cell for cell in table["cells"]}
    print_prose(console, t("coverage.title", name=policy["name"], version=policy["version"]), style="bold")
    grid = make_table(console, words("coverage.category"), *map(modality_name, _MODALITIES))
    for category in dict.fromkeys(cell["category"] for cell in table["cells"]):
        row = [cells.get((category, modality)) for modality in _MODALITIES]
        grid.add_row(Text(category_name(category)), *(Text(_format_cell(cell)) for cell in row))
    console.print(grid)
    lines = [t("coverage.waived")] if any(cell["waived_by"] for cell in table["cells"]) else []
    for waiver in table["waivers"]:
        scope = t("separator").join(
            t("coverage.everything") if name == "*" else category_name(name) for name in waiver["categories"]
        )
        lines.append(
            t(
                "coverage.waiver",
                name=waiver["name"],
                scope=scope,
                who=waiver["decided_by"],
                reason=waiver["reason"],
            )
        )
    for cell in table["cells"]:
        name = t(
            "check.cell", category=category_name(cell["category"]), modality=modality_name(cell["modality"])
        )
        if cell["detectors"]:
            figure = cell["measured"] or words("coverage.unmeasured")
            lines.append(t("coverage.checked", cell=name, names=", ".join(cell["detectors"]), figure=figure))
        if cell["note"]:
            lines.append(t("coverage.gap", cell=name, reason=translate(cell["note"])))
    lines += [
        t("coverage.missing", name=missing["detector"], reason=translate(missing["message"]))
        for missing in table["missing"]
    ]
    for line in lines:
        print_prose(console, printable(line))


def _format_cell(cell: dict[str, Any] | None) -> str:
    """The status in words; an asterisk marks a gap that a waiver excuses."""
    words = load_messages("console", language())
    status = "off" if cell is None else cell["status"].replace(" ", "_")
    return words(f"coverage.{status}").lower() + ("*" if cell is not None and cell["waived_by"] else "")
