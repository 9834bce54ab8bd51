"""`safelight doctor`: diagnose an installation."""

from __future__ import annotations

import datetime as dt
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from . import doctor_checks, doctor_mail_check, doctor_rewriter_check
from .commands import load_container
from .doctor_checks import DoctorCheck, DoctorState, fail, guarded, ok, warn
from .language import detector_name, texts, translate
from .lists import read_lists
from .operations import Result, command
from .output import Exit, print_prose
from .upstream import NAME, KeyFile, read_key

if TYPE_CHECKING:
    from rich.console import Console

    from safelight.app.container import Container
    from safelight.provenance.keys import KeyStore
    from safelight.store.database import Database, Transaction

K = TypeVar("K")
V = TypeVar("V")

#: An operator's certificate is reported this long before it expires: issuing one can take weeks.
_RENEW_WITHIN = dt.timedelta(days=30)
_HOLDS = "open holds"
_DOWNLOADS = "downloads"

# The checks of `safelight doctor` on the keys of seals: signing key and watermark key.


def signing(keys: Path, now: dt.datetime) -> DoctorCheck:
    """Check the signing key. The key is only read, neither created nor renewed."""
    from cryptography import x509

    from safelight.provenance import certificates

    path = keys / "signing.pem"
    if not path.exists():
        return ok("signing key", "It is created with the first seal.")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return fail(
            "signing key",
            f"Other users of this machine can read {path}.",
            f"If no other user had access: chmod 600 '{path}'. Otherwise: safelight signing revoke",
        )
    chain = x509.load_pem_x509_certificates(path.read_bytes())
    for certificate in chain:
        problem = certificates.early_problem(certificate, now=now)
        if problem is not None:
            return fail("signing key", *problem)
    until = certificates.not_after(chain[0])
    if now >= until:
        return warn(
            "signing key",
            f"Its use ended on {until:%Y-%m-%d}; it is renewed with the next seal.",
            "If the clock is ahead, correct it first.",
        )
    return ok("signing key", f"Valid until {until:%Y-%m-%d}, then renewed.")


def configured_signing(keys: Callable[[], KeyStore], now: dt.datetime) -> DoctorCheck:
    """Check the operator's signing key and its chain. Raises `ConfigurationError` if they cannot be used."""
    name, until = "signing key", keys().signing().certificate.not_valid_after_utc
    message = f"Valid until {until:%Y-%m-%d}."
    if until - now < _RENEW_WITHIN:
        return warn(name, message, "Renew the certificate: after that day, nothing can be sealed.")
    return ok(name, message)


def watermark(keys: Path, *, wanted: bool) -> DoctorCheck:
    """Check the watermark keys. They are only read, not created. Raises `ConfigurationError`."""
    from safelight.provenance.watermark_keys import WatermarkKeys

    if not wanted:
        return ok("watermark key", "Not needed: “sealing.seal” is “c2pa”.")
    found = WatermarkKeys(keys).searched()
    return ok("watermark key", "It can be read." if found else "It is created at the first start.")


# The checks of `safelight doctor` on reviewers and downloads.


def holds(found: Database) -> DoctorCheck:
    """Check whether a person or a key may decide each open hold."""
    from safelight.accounts import KeyScope
    from safelight.accounts.models import DECIDING_ROLES
    from safelight.cases.reviews.undecidable_holds import count_undecidable

    waiting = _read(found, "holds without a reviewer", count_undecidable)
    if not waiting:
        return ok(_HOLDS, "A reviewer is enrolled for each open hold.")
    role = DECIDING_ROLES[KeyScope.VAULT if KeyScope.VAULT in waiting else KeyScope.REVIEW]
    return warn(
        _HOLDS,
        f"No enrolled person can decide {sum(waiting.values())} held videos. They are refused when "
        "their time is over.",
        f"Enrol a person for them: safelight people add NAME EMAIL --role {role.value}",
    )


def vault(found: Database) -> DoctorCheck:
    """Check whether a vault officer is enrolled for the open entries of the vault."""
    from safelight.cases.vault import count_unattended

    waiting = _read(found, "the vault", count_unattended)
    if not waiting:
        return ok("vault", "A vault officer is enrolled for each open entry.")
    return warn(
        "vault",
        f"Entries that wait: {sum(waiting.values())}. No person has the role vault_officer.",
        "Enrol a person for them: safelight people add NAME EMAIL --role vault_officer",
    )


