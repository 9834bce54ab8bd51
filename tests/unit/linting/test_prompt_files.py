"""Prompts are read from every format with the place of each character."""

from __future__ import annotations

import csv
import io
import json
import os
import tracemalloc
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from safelight.linting.lint_prompt import FilePlace, LintPrompt, UnreadPart
from safelight.linting.prompt_file import PromptFormat, find_files, read_prompts

LETTERS = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\"'\\,;:#-|> \n")
TEXTS = st.lists(st.text(LETTERS, min_size=1, max_size=40).filter(str.strip), min_size=1, max_size=6)


def read(text: str | bytes, kind: PromptFormat, field: str = "prompt") -> list[LintPrompt | UnreadPart]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(read_prompts(io.BytesIO(data), kind, field))


def prompts(items: list[LintPrompt | UnreadPart]) -> list[str]:
    assert all(isinstance(item, LintPrompt) for item in items), items
    return [item.text for item in items if isinstance(item, LintPrompt)]


def letter_at(text: str, place: FilePlace) -> str:
    return text.split("\n")[place.line - 1][place.column - 1]


def require_places(text: str, items: list[LintPrompt | UnreadPart]) -> None:
    """Every visible character of an exact prompt is at its place in the file, or an escape begins there."""
    for item in items:
        assert isinstance(item, LintPrompt)
        for index, letter in enumerate(item.text) if item.exact else ():
            if not letter.isspace():
                found = letter_at(text, item.place_of(index))
                assert found == letter or found == "\\"


@given(TEXTS, st.booleans())
def test_jsonl_is_read_as_a_json_parser_reads_it(texts: list[str], ascii_only: bool) -> None:
    lines = [json.dumps({"id": 1, "body": {"prompt": text}}, ensure_ascii=ascii_only) for text in texts]
    items = read("\n".join(lines), PromptFormat.JSONL)
    assert prompts(items) == texts
    require_places("\n".join(lines), items)


@given(TEXTS, st.sampled_from([",", ";", "\t"]), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_csv_is_read_as_a_csv_parser_reads_it(texts: list[str], delimiter: str, quoting: int) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator="\r\n")  # type: ignore[arg-type]
    writer.writerow(["id", "prompt", "note"])
    writer.writerows([["1", text, "x"] for text in texts])
    items = read(out.getvalue(), PromptFormat.CSV)
    assert prompts(items) == texts
    require_places(out.getvalue(), items)


@given(TEXTS, st.sampled_from([None, "'", '"', "|", ">"]), st.integers(20, 90))
def test_yaml_is_read_as_a_yaml_parser_reads_it(texts: list[str], style: str | None, width: int) -> None:
    document = yaml.safe_dump(
        {"scenes": [{"prompt": text} for text in texts]}, default_style=style, width=width, allow_unicode=True
    )
    items = read(document, PromptFormat.YAML)
    assert prompts(items) == [row["prompt"] for row in yaml.safe_load(document)["scenes"]]
    require_places(document, items)


