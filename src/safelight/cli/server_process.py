"""The gateway process: starts its parts in order and stops them in reverse order."""

from __future__ import annotations

import errno
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from safelight.errors import SettingsError

from .log_format import JsonFormatter, LineFormatter

if TYPE_CHECKING:
    import uvicorn

    from safelight.bootstrap import Container
    from safelight.settings import LogSettings

_log = logging.getLogger(__name__)
#: Seconds that running requests may take to finish at shutdown.
_REQUESTS_GRACE_S = 3
#: Seconds that running pipeline steps may take to finish at shutdown.
_STEPS_GRACE_S = 3.0


def set_up_logging(settings: LogSettings) -> None:
    """Log to standard error as lines or as JSON. No log line contains a prompt or a finding."""
    handler = logging.StreamHandler(sys.stderr)
    as_json = settings.format == "json"
    handler.setFormatter(JsonFormatter() if as_json else LineFormatter(colours=sys.stderr.isatty()))
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
    for quiet in ("uvicorn.access", "httpx", "httpcore", "alembic", "dbos"):
        logging.getLogger(quiet).setLevel(logging.WARNING)


class Gateway:
    """The HTTP server with its workers. Binds the port first, so that a port in use is reported at once."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self._socket = _listen(container.core.settings.server.host, container.core.settings.server.port)
        self._server: uvicorn.Server | None = None

    @property
    def address(self) -> str:
        """The address that clients use."""
        server = self.container.core.settings.server
        if server.public_url:
            return server.public_url.rstrip("/")
        host, port = self._socket.getsockname()[:2]
        scheme = "https" if server.tls_certificate else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until a signal arrives. Calls `ready` in a thread as soon as requests are accepted.

        Never returns: it ends the process, because the queue cannot be stopped while a step is still running.
        """
        import uvicorn

        container = self.container
        container.persistence.data_directory.lock()
        container.persistence.database  # noqa: B018
        container.persistence.tenant  # noqa: B018
        settings = container.core.settings.server
        container.pipeline.queue.start()
        self._server = uvicorn.Server(
            uvicorn.Config(
                container.app,
                log_config=None,
                access_log=False,
                lifespan="on",
                server_header=False,
                proxy_headers=settings.behind_proxy,
                forwarded_allow_ips="*" if settings.behind_proxy else None,
                ssl_certfile=settings.tls_certificate,
                ssl_keyfile=settings.tls_key,
                timeout_graceful_shutdown=_REQUESTS_GRACE_S,
                # Longer than the polling interval of clients, so that no client sends a request on a
                # connection that is being closed.
                timeout_keep_alive=90,
                backlog=2048,
            )
        )
        for part in container.review.background_parts:
            part.start()
        threading.Thread(target=self._warm, name="warm", daemon=True).start()
        threading.Thread(target=self._call_when_started, args=(ready,), name="ready", daemon=True).start()
        threading.Thread(target=self._exit_on_lost_lease, name="lost", daemon=True).start()
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._stop()

    def _warm(self) -> None:
        """Load the text models and start the sandbox workers, so that the first request does not wait."""
        self.container.core.text_pipeline.screen({"prompt": "a quiet street in the morning"})
        self.container.core.scanner.start()

    def _call_when_started(self, ready: Callable[[], None]) -> None:
        while self._server is not None and not self._server.started:
            time.sleep(0.02)
        ready()

    def _exit_on_lost_lease(self) -> None:
        """Stop the server when this process loses its worker lease."""
        self.container.core.shutdown_event.wait()
        if self._server is not None:
            self._server.should_exit = True

    def _stop(self) -> None:
        container = self.container
        container.core.shutdown_event.set()
        try:
            container.pipeline.queue.stop(_STEPS_GRACE_S)
            container.persistence.audit_checkpoint_writer.write()
        except Exception:
            _log.exception(
                "Error during shutdown. Nothing is lost: unfinished work resumes at the next start."
            )
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)


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
