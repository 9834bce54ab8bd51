from __future__ import annotations

import datetime as dt
import fcntl
import re
import socket
import sqlite3
import tomllib
from pathlib import Path

import pytest
from msgspec.structs import replace

from safelight.cli import doctor_checks, doctor_key_checks
from safelight.cli.doctor_checks import DoctorState
from safelight.errors import DatabaseVersionUnknown
from safelight.provenance import certificates
from safelight.provenance.keys import KeyStore
from safelight.sandbox.confinement import Isolation
from safelight.store.database import Database
from safelight.store.migrations import migrate

ROOT = Path(__file__).parents[3]


def test_a_python_outside_the_range_fails() -> None:
    assert doctor_checks.python((3, 12)).state is DoctorState.OK
    assert doctor_checks.python((3, 10)).state is DoctorState.FAILED
    assert doctor_checks.python((3, 14)).remedy


def test_a_missing_package_is_named_with_its_install_name() -> None:
    found = doctor_checks.packages({"json": "", "no_such_module": "no-such-package"})
    assert found.state is DoctorState.FAILED
    assert "no-such-package" in found.message


def test_all_packages_of_the_gateway_are_looked_for() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    needed = {re.split("[<>=]", package)[0] for package in extras["server"]}
    assert needed <= {package or module for module, package in doctor_checks.PACKAGES.items()}
    assert doctor_checks.packages().state is DoctorState.OK


def test_an_incomplete_sandbox_is_a_warning() -> None:
    full = Isolation(
        network="kernel", parent_death=True, no_new_privileges=True, capabilities_dropped=True, limits=()
    )
    assert doctor_checks.isolation(full).state is DoctorState.OK
    cold = doctor_checks.isolation(replace(full, fork_server_problem="The fork server has 2 threads."))
    assert cold.state is DoctorState.WARNING
    assert "2 threads" in cold.message
    open_ = Isolation(
        network="python",
        parent_death=True,
        no_new_privileges=True,
        capabilities_dropped=True,
        limits=(),
        notes=("No network namespace.",),
    )
    found = doctor_checks.isolation(open_)
    assert (found.state, found.message) == (DoctorState.WARNING, "No network namespace.")


def test_a_full_disk_fails_and_a_small_one_warns(tmp_path: Path) -> None:
    assert doctor_checks.disk(tmp_path / "not" / "yet", reserve=0, low=0).state is DoctorState.OK
    assert doctor_checks.disk(tmp_path, reserve=0, low=1 << 60).state is DoctorState.WARNING
    assert doctor_checks.disk(tmp_path, reserve=1 << 60).state is DoctorState.FAILED


