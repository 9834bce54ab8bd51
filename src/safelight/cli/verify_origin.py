"""The origin of a file for `safelight verify`: found here, or asked of a server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from safelight.core.errors import ConfigurationError, InvalidMedia, Unavailable
from safelight.provenance.models import Evidence

from .client_version import require_same_client
from .language import language

if TYPE_CHECKING:
    from safelight.app.container import Container


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file comes from."""

    #: As in `POST /v1/content_provenance_checks`: `from_here_changed` and so on.
    answer: str
    ground: str
    summary: str
    withdrawn: bool
    evidence: tuple[Evidence, ...]
    day: str | None = None
    #: Whether the delivered file has a watermark; None if the answer does not tell it.
    mark: str | None = None
    #: The outcome of the video, for its operator and its own tenant.
    outcome: str | None = None


def find_origin(container: Container, file: Path, sidecar: Path | None) -> Origin:
    """The origin, found with the registry and the keys of this installation.

    Raises `InvalidMedia` for what is neither a video nor a picture.
    """
    from safelight.provenance.manifest import outcome_of
    from safelight.provenance.recovery.public_answer import describe_answer, describe_evidence, public_answer
    from safelight.provenance.recovery.recovery import not_media

    recovery = container.provenance.recovery
    look = recovery.look(file, sidecar=sidecar)
    if not look.is_media:
        raise not_media()
    found = recovery.conclude(file, look)
    public = public_answer(found)
    issuer = container.core.settings.sealing.organization
    return Origin(
        answer=public.answer.value,
        ground=public.ground.value,
        summary=describe_answer(public, issuer, language()),
        withdrawn=public.withdrawn,
        evidence=(describe_evidence(public, language()),),
        day=public.day,
        mark=public.mark,
        outcome=outcome_of(found.seal.facts) if found.seal and found.source_video else None,
    )


def ask_origin(server: str, file: Path) -> Origin:
    """The origin, asked of a server.

    Raises `InvalidMedia` for what the server cannot open, `ConfigurationError` or `Unavailable`.
    """
    require_same_client()
    from safelight_client import Client, ClientError
    from safelight_client.responses import api_error
    from safelight_client.steps import Answer, Call, Send
    from safelight_client.submission import form_of

    def call() -> Call[Any]:
        form = form_of({"file": file})
        answer: Answer = yield Send(method="POST", path="/content_provenance_checks", form=form)
        if not answer.is_ok:
            raise api_error(answer)
        return answer.json()

    try:
        with Client(server, os.environ.get("SAFELIGHT_API_KEY", "")) as client:
            return msgspec.convert(client.run(call())["safelight"], Origin)
    except (KeyError, TypeError, msgspec.ValidationError):
        raise Unavailable(
            f"{server} did not check the file: its answer is not that of a Safelight server.",
            remedy="Check the URL, and that the server has the same version.",
        ) from None
    except ValueError as error:
        raise ConfigurationError(f"{error}.") from None
    except ClientError as error:
        if error.explanation.code == InvalidMedia.code:
            raise InvalidMedia(str(error)) from None
        raise Unavailable(f"{server} did not check the file: {error}") from None