def downloads(found: Database) -> DoctorCheck:
    """Check whether finished videos can be downloaded from their generators."""
    from safelight.videos.cut_downloads import cut_downloads

    cut = _read(found, "downloads that fail", cut_downloads)
    if not cut:
        return ok(_DOWNLOADS, "No finished video waits for its download.")
    return warn(
        _DOWNLOADS,
        " ".join(f"{name}: {sentence}" for name, sentence in cut.items()),
        "Ask the provider for the files, or for a refund.",
    )


def find_halts(found: Database) -> DoctorCheck:
    """Report the halts in force."""
    from safelight.accounts.halts import read_halts

    halts = _read(found, "halts", lambda tx: {f"{one.kind} {one.target}": one for one in read_halts(tx)})
    if not halts:
        return ok("halts", "Nothing is halted.")
    return warn(
        "halts", f"Halted: {', '.join(halts)}.", "If the cause is gone, end them: safelight halt list"
    )


def find_roles(found: Database) -> DoctorCheck:
    """Check whether some process of a fleet has each role."""
    from safelight.app.settings.models import ROLES
    from safelight.videos.fleet_roles import missing_roles

    if found.is_sqlite:
        return ok("roles", "On SQLite, the gateway has all roles.")
    missing = missing_roles(found, ROLES)
    if len(missing) == len(ROLES):
        return ok("roles", "No gateway runs on this database.")
    if not missing:
        return ok("roles", "Each role has a process.")
    names = ", ".join(missing)
    return warn(
        "roles", f"No process has these roles: {names}.", f"Start one: safelight serve --role {missing[0]}"
    )


def _read(found: Database, reason: str, read: Callable[[Transaction], Mapping[K, V]]) -> Mapping[K, V]:
    """What is read from the rows of all tenants; nothing from a database without tables."""
    if not _has_tables(found):
        return {}
    with found.across_tenants(reason, readonly=True) as tx:
        return read(tx)


def _has_tables(found: Database) -> bool:
    from safelight.store import migrations

    if found.path is not None and not found.path.exists():
        return False
    with found.raw_connection() as connection:
        return migrations.is_current(connection)


app = typer.Typer(add_completion=False)


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """The options of the command."""

    addresses: tuple[str, ...]
    key_file: Path | None
    model: str | None
    test_video: bool


@command(app)
def doctor(
    ctx: typer.Context,
    upstream: Annotated[
        list[str] | None, typer.Option("--upstream", help="Also check this server; repeatable.")
    ] = None,
    upstream_key_file: KeyFile = None,
    model: Annotated[
        str | None, typer.Option(help="The upstream's model to use. [default: the first it lists]")
    ] = None,
    test_video: Annotated[
        bool,
        typer.Option(
            "--test-video",
            help="Request a small test video from each --upstream, or from each configured one with "
            'billing = "own". It is downloaded, scanned and deleted.',
        ),
    ] = False,
) -> Result:
    """Diagnose the installation and suggest fixes. Changes nothing.

    Upstreams are asked for their models and, with --test-video, for one small video. A paid upstream charges
    for it. Exit code 1 if a check failed; warnings do not change the exit code.
    """
    options = DoctorOptions(
        addresses=tuple(upstream or ()), key_file=upstream_key_file, model=model, test_video=test_video
    )
    found = list(_run_checks(ctx, options))
    worst = DoctorState.FAILED if any(one.state is DoctorState.FAILED for one in found) else DoctorState.OK
    return Result(
        {"ok": worst is DoctorState.OK, "checks": found},
        lambda console: print_checks(console, found),
        Exit.OK if worst is DoctorState.OK else Exit.ERROR,
    )


def print_checks(console: Console, found: list[DoctorCheck]) -> None:
    """Print one line per check in the language in use, and the remedy below it."""
    from rich.cells import cell_len

    t = texts()
    labels = {state: t(f"doctor.{state.value}") for state in DoctorState}
    width = max(cell_len(label) for label in labels.values()) + 2
    for one in found:
        label = labels[one.state]
        line = t("doctor.line", name=_format_name(one.name), message=translate(one.message))
        print_prose(console, line, start=label + " " * (width - cell_len(label)))
        if one.remedy:
            print_prose(console, translate(one.remedy), start=" " * width)
    numbers = {state.value: sum(one.state is state for one in found) for state in DoctorState}
    print_prose(console, "\n" + t("doctor.sum", **numbers))