def test_a_data_directory_is_checked_and_never_created(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert doctor_checks.data_directory(data).state is DoctorState.WARNING
    assert not data.exists()
    data.mkdir(mode=0o700)
    assert "no other process uses it" in doctor_checks.data_directory(data).message
    with (data / "lock").open("w") as lock:
        lock.write("4711\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "process 4711" in doctor_checks.data_directory(data).message
    data.chmod(0o755)
    assert "chmod 700" in doctor_checks.data_directory(data).remedy


def test_a_file_in_place_of_the_data_directory_fails(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert doctor_checks.data_directory(tmp_path / "data").state is DoctorState.FAILED


def test_an_occupied_port_is_reported() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert doctor_checks.port("127.0.0.1", number).state is DoctorState.WARNING
    assert doctor_checks.port("127.0.0.1", 0).state is DoctorState.OK


def test_a_database_is_checked_and_neither_created_nor_changed(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    database = Database(f"sqlite:///{path}")
    assert doctor_checks.database(database).state is DoctorState.OK
    assert not path.exists()
    migrate(database)
    assert "version" in doctor_checks.database(database).message
    database.close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    newer = Database(f"sqlite:///{path}")
    with pytest.raises(DatabaseVersionUnknown):
        doctor_checks.database(newer)
    assert (
        doctor_checks.guarded("database", lambda: doctor_checks.database(newer)).state is DoctorState.FAILED
    )
    newer.close()


def test_a_damaged_database_fails_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    path.write_bytes(b"this is no database, and long enough to be looked at" * 40)
    database = Database(f"sqlite:///{path}")
    found = doctor_checks.guarded("database", lambda: doctor_checks.database(database))
    database.close()
    assert found.state is DoctorState.FAILED
    assert found.remedy


def test_a_missing_detector_is_off_and_a_configured_one_a_warning() -> None:
    found = doctor_checks.detectors(["word-lists"], [("minilm", "No weights."), ("mine", "Gone.")], ["mine"])
    assert [(one.name, one.state) for one in found] == [
        ("detectors", DoctorState.OK),
        ("detector minilm", DoctorState.OFF),
        ("detector mine", DoctorState.WARNING),
    ]
    assert found[1].remedy == "Install it: safelight models pull minilm"
    assert found[2].message == "Gone."
    assert doctor_checks.detectors([], [])[0].state is DoctorState.FAILED


def test_a_clock_in_the_past_fails() -> None:
    now = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
    assert doctor_checks.clock(now).state is DoctorState.OK
    assert doctor_checks.clock(dt.datetime(2020, 1, 1, tzinfo=dt.UTC)).state is DoctorState.FAILED
    assert doctor_checks.clock(now, signing_from=now + dt.timedelta(days=1)).state is DoctorState.FAILED


def test_missing_fonts_and_speech_are_reported(tmp_path: Path) -> None:
    assert doctor_checks.fonts([str(tmp_path)]).state is DoctorState.WARNING
    (tmp_path / "some.ttf").write_bytes(b"")
    assert doctor_checks.fonts([str(tmp_path)]).state is DoctorState.OK
    assert doctor_checks.speech("no-such-program").state is DoctorState.WARNING
    assert doctor_checks.speech("sh").state is DoctorState.OK


def test_a_low_open_file_limit_is_a_warning() -> None:
    assert doctor_checks.limits(1).state is DoctorState.OK
    assert doctor_checks.limits(1 << 40).state is DoctorState.WARNING


def test_an_unreachable_upstream_is_reported() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        number = server.getsockname()[1]
        assert doctor_checks.upstream("gpu", f"http://127.0.0.1:{number}/v1").state is DoctorState.OK
    assert (
        doctor_checks.upstream("gpu", f"http://127.0.0.1:{number}/v1", timeout_s=0.5).state
        is DoctorState.WARNING
    )
    assert doctor_checks.upstream("gpu", "not an address").state is DoctorState.FAILED


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        (1, "One request at a time. While it runs, the requests of other keys wait."),
        (2, "2 requests at the same time, at most 1 of one API key or person."),
        (32, "32 requests at the same time, at most 31 of one API key or person."),
    ],
)
def test_the_places_of_an_upstream_that_one_key_gets_are_stated(limit: int, sentence: str) -> None:
    check = doctor_checks.upstream_places("paid", limit)
    assert (check.state, check.message) == (DoctorState.OK, f"{sentence} Set by max_concurrent.")


def test_a_signing_key_readable_by_others_fails(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    assert doctor_key_checks.signing(tmp_path, now).state is DoctorState.OK
    (tmp_path / "signing.pem").write_text("")
    (tmp_path / "signing.pem").chmod(0o644)
    found = doctor_key_checks.signing(tmp_path, now)
    assert (found.state, "signing revoke" in found.remedy) == (DoctorState.FAILED, True)


def test_an_own_certificate_that_is_early_or_no_longer_used_is_reported(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    KeyStore.own(tmp_path, organization="Studio", clock=lambda: now).signing()
    assert doctor_key_checks.signing(tmp_path, now).state is DoctorState.OK
    early = doctor_key_checks.signing(tmp_path, now - dt.timedelta(days=1))
    assert (early.state, "not valid before" in early.message) == (DoctorState.FAILED, True)
    assert "safelight signing rotate" in early.remedy
    late = doctor_key_checks.signing(tmp_path, now + dt.timedelta(days=366))
    assert (late.state, "renewed with the next seal" in late.message) == (DoctorState.WARNING, True)


def test_a_configured_certificate_is_reported_a_month_before_it_expires(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    root = certificates.issue_root("Studio", now=now)
    leaf = certificates.issue_leaf(root, "Studio", now=now)
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    key.write_bytes(certificates.key_pem(leaf.key))
    chain.write_bytes(certificates.certificates_pem((leaf.certificate, root.certificate)))

    def configured() -> KeyStore:
        return KeyStore.configured(key=key, chain=chain)

    assert doctor_key_checks.configured_signing(configured, now).state is DoctorState.OK
    late = leaf.certificate.not_valid_after_utc - dt.timedelta(days=20)
    assert doctor_key_checks.configured_signing(configured, late).state is DoctorState.WARNING
    key.write_text("not a key")
    found = doctor_checks.guarded(
        "signing key", lambda: doctor_key_checks.configured_signing(configured, now)
    )
    assert (found.state, bool(found.remedy)) == (DoctorState.FAILED, True)


def test_a_check_that_raises_is_a_failed_check() -> None:
    def broken() -> doctor_checks.DoctorCheck:
        raise ZeroDivisionError("oh")

    found = doctor_checks.guarded("disk", broken)
    assert (found.state, found.message) == (DoctorState.FAILED, "ZeroDivisionError: oh")
