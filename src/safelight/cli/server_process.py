"""The gateway process: starts its parts in order and stops them in reverse order."""

from __future__ import annotations

import errno
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from logging.handlers import MemoryHandler
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from safelight.core.errors import SettingsError
from safelight.core.tracing import end_export, start_export

from .log_format import AccessFilter, JsonFormatter, JsonStandardError, LineFormatter, LogHandler
from .output import Exit, progress_console
from .prompt_checker import make_pipeline

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from safelight.app.container import Container
    from safelight.app.settings import LogSettings
    from safelight.screening.text_socket import TextServer

    from .http_server import HttpServer


_SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: Parts of `server.stop_grace_s`: running requests may end within the first one, running requests and steps
#: within the second one, and the export of traces has the third one. The rest is for the last checkpoint of
#: the audit log.
_REQUESTS_SHARE, _STEPS_SHARE, _TRACES_SHARE = 0.3, 0.8, 0.1
#: Most seconds for the export of traces, because a collector may not answer.
_TRACES_MAX_S = 1.0
#: Python's default. The command line starts with a higher one, which a long process does not need.
_GC_THRESHOLD = 700
#: More lines than a start writes; further ones are written at once.
_MAX_HELD_LINES = 1000


class StopSignals:
    """The signal handlers of the gateway. A stop that is asked for during the start follows after it."""

    def __init__(self) -> None:
        self._received = False
        self._stop: Callable[[], None] | None = None

    def install(self) -> None:
        for number in _SIGNALS:
            signal.signal(number, self._handle)

    def call(self, stop: Callable[[], None]) -> None:
        """Call `stop` at the first signal, or now if that signal has arrived already.

        `stop` runs inside the signal handler, so it must not take a lock.
        """
        self._stop = stop
        if self._received:
            stop()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._received:
            os._exit(128 + number)
        self._received = True
        if self._stop is not None:
            self._stop()


_log = logging.getLogger(__name__)


def set_up_logging(settings: LogSettings, *, verbose: bool = False) -> Callable[[], None]:
    """Log to standard error as lines or as JSON. No log line contains a prompt or a finding.

    As JSON, all other text on standard error and standard output becomes lines of the log too. Lines are
    held back until the returned function is called, so that they follow the first screen. An error is
    written at once, with the lines before it.
    """
    if settings.format == "json":
        formatter = JsonFormatter()
        handler = LogHandler(JsonStandardError(formatter))
        handler.setFormatter(formatter)
        # For example what plugins print. Logs of containers have standard output too.
        sys.stdout.flush()
        os.dup2(2, 1)
    else:
        handler = LogHandler(sys.stderr)
        handler.setFormatter(_line_formatter())
    held = MemoryHandler(_MAX_HELD_LINES, flushLevel=logging.ERROR, target=handler)
    logging.basicConfig(level=settings.level.upper(), handlers=[held], force=True)
    for quiet in ("httpx", "httpcore", "alembic", "dbos", "uvicorn.error", "faiss.loader"):
        logging.getLogger(quiet).setLevel(logging.WARNING)
    # Otherwise the engine writes its lines itself, in a format of its own.
    logging.getLogger("dbos").addHandler(logging.NullHandler())
    logging.captureWarnings(True)
    threading.excepthook = _log_end_of_thread
    requests = logging.getLogger("safelight.web.middleware")
    requests.filters = [AccessFilter(verbose=verbose)]
    if verbose:
        # Repeated polls are logged at this level.
        requests.setLevel(logging.DEBUG)

    def release() -> None:
        root = logging.getLogger()
        root.addHandler(handler)
        root.removeHandler(held)
        held.close()

    return release


def _log_end_of_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and failed.exc_type is not SystemExit:
        name = failed.thread.name if failed.thread else "?"
        _log.error("The thread %s ended with an error.", name, exc_info=failed.exc_value)


def _line_formatter() -> LineFormatter:
    """On a terminal, lines are broken at its width and coloured if it shows colours."""
    if not sys.stderr.isatty():
        return LineFormatter()
    console = progress_console()
    return LineFormatter(colours=bool(console.color_system) and not console.no_color, width=console.width)


