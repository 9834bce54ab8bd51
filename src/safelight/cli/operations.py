"""Commands that return a `Result`: its JSON or text is printed, and its exit code is that of the command."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
import typer

from safelight.core.envelopes import list_object
from safelight.core.records import About

from .commands import load_container
from .output import Exit, Printed, emit

_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_REQUIRED = inspect.Parameter.empty
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Result(NamedTuple):
    """What a command prints: `view` with `--json`, or the text; see `emit`."""

    view: object
    text: Printed
    code: Exit = Exit.OK


#: Parameters that are not options. A command takes `ctx` if it loads the installation later, or not always.
_GIVEN: dict[str, Callable[[typer.Context], object]] = {"container": load_container, "ctx": lambda ctx: ctx}


def command(app: typer.Typer, **fixed: str) -> Callable[[Callable[..., Result]], None]:
    """Add a command that is called with its options and, if it asks for it, with the container.

    The fields of a parameter that is a record are options if they are marked with a help; `fixed` has others.
    """

    def add(call: Callable[..., Result]) -> None:
        hints = get_type_hints(call, include_extras=True, localns={"Container": Any})
        parameters = inspect.signature(call).parameters
        asked = [one for name, one in parameters.items() if name not in _GIVEN]
        options = [option for one in asked for option in _options(one, hints[one.name])]

        def run(ctx: typer.Context, as_json: bool, **given: Any) -> int:
            sent = given | fixed
            values = {one.name: _value(one.name, hints[one.name], sent) for one in asked}
            values |= {name: load(ctx) for name, load in _GIVEN.items() if name in parameters}
            view, text, code = call(**values)
            emit(as_printed(view) if as_json else None, as_json, text)
            return code

        made = [
            inspect.Parameter("ctx", _KEYWORD, annotation=typer.Context),
            *sorted(options, key=_rank),
            inspect.Parameter("as_json", _KEYWORD, annotation=Json, default=False),
        ]
        run.__signature__ = inspect.Signature(made)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in made}
        app.command(call.__name__.rstrip("_").replace("_", "-"), help=inspect.getdoc(call))(run)

    return add


def _value(name: str, kind: Any, sent: Mapping[str, Any]) -> Any:
    if not is_dataclass(kind):
        return sent[name]
    record: Any = kind
    return record(**{one.name: sent[one.name] for one in fields(kind) if one.name in sent})


class _Flag(inspect.Parameter):
    """A flag from a record, which comes after all other options."""


def _rank(option: inspect.Parameter) -> int:
    return 2 if isinstance(option, _Flag) else int(option.default is not _REQUIRED)


def _options(one: inspect.Parameter, hint: Any) -> Iterator[inspect.Parameter]:
    if not is_dataclass(hint):
        yield one.replace(kind=_KEYWORD, annotation=hint)
        return
    kinds, marked = get_type_hints(hint), get_type_hints(hint, include_extras=True)
    for field in fields(hint):
        marks = [mark for mark in get_args(marked[field.name])[1:] if isinstance(mark, About) and mark.help]
        if marks:
            default = _REQUIRED if field.default is MISSING else field.default
            made = _Flag if default is False else inspect.Parameter
            option = _kind(kinds[field.name], _info(field.name, *marks))
            yield made(field.name, _KEYWORD, annotation=option, default=default)


def _info(name: str, about: About) -> Any:
    option = about.option or f"--{name.replace('_', '-')}"
    return typer.Option(option, help=about.help) if option[0] == "-" else typer.Argument(help=about.help)


def _kind(hint: Any, option: Any) -> Any:
    return Annotated[list[str] if get_origin(hint) is Iterable else hint, option]


def as_printed(view: object) -> Any:
    """What `--json` prints of a view, or of several: a list as in the API."""
    if isinstance(view, list):
        return list_object(map(as_printed, view), has_more=False)
    if not is_dataclass(view):
        return view
    from safelight.web.views import to_json

    return msgspec.Raw(to_json(view))
