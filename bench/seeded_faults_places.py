"""Places in the source where a fault can be seeded, and the change of each.

A place is known by its function and its expression, not by its file or line, so that it is found again when
the function has moved.
"""

from __future__ import annotations

import ast
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

#: Called by marked code with the number of a fault; `seeded_faults_suite` puts it into `builtins`.
REACHED = "__seeded_fault_reached__"
#: An expression of this length that stands once in the tree is found even if its function has another name.
MIN_UNIQUE_CHARACTERS = 25

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_TEXTS = (ast.JoinedStr, ast.List, ast.Tuple, ast.ListComp)
#: Parts of a node that no behaviour depends on, or that are evaluated outside of the function.
_SKIPPED = {"annotation", "returns", "decorator_list", "type_comment", "pattern", "format_spec"}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One change of one expression. `function` is the qualified name without the module."""

    path: str
    function: str
    kind: str
    expression: str
    replacement: str
    #: Which of the equal expressions of the function, from 0.
    nth: int
    killed_by: str = ""
    #: Id of the fault whose code is gone, for one that was drawn in its place.
    replaces: str = ""

    @property
    def key(self) -> tuple[str, str, str, int]:
        return self.function, self.kind, self.expression, self.nth

    @property
    def rank(self) -> str:
        """Hash of everything but the place of the file; the order in which faults are drawn."""
        return hashlib.sha256("\n".join(map(str, self.key)).encode()).hexdigest()

    @property
    def id(self) -> str:
        return self.rank[:12]

    @property
    def package(self) -> str:
        """First folder below the root package; the drawing generator is a package of its own."""
        parts = Path(self.path.partition("src/")[2]).parts[1:-1]
        if "storyboard" in (*parts, *Path(self.path).parts):
            return "storyboard"
        return parts[0] if parts else "top"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A fault, and the slot of the syntax tree that holds its expression."""

    fault: Fault
    holder: ast.AST
    slot: str
    index: int | None
    function: ast.FunctionDef | ast.AsyncFunctionDef

    def node(self) -> Any:
        value = getattr(self.holder, self.slot)
        return value if self.index is None else value[self.index]

    def put(self, node: ast.AST) -> None:
        ast.copy_location(node, self.node())
        ast.fix_missing_locations(node)
        if self.index is None:
            setattr(self.holder, self.slot, node)
        else:
            getattr(self.holder, self.slot)[self.index] = node


@dataclass
class _Scope:
    name: str = ""
    function: ast.FunctionDef | ast.AsyncFunctionDef | None = None
    seen: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def enter(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> _Scope:
        separator = "" if not self.name else ".<locals>." if self.function is not None else "."
        name = f"{self.name}{separator}{node.name}"
        return _Scope(name, None if isinstance(node, ast.ClassDef) else node)


def places(tree: ast.Module, path: str) -> list[Place]:
    """All places of a module, in the order of its text."""
    return list(_places(tree, path, _Scope()))


def _places(node: ast.AST, path: str, scope: _Scope) -> Iterator[Place]:
    if isinstance(node, ast.Assert):
        return
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        scope = scope.enter(node)
    for slot, value in ast.iter_fields(node):
        if slot in _SKIPPED:
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST):
                continue
            if scope.function is not None:
                for kind, expression, replacement in _changes(child, node, slot):
                    nth = scope.seen[kind, expression]
                    scope.seen[kind, expression] += 1
                    fault = Fault(
                        path=path,
                        function=scope.name,
                        kind=kind,
                        expression=expression,
                        replacement=replacement,
                        nth=nth,
                    )
                    yield Place(fault=fault, holder=node, slot=slot, index=index, function=scope.function)
            yield from _places(child, path, scope)


