"""The wrong fields of one request, which are named in one error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from safelight.core.errors import InvalidField, UnsupportedField


class FieldProblems:
    """Collects what is wrong with the fields of one request, so that the client learns it all at once."""

    #: Problems after this number are only counted.
    _MAX_NAMED = 10

    def __init__(self, earlier: FieldProblems | None = None) -> None:
        """`earlier`: problems that were found before, which this collection starts with."""
        self._named: list[InvalidField | UnsupportedField] = list(earlier.named) if earlier else []
        self._params: set[str] = set(earlier.params) if earlier else set()
        self._count: int = len(earlier) if earlier else 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, param: str) -> bool:
        return param in self._params

    @property
    def named(self) -> tuple[InvalidField | UnsupportedField, ...]:
        """The problems that the message names."""
        return tuple(self._named)

    @property
    def unsupported(self) -> frozenset[str | None]:
        """The named fields that are not accepted with any value."""
        return frozenset(problem.param for problem in self._named if isinstance(problem, UnsupportedField))

    @property
    def params(self) -> tuple[str, ...]:
        """The fields that are wrong, in the order of their names."""
        return tuple(sorted(self._params))

    @property
    def are_counted_only(self) -> bool:
        """Whether a further problem is not named, so that it needs no remedy."""
        return len(self._named) >= self._MAX_NAMED

    def add(self, problem: InvalidField | UnsupportedField) -> None:
        """Adds a problem. Of the problems of one field, only the first counts.

        That a field is not accepted replaces that its value is wrong, because no value would help.
        """
        if problem.param is not None:
            if problem.param in self._params:
                self._replace_value_problem(problem)
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

    def add_common(self, alternatives: Sequence[FieldProblems]) -> None:
        """Adds the named problems of the first collection whose fields are wrong in every other one too."""
        for problem in alternatives[0].named:
            fields = [
                each.unsupported if problem.param in self.params else each.params for each in alternatives
            ]
            if all(problem.param in each for each in fields):
                self.add(problem)

    def raise_all(self) -> None:
        """Raises the first problem, whose message then names the others too. Does nothing without any."""
        if self:
            raise self.error()

    def error(self) -> InvalidField | UnsupportedField:
        """The first problem, whose message then names the others too. There must be one."""
        first = self._named[0]
        if self._count == 1:
            return first
        sentences = [str(problem) for problem in self._named]
        if more := self._count - len(sentences):
            sentences.append(f"{more} more fields are wrong.")
        return type(first)(f"{self._count} fields are wrong. {' '.join(sentences)}", param=first.param)

    def _replace_value_problem(self, problem: InvalidField | UnsupportedField) -> None:
        for place, named in enumerate(self._named):
            if named.param == problem.param and not isinstance(named, type(problem)):
                if isinstance(problem, UnsupportedField):
                    self._named[place] = problem
                return
