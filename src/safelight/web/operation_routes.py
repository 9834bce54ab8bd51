"""Offers operations over HTTP: FastAPI reads the path, the query and the body, and describes the routes.

FastAPI would read a body before it knows who sent it, without our limits of size and time, and only as JSON.
So the route first authenticates the principal and reads the body, and then hands the fields to FastAPI.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import partial
from typing import Annotated, Any, get_args, get_type_hints

from fastapi import APIRouter, Query
from fastapi.routing import APIRoute
from pydantic import ConfigDict, with_config
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import Principal
from safelight.core.records import About

from .auth import ACCESS_ATTRIBUTE, Access, app_state, authenticate, declare
from .operations import Operation, Operations, inputs_of
from .request_body import read_body
from .responses import BODY_ERRORS, COMMON_ERRORS, JsonResponse, errors
from .views import to_json

_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_REQUIRED = inspect.Parameter.empty


def router_of(operations: Operations) -> APIRouter:
    """The routes of the operations of one resource."""
    router = APIRouter(
        prefix=operations.prefix,
        tags=[operations.tag],
        responses=errors(*COMMON_ERRORS),
        route_class=_OperationRoute,
    )
    access = Access(any_of=frozenset(operations.scopes))
    for one in operations:
        endpoint = declare(access, _endpoint(one, operations.of))
        statuses = (*one.statuses, *(BODY_ERRORS if _has_body(one) else ()))
        router.add_api_route(
            one.path,
            endpoint,
            methods=[one.method],
            summary=one.summary,
            description=one.description,
            status_code=204 if one.shows is None else 200,
            response_model=one.view,
            responses=errors(*statuses) | ({204: {"description": one.nothing}} if one.nothing else {}),
        )
    return router


class _OperationRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        access: Access = getattr(self.endpoint, ACCESS_ATTRIBUTE)

        async def read_first(request: Request) -> Response:
            app = app_state(request)
            principal = await authenticate(request, app.services.accounts, app.threads)
            access.require(principal)
            request.state.principal = principal
            if self.body_field is None:
                return await handle(request)
            if not self.body_field.field_info.is_required() and _has_none(request):
                return await handle(_ReadRequest(request, {}))
            async with read_body(request, app.services) as body:
                return await handle(_ReadRequest(request, body.fields))

        return read_first


class _ReadRequest(Request):
    """A request whose body was read already, whatever its content type was."""

    def __init__(self, request: Request, fields: dict[str, Any]) -> None:
        given = [pair for pair in request.scope["headers"] if pair[0] != b"content-type"]
        headers = [*given, (b"content-type", JsonResponse.media_type.encode())]
        super().__init__({**request.scope, "headers": headers}, request.receive)
        self._fields = fields

    async def body(self) -> bytes:
        return b"{}"  # FastAPI asks only whether there is one.

    async def json(self) -> Any:
        return self._fields


def _has_none(request: Request) -> bool:
    return not request.headers.get("content-type") and request.headers.get("content-length", "0") == "0"


def _endpoint(one: Operation, of: Callable[[Any], Any]) -> Callable[..., Coroutine[Any, Any, Response]]:
    queries: dict[str, Any] = {
        name: asked.annotation
        for name, asked in inputs_of(one.call).items()
        if one.method == "GET" and is_dataclass(asked.annotation)
    }

    async def endpoint(request: Request, **given: Any) -> Response:
        app, principal = app_state(request), request.state.principal
        for name, kind in queries.items():
            given[name] = kind(**{each.name: given.pop(each.name) for each in fields(kind)})
        content = await app.threads.run(partial(_answer, one, of(app.services), principal, given))
        if content is None:
            return Response(status_code=204)
        return Response(content, media_type=JsonResponse.media_type)

    asked = [*(each for kind in queries.values() for each in _query(kind)), *_sent(one, queries)]
    request = inspect.Parameter("request", _KEYWORD, annotation=Request)
    endpoint.__signature__ = inspect.Signature([request, *asked])  # type: ignore[attr-defined]
    endpoint.__name__ = one.name
    return endpoint


def _query(kind: Any) -> Iterator[inspect.Parameter]:
    """A parameter for each field of a record: FastAPI reads queries only into models of pydantic."""
    hints = get_type_hints(kind, include_extras=True)
    for one in fields(kind):
        hint: Any = hints[one.name]
        texts = [mark.description for mark in get_args(hint)[1:] if isinstance(mark, About)]
        default = _REQUIRED if one.default is MISSING else one.default
        asked: Any = Annotated[hint, Query(description=texts[0] if texts else None)]
        yield inspect.Parameter(one.name, _KEYWORD, annotation=asked, default=default)


def _sent(one: Operation, queries: dict[str, Any]) -> Iterator[inspect.Parameter]:
    for name, asked in inputs_of(one.call).items():
        if name not in queries:
            kind = body_of(asked.annotation) if is_dataclass(asked.annotation) else asked.annotation
            yield inspect.Parameter(name, _KEYWORD, annotation=kind, default=asked.default)


def body_of(record: Any) -> Any:
    """What pydantic makes this record of."""
    return Annotated[with_config(ConfigDict(strict=True))(record), _Fields]


class _Fields:
    """No field of a body is converted, but the record is made from an object."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: Any) -> Any:
        schema = handler(source)
        handler.resolve_ref_schema(schema)["strict"] = False
        return schema


def _answer(one: Operation, of: object, principal: Principal, given: dict[str, Any]) -> bytes | None:
    result = one.call(of, principal, **given)
    if result is None or one.shows is None:
        return None
    return to_json(one.shows(result, *([principal] if one.for_reader else [])))


def _has_body(one: Operation) -> bool:
    return one.method != "GET" and any(is_dataclass(each.annotation) for each in inputs_of(one.call).values())
