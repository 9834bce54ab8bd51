"""`safelight doctor`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import doctor_checks
from .commands import load_container
from .doctor_checks import DoctorCheck, DoctorState, guarded
from .exit_codes import Exit
from .output import emit
from .upstream import NAME, read_key

if TYPE_CHECKING:
    from safelight.bootstrap import Container

app = typer.Typer(add_completion=False)

_MARKS = {DoctorState.OK: "ok     ", DoctorState.WARNING: "warning", DoctorState.FAILED: "FAILED "}


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """What the command line says about upstreams."""

    addresses: tuple[str, ...]
    key_file: Path | None
    model: str | None
    make_clip: bool


@app.command()
def doctor(
    ctx: typer.Context,
    upstream: Annotated[
        list[str] | None, typer.Option("--upstream", help="Look at this address too; may be given again.")
    ] = None,
    upstream_key_file: Annotated[
        Path | None,
        typer.Option(help="File with the upstream's key. [default: the variable SAFELIGHT_UPSTREAM_KEY]"),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The upstream's model to try. [default: the first it lists]")
    ] = None,
    make_clip: Annotated[
        bool,
        typer.Option(
            "--make-clip",
            help="Order one small clip of each --upstream, or of those in the settings that are our own: "
            "fetch it, scan it, have it deleted.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
) -> int:
    """Look at everything an installation needs, and say how to mend it. Changes nothing.

    Upstreams are asked for their models; with --make-clip for one small clip, which a paid one charges for.

    Exit code 1 where something failed; warnings leave it at 0.
    """
    wanted = DoctorOptions(
        addresses=tuple(upstream or ()), key_file=upstream_key_file, model=model, make_clip=make_clip
    )
    found = list(_look(ctx, wanted))
    worst = DoctorState.FAILED if any(one.state is DoctorState.FAILED for one in found) else DoctorState.OK
    emit({"ok": worst is DoctorState.OK, "checks": found}, as_json, text(found))
    return Exit.OK if worst is DoctorState.OK else Exit.ERROR


def text(found: list[DoctorCheck]) -> str:
    lines = []
    for one in found:
        lines.append(f"{_STATE_LABELS[one.state]}  {one.name}: {one.message}")
        if one.remedy:
            lines.append(f"         {one.remedy}")
    counts = {state: sum(one.state is state for one in found) for state in DoctorState}
    lines += [
        "",
        f"{counts[DoctorState.OK]} ok, {counts[DoctorState.WARNING]} warnings, {counts[DoctorState.FAILED]} failed.",
    ]
    return "\n".join(lines)


def _look(ctx: typer.Context, wanted: DoctorOptions) -> Iterator[DoctorCheck]:
    yield guarded("python", doctor_checks.python)
    packages = guarded("packages", doctor_checks.packages)
    yield packages
    yield guarded("limits", doctor_checks.limits)
    yield guarded("fonts", doctor_checks.fonts)
    yield guarded("speech", doctor_checks.speech)
    if packages.state is DoctorState.FAILED:
        yield from _upstreams(None, wanted)
        return
    here: list[Container] = []

    def settings() -> DoctorCheck:
        here.append(load_container(ctx))
        return DoctorCheck(
            name="settings", state=DoctorState.OK, says=f"They hold; data in {here[0].core.settings.data}."
        )

    yield guarded("settings", settings)
    yield guarded("sandbox", lambda: _isolation(here[0] if here else None))
    for one in here:
        yield from _installed(one)
    yield from _upstreams(here[0] if here else None, wanted)


def _isolation(container: Container | None) -> DoctorCheck:
    """As the gateway does it: with the models loaded, and forks where there can be some."""
    from safelight.sandbox.sandbox import Sandbox

    if container is None:
        sandbox = Sandbox()
        try:
            return doctor_checks.isolation(sandbox.isolation())
        finally:
            sandbox.close()
    scanner = container.core.scanner
    scanner.start()
    try:
        return doctor_checks.isolation(scanner.isolation())
    finally:
        scanner.close()


def _check_installation(container: Container) -> Iterator[DoctorCheck]:
    from safelight.store.disk import MIN_FREE_BYTES

    settings = container.core.settings
    looks: dict[str, Callable[[], DoctorCheck]] = {
        "data directory": lambda: doctor_checks.data_directory(settings.data),
        "disk": lambda: doctor_checks.disk(settings.data, reserve=MIN_FREE_BYTES),
        "port": lambda: doctor_checks.port(settings.server.host, settings.server.port),
        "database": lambda: _database(container),
        "signing key": lambda: doctor_checks.signing(_keys(container)),
        "clock": lambda: doctor_checks.clock(dt.datetime.now(dt.UTC), signing_from=_signing_from(container)),
        "policy": lambda: _policy(container),
    }
    for name, look in looks.items():
        yield guarded(name, look)
    try:
        catalogue = container.core.detectors
        missing = [(one.name, one.sentence) for one in catalogue.missing]
        yield from doctor_checks.detectors([plugin.name for plugin in catalogue.plugins], missing)
    except Exception as error:
        yield DoctorCheck(name="detectors", state=DoctorState.FAILED, says=f"{type(error).__name__}: {error}")


def _upstreams(container: Container | None, wanted: DoctorOptions) -> Iterator[DoctorCheck]:
    """Those of the command line, then those of the settings."""
    known = {} if container is None else container.core.settings.generators
    key = read_key(wanted.key_file)
    seen = set()
    for address in wanted.addresses:
        name, table = _configured(address, known)
        seen.add(name)
        yield from _upstream(container, name, {**table, "url": address}, key, wanted, clip=wanted.make_clip)
    for name, table in known.items():
        if name not in seen and isinstance(table.get("url"), str):
            clip = wanted.make_clip and not wanted.addresses and table.get("billing") == "own"
            yield from _upstream(container, name, table, key if name == NAME else "", wanted, clip=clip)


def _configured(address: str, known: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    """The generator the settings have for an address; else the address itself, and nothing known of it."""
    plain = address.rstrip("/").removesuffix("/v1")
    for name, table in known.items():
        if str(table.get("url", "")).rstrip("/").removesuffix("/v1") == plain:
            return name, table
    return address, {}


def _upstream(
    container: Container | None,
    name: str,
    table: Mapping[str, Any],
    key: str,
    wanted: DoctorOptions,
    *,
    clip: bool,
) -> Iterator[DoctorCheck]:
    from .upstream_checks import look, make_clip

    reached = doctor_checks.upstream(name, table["url"])
    if reached.state is not DoctorState.OK:
        yield reached
        return
    key = str(table.get("api_key") or key)
    found, told = look(name, table["url"], key)
    yield from told
    models = (wanted.model,) if wanted.model else (found.models if found else None) or table.get("models")
    if not clip or found is None:
        return
    if not models:
        yield DoctorCheck(
            name=f"upstream {name}: clip",
            state=DoctorState.FAILED,
            says="It lists no models, so none was asked for a clip.",
            remedy="Name one: --model NAME",
        )
        return
    from safelight.generation.videos_api.options import read_options

    options = {option: value for option, value in table.items() if option != "kind"}
    options |= {"name": name, "url": found.url, "api_key": key, "models": tuple(models)}
    yield from make_clip(
        found, name, read_options(options), None if container is None else container.core.scanner
    )


def _database(container: Container) -> DoctorCheck:
    """Through a connection of its own: the installation's may bring the tables up to date."""
    from safelight.store.database import Database

    url = (
        container.core.settings.storage.database
        or f"sqlite:///{container.core.settings.data.absolute() / 'db.sqlite3'}"
    )
    own = Database(url, wait_s=3.0, connections=1)
    try:
        return doctor_checks.database(own)
    finally:
        own.close()


def _signing_from(container: Container) -> dt.datetime | None:
    from cryptography import x509

    path = _keys(container) / "signing.pem"
    if not path.exists():
        return None
    return x509.load_pem_x509_certificates(path.read_bytes())[0].not_valid_before_utc


def _keys(container: Container) -> Path:
    return container.core.settings.storage.key_dir or container.core.settings.data / "keys"


def _policy(container: Container) -> DoctorCheck:
    return DoctorCheck(
        name="policy", state=DoctorState.OK, says=f"“{container.core.configured_policy.name}” holds."
    )
