"""Size of Python code that formatting cannot change: tokens, functions and records, by package.

    python -m bench.code_size DIRECTORY [--depth N]

Tokens: of the language, without comments, docstrings and ends of lines. Records: classes that only hold data.
Words: in docstrings and comments. tests/docs/test_code_shape.py compares the tokens with a ceiling.
"""

from __future__ import annotations

import argparse
import ast
import io
import tokenize
from collections import Counter, defaultdict
from pathlib import Path

_NOT_CODE = frozenset(
    {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
)
_RECORD_BASES = frozenset({"Struct", "BaseModel", "NamedTuple", "TypedDict"})
_COLUMNS = ("files", "lines", "tokens", "functions", "records", "words")


def measure(source: str) -> Counter[str]:
    """The size of one module. Raises `SyntaxError`."""
    nodes = list(ast.walk(ast.parse(source)))
    documented = [
        node
        for node in nodes
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.get_docstring(node)
    ]
    docstrings = {node.body[0].lineno: ast.get_docstring(node) or "" for node in documented}
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return Counter(
        files=1,
        lines=source.count("\n"),
        tokens=sum(
            token.type not in _NOT_CODE
            and not (token.type == tokenize.STRING and token.start[0] in docstrings)
            for token in tokens
        ),
        functions=sum(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in nodes),
        records=sum(isinstance(node, ast.ClassDef) and _is_record(node) for node in nodes),
        words=sum(len(text.split()) for text in (*comments, *docstrings.values())),
    )


def _is_record(node: ast.ClassDef) -> bool:
    return any(_name(each) == "dataclass" for each in node.decorator_list) or any(
        _name(each) in _RECORD_BASES for each in node.bases
    )


def _name(node: ast.expr) -> str:
    called = node.func if isinstance(node, ast.Call) else node
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def measure_folder(folder: Path, *, depth: int = 1) -> dict[str, Counter[str]]:
    """The size of all modules below a folder, by package; the key of modules of the folder itself is "."."""
    packages: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder).parts[:-1][:depth]
        packages["/".join(parts) or "."] += measure(path.read_text(encoding="utf-8"))
    return dict(packages)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--depth", type=int, default=1)
    asked = parser.parse_args()
    packages = measure_folder(asked.directory, depth=asked.depth)
    rows = sorted(packages.items(), key=lambda item: -item[1]["tokens"])
    print(f"{'package':32}" + "".join(f"{column:>11}" for column in _COLUMNS))
    for name, size in [*rows, ("total", sum(packages.values(), Counter()))]:
        print(f"{name:32}" + "".join(f"{size[column]:>11,}" for column in _COLUMNS))


if __name__ == "__main__":
    main()
