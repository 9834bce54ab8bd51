"""PgBouncer in front of the PostgreSQL of the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from .child_calls import until
from .optional_tools import leave_out

#: Debian's is not in the path of every user.
_PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_SETTINGS = """[databases]
* = host={host} port={port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 60
max_client_conn = 200
"""


@contextmanager
def pooler(folder: Path, url: str, mode: str) -> Iterator[str]:
    """The URL of the same database through a pooler in this mode: `session` or `transaction`."""
    if _PROGRAM is None:
        leave_out("PgBouncer", "install Debian's package pgbouncer")
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = free.getsockname()[1]
    server, settings = make_url(url), folder / "pgbouncer.ini"
    settings.write_text(
        _SETTINGS.format(
            host=server.host,
            port=server.port or 5432,
            user=server.username,
            password=server.password,
            own=own,
            mode=mode,
        )
    )
    # It refuses to run as root, and then has to read its settings as another user.
    as_other = ["-u", "nobody"] if os.geteuid() == 0 else []
    settings.chmod(0o644)
    through = server.set(host="127.0.0.1", port=own).render_as_string(hide_password=False)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([_PROGRAM, *as_other, str(settings)], stdout=log, stderr=log)
    try:
        assert until(lambda: _answers(through))
        yield through
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url.replace("+psycopg", ""), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
