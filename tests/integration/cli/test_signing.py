"""`safelight signing`: keys, revocations and timestamps."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from safelight.app.container import load
from safelight.core.errors import ConfigurationError
from safelight.provenance.keys import KeyStore
from safelight.provenance.revocations import Revocation, RevocationList
from support.commands import Run

SINCE = ("--since", "2026-11-20")


def keys() -> KeyStore:
    return load().persistence.signing_keys


def revoked() -> list[str]:
    return [entry.serial for entry in keys().revocations.entries()]


def expose(name: str) -> None:
    """Others can read the key from now on."""
    (load().persistence.key_folder / name).chmod(0o644)


def test_the_check_creates_no_key_and_describes_the_one_that_seals(run: Run, folder: Path) -> None:
    assert run("signing", "check") == {"key": None, "timestamp": None, "problems": []}
    assert not list(folder.rglob("signing.pem"))
    serial = keys().signing().serial
    found = run("signing", "check")["key"]
    assert (found["serial"], "1.3.6.1.4.1.62558.2.1" in found["usages"]) == (serial, True)
    assert "timestamp authority" in run("signing", "add-timestamps", code=2)["error"]["message"]


def test_an_authority_that_does_not_answer_is_a_problem(
    run: Run, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    roots = folder / "roots.pem"
    roots.write_text(load().persistence.sealer._keys.create_anchors_pem())
    monkeypatch.setenv("SAFELIGHT_SEALING__TIMESTAMP_URL", "http://127.0.0.1:9/tsa")
    monkeypatch.setenv("SAFELIGHT_SEALING__TIMESTAMP_ANCHORS", str(roots))
    problem = run("signing", "check", code=1)["problems"][0]
    assert "did not answer" in problem["problem"]
    assert "add-timestamps" in problem["remedy"]
    assert run("signing", "add-timestamps") == {"added": [], "missing": []}


@pytest.mark.parametrize("case", ["current", "readable by others", "on the list already"])
def test_the_certificate_that_signs_is_revoked_and_replaced(run: Run, case: str) -> None:
    store = keys()
    serial = store.signing().serial
    if case == "readable by others":
        expose("signing.pem")
        found = run("signing", "check", code=1)
        assert (found["key"], "chmod 600" in found["problems"][0]["remedy"]) == (None, True)
    elif case == "on the list already":
        # As after an interruption between the two steps of a revocation.
        store.revocations.add(Revocation(serial=serial, since=dt.datetime.now(dt.UTC)))
    found = run("signing", "revoke", serial, *SINCE, "--reason", "copied")
    assert keys().signing().serial == found["new_serial"] != serial
    assert set(revoked()) == {serial}
    if case == "current":
        [entry] = keys().revocations.entries()
        assert entry.since.isoformat() == "2026-11-20T00:00:00+00:00"


def test_a_certificate_is_revoked_although_no_new_key_can_be_made(run: Run) -> None:
    serial = keys().signing().serial
    expose("root/root.pem")
    assert "root.pem" in run("signing", "revoke", serial, *SINCE, code=2)["error"]["message"]
    assert revoked() == [serial]
    with pytest.raises(ConfigurationError, match="revoked"):
        keys().signing()


def test_keys_from_a_clock_that_was_ahead_are_revoked_under_the_old_root_and_replaced_by_a_rotation(
    run: Run,
) -> None:
    made_in = load().persistence.key_folder
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
    serial = KeyStore.own(made_in, organization="Films", clock=lambda: ahead).signing().serial
    root = (made_in / "root" / "root.pem").read_bytes()
    assert "signing rotate" in run("signing", "revoke", serial, *SINCE, code=2)["error"]["remedy"]
    assert (made_in / "root" / "root.pem").read_bytes() == root
    assert revoked() == [serial]
    assert serial != run("signing", "rotate")["serial"] == keys().signing().serial


def test_rotation_makes_a_new_key(run: Run) -> None:
    serial = keys().signing().serial
    assert serial != run("signing", "rotate")["serial"] == keys().signing().serial


def test_the_export_of_roots_neither_needs_nor_creates_a_watermark_key(run: Run) -> None:
    marks = load().persistence.key_folder / "watermark"
    run("signing", "export-roots")
    assert not marks.exists()
    marks.mkdir()
    (marks / "epoch-1.key").write_text("garbage")
    run("signing", "export-roots")


def test_wrong_input_changes_nothing(run: Run) -> None:
    for serial, since, words in (("1x", "2026-11-20", "serial number"), ("1", "yesterday", "YYYY-MM-DD")):
        assert words in json.dumps(run("signing", "revoke", serial, "--since", since, code=1))
        assert revoked() == []


def test_the_new_key_exists_before_the_old_one_is_on_the_list(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = keys().signing().serial
    seals_with: list[str] = []

    def add(_list: RevocationList, _revocation: Revocation) -> None:
        seals_with.append(keys().signing().serial)

    monkeypatch.setattr(RevocationList, "add", add)
    run("signing", "revoke", serial, *SINCE, code=None)
    assert len(seals_with) == 1
    assert seals_with[0] != serial
