"""`safelight coverage`: what this installation checks, by which detector, and what it does not check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .commands import load_container
from .exit_codes import Exit
from .output import emit

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
    from rich.table import Table
    from rich.text import Text

    cells = {(cell["category"], cell["modality"]): cell for cell in table["cells"]}
    grid = Table(title=f"Coverage under the policy {table['policy']['name']} {table['policy']['version']}")
    grid.add_column("Category")
    for modality in _MODALITIES:
        grid.add_column(modality)
    for category in dict.fromkeys(cell["category"] for cell in table["cells"]):
        row = [cells.get((category, modality)) for modality in _MODALITIES]
        grid.add_row(Text(category), *(Text(_format_cell(cell)) for cell in row))
    console.print(grid)
    for cell in table["cells"]:
        if cell["detectors"]:
            names = ", ".join(cell["detectors"])
            figure = cell["measured"] or "unmeasured"
            console.print(Text(f"{cell['category']} in {cell['modality']}: {names} ({figure})"))
    for cell in table["cells"]:
        if cell["note"]:
            console.print(Text(f"{cell['category']} in {cell['modality']}: {cell['note']}"))
    for missing in table["missing"]:
        console.print(Text(f"Missing: {missing['detector']}. {missing['message']}"))
    for waiver in table["waivers"]:
        scope = "all mandatory categories" if "*" in waiver["categories"] else ", ".join(waiver["categories"])
        console.print(Text(f"Waiver {waiver['name']}: {scope}; {waiver['decided_by']}. {waiver['reason']}"))


def _format_cell(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return "off"
    waived = f", waived by {', '.join(cell['waived_by'])}" if cell["waived_by"] else ""
    return f"{cell['status']}{waived}"
