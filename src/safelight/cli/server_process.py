"""The gateway as a process: what is started in which order, and stopped in the other."""

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
#: For requests under way, then for steps under way, when asked to stop.
_REQUESTS_GRACE_S = 3
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
    """Listens first, so that a taken port is said before anything else is touched."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self._socket = _listen(container.core.settings.server.host, container.core.settings.server.port)
        self._server: uvicorn.Server | None = None

    @property
    def address(self) -> str:
        """Where clients reach it."""
        server = self.container.core.settings.server
        if server.public_url:
            return server.public_url.rstrip("/")
        host, port = self._socket.getsockname()[:2]
        scheme = "https" if server.tls_certificate else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until a signal; `ready` is called in a thread once requests are answered. Never returns.

        The process ends here: the durable engine cannot be left with a step still running.
        """
        import uvicorn

        here = self.container
        here.persistence.data_directory.lock()
        here.persistence.database  # noqa: B018
        here.persistence.tenant  # noqa: B018
        settings = here.core.settings.server
        here.pipeline.queue.start()
        self._server = uvicorn.Server(
            uvicorn.Config(
                here.app,
                log_config=None,
                access_log=False,
                lifespan="on",
                server_header=False,
                proxy_headers=settings.behind_proxy,
                forwarded_allow_ips="*" if settings.behind_proxy else None,
                ssl_certfile=settings.tls_certificate,
                ssl_keyfile=settings.tls_key,
                timeout_graceful_shutdown=_REQUESTS_GRACE_S,
                # Longer than clients pause between polls, so that they do not meet a closing connection.
                timeout_keep_alive=90,
                backlog=2048,
            )
        )
        here.pipeline.sweeper.start()
        here.review.notifier.start()
        here.persistence.audit_checkpoint_writer.start()
        threading.Thread(target=self._warm, name="warm", daemon=True).start()
        threading.Thread(target=self._tell, args=(ready,), name="ready", daemon=True).start()
        threading.Thread(target=self._end_when_lost, name="lost", daemon=True).start()
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._stop()

    def _warm(self) -> None:
        """What the first request would wait for: models for words, children for pictures."""
        self.container.core.text_pipeline.screen({"prompt": "a quiet street in the morning"})
        self.container.core.scanner.start()

    def _tell(self, ready: Callable[[], None]) -> None:
        while self._server is not None and not self._server.started:
            time.sleep(0.02)
        ready()

    def _end_when_lost(self) -> None:
        """A process that lost its name among the workers must not work on."""
        self.container.core.shutdown_event.wait()
        if self._server is not None:
            self._server.should_exit = True

    def _stop(self) -> None:
        here = self.container
        here.core.shutdown_event.set()
        try:
            here.pipeline.queue.stop(_STEPS_GRACE_S)
            here.persistence.audit_checkpoint_writer.stop()
        except Exception:
            _log.exception("Stopping met an error; nothing is lost, it is taken up at the next start.")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches off Nagle's delay: 40 ms an answer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"Port {port} on {host} is taken by another program.",
                remedy="Stop it, or set server.port (--port) to another; 0 takes a free one.",
            ) from None
        raise SettingsError(f"Cannot listen on {host}:{port}: {error.strerror}.") from None
    listening.listen(2048)
    listening.set_inheritable(False)
    return listening