class Gateway:
    """The HTTP server with its workers. Binds the port first, so that a port in use is reported at once."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self._socket = _listen(container.core.settings.server.host, container.core.settings.server.port)
        self._server: HttpServer | None = None
        self._text_server: TextServer | None = None
        self._stop_began = 0.0

    @property
    def address(self) -> str:
        """The address that clients use."""
        host, port = self._socket.getsockname()[:2]
        return self.container.core.settings.server.address(host, port)

    def run(self, ready: Callable[[], None]) -> NoReturn:
        """Serve until a signal arrives. Calls `ready` in a thread as soon as requests are accepted.

        Never returns: it ends the process, because a running step cannot be stopped. A second signal ends the
        process at once.
        """
        import uvicorn

        from safelight.app.web import make_app
        from safelight.store.data_directory import claim_database
        from safelight.web.process_routes import ProcessRoutes

        from .http_server import HttpServer

        signals = StopSignals()
        signals.install()
        container = self.container
        start_export()
        container.persistence.data_directory.lock()
        claim_database(container.persistence.database, container.persistence.key_folder)
        self._check_connections()
        container.persistence.tenant  # noqa: B018
        settings = container.core.settings.server
        container.pipeline.queue.start(container.background.upstream_waits.advance)
        self._warn_about_roles()
        app: ASGIApp = make_app(container)
        if "web" not in settings.roles:
            app = ProcessRoutes(app)
        self._server = HttpServer(
            uvicorn.Config(
                _behind_proxies(app, settings.proxies) if settings.behind_proxy else app,
                log_config=None,
                access_log=False,
                lifespan="on",
                server_header=False,
                # uvicorn's own option believes the first address in the header, which the client can write.
                proxy_headers=False,
                ssl_certfile=settings.tls_certificate,
                ssl_keyfile=settings.tls_key,
                timeout_graceful_shutdown=max(1, round(settings.stop_grace_s * _REQUESTS_SHARE)),
                # Longer than the polling interval of clients, so that no client sends a request on a
                # connection that is being closed.
                timeout_keep_alive=90,
                backlog=2048,
            ),
            stopping=self._begin_stop,
        )
        for part in container.background.parts:
            part.start()
        if settings.roles & {"web", "scan"}:
            threading.Thread(target=self._warm, name="warm", daemon=True).start()
        threading.Thread(target=self._call_when_started, args=(ready,), name="ready", daemon=True).start()
        threading.Thread(target=self._exit_on_lost_lease, name="lost", daemon=True).start()
        signals.call(self._end_http_server)
        status = Exit.ERROR
        try:
            self._server.run(sockets=[self._socket])
            status = Exit.OK
        except BaseException:
            _log.exception("The HTTP server ended with an error.")
        finally:
            self._stop(status)

    def _check_connections(self) -> None:
        """Warn if this process may find no further connection to PostgreSQL under load."""
        from safelight.store.db_errors import CONNECTIONS_REMEDY

        counts = self.container.persistence.database.read_connections()
        wanted = self.container.core.settings.storage.connections
        if counts is not None and (left := counts[0] - counts[1]) < wanted:
            _log.warning(
                "PostgreSQL has %d connections left, and this process may need %d. %s",
                left,
                wanted,
                CONNECTIONS_REMEDY,
            )

    def _warn_about_roles(self) -> None:
        from safelight.app.settings.models import ROLES
        from safelight.videos.fleet_roles import missing_roles

        if missing := missing_roles(self.container.persistence.database, ROLES):
            _log.warning("No process of this database has these roles yet: %s.", ", ".join(missing))

    def _warm(self) -> None:
        """Load the text models of both languages and start the sandbox workers, so that no request waits.
        Commands may then have their texts inspected here.
        """
        from safelight.media.sandbox.child_main import release_memory
        from safelight.screening.text_socket import TextServer

        # Before the detectors are loaded: from files that change later, they are others.
        text_socket = self.container.core.text_socket
        for prompt in ("a quiet street in the morning", "清晨安静的街道"):
            self.container.core.text_pipeline.screen({"prompt": prompt})
        # The word lists and models stay until the process ends. Without this, each full garbage collection
        # visits them and stops all threads for some tenths of a second.
        release_memory()
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD)
        self._text_server = TextServer(text_socket, make_pipeline(self.container))
        self._text_server.start()
        self.container.core.scanner.start()

    def _call_when_started(self, ready: Callable[[], None]) -> None:
        while self._server is not None and not self._server.started:
            time.sleep(0.02)
        ready()

    def _exit_on_lost_lease(self) -> None:
        """End the process when it loses its worker lease, because another one may run its videos."""
        self.container.core.shutdown_event.wait()
        if self.container.pipeline.queue.lease_lost:
            _exit(Exit.ERROR)

    def _end_http_server(self) -> None:
        """Called by a signal handler, so it only sets a flag, which the server looks at."""
        if self._server is not None:
            self._server.should_exit = True

    def _begin_stop(self) -> None:
        self._stop_began = time.monotonic()
        self.container.core.shutdown_event.set()
        _log.info("Stopping. No new step starts; running requests and steps may end.")

    def _stop(self, status: Exit) -> NoReturn:
        """Wait for running steps, write the last checkpoint, and end the process."""
        container = self.container
        grace_s = container.core.settings.server.stop_grace_s
        try:
            if self._text_server is not None:
                self._text_server.close()
            if not self._stop_began:
                self._begin_stop()
            steps_end_at = self._stop_began + grace_s * _STEPS_SHARE
            left = container.pipeline.queue.stop(max(0.0, steps_end_at - time.monotonic()))
            if left:
                _log.warning("Steps that have not ended: %d. They run again later.", left)
            end_export(min(_TRACES_MAX_S, grace_s * _TRACES_SHARE))
            with container.persistence.audit_checkpoint_writer.closed_log():
                _exit(status)
        except Exception:
            _log.exception("The stop failed. Unfinished work resumes at the next start.")
        _exit(Exit.ERROR)


def _behind_proxies(app: ASGIApp, proxies: int) -> ASGIApp:
    from safelight.web.forwarded_headers import ForwardedHeaders

    return ForwardedHeaders(app, proxies=proxies)


def _exit(status: Exit) -> NoReturn:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With an explicit protocol, asyncio disables Nagle's algorithm, which delays a response by 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"Port {port} on {host} is used by another program.",
                remedy="Stop that program, or set another server.port (--port); 0 selects a free port.",
            ) from None
        raise SettingsError(f"Cannot listen on {host}:{port}: {error.strerror}.") from None
    listening.listen(2048)
    listening.set_inheritable(False)
    return listening
