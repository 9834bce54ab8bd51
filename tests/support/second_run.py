"""`--second-run`: tests that failed run once more at the end, alone, in one process.

A test that passes then is unsteady: the summary names it with both outcomes, and the run is green. A test
that fails again leaves the run red. There is no second run, and the run is red, after more failures than
`MAX_FAILURES` or when a worker crashed. Tests of one file that fail in their set-up are one failure: what
they share did not start.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

#: Failures of a second run. More have a common cause, and would take long one after another.
MAX_FAILURES = 15


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--second-run",
        action="store_true",
        help="run tests that failed once more at the end, alone; those that pass then are named as unsteady",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("second_run") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SecondRun(config), "second-run")


class SecondRun:
    """Collects the failures of a run, and repeats them when every worker has ended."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._failed: dict[str, pytest.TestReport] = {}
        self._crashed = False
        self._unsteady: tuple[pytest.TestReport, ...] = ()
        self._output = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.setdefault(report.nodeid, report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, error: object) -> None:
        """A worker ended; with an error if it crashed."""
        self._crashed = self._crashed or error is not None

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Iterator[None]:
        """The innermost wrapper: after the workers have ended, and before the summary is printed."""
        yield
        if self._crashed:
            session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED
        elif exitstatus == pytest.ExitCode.TESTS_FAILED and 0 < self._count_failures() <= MAX_FAILURES:
            self._repeat()
            if len(self._unsteady) == len(self._failed):
                session.exitstatus = pytest.ExitCode.OK

    def _count_failures(self) -> int:
        return len(
            {
                nodeid.partition("::")[0] if report.when == "setup" else nodeid
                for nodeid, report in self._failed.items()
            }
        )

    def _repeat(self) -> None:
        root = self._config.rootpath
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-rpfE", "--rootdir", str(root)]
        if self._config.inipath:
            command += ["-c", str(self._config.inipath)]
        environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
        ended = subprocess.run(
            [*command, *self._failed],
            cwd=root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._output = ended.stdout
        lines = set(ended.stdout.splitlines())
        self._unsteady = tuple(
            report
            for nodeid, report in self._failed.items()
            # With a failure of its teardown, a test has passed and failed.
            if f"PASSED {nodeid}" in lines and not any(line.startswith(f"ERROR {nodeid}") for line in lines)
        )
        self._count_as_unsteady()

    def _count_as_unsteady(self) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if not reporter or not self._unsteady:
            return
        names = {report.nodeid for report in self._unsteady}
        for outcome in ("failed", "error"):
            remaining = [each for each in reporter.stats.pop(outcome, ()) if each.nodeid not in names]
            if remaining:
                reporter.stats[outcome] = remaining
        reporter.stats["unsteady"] = list(self._unsteady)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._crashed:
            terminalreporter.section("no second run: a worker crashed", red=True)
        elif self._count_failures() > MAX_FAILURES:
            terminalreporter.section(f"no second run: more than {MAX_FAILURES} failures", red=True)
        if not self._output:
            return
        for report in self._unsteady:
            terminalreporter.section(f"unsteady: {report.nodeid}", yellow=True)
            terminalreporter.write_line(report.longreprtext)
        terminalreporter.section("second run, alone")
        terminalreporter.write(self._output)
        for report in self._unsteady:
            terminalreporter.write_line(
                f"unsteady: {report.nodeid}: failed in the run ({report.when}), passed alone", yellow=True
            )