def _format_name(check: str) -> str:
    if check.startswith(doctor_checks.DETECTOR):
        return detector_name(check.removeprefix(doctor_checks.DETECTOR))
    return translate(check)


def _run_checks(ctx: typer.Context, options: DoctorOptions) -> Iterator[DoctorCheck]:
    yield guarded("python", doctor_checks.python)
    packages = guarded("packages", doctor_checks.packages)
    yield packages
    yield guarded("limits", doctor_checks.limits)
    yield guarded("fonts", doctor_checks.fonts)
    yield guarded("speech", doctor_checks.speech)
    if packages.state is DoctorState.FAILED:
        yield from _check_upstreams(None, options)
        return
    loaded: list[Container] = []

    def settings() -> DoctorCheck:
        loaded.append(load_container(ctx))
        return ok("settings", f"Valid. Data directory: “{loaded[0].core.settings.data}”.")

    yield guarded("settings", settings)
    yield guarded("sandbox", lambda: _check_isolation(loaded[0] if loaded else None))
    for container in loaded:
        yield from _check_installation(container)
    yield from _check_upstreams(loaded[0] if loaded else None, options)


def _check_isolation(container: Container | None) -> DoctorCheck:
    """Test the sandbox in the gateway's configuration: models are loaded, and the fork server is used if
    possible.
    """
    from safelight.media.sandbox.sandbox import Sandbox

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
    from safelight.core.disk import MIN_FREE_BYTES

    settings = container.core.settings
    checks: dict[str, Callable[[], DoctorCheck]] = {
        "data directory": lambda: doctor_checks.data_directory(
            settings.data, settings.key_folder, settings.storage.installation
        ),
        "disk": lambda: doctor_checks.disk(settings.data, reserve=MIN_FREE_BYTES),
        "port": lambda: doctor_checks.port(settings.server.host, settings.server.port),
        "database": lambda: _check_database(
            container, lambda found: doctor_checks.database(found, settings.storage.connections)
        ),
        "signing key": lambda: _check_signing(container),
        "watermark key": lambda: watermark(
            settings.key_folder / "watermark", wanted=settings.sealing.seal == "watermark"
        ),
        "visible label": lambda: _check_label(container),
        "clock": lambda: doctor_checks.clock(
            dt.datetime.now(dt.UTC), signing_from=_read_signing_start(container)
        ),
        "open holds": lambda: _check_database(container, holds),
        "vault": lambda: _check_database(container, vault),
        "downloads": lambda: _check_database(container, downloads),
        "halts": lambda: _check_database(container, find_halts),
        "roles": lambda: _check_database(container, find_roles),
        "policy": lambda: _check_policy(container),
        "mail": lambda: _check_mail(container),
        "rewriter": lambda: _check_rewriter(container),
        "lists": lambda: doctor_checks.lists(read_lists(container)),
    }
    for name, check in checks.items():
        yield guarded(name, check)
    try:
        registry = container.core.detectors
        missing = [(one.name, one.sentence) for one in registry.missing]
        configured = [name for name, options in settings.detectors.items() if options]
        yield from doctor_checks.detectors([one.name for one in registry.plugins], missing, configured)
    except Exception as error:
        yield fail("detectors", f"{type(error).__name__}: {error}")


def _check_upstreams(container: Container | None, options: DoctorOptions) -> Iterator[DoctorCheck]:
    """Check the upstreams from the command line, then those from the settings."""
    known = {} if container is None else _known_generators(container)
    key = read_key(options.key_file)
    seen = set()
    for address in options.addresses:
        name, table = _find_configured(address, known)
        seen.add(name)
        yield from _check_upstream(
            container, name, {**table, "url": address}, key, options, test_video=options.test_video
        )
    for name, table in known.items():
        if container is not None and "max_concurrent" in table:
            limit = container.core.generators[name].info().max_concurrent
            yield doctor_checks.upstream_places(name, limit)
        if name not in seen and isinstance(table.get("url"), str):
            request = options.test_video and not options.addresses and table.get("billing") == "own"
            yield from _check_upstream(
                container, name, table, key if name == NAME else "", options, test_video=request
            )


