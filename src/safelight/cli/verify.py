"""`safelight verify`: check the seal of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from safelight.core.errors import InvalidMedia, NotFound
from safelight.core.fileio import path_as_text

from .commands import load_container
from .language import language, texts
from .operations import Result, command
from .output import Exit
from .scan_text import format_cells

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.provenance.models import Evidence, Verification
    from safelight.provenance.seal import ChangedRow, Seal
    from safelight.provenance.verification import Verifier

    from .verify_origin import Origin

app = typer.Typer(add_completion=False)


@command(app)
def verify(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The video or image file.")],
    trust: Annotated[
        Path | None, typer.Option("--trust", help="PEM file with additional root certificates to trust.")
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(help="File with the manifest, for a file without one. Default: FILE.c2pa beside it."),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            help="Base URL with /v1 of the server that searches its watermark. The key: SAFELIGHT_API_KEY."
        ),
    ] = None,
) -> Result:
    """Check whether a file was delivered by this installation and is unchanged.

    Exit code 0: sealed by a trusted signer and unchanged, or in the registry. 3: changed. 5: not known.
    """
    from safelight.provenance.models import ManifestState
    from safelight.provenance.verification import find_sidecar

    from .verify_origin import ask_origin

    container = load_container(ctx)
    verifier = make_verifier(container)
    if trust is not None:
        try:
            verifier = verifier.with_trust_anchors(trust.read_bytes())
        except OSError as error:
            raise NotFound(f"{trust} cannot be read: {error.strerror}.") from error
    lookup = find_lookup(container)
    sidecar = manifest or find_sidecar(file)
    file = ctx.with_resource(path_as_text(file))
    sidecar = sidecar and ctx.with_resource(path_as_text(sidecar))
    found = verifier.verify(file, lookup=lookup, sidecar=sidecar)
    try:
        origin = ask_origin(server, file) if server is not None else _find_origin(container, file, sidecar)
        evidence = origin.evidence if origin is not None else (_not_checkable(),)
        found = msgspec.structs.replace(found, evidence=(*found.evidence, *evidence))
    except InvalidMedia:
        origin = None
        if found.state not in ("trusted", "valid"):  # a sound file can have a manifest
            answer = texts("provenance")("not_media")
            found = msgspec.structs.replace(found, answer=answer, evidence=(), state=ManifestState.UNREADABLE)
    text = [format_verification(found)]
    if server is not None and found.reading.in_sidecar:
        text.insert(0, "The server did not get the file with the manifest: its answer is about FILE alone.")
    if origin is not None:
        text.insert(0, _format_origin(origin))
    outcome = _find_outcome(found, origin)
    if texts().has(f"verify.outcome.{outcome}"):
        text.append(texts()(f"verify.outcome.{outcome}"))
    if lookup is None and server is None:
        text.append(texts()("verify.no_registry"))
    return Result(
        {**msgspec.to_builtins(found), "outcome": outcome, "origin": origin},
        "\n\n".join(text),
        exit_code_of(found, origin),
    )


def make_verifier(container: Container) -> Verifier:
    """The installation's verifier. Without a data directory, a verifier without keys; it creates nothing."""
    if _has_keys(container):
        return container.persistence.verifier
    from safelight.provenance.keys import KeyStore
    from safelight.provenance.verification import Verifier

    no_keys = KeyStore.own(container.core.settings.key_folder, organization="")
    return Verifier(sandbox=container.core.sandbox, keys=no_keys)


def find_lookup(container: Container) -> Callable[[str], Seal | ChangedRow | None] | None:
    """Finds the seal of a file by its hash; None without a registry."""
    return container.persistence.seal_registry.find if _has_registry(container) else None


def _find_origin(container: Container, file: Path, sidecar: Path | None) -> Origin | None:
    """The origin; None if this installation cannot tell it. Raises `InvalidMedia`."""
    from safelight.provenance.recovery.recovery import require_media

    from .verify_origin import find_origin

    if _has_keys(container) and _has_registry(container):
        return find_origin(container, file, sidecar)
    require_media(container.core.sandbox, file)
    return None


def _not_checkable() -> Evidence:
    from safelight.provenance import messages
    from safelight.provenance.models import Evidence

    return Evidence(kind="watermark", **messages.watermark_not_checkable())


def _has_keys(container: Container) -> bool:
    settings = container.core.settings
    return settings.data.exists() or settings.storage.key_dir is not None


def _has_registry(container: Container) -> bool:
    return (
        container.core.settings.storage.database is not None
        or (container.core.settings.data / "db.sqlite3").exists()
    )


def exit_code_of(found: Verification, origin: Origin | None = None) -> Exit:
    answer = origin.answer if origin is not None else ""
    if found.registered or found.state == "trusted" or answer == "from_here_unchanged":
        return Exit.OK
    is_changed = found.state == "invalid" or answer == "from_here_changed"
    return Exit.BLOCKED if is_changed else Exit.NOT_COVERED


def _find_outcome(found: Verification, origin: Origin | None) -> str | None:
    """The outcome of the video, for its operator and its own tenant; None for all others, and for a changed
    file, which nothing judged.
    """
    from safelight.provenance.manifest import outcome_of

    if exit_code_of(found, origin) is Exit.BLOCKED:
        return None
    if origin is not None and origin.outcome is not None:
        return origin.outcome
    is_own = found.signer == "this installation" and found.reading.verdict is not None
    return outcome_of(found.reading.verdict or {}) if is_own else None


def _format_origin(origin: Origin) -> str:
    from safelight.provenance.recovery.public_answer import describe_mark

    mark = describe_mark(origin.mark, language())
    return f"{origin.summary}\n{texts()('verify.mark', mark=mark)}" if mark else origin.summary


def format_verification(found: Verification) -> str:
    """The result of the verification, followed by what each piece of evidence proves and does not prove."""
    lines = [found.answer]
    for one in found.evidence:
        lines += [
            "",
            f"{one.kind.capitalize()}: {one.says}",
            f"  It proves: {one.proves}",
            f"  It does not prove: {one.does_not_prove}",
        ]
    lines += ["", f"sha256 {found.sha256}"]
    if found.video_id:
        lines.append(f"video  {found.video_id}")
    if found.state == "trusted" and found.reading.verdict is not None:
        lines += _format_verdict(found.reading.verdict)
    return "\n".join(lines)


def _format_verdict(verdict: dict[str, object]) -> list[str]:
    from safelight.provenance.manifest import remarks_of

    policy, coverage = verdict.get("policy"), verdict.get("coverage")
    t, action = texts(), f"policy.action.{verdict.get('action')}"
    lines = [t("verify.action", action=t(action) if t.has(action) else verdict.get("action"))]
    if isinstance(policy, dict):
        lines.append(t("verify.policy", name=policy.get("name"), sha=str(policy.get("sha256"))[:12]))
    if isinstance(coverage, dict):
        lines += [
            t("verify.cells", status=_status_name(word), cells=format_cells(map(str, cells)))
            for word, cells in coverage.items()
            if isinstance(cells, list) and cells
        ]
    lines += [texts("provenance")(f"remark.{name}") for name in remarks_of(verdict)]
    if verdict.get("test_card"):
        lines.append("It contained the safety test card.")
    return lines


def _status_name(status: str) -> str:
    key = f"coverage.{status.replace(' ', '_')}"
    words = texts("console")
    return words(key) if words.has(key) else status
