"""`safelight doctor`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import checks
from .checks import Check, State, guarded
from .exits import Exit
from .output import emit
from .verbs import installation

if TYPE_CHECKING:
    from safelight.wiring import Installation

app = typer.Typer(add_completion=False)

_MARKS = {State.OK: "ok     ", State.WARNING: "warning", State.FAILED: "FAILED "}


@app.command()
def doctor(
    ctx: typer.Context,
    upstream: Annotated[
        list[str] | None, typer.Option("--upstream", help="Look at this address too; may be given again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
) -> int:
    """Look at everything an installation needs, and say how to mend it. Changes nothing.

    Exit code 1 where something failed; warnings leave it at 0.
    """
    found = list(_look(ctx, upstream or []))
    worst = State.FAILED if any(one.state is State.FAILED for one in found) else State.OK
    emit({"ok": worst is State.OK, "checks": found}, as_json, text(found))
    return Exit.OK if worst is State.OK else Exit.ERROR


def text(found: list[Check]) -> str:
    lines = []
    for one in found:
        lines.append(f"{_MARKS[one.state]}  {one.name}: {one.says}")
        if one.remedy:
            lines.append(f"         {one.remedy}")
    counts = {state: sum(one.state is state for one in found) for state in State}
    lines += ["", f"{counts[State.OK]} ok, {counts[State.WARNING]} warnings, {counts[State.FAILED]} failed."]
    return "\n".join(lines)


def _look(ctx: typer.Context, upstreams: list[str]) -> Iterator[Check]:
    yield guarded("python", checks.python)
    packages = guarded("packages", checks.packages)
    yield packages
    yield guarded("limits", checks.limits)
    yield guarded("fonts", checks.fonts)
    yield guarded("speech", checks.speech)
    for address in upstreams:
        yield checks.upstream(address, address)
    if packages.state is State.FAILED:
        return
    yield guarded("sandbox", _isolation)
    here: list[Installation] = []

    def settings() -> Check:
        here.append(installation(ctx))
        return Check(name="settings", state=State.OK, says=f"They hold; data in {here[0].settings.data}.")

    yield guarded("settings", settings)
    for one in here:
        yield from _installed(one)


def _isolation() -> Check:
    from safelight.media.sandbox import Sandbox

    sandbox = Sandbox()
    try:
        return checks.isolation(sandbox.isolation())
    finally:
        sandbox.close()


def _installed(here: Installation) -> Iterator[Check]:
    from safelight.store.disk import RESERVE_BYTES

    settings = here.settings
    looks: dict[str, Callable[[], Check]] = {
        "data directory": lambda: checks.data_directory(settings.data),
        "disk": lambda: checks.disk(settings.data, reserve=RESERVE_BYTES),
        "port": lambda: checks.port(settings.server.host, settings.server.port),
        "database": lambda: _database(here),
        "signing key": lambda: checks.signing(_keys(here)),
        "clock": lambda: checks.clock(dt.datetime.now(dt.UTC), signing_from=_signing_from(here)),
        "policy": lambda: _policy(here),
    }
    for name, look in looks.items():
        yield guarded(name, look)
    try:
        catalogue = here.catalogue
        missing = [(one.name, one.sentence) for one in catalogue.missing]
        yield from checks.detectors([plugin.name for plugin in catalogue.plugins], missing)
    except Exception as error:
        yield Check(name="detectors", state=State.FAILED, says=f"{type(error).__name__}: {error}")
    for name, options in settings.generators.items():
        if isinstance(address := options.get("url"), str):
            yield checks.upstream(name, address)


def _database(here: Installation) -> Check:
    """Through a connection of its own: the installation's may bring the tables up to date."""
    from safelight.store.database import Database

    url = here.settings.storage.database or f"sqlite:///{here.settings.data.absolute() / 'db.sqlite3'}"
    own = Database(url, wait_s=3.0, connections=1)
    try:
        return checks.database(own)
    finally:
        own.close()


def _signing_from(here: Installation) -> dt.datetime | None:
    from cryptography import x509

    path = _keys(here) / "signing.pem"
    if not path.exists():
        return None
    return x509.load_pem_x509_certificates(path.read_bytes())[0].not_valid_before_utc


def _keys(here: Installation) -> Path:
    return here.settings.storage.keys or here.settings.data / "keys"


def _policy(here: Installation) -> Check:
    return Check(name="policy", state=State.OK, says=f"“{here.configured_policy.name}” holds.")
