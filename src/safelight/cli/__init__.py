"""The command line, one file per verb; a verb's file is imported only when the verb is called."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .exit_codes import Exit

if TYPE_CHECKING:
    from safelight.errors import SafelightError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every error becomes a plain sentence with its remedy.

    With `--json` among the arguments standard output holds exactly one JSON document, `{"error": ...}` where
    the command failed.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(given)
        sys.stdout.flush()
    except BrokenPipeError:
        _close_quietly()
        code = Exit.ERROR
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    return int(code)


def _run(given: list[str]) -> int:
    from safelight.errors import ConfigurationError, SafelightError

    from .commands import command

    as_json = "--json" in given
    try:
        result = command().main(args=given, prog_name="safelight", standalone_mode=False)
    except SafelightError as error:
        _say(error, as_json)
        return Exit.CONFIGURATION if isinstance(error, ConfigurationError) else Exit.ERROR
    except BrokenPipeError:
        raise
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("", "safelight"):
            raise
        _say(
            ConfigurationError(
                f"This command needs the Python package {error.name!r}, which is not installed.",
                remedy="Install the gateway's parts: pip install 'safelight[server]'.",
            ),
            as_json,
        )
        return Exit.CONFIGURATION
    except Exception as error:
        # Wrong usage and Ctrl-D come as the command line library's own exceptions, whose module has moved
        # between its releases; what they can do has not.
        if hasattr(error, "format_message"):
            return _usage(error, as_json)
        if type(error).__name__ == "Abort":
            _say(SafelightError("Stopped: no answer was given."), as_json)
            return Exit.ERROR
        traceback.print_exc()
        _say(
            SafelightError(
                f"Safelight met an error of its own: {type(error).__name__}: {error}".rstrip(": "),
                remedy="This is a bug; the lines above say where. Please report them.",
            ),
            as_json,
        )
        return Exit.ERROR
    return result if isinstance(result, int) else Exit.OK


def _usage(error: Exception, as_json: bool) -> int:
    from safelight.errors import ConfigurationError

    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if not message.strip():
        # `safelight keys` without more: asking for the message has printed the help.
        return Exit.CONFIGURATION
    name = getattr(getattr(error, "ctx", None), "command_path", "safelight")
    _say(ConfigurationError(message, remedy=f"See: {name} --help"), as_json)
    return Exit.CONFIGURATION


def _say(error: SafelightError, as_json: bool) -> None:
    from .output import error_payload, write_json

    if as_json:
        write_json(error_payload(error))
        return
    lines = [f"safelight: {error.message}"]
    lines += [f"  {problem}" for problem in getattr(error, "problems", ())]
    if error.remedy:
        lines.append(error.remedy)
    sys.stderr.write("\n".join(lines) + "\n")


def _close_quietly() -> None:
    """Whoever read our output has gone: keep the interpreter from complaining about it at exit."""
    import os

    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        pass
    finally:
        os.close(nowhere)
