"""`safelight evidence`: the evidence pack of a policy version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safelight.cli.commands import load_container
from safelight.cli.language import texts
from safelight.cli.output import Exit, emit, format_time, printable

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def pack(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", help="The zip file to write.")],
    policy: Annotated[
        str | None,
        typer.Option("--policy", help="The policy_... id of a published version. [default: that in force]"),
    ] = None,
    evaluation: Annotated[
        Path | None,
        typer.Option("--evaluation", help="The report.json of `safelight eval all` with this policy."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Write the evidence pack of a published policy version: decisions, proofs, coverage, system card.

    It signs a checkpoint of the audit log, and the pack with the same key.

    The pack names people. Its proofs have time, tenant, subject, actor and event of other entries of the log
    up to that checkpoint, those of other tenants too.
    """
    from safelight_lab.governance.evidence_pack import find_version, make_pack, write_pack

    container = load_container(ctx)
    version = find_version(container, policy)
    files = make_pack(container, version, evaluation=evaluation)
    write_pack(files, out)
    key = container.persistence.audit_checkpoint_key.fingerprint
    written = texts()("evidence.written", path=out, name=version.name, version=version.version, signer=key)
    emit({"written": out, "policy": version, "files": sorted(files), "key": key}, as_json, written)
    return Exit.OK


@app.command()
def verify(
    pack: Annotated[Path, typer.Argument(help="The zip file.")],
    key: Annotated[
        Path | None,
        typer.Option("--key", help="A copy of audit.pub.pem that you got from elsewhere than the pack."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Verify an evidence pack without the installation: signature, hashes, policy, and the proof of the log.

    Exit code 3: it was changed, is damaged or is signed by another key. 5: it is whole, but no key was given.
    """
    from safelight.accounts.audit import CheckpointKey
    from safelight_lab.governance.pack_verification import InvalidPack, open_pack, verify_pack

    given = None if key is None else CheckpointKey.public(key)
    t = texts()
    try:
        found = verify_pack(open_pack(pack), given)
    except InvalidPack as error:
        emit({"ok": False, "problem": error.message}, as_json, f"{t('evidence.invalid')}\n  {error.message}")
        return Exit.BLOCKED
    valid = t(
        "evidence.valid",
        name=printable(found.policy),
        version=found.version,
        who=printable(found.published_by),
        time=format_time(found.published_at),
        n=len(found.files),
    )
    source = t("evidence.key_given" if found.key_given else "evidence.key_own", signer=found.key)
    emit({"ok": True, **vars(found)}, as_json, f"{valid}\n{source}")
    return Exit.OK if found.key_given else Exit.NOT_COVERED
