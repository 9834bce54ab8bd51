"""The prompts of a file are read row by row, and what cannot be read is named."""

from __future__ import annotations

import codecs
import csv
import io
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.cli.prompt_rows import PromptRow, read_prompt_rows
from safelight.cli.text_input import MAX_LINE_CHARACTERS
from safelight.core.errors import NotFound

LETTERS = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\"'\\,;:#-|> \n")
TEXTS = st.lists(st.text(LETTERS, min_size=1, max_size=40).filter(str.strip), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


def read(folder: Path, name: str, data: str | bytes) -> list[PromptRow]:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(read_prompt_rows(path))


def prompts(rows: list[PromptRow]) -> list[str]:
    assert not any(row.problem for row in rows), rows
    return [row.text for row in rows]


@given(TEXTS, st.sampled_from([",", ";", "\t"]), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_the_column_prompt_of_a_table_is_read(
    folder: Path, texts: list[str], delimiter: str, quoting: int
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator="\r\n")  # type: ignore[arg-type]
    writer.writerow(["id", "Prompt", "note"])
    writer.writerows([["1", text, "x"] for text in texts])
    assert prompts(read(folder, "a.csv", out.getvalue())) == texts


@given(TEXTS, st.booleans(), st.sampled_from(["prompt", "text"]))
def test_the_prompt_or_text_of_json_lines_is_read(
    folder: Path, texts: list[str], ascii_only: bool, field: str
) -> None:
    lines = [json.dumps({"id": 1, field: text}, ensure_ascii=ascii_only) for text in texts]
    assert prompts(read(folder, "a.jsonl", "\n".join(lines))) == texts


@given(TEXTS, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_each_line_of_a_text_that_is_not_blank_is_a_prompt(
    folder: Path, texts: list[str], end: str, encoding: str
) -> None:
    lines = [" ".join(text.split()) for text in texts]
    rows = read(folder, "a.txt", end.join(["", *lines, ""]).encode(encoding))
    assert prompts(rows) == lines
    assert [row.line for row in rows] == [number + 2 for number in range(len(lines))]


@pytest.mark.parametrize("text", ["a lake\na boat\n", 'a lake\n"a boat"\n'])
def test_a_table_with_one_column_needs_no_header(folder: Path, text: str) -> None:
    assert prompts(read(folder, "a.csv", text)) == ["a lake", "a boat"]
    assert prompts(read(folder, "a.csv", f"prompt\n{text}")) == ["a lake", "a boat"]


@pytest.mark.parametrize(
    ("name", "data", "before", "line", "problem"),
    [
        ("a.txt", "a\nb\xff".encode("latin-1"), ["a"], None, "Line 2 of .* is not UTF-8 text"),
        ("a.txt", codecs.BOM_UTF16_LE + "a\nb".encode("utf-16-le")[:-1], ["a"], None, "Line 2 of .* UTF-8"),
        ("a.txt", "a\nb\n".encode("utf-16-le"), [], None, "Line 1 of .* is not UTF-8 text"),
        ("a.txt", b"a\n\0\n", ["a"], None, "Line 2 of .* is not UTF-8 text"),
        ("a.txt", b"a\n" + b"x" * (MAX_LINE_CHARACTERS + 1), ["a"], None, "Line 2 of .* has more than"),
        ("a.txt", b"\n \n", [], None, "There is no prompt"),
        ("a.jsonl", b'{"prompt": "a"}\n{"prompt"', ["a"], 2, "not JSON"),
        ("a.jsonl", b"[" * 100_000, [], 1, "nested"),
        ("a.jsonl", b'{"prompt": "a"}\n{"prompt": ["a"]}', ["a"], 2, "no text named prompt"),
        ("a.jsonl", b'{"prompt": "a", "prompt": "b"}', [], 1, "twice"),
        ("a.csv", b"id,prompt\n1,a\n2\n", ["a"], 3, "no cell"),
        ("a.csv", b"prompt\na\nA lake, and a boat\n", ["a"], 3, "more cells"),
        ("a.csv", b'id,prompt\n1,a\n1,"a\n2,b\n', ["a"], 3, "quotes of this row are broken"),
        ("a.csv", b"id,text\n1,a\n", [], 1, "no column prompt"),
    ],
)
def test_what_cannot_be_read_is_named_and_nothing_before_it_is_lost(
    folder: Path, name: str, data: bytes, before: list[str], line: int | None, problem: str
) -> None:
    *good, bad = read(folder, name, data)
    assert prompts(good) == before
    assert bad.line == line
    with pytest.raises(AssertionError, match=problem):
        prompts([bad])


def test_the_rows_after_a_bad_row_are_read(folder: Path) -> None:
    jsonl = read(folder, "a.jsonl", '{"prompt": "a"}\nbad\n{"prompt": "b"}\n')
    table = read(folder, "a.csv", 'prompt\na\na, b\n"c, d",\n')
    assert [row.text for row in jsonl] == ["a", "", "b"]
    assert [row.text for row in table] == ["a", "", "c, d"]


@pytest.mark.parametrize(
    ("name", "head", "row"),
    [
        ("a.txt", "", "a cat on a roof number {}\n"),
        ("a.jsonl", "", '{{"prompt": "a cat on a roof number {}"}}\n'),
        ("a.csv", "id,prompt\n", '{0},"a cat on a roof number {0}"\n'),
    ],
)
def test_many_rows_need_little_memory(folder: Path, name: str, head: str, row: str) -> None:
    path = folder / name
    path.write_text(head + "".join(row.format(number) for number in range(50_000)))
    tracemalloc.start()
    count = sum(not row.problem for row in read_prompt_rows(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 50_000
    assert peak < 1 << 20


def test_a_file_that_cannot_be_opened_is_an_error(folder: Path) -> None:
    for path in (folder, folder / "missing.txt"):
        with pytest.raises(NotFound):
            next(read_prompt_rows(path))
