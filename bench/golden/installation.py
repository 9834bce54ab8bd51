"""An installation of the product on an empty data directory, used from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from .receivers import MailReceiver, RefusingUpstream, WebhookReceiver

#: No video is scanned by a detector that these recordings are not about; reading of text costs most.
SETTINGS = """data = "{data}"
[server]
port = {port}
public_url = "http://127.0.0.1:{port}"
[limits]
checks_per_hour = 1000000
end_user_checks_per_hour = 1000000
reports_per_hour = 1000000
key_reports_per_hour = 1000000
[review]
due_minutes = 1000000
[access]
requests = true
requests_per_hour = 1000
[fetch]
allowed_private_hosts = ["127.0.0.1", "127.0.0.1:{webhook_port}"]
[mail]
host = "127.0.0.1"
port = {mail_port}
security = "none"
sender = "safelight@example.com"
[generators.storyboard]
kind = "storyboard"
[generators.refusing]
kind = "videos_api"
url = "http://127.0.0.1:{upstream_port}/v1"
models = ["refusing-1"]
billing = "own"
[detectors]
ocr = false
"""


@dataclass(frozen=True)
class Tree:
    """A checkout of the product, whose packages are found before those that are installed."""

    folder: Path

    def search_path(self, scratch: Path) -> str:
        """Folders for PYTHONPATH. Entry points come from the checkout, not from an older installation."""
        projects = [self.folder, *sorted(self.folder.glob("packages/*")), self.folder / "clients" / "python"]
        # Distributions that are installed here but are not part of the checkout have no entry points.
        for name in {str(each.metadata["Name"]) for each in distributions()}:
            if name.startswith("safelight"):
                self._describe({"name": name}, scratch)
        for project in projects:
            described = project / "pyproject.toml"
            if described.is_file():
                self._describe(tomllib.loads(described.read_text())["project"], scratch)
        sources = [project / "src" for project in projects]
        return os.pathsep.join([str(scratch), *(str(source) for source in sources if source.is_dir())])

    @staticmethod
    def _describe(project: dict[str, Any], scratch: Path) -> None:
        name = str(project["name"]).replace("-", "_")
        described = scratch / f"{name}-0.1.0.dist-info"
        described.mkdir(parents=True, exist_ok=True)
        extras = "".join(f"Provides-Extra: {each}\n" for each in project.get("optional-dependencies", {}))
        (described / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1.0\n{extras}"
        )
        groups = {"console_scripts": project.get("scripts", {}), **project.get("entry-points", {})}
        lines = [
            line
            for group, entries in groups.items()
            for line in (f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()), "")
        ]
        (described / "entry_points.txt").write_text("\n".join(lines))


@dataclass
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass
class Installation:
    """A data directory with its settings, receivers and, while served, address and login link."""

    folder: Path
    environment: dict[str, str]
    settings: Path
    port: int
    webhooks: WebhookReceiver
    mails: MailReceiver
    store: str
    address: str = ""
    login: str = ""
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Literal replacements for what this installation alone is called."""
        return (
            (str(self.folder), "<folder>"),
            (str(Path(__file__).parents[2]), "<bench>"),
            (self.environment["GOLDEN_TREE"], "<tree>"),
            (str(Path(sys.prefix)), "<python>"),
            (socket.gethostname(), "<host>"),
            *((str(port), "<port>") for port in (self.port, self.webhooks.port, self.mails.port)),
            *(((self.store.rpartition("/")[2], "<database>"),) if self.store else ()),
        )

    def run(self, *arguments: str, language: str = "en", stdin: str | None = None, timeout_s: float = 180,
            extra: dict[str, str] | None = None, settings: bool = True) -> Answer:  # fmt: skip
        """Run a command to its end."""
        chosen = ["--config", str(self.settings)] if settings else []
        done = subprocess.run(
            [sys.executable, "-m", "safelight", *chosen, *arguments],
            env={**self.environment, "SAFELIGHT_LANG": language, **(extra or {})},
            cwd=self.folder,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return Answer(code=done.returncode, out=done.stdout, err=done.stderr)

    def create_key(self, name: str, scopes: tuple[str, ...], *options: str) -> str:
        """A new API key."""
        chosen = [part for scope in scopes for part in ("--scope", scope)]
        made = self.run("keys", "create", name, *chosen, *options, "--json")
        if made.code:
            raise RuntimeError(f"no key {name}: {made.out}{made.err}")
        key: str = json.loads(made.out)["key"]
        return key

    @contextmanager
    def served(self) -> Iterator[None]:
        """Serve the gateway until the block ends."""
        errors = self.folder / "serve.stderr"
        process = subprocess.Popen(
            [sys.executable, "-m", "safelight", "--config", str(self.settings), "serve", "--json"],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=errors.open("wb"),
            text=True,
        )
        assert process.stdout is not None
        try:
            text = ""
            for line in process.stdout:
                text += line
                if line.startswith("}"):
                    break
            if "address" not in text:
                raise RuntimeError(f"the gateway did not start: {text}{errors.read_text()}")
            started = json.loads(text)
            self.address, self.login = started["address"], started["login"]
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The URL of a new PostgreSQL database that is dropped at the end."""
    import psycopg

    name = f"golden_{os.getpid()}_{int(time.time())}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"{server.rsplit('/', 1)[0]}/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def installation(tree: Path, store: str, *, server: str = "") -> Iterator[Installation]:
    """A new installation on SQLite, or on a new database of this PostgreSQL server."""
    if store == "postgres":
        with fresh_database(server) as url, _installed(tree, url) as made:
            yield made
    else:
        with _installed(tree, "") as made:
            yield made


@contextmanager
def _installed(tree: Path, database: str) -> Iterator[Installation]:
    # `mkdtemp` would give names whose characters are hashed or escaped differently in some outputs.
    folder = Path(tempfile.mkdtemp(prefix="golden-"))
    webhooks, mails, upstream = WebhookReceiver(), MailReceiver(), RefusingUpstream()
    port = _free_port()
    settings = folder / "safelight.toml"
    text = SETTINGS.format(
        data=folder / "data",
        port=port,
        mail_port=mails.port,
        webhook_port=webhooks.port,
        upstream_port=upstream.port,
    )
    settings.write_text(text + (f'[storage]\ndatabase = "{database}"\n' if database else ""))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONPATH": Tree(tree).search_path(folder / "described"),
        "GOLDEN_TREE": str(tree),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "COLUMNS": "160",
        "SAFELIGHT_LOG__LEVEL": "warning",
    }
    try:
        yield Installation(folder, environment, settings, port, webhooks, mails, database)
    finally:
        webhooks.close()
        mails.close()
        upstream.close()
        shutil.rmtree(folder, ignore_errors=True)
