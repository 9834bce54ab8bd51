"""`safelight signing`: the keys and certificates with which this installation seals files."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.core.errors import BadInput, ConfigurationError

from .commands import load_container
from .language import texts
from .operations import Result, command
from .output import Exit

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.provenance.keys import SigningKey

app = typer.Typer(no_args_is_help=True)


@command(app)
def export_roots(container: Container) -> Result:
    """Print the root certificates of this installation's seals as PEM, for other C2PA tools."""
    pem = container.persistence.signing_keys.create_anchors_pem()
    return Result({"pem": pem}, pem)


@command(app)
def rotate_watermark_key(container: Container) -> Result:
    """Create a new key for the watermark of new files. Older marks stay readable for two more rotations.

    A running gateway uses it at once.
    """
    epoch = container.persistence.watermark_keys.rotate()
    return Result({"epoch": epoch}, texts()("signing.rotated", epoch=epoch))


@command(app)
def check(container: Container) -> Result:
    """Check the signing key, its certificate and the timestamp authority. Creates no key.

    Exit code 0: files can be sealed. 1: a problem was found.
    """
    problems = []
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
    return Result(found, _format_check(found), Exit.ERROR if problems else Exit.OK)


@command(app)
def rotate(container: Container) -> Result:
    """Create a new signing key under this installation's root. A running gateway uses it at once.

    Seals of the old key stay trusted. If the key may have been copied, use `revoke`.
    """
    keys = container.persistence.signing_keys
    key = _describe_key(keys.rotate(replace_early_root=True))
    return Result(key, texts()("signing.rotated_key", serial=key["serial"]))


@command(app)
def revoke(
    ctx: typer.Context,
    serial: Annotated[str, typer.Argument(help="Serial number of the certificate, decimal.")],
    since: Annotated[str, typer.Option("--since", help="Day from which the key is not trusted: YYYY-MM-DD.")],
    reason: Annotated[str, typer.Option("--reason", help="The reason, for the record.")] = "",
) -> Result:
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
    return Result(
        {"serial": serial, "since": since, "new_serial": replaced},
        texts()("signing.revoked", serial=serial, since=since)
        + (f"\n{texts()('signing.rotated_key', serial=replaced)}" if replaced else ""),
    )


@command(app)
def add_timestamps(container: Container) -> Result:
    """Ask again for the timestamps that are missing because the authority did not answer.

    They are stored in the registry; delivered files are not changed. Exit code 1: some are still missing.
    """
    late = container.provenance.late_timestamps
    if late is None:
        raise ConfigurationError(
            "No timestamp authority is configured.",
            remedy="Set sealing.timestamp_url and sealing.timestamp_anchors.",
        )
    done = late.add_all()
    added = [seal.video_id for seal in done.added]
    missing = [{"video": seal.video_id, "reason": reason} for seal, reason in done.missing]
    return Result(
        {"added": added, "missing": missing},
        texts()("signing.timestamps", added=len(added), missing=len(missing)),
        Exit.ERROR if missing else Exit.OK,
    )


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
