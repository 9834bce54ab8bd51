"""Secrets are encrypted with a key outside the database, and a rotation loses none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.core.errors import SettingsError
from safelight.store.key_ring import KeyRing


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.load(tmp_path_factory.mktemp("keys"), "secrets", remedy="none")


@given(plain=st.binary(max_size=200), record=st.text(st.characters(codec="utf-8"), max_size=30))
def test_what_is_encrypted_can_be_read_for_its_record_only(ring: KeyRing, plain: bytes, record: str) -> None:
    ciphertext = ring.encrypt(plain, record)
    assert ring.decrypt(ciphertext, record) == plain
    assert ring.decrypt(ciphertext, record + "x") is None
    assert ring.decrypt(ciphertext[:-1] + bytes([ciphertext[-1] ^ 1]), record) is None


@given(st.binary(max_size=60))
def test_other_bytes_are_not_decrypted(ring: KeyRing, data: bytes) -> None:
    assert ring.decrypt(data, "x") is None


def test_a_running_process_follows_a_rotation(tmp_path: Path) -> None:
    running = KeyRing.load(tmp_path, "secrets", remedy="none")
    old = running.encrypt(b"seed", "x")
    KeyRing.load(tmp_path, "secrets", remedy="none").add_key()
    assert not running.is_current(old)
    assert running.decrypt(old, "x") == b"seed"
    again = running.encrypt(b"seed", "x")
    assert running.is_current(again)
    running.add_key()
    assert running.decrypt(again, "x") == b"seed"
    assert running.decrypt(old, "x") is None


def test_the_file_is_private_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    KeyRing.load(tmp_path, "secrets", remedy="none")
    path = tmp_path / "secrets.key"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"short")
    with pytest.raises(SettingsError, match="does not contain keys"):
        KeyRing.load(tmp_path, "secrets", remedy="Restore it.")
