from __future__ import annotations

import datetime as dt
import fcntl
import re
import socket
import sqlite3
import time
import tomllib
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from msgspec.structs import replace

from safelight.cli import doctor as key_checks
from safelight.cli import doctor_checks as checks
from safelight.cli.doctor_checks import DoctorState
from safelight.core.errors import DatabaseVersionUnknown
from safelight.media.sandbox.confinement import Isolation
from safelight.provenance import certificates
from safelight.provenance.keys import KeyStore
from safelight.store.database import Database
from safelight.store.migrations import migrate
from safelight.store.shared_clock import SharedClock

ROOT = Path(__file__).parents[3]
OK, WARNING, FAILED, OFF = DoctorState.OK, DoctorState.WARNING, DoctorState.FAILED, DoctorState.OFF


def test_python_clock_fonts_speech_and_limits_are_checked(tmp_path: Path) -> None:
    assert checks.python((3, 12)).state is OK
    assert checks.python((3, 10)).state is FAILED
    assert checks.python((3, 14)).remedy
    now = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
    assert checks.clock(now).state is OK
    assert checks.clock(dt.datetime(2020, 1, 1, tzinfo=dt.UTC)).state is FAILED
    assert checks.clock(now, signing_from=now + dt.timedelta(days=1)).state is FAILED
    assert checks.fonts([str(tmp_path)]).state is WARNING
    (tmp_path / "some.ttf").write_bytes(b"")
    assert checks.fonts([str(tmp_path)]).state is OK
    assert checks.speech("no-such-program").state is WARNING
    assert checks.speech("sh").state is OK
    assert checks.limits(1).state is OK
    assert checks.limits(1 << 40).state is WARNING
    found = checks.guarded("sum", lambda: checks.limits(1 // 0))
    assert (found.state, found.message) == (FAILED, "ZeroDivisionError: integer division or modulo by zero")


def test_a_missing_package_is_named_with_its_install_name() -> None:
    found = checks.packages({"json": "", "no_such_module": "no-such-package"})
    assert found.state is FAILED
    assert "no-such-package" in found.message
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    needed = {re.split("[<>=]", package)[0] for package in extras["server"] + extras["media"]}
    assert needed - {"safelight[media]"} <= {package or module for module, package in checks.PACKAGES.items()}
    assert checks.packages().state is OK


def test_an_incomplete_sandbox_is_a_warning() -> None:
    full = Isolation(
        network="kernel", parent_death=True, no_new_privileges=True, capabilities_dropped=True, limits=()
    )
    open_ = replace(full, network="python", notes=("No network namespace.",))
    assert checks.isolation(full).state is OK
    cold = checks.isolation(replace(full, fork_server_problem="The fork server has 2 threads."))
    assert cold.state is WARNING
    assert "2 threads" in cold.message
    found = checks.isolation(open_)
    assert (found.state, found.message) == (WARNING, "No network namespace.")


def test_a_full_disk_fails_and_a_small_one_warns(tmp_path: Path) -> None:
    assert checks.disk(tmp_path / "not" / "yet", reserve=0, low=0).state is OK
    assert checks.disk(tmp_path, reserve=0, low=1 << 60).state is WARNING
    assert checks.disk(tmp_path, reserve=1 << 60).state is FAILED


def test_a_data_directory_is_checked_and_never_created(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert checks.data_directory(data, data / "keys", "").state is WARNING
    assert not data.exists()
    data.mkdir(mode=0o700)
    assert "no other process uses it" in checks.data_directory(data, data / "keys", "").message
    with (data / "lock").open("w") as lock:
        lock.write("4711\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "process 4711" in checks.data_directory(data, data / "keys", "").message
    data.chmod(0o755)
    assert "chmod 700" in checks.data_directory(data, data / "keys", "").remedy
    file = tmp_path / "file"
    file.write_text("")
    assert checks.data_directory(file, file, "").state is FAILED


def test_an_occupied_port_is_reported() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert checks.port("127.0.0.1", number).state is WARNING
    assert checks.port("127.0.0.1", 0).state is OK


def test_a_port_on_which_safelight_answers_is_not_a_problem() -> None:
    answers = {"/healthz": b'{"status":"ok","version":"0.1.0"}'}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers[self.path])

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            assert checks.port("127.0.0.1", server.server_port).state is OK
            answers["/healthz"] = b"hello"
            assert checks.port("127.0.0.1", server.server_port).state is WARNING
        finally:
            server.shutdown()


def test_a_database_is_checked_and_neither_created_nor_changed(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    database = Database(f"sqlite:///{path}")
    assert checks.database(database, 12).state is OK
    assert not path.exists()
    migrate(database)
    assert "version" in checks.database(database, 12).message
    database.close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    newer = Database(f"sqlite:///{path}")
    with pytest.raises(DatabaseVersionUnknown):
        checks.database(newer, 12)
    assert checks.guarded("database", lambda: checks.database(newer, 12)).state is FAILED
    newer.close()
    path.write_bytes(b"this is no database, and long enough to be looked at" * 40)
    damaged = Database(f"sqlite:///{path}")
    found = checks.guarded("database", lambda: checks.database(damaged, 12))
    damaged.close()
    assert (found.state, bool(found.remedy)) == (FAILED, True)


def test_a_missing_detector_is_off_and_a_configured_one_a_warning() -> None:
    found = checks.detectors(["word-lists"], [("minilm", "No weights."), ("mine", "Gone.")], ["mine"])
    assert [(one.name, one.state) for one in found] == [
        ("detectors", OK),
        ("detector minilm", OFF),
        ("detector mine", WARNING),
    ]
    assert found[1].remedy == "Install it: safelight models pull minilm"
    assert found[2].message == "Gone."
    assert checks.detectors([], [])[0].state is FAILED


def test_an_unreachable_upstream_is_reported() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        number = server.getsockname()[1]
        assert checks.upstream("gpu", f"http://127.0.0.1:{number}/v1").state is OK
    assert checks.upstream("gpu", f"http://127.0.0.1:{number}/v1", timeout_s=0.5).state is WARNING
    assert checks.upstream("gpu", "not an address").state is FAILED


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        (1, "One request at a time. While it runs, the requests of other keys wait."),
        (2, "2 requests at the same time, at most 1 of one API key or person."),
        (32, "32 requests at the same time, at most 31 of one API key or person."),
    ],
)
def test_the_places_of_an_upstream_that_one_key_gets_are_stated(limit: int, sentence: str) -> None:
    check = checks.upstream_places("paid", limit)
    assert (check.state, check.message) == (OK, f"{sentence} Set by max_concurrent.")


def test_a_signing_key_readable_by_others_fails(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    assert key_checks.signing(tmp_path, now).state is OK
    (tmp_path / "signing.pem").write_text("")
    (tmp_path / "signing.pem").chmod(0o644)
    found = key_checks.signing(tmp_path, now)
    assert (found.state, "signing revoke" in found.remedy) == (FAILED, True)


def test_an_own_certificate_that_is_early_or_no_longer_used_is_reported(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    KeyStore.own(tmp_path, organization="Studio", clock=lambda: now).signing()
    assert key_checks.signing(tmp_path, now).state is OK
    early = key_checks.signing(tmp_path, now - dt.timedelta(days=1))
    assert (early.state, "not valid before" in early.message) == (FAILED, True)
    assert "safelight signing rotate" in early.remedy
    late = key_checks.signing(tmp_path, now + dt.timedelta(days=366))
    assert (late.state, "renewed with the next seal" in late.message) == (WARNING, True)


def test_a_configured_certificate_is_reported_a_month_before_it_expires(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    root = certificates.issue_root("Studio", now=now)
    leaf = certificates.issue_leaf(root, "Studio", now=now)
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    key.write_bytes(certificates.key_pem(leaf.key))
    chain.write_bytes(certificates.certificates_pem((leaf.certificate, root.certificate)))

    def configured() -> KeyStore:
        return KeyStore.configured(key=key, chain=chain)

    assert key_checks.configured_signing(configured, now).state is OK
    late = leaf.certificate.not_valid_after_utc - dt.timedelta(days=20)
    assert key_checks.configured_signing(configured, late).state is WARNING
    key.write_text("not a key")
    found = checks.guarded("signing key", lambda: key_checks.configured_signing(configured, now))
    assert (found.state, bool(found.remedy)) == (FAILED, True)


@pytest.mark.postgres
def test_a_clock_that_is_not_that_of_the_database_is_a_warning(postgres_url: str) -> None:
    with closing(Database(postgres_url, clock=SharedClock(own=lambda: time.time() + 3600))) as ahead:
        check = checks.database(ahead, 40)
    assert check.state is WARNING
    assert "3,600 s ahead of the database's" in check.message


@pytest.mark.postgres
def test_a_server_without_room_for_the_connections_of_one_gateway_is_a_warning(postgres_url: str) -> None:
    with closing(Database(postgres_url)) as database:
        migrate(database)
        assert checks.database(database, 12).state is OK
        check = checks.database(database, 100_000)
    assert check.state is WARNING
    assert "a gateway opens up to 100,000." in check.message
    assert "storage.connections" in check.remedy
