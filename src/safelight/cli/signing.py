"""`safelight signing`: the keys and certificates with which this installation seals files."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.core.errors import BadInput, ConfigurationError

from .commands import load_container
from .language import texts
from .output import Exit, emit

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.provenance.keys import SigningKey

app = typer.Typer(no_args_is_help=True)


@app.command("export-roots")
def export_roots(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Print the root certificates of this installation's seals as PEM, for other C2PA tools."""
    pem = load_container(ctx).persistence.signing_keys.create_anchors_pem()
    emit({"pem": pem}, as_json, pem)
    return Exit.OK


@app.command("rotate-watermark-key")
def rotate_watermark_key(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Create a new key for the watermark of new files. Older marks stay readable for two more rotations.

    A running gateway uses it at once.
    """
    epoch = load_container(ctx).persistence.watermark_keys.rotate()
    emit({"epoch": epoch}, as_json, texts()("signing.rotated", epoch=epoch))
    return Exit.OK


@app.command()
def check(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Check the signing key, its certificate and the timestamp authority. Creates no key.

    Exit code 0: files can be sealed. 1: a problem was found.
    """
    container, problems = load_container(ctx), []
    key: dict[str, Any] | None = None
    try:
        if _has_signing_key(container):
            key = _describe_key(container.persistence.signing_keys.signing())
    except ConfigurationError as error:
        problems.append({"problem": error.message, "remedy": error.remedy})
    timestamp = None
    try:
        timestamp = _ask_authority(container)
    except ConfigurationError as error:
        problems.append({"problem": error.message, "remedy": error.remedy})
    if timestamp is not None and "problem" in timestamp:
        remedy = texts()("signing.authority_remedy")
        problems.append({"problem": timestamp["problem"], "remedy": remedy})
    found = {"key": key, "timestamp": timestamp, "problems": problems}
    emit(found, as_json, _format_check(found))
    return Exit.ERROR if problems else Exit.OK


@app.command()
def rotate(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Create a new signing key under this installation's root. A running gateway uses it at once.

    Seals of the old key stay trusted. If the key may have been copied, use `revoke`.
    """
    keys = load_container(ctx).persistence.signing_keys
    key = _describe_key(keys.rotate(replace_early_root=True))
    emit(key, as_json, texts()("signing.rotated_key", serial=key["serial"]))
    return Exit.OK


@app.command()
def revoke(
    ctx: typer.Context,
    serial: Annotated[str, typer.Argument(help="Serial number of the certificate, decimal.")],
    since: Annotated[str, typer.Option("--since", help="Day from which the key is not trusted: YYYY-MM-DD.")],
    reason: Annotated[str, typer.Option("--reason", help="The reason, for the record.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Stop trusting a certificate of this installation; replace the key if it is the current one.

    Files that it sealed are no longer trusted, unless a timestamp proves that they are older. The registry
    still knows each delivered file.
    """
    from safelight.provenance.revocations import Revocation

    try:
        day = dt.datetime.fromisoformat(since)
    except ValueError as error:
        raise BadInput(f"--since is not a date: {since!r}.", remedy="Use YYYY-MM-DD.") from error
    if not serial.isdecimal():
        raise BadInput(f"{serial!r} is not a serial number.", remedy="See: safelight signing check")
    keys = load_container(ctx).persistence.signing_keys
    # First a new key, then the list: a video that is sealed in between must find a key that is not revoked.
    # If no new key can be made, the certificate is revoked all the same.
    replaced = None
    try:
        if keys.can_rotate and keys.current_serial == serial:
            replaced = keys.rotate().serial
    finally:
        keys.revocations.add(
            Revocation(serial=serial, since=day.replace(tzinfo=day.tzinfo or dt.UTC), reason=reason)
        )
    emit(
        {"serial": serial, "since": since, "new_serial": replaced},
        as_json,
        texts()("signing.revoked", serial=serial, since=since)
        + (f"\n{texts()('signing.rotated_key', serial=replaced)}" if replaced else ""),
    )
    return Exit.OK


@app.command("add-timestamps")
def add_timestamps(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Ask again for the timestamps that are missing because the authority did not answer.

    They are stored in the registry; delivered files are not changed. Exit code 1: some are still missing.
    """
    late = load_container(ctx).provenance.late_timestamps
    if late is None:
        raise ConfigurationError(
            "No timestamp authority is configured.",
            remedy="Set sealing.timestamp_url and sealing.timestamp_anchors.",
        )
    done = late.add_all()
    added = [seal.video_id for seal in done.added]
    missing = [{"video": seal.video_id, "reason": reason} for seal, reason in done.missing]
    emit(
        {"added": added, "missing": missing},
        as_json,
        texts()("signing.timestamps", added=len(added), missing=len(missing)),
    )
    return Exit.ERROR if missing else Exit.OK


def _has_signing_key(container: Container) -> bool:
    return (
        container.core.settings.sealing.key is not None
        or (container.persistence.key_folder / "signing.pem").exists()
    )


def _describe_key(key: SigningKey) -> dict[str, Any]:
    from cryptography import x509

    from safelight.provenance import certificates

    leaf = key.certificate
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    return {
        "organization": key.organization,
        "serial": key.serial,
        "sha256": key.fingerprint,
        "valid_from": leaf.not_valid_before_utc.isoformat(),
        "signs_until": certificates.not_after(leaf).isoformat(),
        "valid_until": leaf.not_valid_after_utc.isoformat(),
        "usages": [one.dotted_string for one in usages],
    }


def _ask_authority(container: Container) -> dict[str, str] | None:
    """The answer of the timestamp authority to a question of its own; None without an authority."""
    from safelight.provenance.timestamp_authority import TimestampMissing

    authority = container.persistence.timestamp_authority
    if authority is None:
        return None
    try:
        return {
            "authority": authority.host,
            "at": authority.confirm(b"safelight signing check").at.isoformat(),
        }
    except TimestampMissing as error:
        return {"authority": authority.host, "problem": str(error)}


def _format_check(found: dict[str, Any]) -> str:
    t, key, timestamp = texts(), found["key"], found["timestamp"]
    lines = []
    if key is not None:
        values = {**key, "signs_until": key["signs_until"][:10], "valid_until": key["valid_until"][:10]}
        lines.append(t("signing.key", **values))
    elif not found["problems"]:
        lines.append(t("signing.no_key"))
    if timestamp is None:
        lines.append(t("signing.no_authority"))
    elif "at" in timestamp:
        lines.append(t("signing.authority", **timestamp))
    lines += [f"{one['problem']} {one['remedy'] or ''}".rstrip() for one in found["problems"]]
    return "\n".join(lines)