def _known_generators(container: Container) -> dict[str, Mapping[str, Any]]:
    """The tables of the settings, those of providers with the address that they use."""
    from safelight.providers.upstream.hosted import HostedGenerator

    made = container.core.generators
    return {
        name: {**table, "url": one.url} if isinstance(one := made[name], HostedGenerator) else table
        for name, table in container.core.settings.generators.items()
    }


def _find_configured(address: str, known: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    """Name and table of the configured generator with this address; if there is none, the address and an
    empty table.
    """
    base = address.rstrip("/").removesuffix("/v1")
    for name, table in known.items():
        if str(table.get("url", "")).rstrip("/").removesuffix("/v1") == base:
            return name, table
    return address, {}


def _check_upstream(
    container: Container | None,
    name: str,
    table: Mapping[str, Any],
    key: str,
    options: DoctorOptions,
    *,
    test_video: bool,
) -> Iterator[DoctorCheck]:
    from safelight.providers.upstream.hosted import HostedGenerator

    from .upstream_checks import check_hosted, check_server, request_test_video

    generator = None if container is None else container.core.generators.get(name)
    hosted = generator if isinstance(generator, HostedGenerator) else None
    reached = doctor_checks.upstream(name, table["url"])
    if reached.state is not DoctorState.OK:
        yield reached
        return
    if hosted is not None:
        # No test video: every one is charged.
        checked = check_hosted(hosted)
        hosted.close()
        yield checked
        return
    key = str(table.get("api_key") or key)
    found, checks = check_server(name, table["url"], key)
    yield from checks
    models = (options.model,) if options.model else (found.models if found else None) or table.get("models")
    if not test_video or found is None:
        return
    if not models:
        yield fail(
            f"upstream {name}: clip",
            "It lists no models, so no test video was requested.",
            "Name one: --model NAME",
        )
        return
    from safelight.providers.videos_api.options import read_options

    chosen = {option: value for option, value in table.items() if option != "kind"}
    chosen |= {"name": name, "url": found.url, "api_key": key, "models": tuple(models)}
    yield from request_test_video(
        found, name, read_options(chosen), None if container is None else container.core.scanner
    )


def _check_database(container: Container, check: Callable[[Database], DoctorCheck]) -> DoctorCheck:
    """Check the database through a separate connection, because the container's own connection migrates
    the tables.
    """
    from safelight.store.database import Database

    url = (
        container.core.settings.storage.database
        or f"sqlite:///{container.core.settings.data.absolute() / 'db.sqlite3'}"
    )
    own = Database(url, wait_s=3.0, connections=1)
    try:
        return check(own)
    finally:
        own.close()


def _check_signing(container: Container) -> DoctorCheck:
    if container.core.settings.sealing.key is None:
        return signing(container.core.settings.key_folder, dt.datetime.now(dt.UTC))
    return configured_signing(lambda: container.persistence.signing_keys, dt.datetime.now(dt.UTC))


def _check_label(container: Container) -> DoctorCheck:
    label = container.pipeline.delivery.label
    message = f"“{label.text}” can be drawn." if label.shows_text else "The icon can be drawn."
    return ok("visible label", message)


def _read_signing_start(container: Container) -> dt.datetime | None:
    from cryptography import x509

    path = container.core.settings.key_folder / "signing.pem"
    if not path.exists():
        return None
    return x509.load_pem_x509_certificates(path.read_bytes())[0].not_valid_before_utc


def _check_mail(container: Container) -> DoctorCheck:
    from safelight.app.mail import make_mail_client

    return doctor_mail_check.mail(make_mail_client(container.core.settings.mail))


def _check_rewriter(container: Container) -> DoctorCheck:
    rewriter = container.core.rewriter
    return doctor_rewriter_check.rewriter(
        container.core.settings.advice.rewriter,
        key="" if rewriter is None else rewriter.options.api_key,
    )


def _check_policy(container: Container) -> DoctorCheck:
    return ok("policy", f"“{container.core.configured_policy.name}” is valid.")
