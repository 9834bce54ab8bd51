"""The principal for whom a command acts: the operator, or the owner of an API key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from safelight.accounts import Principal
    from safelight.app.container import Container

_VARIABLE = "SAFELIGHT_API_KEY"

UseKey = Annotated[
    bool,
    typer.Option("--use-key", help=f"Act as the owner of the API key in {_VARIABLE}, not as the operator."),
]


def acting_principal(container: Container, use_key: bool) -> Principal:
    """The operator, or the owner of the key. Raises `Unauthenticated` without a valid key."""
    from .demo import operator

    if not use_key:
        return operator(container)
    return container.persistence.accounts.authenticate(os.environ.get(_VARIABLE, ""))
