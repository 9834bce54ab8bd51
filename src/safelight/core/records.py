"""Marks on the fields of records, which the API and the commands read. Without a dependency."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar


@dataclass(frozen=True)
class About:
    """What the API and a command say about a field. A record that has it needs no pydantic."""

    description: str = ""
    #: The help of the option of the command. An input without it is not an option.
    help: str = ""
    #: The name of the option; without dashes, an argument.
    option: str = ""
    #: Only described: who compares it says what it counts.
    max_characters: int | None = None
    #: A function, because a record does not import what it is about.
    one_of: Callable[[], Iterable[str]] = tuple
    format: str = ""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        about = {
            "description": self.description,
            "maxLength": self.max_characters,
            "enum": list(self.one_of()),
            "format": self.format,
        }
        described: dict[str, Any] = handler(schema)
        return described | {name: value for name, value in about.items() if value}


class _WholeSeconds:
    """JSON has a time in whole seconds; a record keeps the fractions."""

    @staticmethod
    def __get_pydantic_core_schema__(_source: Any, _handler: Any) -> Any:
        from pydantic_core import core_schema

        whole = core_schema.plain_serializer_function_ser_schema(int, return_schema=core_schema.int_schema())
        return core_schema.float_schema(serialization=whole)


Seconds = Annotated[float, _WholeSeconds]


class Shown:
    """A record that is shown as it is. All of its fields are in every answer."""

    __pydantic_config__: ClassVar[dict[str, bool]] = {"json_schema_serialization_defaults_required": True}
