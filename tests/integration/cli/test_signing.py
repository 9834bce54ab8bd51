from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from safelight.bootstrap import load
from safelight.cli import main
from safelight.errors import ConfigurationError
from safelight.provenance.keys import KeyStore
from safelight.provenance.revocations import Revocation, RevocationList

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, Any]:
        code = main(["signing", *arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


def test_the_check_creates_no_key(run: Run, tmp_path: Path) -> None:
    assert run("check") == (0, {"key": None, "timestamp": None, "problems": []})
    assert not list(tmp_path.rglob("signing.pem"))


def test_the_check_describes_the_key_that_seals(run: Run) -> None:
    serial = load().persistence.signing_keys.signing().serial
    code, found = run("check")
    assert code == 0
    assert found["key"]["serial"] == serial
    assert "1.3.6.1.4.1.62558.2.1" in found["key"]["usages"]


def test_a_key_that_others_can_read_is_a_problem_with_a_remedy(run: Run) -> None:
    container = load()
    container.persistence.signing_keys.signing()
    (container.persistence.key_folder / "signing.pem").chmod(0o644)
    code, found = run("check")
    assert (code, found["key"]) == (1, None)
    assert "chmod 600" in found["problems"][0]["remedy"]


def test_an_authority_that_does_not_answer_is_a_problem(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_text(load().persistence.sealer.trust_anchor_pem)
    monkeypatch.setenv("SAFELIGHT_SEALING__TIMESTAMP_URL", "http://127.0.0.1:9/tsa")
    monkeypatch.setenv("SAFELIGHT_SEALING__TIMESTAMP_ANCHORS", str(roots))
    code, found = run("check")
    assert code == 1
    assert "did not answer" in found["problems"][0]["problem"]
    assert "add-timestamps" in found["problems"][0]["remedy"]
    assert run("add-timestamps") == (0, {"added": [], "missing": []})


def test_the_current_certificate_is_revoked_and_replaced(run: Run) -> None:
    serial = load().persistence.signing_keys.signing().serial
    code, found = run("revoke", serial, "--since", "2026-11-20", "--reason", "copied")
    assert code == 0
    keys = load().persistence.signing_keys
    assert keys.signing().serial == found["new_serial"] != serial
    [entry] = keys.revocations.entries()
    assert (entry.serial, entry.since.isoformat()) == (serial, "2026-11-20T00:00:00+00:00")


def test_a_key_that_others_could_read_is_revoked_and_replaced(run: Run) -> None:
    container = load()
    serial = container.persistence.signing_keys.signing().serial
    (container.persistence.key_folder / "signing.pem").chmod(0o644)
    code, found = run("revoke", serial, "--since", "2026-11-20", "--reason", "copied")
    assert code == 0
    keys = load().persistence.signing_keys
    assert keys.signing().serial == found["new_serial"] != serial
    assert [one.serial for one in keys.revocations.entries()] == [serial]


def test_a_certificate_is_revoked_although_no_new_key_can_be_made(run: Run) -> None:
    container = load()
    serial = container.persistence.signing_keys.signing().serial
    (container.persistence.key_folder / "root" / "root.pem").chmod(0o644)
    code, found = run("revoke", serial, "--since", "2026-11-20")
    assert code == 2
    assert "root.pem" in found["error"]["message"]
    assert [one.serial for one in load().persistence.signing_keys.revocations.entries()] == [serial]
    with pytest.raises(ConfigurationError, match="revoked"):
        load().persistence.signing_keys.signing()


def test_keys_from_a_clock_that_was_ahead_are_revoked_under_the_old_root_and_replaced_by_a_rotation(
    run: Run,
) -> None:
    folder = load().persistence.key_folder
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
    serial = KeyStore.own(folder, organization="Films", clock=lambda: ahead).signing().serial
    root = (folder / "root" / "root.pem").read_bytes()
    code, found = run("revoke", serial, "--since", "2026-11-20")
    assert (code, "signing rotate" in found["error"]["remedy"]) == (2, True)
    assert (folder / "root" / "root.pem").read_bytes() == root
    assert [one.serial for one in load().persistence.signing_keys.revocations.entries()] == [serial]
    code, found = run("rotate")
    assert code == 0
    assert load().persistence.signing_keys.signing().serial == found["serial"] != serial


def test_the_export_of_roots_neither_needs_nor_creates_a_watermark_key(run: Run) -> None:
    folder = load().persistence.key_folder / "watermark"
    assert run("export-roots")[0] == 0
    assert not folder.exists()
    folder.mkdir()
    (folder / "epoch-1.key").write_text("garbage")
    assert run("export-roots")[0] == 0


def test_rotation_makes_a_new_key(run: Run) -> None:
    serial = load().persistence.signing_keys.signing().serial
    code, found = run("rotate")
    assert code == 0
    assert load().persistence.signing_keys.signing().serial == found["serial"] != serial


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("1x", "--since", "2026-11-20"), "serial number"), (("1", "--since", "yesterday"), "YYYY-MM-DD")],
)
def test_wrong_input_changes_nothing(run: Run, arguments: tuple[str, ...], words: str) -> None:
    code, found = run("revoke", *arguments)
    assert code != 0
    assert words in json.dumps(found)
    assert load().persistence.signing_keys.revocations.entries() == ()


def test_timestamps_need_an_authority(run: Run) -> None:
    code, found = run("add-timestamps")
    assert code == 2
    assert "timestamp authority" in found["error"]["message"]


def test_a_certificate_on_the_list_that_still_signs_is_replaced(run: Run) -> None:
    """As after an interruption between the two steps of a revocation."""
    keys = load().persistence.signing_keys
    serial = keys.signing().serial
    keys.revocations.add(Revocation(serial=serial, since=dt.datetime.now(dt.UTC)))
    code, found = run("revoke", serial, "--since", "2026-11-20")
    assert code == 0
    assert load().persistence.signing_keys.signing().serial == found["new_serial"] != serial


def test_the_new_key_exists_before_the_old_one_is_on_the_list(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = load().persistence.signing_keys.signing().serial
    seals_with: list[str] = []

    def add(_list: RevocationList, _revocation: Revocation) -> None:
        seals_with.append(load().persistence.signing_keys.signing().serial)

    monkeypatch.setattr(RevocationList, "add", add)
    run("revoke", serial, "--since", "2026-11-20")
    assert len(seals_with) == 1
    assert seals_with[0] != serial
