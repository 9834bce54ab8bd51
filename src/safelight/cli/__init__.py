"""The command line: a command is in the module of its name, imported only when it is called."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .output import Exit

if TYPE_CHECKING:
    from safelight.core.errors import SafelightError


#: Loading the word lists and models creates millions of objects that stay. With Python's default of 700, the
#: garbage collector visits them again and again, which costs a command a tenth of its CPU time.
_GC_THRESHOLD = 50_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Errors are printed with a remedy, without a traceback.

    With `--json`, standard output contains exactly one JSON document: `{"error": ...}` if the command failed.
    Only `reviews events` and `check --rows` print one on each line.
    """
    gc.set_threshold(_GC_THRESHOLD)
    # Texts are judged side by side. Threads of NumPy's matrix library would wait for each other busily, which
    # doubles the CPU time of a check.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_replace_typography())
    try:
        code = _run(given)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_stdout()
        code = Exit.ERROR
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    if arguments is None:
        # The process ends. Before that, Python's collector would visit every object once more, which costs a
        # check a tenth of its CPU time.
        gc.freeze()
    return int(code)


def _replace_typography() -> str:
    """The name of an error handler for terminals without UTF-8: plain quotes and dashes, else escapes."""
    import codecs

    plain = {"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "...", "·": "-"}

    def replaced(error: UnicodeError) -> tuple[str | bytes, int]:
        if isinstance(error, UnicodeEncodeError) and (found := plain.get(error.object[error.start])):
            return found, error.start + 1
        return codecs.backslashreplace_errors(error)

    codecs.register_error("safelight.plain", replaced)
    return "safelight.plain"


def _run(given: list[str]) -> int:
    from safelight.core.errors import ConfigurationError, SafelightError

    from .commands import build_command
    from .language import take_language

    as_json = "--json" in given
    try:
        arguments = take_language(given)
        result = build_command().main(args=arguments, prog_name="safelight", standalone_mode=False)
    except SafelightError as error:
        _print_error(error, as_json)
        return Exit.CONFIGURATION if isinstance(error, ConfigurationError) else Exit.ERROR
    except BrokenPipeError:
        raise
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("", "safelight"):
            raise
        from safelight.core.installation import install_command

        opens_media = given[:1] in (["scan"], ["verify"]) and error.name != "jinja2"
        packages = (
            f"the packages that open media: {install_command('media')}"
            if opens_media
            else f"the gateway's packages: {install_command('server')}"
        )
        _print_error(
            ConfigurationError(
                f"This command needs the Python package {error.name!r}, which is not installed.",
                remedy=f"Install {packages}.",
            ),
            as_json,
        )
        return Exit.CONFIGURATION
    except Exception as error:
        # Wrong usage and Ctrl-D raise exceptions of the command-line library. They are recognised by their
        # attributes, because the module of these exceptions differs between releases of the library.
        if hasattr(error, "format_message"):
            return _report_usage(error, as_json)
        if type(error).__name__ == "Abort":
            _print_error(SafelightError("Stopped: the question was not answered."), as_json)
            return Exit.ERROR
        if isinstance(error, UnicodeEncodeError) and "surrogates" in error.reason:
            _print_error(
                ConfigurationError(
                    "The path of a file or of a folder has bytes that are not UTF-8 text.",
                    remedy="Rename it, or work in another folder.",
                ),
                as_json,
            )
            return Exit.CONFIGURATION
        traceback.print_exc()
        _print_error(
            SafelightError(
                f"Internal error: {type(error).__name__}: {error}".rstrip(": "),
                remedy="This is a bug. Please report it with the lines above.",
            ),
            as_json,
        )
        return Exit.ERROR
    return result if isinstance(result, int) else Exit.OK


def _report_usage(error: Exception, as_json: bool) -> int:
    from safelight.core.errors import ConfigurationError

    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if type(error).__name__ == "NoArgsIsHelpError" and not as_json:
        sys.stderr.write(message + "\n")
        return Exit.CONFIGURATION
    if not message.strip():
        # A group without a subcommand, such as `safelight keys`: `format_message` has already printed the
        # help.
        return Exit.CONFIGURATION
    name = getattr(getattr(error, "ctx", None), "command_path", "safelight")
    _print_error(ConfigurationError(message, remedy=f"See: {name} --help"), as_json)
    return Exit.CONFIGURATION


def _print_error(error: SafelightError, as_json: bool) -> None:
    from .language import translate_lines
    from .output import error_payload, fit_terminal, write_json

    if as_json:
        write_json(error_payload(error))
        return
    lines = [f"safelight: {translate_lines(error.message, error=True)}"]
    lines += [f"  {_translate_problem(problem)}" for problem in getattr(error, "problems", ())]
    if error.remedy:
        lines.append(translate_lines(error.remedy, error=True))
    sys.stderr.write(fit_terminal("\n".join(lines), sys.stderr) + "\n")


def _translate_problem(problem: object) -> object:
    from dataclasses import replace

    from safelight.policy.yaml_reader import PolicyProblem

    from .language import translate_lines

    if not isinstance(problem, PolicyProblem):
        return problem
    return replace(problem, message=translate_lines(problem.message), remedy=translate_lines(problem.remedy))


def _discard_stdout() -> None:
    """Redirect stdout to /dev/null. The reader closed the pipe, so the flush at exit would fail."""
    import os

    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, sys.stdout.fileno())
    except (OSError, ValueError):
        pass
    finally:
        os.close(null)