def _changes(node: ast.AST, parent: ast.AST, slot: str) -> Iterator[tuple[str, str, str]]:
    """Kind, expression and replacement of each change of a node."""
    if isinstance(node, ast.arguments):
        yield from _default_changes(node)
        return
    if isinstance(parent, ast.arguments):
        return
    text = ast.unparse(node) if isinstance(node, (ast.expr, ast.If)) else ""
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            turned = ast.Compare(left=left, ops=[_COMPARISONS[type(operator)]()], comparators=[right])
            yield "comparison", text, ast.unparse(turned)
        case ast.BoolOp(op=operator, values=values):
            other = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield "and-or", text, ast.unparse(ast.BoolOp(op=other, values=values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "not", text, ast.unparse(operand)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            yield "plus-minus", text, ast.unparse(ast.BinOp(left=left, op=ast.Add(), right=right))
        case ast.BinOp(left=left, op=ast.Add(), right=right) if not (_is_text(left) or _is_text(right)):
            yield "plus-minus", text, ast.unparse(ast.BinOp(left=left, op=ast.Sub(), right=right))
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=args, keywords=keywords):
            swapped = ast.Name(id="max" if name == "min" else "min")
            yield "min-max", text, ast.unparse(ast.Call(func=swapped, args=args, keywords=keywords))
        case ast.Constant(value=bool() as value):
            yield "bool", text, str(not value)
        case ast.Constant(value=int() as value):
            yield "number", text, str(value + 1)
        case ast.Constant(value=float() as value):
            yield "number", text, str(value * 2 or 1.0)
        case ast.Constant(value=str() as value) if _is_key(parent, slot):
            yield "string", text, repr(f"{value}_")
        case ast.If(body=[ast.Raise()], orelse=[]):
            yield "raise", text, "pass"
        case _:
            pass
    if (
        isinstance(node, ast.expr)
        and _is_condition(parent, slot)
        and not isinstance(node, (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.NamedExpr))
    ):
        yield "condition", text, ast.unparse(ast.UnaryOp(op=ast.Not(), operand=node))


def _default_changes(arguments: ast.arguments) -> Iterator[tuple[str, str, str]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    given = positional[len(positional) - len(arguments.defaults) :]
    for argument, value in [
        *zip(given, arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]:
        if isinstance(value, ast.Constant) and isinstance(value.value, bool):
            yield "default", f"{argument.arg}={value.value}", f"{argument.arg}={not value.value}"


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, _TEXTS) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_key(parent: ast.AST, slot: str) -> bool:
    return (isinstance(parent, (ast.Dict, ast.Subscript)) and slot in {"keys", "slice"}) or isinstance(
        parent, ast.Compare
    )


def _is_condition(parent: ast.AST, slot: str) -> bool:
    return (isinstance(parent, (ast.If, ast.IfExp)) and slot == "test") or slot == "ifs"


def read_tree(root: Path) -> dict[str, ast.Module]:
    """The parsed files of every source root but migrations, which Alembic loads as copies."""
    found = [
        file
        for roots in ("src", "packages/*/src")
        for base in root.glob(roots)
        for file in base.rglob("*.py")
    ]
    files = sorted(file for file in found if "migrations" not in file.parts and file.name != "__main__.py")
    return {str(file.relative_to(root)): ast.parse(file.read_bytes()) for file in files}


def candidates(trees: Mapping[str, ast.Module]) -> list[Fault]:
    """At most one fault of each function, by hash; none that two files could hold."""
    by_key: dict[tuple[str, str, str, int], list[Fault]] = defaultdict(list)
    for path, tree in trees.items():
        for place in places(tree, path):
            by_key[place.fault.key].append(place.fault)
    first: dict[tuple[str, str], Fault] = {}
    for fault in sorted(
        (faults[0] for faults in by_key.values() if len(faults) == 1), key=lambda each: each.rank
    ):
        first.setdefault((fault.path, fault.function), fault)
    return list(first.values())


class Finder:
    """Finds faults again in a tree that has changed."""

    def __init__(self, trees: Mapping[str, ast.Module]) -> None:
        self._indexes: list[tuple[Callable[[Fault], Any], dict[Any, list[Fault]]]] = [
            (make, defaultdict(list)) for make in (_by_function, _by_name, _by_expression)
        ]
        for path, tree in trees.items():
            for place in places(tree, path):
                for make, index in self._indexes:
                    index[make(place.fault)].append(place.fault)

    def find(self, fault: Fault) -> Fault | None:
        """Where the expression stands now: same function, else a function of this name, else it alone."""
        for make, index in self._indexes:
            found = index.get(make(fault), [])
            same_file = [each for each in found if each.path == fault.path]
            found = same_file or found
            if make is _by_expression and (len(found) > 1 or len(fault.expression) < MIN_UNIQUE_CHARACTERS):
                return None
            functions = {(each.path, each.function) for each in found}
            if len(functions) > 1:
                same_name = [each for each in found if Path(each.path).name == Path(fault.path).name]
                functions = {(each.path, each.function) for each in same_name}
                found = same_name
            if len(functions) == 1:
                return min(found, key=lambda each: abs(each.nth - fault.nth))
        return None


def _by_function(fault: Fault) -> tuple[str, str, str]:
    return fault.function, fault.kind, fault.expression


def _by_name(fault: Fault) -> tuple[str, str, str]:
    return fault.function.rpartition(".")[2], fault.kind, fault.expression


def _by_expression(fault: Fault) -> tuple[str, str]:
    return fault.kind, fault.expression


def faulty_code(source: bytes, file: str, fault: Fault) -> CodeType:
    """The module with the fault. A default is no part of the code: see `default_of`."""
    tree = ast.parse(source)
    place = _place(tree, fault)
    if fault.kind == "raise":
        place.put(ast.Pass())
    elif fault.kind != "default":
        place.put(ast.parse(fault.replacement, mode="eval").body)
    return compile(tree, file, "exec", dont_inherit=True)


def default_of(fault: Fault) -> tuple[str, bool]:
    """Name and changed value of the argument of a fault of the kind `default`."""
    name, _, value = fault.replacement.partition("=")
    return name, value == "True"


def marked_code(source: bytes, file: str, numbers: Mapping[Fault, int]) -> CodeType:
    """The module, calling REACHED with a fault's number whenever its expression is evaluated."""
    tree = ast.parse(source)
    for place, number in [(_place(tree, fault), number) for fault, number in numbers.items()]:
        call = ast.Call(
            func=ast.Name(id=REACHED, ctx=ast.Load()), args=[ast.Constant(value=number)], keywords=[]
        )
        if place.fault.kind == "default":
            body = place.function.body
            place = Place(
                fault=place.fault, holder=place.function, slot="body", index=0, function=place.function
            )
            place.put(_after(call, body[0]))
        elif place.fault.kind == "raise":
            place.put(_after(call, place.node()))
        else:
            both = ast.Tuple(elts=[call, place.node()], ctx=ast.Load())
            place.put(ast.Subscript(value=both, slice=ast.Constant(value=1), ctx=ast.Load()))
    return compile(tree, file, "exec", dont_inherit=True)


def _after(call: ast.Call, statement: ast.stmt) -> ast.If:
    return ast.If(test=ast.Constant(value=True), body=[ast.Expr(value=call), statement], orelse=[])


def _place(tree: ast.Module, fault: Fault) -> Place:
    return next(place for place in places(tree, fault.path) if place.fault.key == fault.key)