@given(TEXTS, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_each_line_of_a_text_file_is_a_prompt(texts: list[str], end: str, mark: bool) -> None:
    lines = [" ".join(text.split()) for text in texts]
    text = end.join(["", *lines, ""])
    items = read((b"\xef\xbb\xbf" if mark else b"") + text.encode(), PromptFormat.TEXT)
    assert prompts(items) == lines
    require_places(text, items)


def test_marked_code_blocks_of_markdown_are_prompts_and_nothing_else_is() -> None:
    text = (
        "# Title\n\nA paragraph.\n\n```prompt\na cat\n  on a roof\n```\n\n```python\nprompt = 1\n```\n"
        "- item\n\n  ~~~~ prompt draft\n  ```\n  a dog\n  ~~~~\n\n```prompt\nnever closed\n"
    )
    items = read(text, PromptFormat.MARKDOWN)
    assert prompts(items) == ["a cat\n  on a roof", "```\n  a dog", "never closed"]
    require_places(text, items)


@pytest.mark.parametrize(
    ("text", "kind", "reason", "line"),
    [
        ("a\nb\xff".encode("latin-1"), PromptFormat.TEXT, "not_utf8", 2),
        (b"a\n\0\n", PromptFormat.TEXT, "binary", 2),
        (b"x" * (5 << 20), PromptFormat.TEXT, "line_too_long", 1),
        (b'{"prompt": "a"}\n{"prompt"', PromptFormat.JSONL, "not_json", 2),
        (b'{"prompt": ["a"]}', PromptFormat.JSONL, "not_text", 1),
        (b"[" * 100_000, PromptFormat.JSONL, "not_json", 1),
        (b"id,prompt\n1,a\n2\n", PromptFormat.CSV, "few_cells", 3),
        (b"prompt\nA lake, and a boat\n", PromptFormat.CSV, "many_cells", 2),
        (b'id,prompt,note\n1, "a lake, and a boat"\n', PromptFormat.CSV, "stray_quote", 2),
        (b'prompt,note\na sign "open, or shut"\n', PromptFormat.CSV, "stray_quote", 2),
        (b'id,prompt\n1,"a\n2,b\n', PromptFormat.CSV, "broken_quotes", 2),
        (b'id,prompt\n1,"a" b\n', PromptFormat.CSV, "broken_quotes", 2),
        (b"id,text\n1,a\n", PromptFormat.CSV, "no_column", 1),
        (b"prompt: a\n\t- b: [", PromptFormat.YAML, "not_yaml", 2),
        (b"prompt: {a: b}", PromptFormat.YAML, "not_text", 1),
        (b"prompt: null", PromptFormat.YAML, "not_text", 1),
        (b"a: !!str 3\nprompt: 3", PromptFormat.YAML, "not_text", 2),
        (b"x: &x a\nprompt: *x", PromptFormat.YAML, "alias", 2),
        (b"[" * 1_000, PromptFormat.YAML, "too_deep", 1),
    ],
)
def test_what_cannot_be_read_is_reported_with_its_line(
    text: bytes, kind: PromptFormat, reason: str, line: int
) -> None:
    (unread,) = [item for item in read(text, kind) if isinstance(item, UnreadPart)]
    assert (unread.reason, unread.line) == (reason, line)


def test_rows_of_csv_with_empty_cells_at_the_end_and_the_rows_after_a_bad_one_are_read() -> None:
    items = read('prompt\na sign that says "open"\na, b\nc,,\n"d, e",\n', PromptFormat.CSV)
    assert [item.text for item in items if isinstance(item, LintPrompt)] == [
        'a sign that says "open"',
        "c",
        "d, e",
    ]


def test_the_line_in_which_excel_names_the_delimiter_is_no_header() -> None:
    (item,) = read("sep=;\r\nid;prompt\r\n1;A boat, far away\r\n", PromptFormat.CSV)
    assert isinstance(item, LintPrompt)
    assert item.text == "A boat, far away"


def test_the_rows_after_a_bad_line_of_json_are_read() -> None:
    items = read('{"prompt": "a"}\nbad\n{"prompt": "b"}\n', PromptFormat.JSONL)
    assert [item.text for item in items if isinstance(item, LintPrompt)] == ["a", "b"]


@pytest.mark.parametrize("kind", [PromptFormat.TEXT, PromptFormat.JSONL, PromptFormat.CSV])
def test_many_lines_need_little_memory(kind: PromptFormat, tmp_path: Path) -> None:
    rows = {
        PromptFormat.TEXT: ("a cat on a roof number {}\n", ""),
        PromptFormat.JSONL: ('{{"prompt": "a cat on a roof number {}"}}\n', ""),
        PromptFormat.CSV: ('{0},"a cat on a roof number {0}"\n', "id,prompt\n"),
    }
    row, head = rows[kind]
    path = tmp_path / "many"
    path.write_text(head + "".join(row.format(number) for number in range(100_000)))
    tracemalloc.start()
    with path.open("rb") as stream:
        count = sum(isinstance(item, LintPrompt) for item in read_prompts(stream, kind, "prompt"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 1 << 20


def test_a_folder_is_searched_for_known_endings_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    for name in ("b.txt", "a.jsonl", "c.png", ".hidden.txt", ".git/x.txt", "sub/d.YAML"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = [str(file.path.relative_to(tmp_path)) for file in find_files(tmp_path, None)]
    assert found == ["a.jsonl", "b.txt", "sub/d.YAML"]


def test_no_device_and_no_pipe_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    for path in (tmp_path / "pipe.txt", Path("/dev/zero"), tmp_path / "missing.txt"):
        (file,) = find_files(path, PromptFormat.TEXT)
        (unread,) = file.read("prompt")
        assert isinstance(unread, UnreadPart)
