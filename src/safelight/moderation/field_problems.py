"""The wrong fields of one request, which are named in one error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from safelight.errors import InvalidField, UnsupportedField


class FieldProblems:
    """Collects what is wrong with the fields of one request, so that the client learns it all at once."""

    #: Problems after this number are only counted.
    _MAX_NAMED = 10

    def __init__(self) -> None:
        self._named: list[InvalidField | UnsupportedField] = []
        self._params: set[str] = set()
        self._count = 0

    @property
    def are_counted_only(self) -> bool:
        """Whether a further problem is not named, so that it needs no remedy."""
        return len(self._named) >= self._MAX_NAMED

    def add(self, problem: InvalidField | UnsupportedField) -> None:
        """Adds a problem. Of the problems of one field, only the first counts."""
        if problem.param is not None:
            if problem.param in self._params:
                return
            self._params.add(problem.param)
        self._count += 1
        if not self.are_counted_only:
            self._named.append(problem)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Collects the problem that is raised inside; the statements after it there are not run."""
        try:
            yield
        except (InvalidField, UnsupportedField) as problem:
            self.add(problem)

    def raise_all(self) -> None:
        """Raises the first problem, whose message then names the others too. Does nothing without any."""
        if self._count > 1:
            first = self._named[0]
            sentences = [str(problem) for problem in self._named]
            if more := self._count - len(sentences):
                sentences.append(f"{more} more fields are wrong.")
            raise type(first)(f"{self._count} fields are wrong. {' '.join(sentences)}", param=first.param)
        for problem in self._named:
            raise problem
