"""Inclusion proofs on both databases: valid until a byte of the proof changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from safelight.accounts.audit import (
    CheckpointKey,
    CheckpointWriter,
    FileCheckpointStore,
    InclusionProof,
    InclusionProver,
    erase_contents,
    verify_inclusion,
)
from safelight.store.database import Database

ABOUT = {"tenant": "acme", "subject": "video_1"}


class Log:
    def __init__(self, database: Database, key: CheckpointKey, checkpoints: FileCheckpointStore) -> None:
        self.database, self.key, self.checkpoints = database, key, [checkpoints]

    def write(self, subject: str, *events: str, tenant: str = "acme") -> None:
        with self.database.transaction(tenant) as tx:
            for event in events:
                tx.append_audit(event, subject=subject, actor="jobs", content={"event": event})

    def find_proof(self, tenant: str = "acme") -> InclusionProof | None:
        prover = InclusionProver(self.database, self.checkpoints, self.key)
        return prover.prove(tenant, "video_1", events="attempt.")

    def signed_proof(self) -> InclusionProof:
        """The proof after a checkpoint, which is valid."""
        CheckpointWriter(self.database, self.key, self.checkpoints).write()
        proof = self.find_proof()
        assert proof is not None
        assert verify_inclusion(proof, self.key, **ABOUT)
        return proof


@pytest.fixture
def log(database: Database, key: CheckpointKey, checkpoints: FileCheckpointStore) -> Log:
    return Log(database, key, checkpoints)


def test_the_entries_of_an_attempt_are_proved_to_the_next_checkpoint(log: Log) -> None:
    log.write("video_0", "video.moved")
    log.write("video_1", "attempt.intended", "video.moved", "attempt.ended")
    log.write("video_2", "video.moved", tenant="other")
    assert log.find_proof() is None, "no checkpoint yet"
    proof = log.signed_proof()
    assert [entry.seq for entry in proof.entries] == [2, 3, 4, 5]
    assert [content.content for content in proof.contents] == [
        '{"event":"attempt.intended"}',
        '{"event":"attempt.ended"}',
    ]
    assert log.find_proof(tenant="other") is None


def test_a_changed_proof_or_one_of_another_tenant_subject_or_key_is_invalid(log: Log, tmp_path: Path) -> None:
    log.write("video_1", "attempt.intended", "attempt.ended")
    log.write("video_2", "attempt.intended")
    proof = log.signed_proof()
    first, *others = proof.entries
    content = proof.contents[0]
    (tmp_path / "other").mkdir()
    assert not verify_inclusion(proof, CheckpointKey.load(tmp_path / "other"), **ABOUT)
    for about in ({"tenant": "other"}, {"subject": "video_2"}):
        assert not verify_inclusion(proof, log.key, **(ABOUT | about))
    for changes in (
        {"entries": (replace(first, at=first.at + 1), *others)},
        {"entries": (first,)},
        {"entries": ()},
        {"contents": ()},
        {"contents": (replace(content, content="{}"),)},
        {"contents": (replace(content, seq=99),)},
    ):
        assert not verify_inclusion(replace(proof, **changes), log.key, **ABOUT)


def test_an_erased_content_is_left_out_and_the_chain_stays_valid(log: Log) -> None:
    log.write("video_1", "attempt.intended", "attempt.ended")
    with log.database.transaction("acme") as tx:
        erase_contents(tx, [1], actor="operator", reason="asked for")
    assert [content.seq for content in log.signed_proof().contents] == [2]
