"""How the processor time of reading a text that users send or import grows with the size of its fields.

    python -m bench.input_growth [--only NAME] [--largest 400] [--json OUT]

For each parser and each field, the field is made as large as the text may be, and doubled from 25 to 400 KB.
The least of up to three runs is printed for each size, and the exponent over the last two doublings: 1 is
linear, 2 is quadratic. A size that needs more than 4 s of processor time is not doubled again. A parser may
refuse a text for its size, so the exponent is that of the sizes up to the slowest. Texts of which the slowest
takes less than 20 ms have no exponent. The exit status is 1 if an exponent is above 1.3.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.cli.batch import read_yaml_rows
from safelight.cli.prompt_rows import read_prompt_rows
from safelight.core.errors import SafelightError
from safelight.detectors.image.hash_files import parse_hash_file
from safelight.policy.findings import SHIPPED
from safelight.policy.inheritance import read_layer
from safelight.providers.attempts.error_text import withhold_prompt
from safelight.providers.attempts.import_files import AttemptFormat, read_file
from safelight.providers.library import index_terms
from safelight.providers.provider_errors import decode
from safelight.videos.templates.documents import read_document
from safelight.videos.templates.models import TemplateDocument
from safelight.videos.templates.rendering import render
from safelight.web import request_body
from safelight_client import BatchError
from safelight_client.batch import BatchRows, PlanOptions, plan_batch
from safelight_client.batch.rows import read_csv, read_jsonl, rows_of_entries

SIZES_KB = (25, 50, 100, 200, 400)
MAX_EXPONENT = 1.3
#: A size that takes longer is not doubled again, and what takes less time has no exponent.
_MAX_S, _MIN_S = 4.0, 0.02
#: What takes longer is measured once.
_SLOW_S = 1.0
_RUNS = 3


@dataclass(frozen=True, kw_only=True)
class Case:
    """One parser with one field made large. `make`: the text for a number of bytes."""

    parser: str
    field: str
    make: Callable[[int], str]
    read: Callable[[str], object]

    @property
    def name(self) -> str:
        return f"{self.parser}: {self.field}"


def names(size: int, *, start: str = "c", separator: str = ",", repeated: int = 0) -> str:
    """Different names, then the last `repeated` of them again, in this number of bytes."""
    width = len(start) + 6 + len(separator)
    count = max(size // width, 2)
    return separator.join(f"{start}{n if n < count - repeated else n - repeated:06}" for n in range(count))


def fill(size: int, piece: str) -> str:
    return (piece * (size // len(piece) + 1))[:size]


def members(size: int, *, repeated: int = 0) -> str:
    """The members of a JSON object."""
    return ",".join(f'"{name}":1' for name in names(size - size // 3, repeated=repeated).split(","))


def lines(size: int, line: Callable[[int], str]) -> str:
    text, number = io.StringIO(), 0
    while text.tell() < size:
        text.write(f"{line(number)}\n")
        number += 1
    return text.getvalue()


def word(number: int) -> str:
    """A word of its own for each number."""
    return "".join(chr(97 + int(digit) * 2) for digit in str(number * 7919 + 13))


def batch_rows(text: str, kind: str) -> object:
    reader = {"csv": read_csv, "jsonl": read_jsonl, "yaml": read_yaml_rows}[kind]
    return rows_of_entries(reader(text))


def planned(text: str) -> object:
    rows = BatchRows(path=Path("b.csv"), rows=rows_of_entries(read_csv(text)))
    return plan_batch(rows, PlanOptions(model="m", prices={"m": 0.1})).totals()


def prompt_rows(text: str, kind: str) -> object:
    return from_file(text, f".{kind}", lambda path: list(read_prompt_rows(path)))


def policy(text: str) -> object:
    problems: list[Any] = []
    return read_layer([("p.yaml", text.encode())], SHIPPED, {}, problems)


def from_file(text: str, suffix: str, read: Callable[[Path], object]) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"f{suffix}")
        path.write_text(text, "utf-8")
        return read(path)


def filled(text: str) -> object:
    document = TemplateDocument(name="t", about="", language="en", text="A lake.", slots=())
    return render(document, json.loads(text))


def cases() -> Iterator[Case]:
    for kind in ("csv", "jsonl", "yaml"):
        yield from _batch_cases(kind)
    yield from _plan_cases()
    yield from _template_cases()
    yield from _policy_cases()
    yield from _row_cases()
    yield from _import_cases()
    yield from _request_cases()


def _batch_cases(kind: str) -> Iterator[Case]:
    def case(field: str, make: Callable[[int], str]) -> Case:
        return Case(parser=f"batch {kind}", field=field, make=make, read=lambda text: batch_rows(text, kind))

    if kind == "csv":
        yield case("columns", lambda n: f"prompt,{names(n)}\na lake\n")
        yield case("repeated columns", lambda n: f"{names(n, repeated=5)}\na lake\n")
        yield case("short columns", lambda n: f"{fill(n, 'a,b,c,')}\na lake\n")
        yield case("column name", lambda n: f"{fill(n, 'x')}\na lake\n")
        yield case("cells of a row", lambda n: f"prompt\n{fill(n, 'a,')}\n")
        yield case("quotes", lambda n: "prompt\n" + fill(n, '"a ""b"" c"\n'))
        yield case("open quote", lambda n: 'prompt\n"' + fill(n, "a b\n"))
        yield case("rows", lambda n: "prompt,seconds\n" + lines(n, lambda i: f"a lake {word(i)},4"))
        yield case(
            "slots", lambda n: f"template,{names(n, start='slot.')}\n" + "t" + fill(n // 7, ",a") + "\n"
        )
    elif kind == "jsonl":
        yield case("fields", lambda n: "{" + members(n) + "}")
        yield case("repeated fields", lambda n: "{" + members(n, repeated=5) + "}")
        yield case("prompt", lambda n: json.dumps({"prompt": fill(n, "a lake ")}))
        yield case("nested lists", lambda n: '{"a":' + fill(n, "[") + fill(n, "]") + "}")
        yield case("rows", lambda n: lines(n, lambda i: json.dumps({"prompt": f"a lake {word(i)}"})))
        yield case("broken lines", lambda n: fill(n, "{\n"))
    else:
        yield case("fields", lambda n: "- {" + names(n, separator=": 1, ") + ": 1}")
        yield case("repeated fields", lambda n: "- {" + names(n, separator=": 1, ", repeated=5) + ": 1}")
        yield case("prompt", lambda n: "- prompt: " + fill(n, "a lake "))
        yield case("rows", lambda n: lines(n, lambda i: f"- prompt: a lake {word(i)}"))


def _plan_cases() -> Iterator[Case]:
    def case(field: str, make: Callable[[int], str]) -> Case:
        return Case(parser="batch plan", field=field, make=make, read=planned)

    yield case("rows alike", lambda n: "prompt\n" + lines(n, lambda i: f"a red tram at dusk number {i}"))
    yield case("rows of own words", lambda n: "prompt\n" + lines(n, lambda i: f"{word(i)} {word(i + 9**5)}"))
    yield case("equal rows", lambda n: "prompt\n" + fill(n, "a red tram\n"))
    yield case("one prompt", lambda n: f"prompt\n{fill(min(n, 130_000), 'a red tram ')}\n")
    yield case("fields", lambda n: f"prompt,{names(n)}\na lake" + fill(n // 4, ",a") + "\n")


def _template_cases() -> Iterator[Case]:
    def case(field: str, make: Callable[[int], str]) -> Case:
        return Case(parser="template", field=field, make=make, read=read_document)

    head = "template: t\ntext: 'A [X] at dusk.'\n"
    yield case("unknown keys", lambda n: head + names(n, separator=": 1\n") + ": 1\n")
    yield case("text", lambda n: f"template: t\ntext: '{fill(n, '[X] ')}'\n")
    yield case("open brackets", lambda n: f"template: t\ntext: '{fill(n, '[')}'\n")
    yield case("slots", lambda n: f"{head}slots:\n" + lines(n, lambda i: f"  X{i}: {{type: text}}"))
    yield case("values", lambda n: f"{head}slots:\n  X:\n    values: [{names(n)}]\n")
    yield case(
        "values of a list", lambda n: f"{head}slots:\n  X:\n    type: weather\n    values: [{names(n)}]\n"
    )
    yield case("default", lambda n: f"{head}slots:\n  X: {{type: text, default: '{fill(n, 'a ')}'}}\n")
    yield Case(
        parser="template call",
        field="values",
        read=filled,
        make=lambda n: "{" + members(n).replace(":1", ':"a"') + "}",
    )


def _policy_cases() -> Iterator[Case]:
    def case(field: str, make: Callable[[int], str]) -> Case:
        return Case(parser="policy", field=field, make=make, read=policy)

    head = "policy: mine\nextends: starter\n"
    yield case("unknown keys", lambda n: head + names(n, separator=": 1\n") + ": 1\n")
    yield case(
        "unknown thresholds", lambda n: f"{head}thresholds: {{{names(n, separator=': 0.5, ')}: 0.5}}\n"
    )
    yield case(
        "rules",
        lambda n: (
            f"{head}rules:\n" + lines(n, lambda i: f"  - {{id: sx-{i}, category: sexual, action: block}}")
        ),
    )
    yield case(
        "same rules",
        lambda n: f"{head}rules:\n" + fill(n, "  - {id: sx-1, disabled: true}\n").rpartition("\n")[0] + "\n",
    )
    yield case(
        "unknown categories",
        lambda n: f"{head}rules:\n  - {{id: sx-1, category: [{names(n)}], action: block}}\n",
    )
    yield case("one value", lambda n: f"{head}about: '{fill(n, 'a ')}'\n")


def _row_cases() -> Iterator[Case]:
    def case(kind: str, field: str, make: Callable[[int], str]) -> Case:
        return Case(parser=f"rows {kind}", field=field, make=make, read=lambda text: prompt_rows(text, kind))

    yield case("txt", "lines", lambda n: fill(n, "a lake\n"))
    yield case("jsonl", "fields", lambda n: "{" + members(n) + "}")
    yield case("csv", "columns", lambda n: f"prompt,{names(n)}\na lake\n")
    yield case("csv", "open quote", lambda n: 'prompt\n"' + fill(n, "a b\n"))


def _import_cases() -> Iterator[Case]:
    def attempts(kind: AttemptFormat) -> Callable[[str], object]:
        return lambda text: from_file(
            text, f".{kind.value}", lambda path: read_file(path, kind, provider="runway")
        )

    at = "2026-11-21T14:05:00+08:00"
    yield Case(
        parser="attempts csv",
        field="columns",
        make=lambda n: f"time,{names(n)}\n{at}" + fill(n // 8, ",a") + "\n",
        read=attempts(AttemptFormat.CSV),
    )
    yield Case(
        parser="attempts csv",
        field="rows",
        make=lambda n: "time,prompt,error\n" + lines(n, lambda i: f"{at},a lake {i},E{i}"),
        read=attempts(AttemptFormat.CSV),
    )
    yield Case(
        parser="attempts jsonl",
        field="fields",
        make=lambda n: "{" + members(n) + "}",
        read=attempts(AttemptFormat.JSONL),
    )
    yield Case(
        parser="attempts jsonl",
        field="rows",
        make=lambda n: lines(n, lambda i: json.dumps({"time": at, "prompt": f"a {i}", "error": "x"})),
        read=attempts(AttemptFormat.JSONL),
    )
    yield Case(
        parser="attempts jsonl",
        field="error",
        make=lambda n: json.dumps({"time": at, "prompt": "a", "error": fill(n, "[{'a': 1}, ")}),
        read=attempts(AttemptFormat.JSONL),
    )
    for suffix, field, make in (
        (".txt", "hashes", lambda n: lines(n, lambda i: f"{i:064x}")),
        (".csv", "columns", lambda n: f"hash,{names(n)}\n{'0' * 64}\n"),
        (".csv", "one digit row", lambda n: fill(n, "0")),
        (".json", "wrong rows", lambda n: json.dumps(["x"] * (n // 5))),
        (".json", "fields", lambda n: "[{" + members(n) + "}]"),
    ):
        yield Case(
            parser=f"hash list {suffix}",
            field=field,
            make=make,
            read=lambda text, suffix=suffix: from_file(text, suffix, parse_hash_file),
        )  # type: ignore[misc]
    yield Case(parser="library", field="prompt", make=lambda n: fill(n, "a lake 湖水"), read=index_terms)
    for field, piece in (
        ("words", "a lake "),
        ("objects", '{"a": 1} '),
        ("brackets", "{"),
        ("quotes", "{'a': \"b\" "),
        ("html", "<p>error 503 "),
    ):
        yield Case(
            parser="explain-error", field=field, make=lambda n, piece=piece: fill(n, piece), read=decode
        )  # type: ignore[misc]
        yield Case(
            parser="error without prompt",
            field=field,
            make=lambda n, piece=piece: fill(n, piece),
            read=lambda text: withhold_prompt(text, "a lake at dusk"),
        )  # type: ignore[misc]


def _request_cases() -> Iterator[Case]:
    def case(kind: str, field: str, make: Callable[[int], str]) -> Case:
        read = request_body._form if kind == "form" else request_body._json  # noqa: SLF001 - without a server
        return Case(parser=f"body {kind}", field=field, make=make, read=lambda text: read(text.encode()))

    yield case("form", "fields", lambda n: names(n, separator="=1&") + "=1")
    yield case("form", "one name", lambda n: f"{fill(n, 'a[b]')}=1")
    yield case("form", "brackets", lambda n: f"{fill(n, '[')}=1")
    yield case("form", "list", lambda n: fill(n, "a[]=1&"))
    yield case("form", "value", lambda n: f"prompt={fill(n, '%20a')}")
    yield case("json", "fields", lambda n: "{" + members(n) + "}")
    yield case("json", "prompt", lambda n: json.dumps({"prompt": fill(n, "a lake ")}))


def measured(case: Case, largest: int) -> list[tuple[int, float]]:
    """Size in KB and processor seconds, from the smallest size on."""
    found = []
    for size in SIZES_KB:
        if size > largest or (found and found[-1][1] > _MAX_S):
            break
        text = case.make(size * 1024)
        best = math.inf
        for _ in range(_RUNS):
            gc.collect()
            began = time.process_time()
            # A parser may refuse the text; what it costs until then counts.
            with suppress(SafelightError, BatchError):
                case.read(text)
            best = min(best, time.process_time() - began)
            if best > _SLOW_S:
                break
        found.append((size, best))
    return found


def exponent(found: list[tuple[int, float]]) -> float | None:
    """The growth over the two doublings up to the slowest size; None if it takes too little time."""
    slowest = max(range(len(found)), key=lambda number: found[number][1])
    (large, after) = found[slowest]
    if slowest < 2 or after < _MIN_S:
        return None
    (small, before) = found[slowest - 2]
    return math.log(after / max(before, 1e-6)) / math.log(large / small)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of the name of a parser and its field")
    parser.add_argument("--largest", type=int, default=SIZES_KB[-1], help="largest size in KB")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    # A collection during a measurement would count the objects of all earlier ones.
    gc.disable()
    rows, steep = [], []
    for case in cases():
        if options.only not in case.name:
            continue
        found = measured(case, options.largest)
        grown = exponent(found)
        if grown is not None and grown > MAX_EXPONENT:
            steep.append(case.name)
        rows.append({"parser": case.parser, "field": case.field, "cpu_s": dict(found), "exponent": grown})
        times = "  ".join(f"{size} KB {seconds:.3f}" for size, seconds in found)
        print(f"{case.name:38} {'-' if grown is None else f'{grown:.2f}':>5}  {times}", flush=True)
    print(f"CPU seconds in all: {time.process_time():.0f}.")
    print(f"Steeper than {MAX_EXPONENT}: {', '.join(steep) or 'none'}.")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    return 1 if steep else 0


if __name__ == "__main__":
    sys.exit(main())
