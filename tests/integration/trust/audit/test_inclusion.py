"""Inclusion proofs on both databases: valid until a byte of the proof changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from safelight.store.database import Database
from safelight.trust.audit import CheckpointKey, CheckpointWriter, FileCheckpointStore, erase_contents
from safelight.trust.audit.inclusion import InclusionProof, InclusionProver, verify_inclusion

ABOUT = {"tenant": "acme", "subject": "video_1"}


@pytest.fixture
def key(tmp_path: Path) -> CheckpointKey:
    (tmp_path / "keys").mkdir()
    return CheckpointKey.load(tmp_path / "keys")


@pytest.fixture
def checkpoints(tmp_path: Path) -> FileCheckpointStore:
    return FileCheckpointStore(tmp_path / "checkpoints")


def write(database: Database, subject: str, *events: str, tenant: str = "acme") -> None:
    with database.transaction(tenant) as tx:
        for event in events:
            tx.append_audit(event, subject=subject, actor="jobs", content={"event": event})


def prove(
    database: Database, key: CheckpointKey, checkpoints: FileCheckpointStore, tenant: str = "acme"
) -> InclusionProof | None:
    return InclusionProver(database, [checkpoints], key).prove(tenant, "video_1", events="attempt.")


def test_the_entries_of_an_attempt_are_proved_to_the_next_checkpoint(
    database: Database, key: CheckpointKey, checkpoints: FileCheckpointStore
) -> None:
    write(database, "video_0", "video.moved")
    write(database, "video_1", "attempt.intended", "video.moved", "attempt.ended")
    write(database, "video_2", "video.moved", tenant="other")
    assert prove(database, key, checkpoints) is None, "no checkpoint yet"
    CheckpointWriter(database, key, [checkpoints]).write()
    proof = prove(database, key, checkpoints)
    assert proof is not None
    assert [entry.seq for entry in proof.entries] == [2, 3, 4, 5]
    assert [content.content for content in proof.contents] == [
        '{"event":"attempt.intended"}',
        '{"event":"attempt.ended"}',
    ]
    assert verify_inclusion(proof, key, **ABOUT)
    assert prove(database, key, checkpoints, tenant="other") is None


def test_a_changed_proof_is_invalid(
    database: Database, key: CheckpointKey, checkpoints: FileCheckpointStore, tmp_path: Path
) -> None:
    write(database, "video_1", "attempt.intended", "attempt.ended")
    CheckpointWriter(database, key, [checkpoints]).write()
    proof = prove(database, key, checkpoints)
    assert proof is not None
    (tmp_path / "other").mkdir()
    first, last = proof.entries
    content = proof.contents[0]
    assert not verify_inclusion(proof, CheckpointKey.load(tmp_path / "other"), **ABOUT)
    for changed in (
        replace(proof, entries=(replace(first, at=first.at + 1), last)),
        replace(proof, entries=(first,)),
        replace(proof, entries=()),
        replace(proof, contents=()),
        replace(proof, contents=(replace(content, content="{}"),)),
        replace(proof, contents=(replace(content, seq=99),)),
    ):
        assert not verify_inclusion(changed, key, **ABOUT)


def test_a_proof_is_valid_for_its_tenant_and_subject_only(
    database: Database, key: CheckpointKey, checkpoints: FileCheckpointStore
) -> None:
    write(database, "video_1", "attempt.intended")
    write(database, "video_2", "attempt.intended")
    CheckpointWriter(database, key, [checkpoints]).write()
    proof = prove(database, key, checkpoints)
    assert proof is not None
    assert verify_inclusion(proof, key, **ABOUT)
    assert not verify_inclusion(proof, key, tenant="other", subject="video_1")
    assert not verify_inclusion(proof, key, tenant="acme", subject="video_2")


def test_an_erased_content_is_left_out_and_the_chain_stays_valid(
    database: Database, key: CheckpointKey, checkpoints: FileCheckpointStore
) -> None:
    write(database, "video_1", "attempt.intended", "attempt.ended")
    with database.transaction("acme") as tx:
        erase_contents(tx, [1], actor="operator", reason="asked for")
    CheckpointWriter(database, key, [checkpoints]).write()
    proof = prove(database, key, checkpoints)
    assert proof is not None
    assert [content.seq for content in proof.contents] == [2]
    assert verify_inclusion(proof, key, **ABOUT)
