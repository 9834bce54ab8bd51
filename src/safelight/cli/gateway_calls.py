"""What commands need of a gateway before they send it paid requests: its models, its check, its errors."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from safelight.core.errors import ConfigurationError, InvalidField

from .client_version import require_same_client
from .language import texts
from .output import printable

if TYPE_CHECKING:
    from safelight_client import Client


@contextmanager
def gateway_client(url: str, option: str) -> Iterator[Client]:
    """A client of the gateway that `option` needs. Its errors are raised as `ConfigurationError`."""
    from safelight_client import Client, ClientError, SubmitUnknown

    require_same_client()
    if not url:
        raise ConfigurationError(
            f"{option} needs a gateway.",
            remedy="Give its address with --url or SAFELIGHT_URL, and its key in SAFELIGHT_API_KEY.",
        )
    try:
        with Client(url, os.environ.get("SAFELIGHT_API_KEY", "")) as client:
            yield client
    except SubmitUnknown as error:
        remedy = texts()("try.resend", request_key=printable(error.idempotency_key))
        raise ConfigurationError(printable(str(error)), remedy=remedy) from None
    except ClientError as error:
        # The message of a block ends with the next step.
        step = "" if str(error).endswith(error.next_step) else error.next_step
        raise ConfigurationError(printable(str(error)), remedy=printable(step)) from None
    except ValueError as error:
        raise ConfigurationError(f"{error}.") from None


def read_models(client: Client) -> Mapping[str, Mapping[str, Any]]:
    """The models of the gateway by name."""
    client.run(client.session.learn_server())
    return client.session.models or {}


def read_model(client: Client, name: str) -> Mapping[str, Any]:
    """What the gateway states about a model now."""
    from safelight_client.responses import api_error
    from safelight_client.steps import Send
    from safelight_client.waiting import read

    answer = client.run(read(client.session, Send(method="GET", path=f"/models/{name}")))
    if not answer.is_ok:
        raise api_error(answer)
    body = answer.json()
    ours = body.get("safelight") if isinstance(body, Mapping) else None
    return ours if isinstance(ours, Mapping) else {}


def choose_model(models: Mapping[str, Mapping[str, Any]], asked: str) -> tuple[str, Mapping[str, Any]]:
    """The model of the gateway that `asked` names, or the cheapest model of the provider that it names.

    Raises `InvalidField` if the gateway has none.
    """
    from safelight.providers.advice.model_choice import ModelOffer, choose_offer

    ours = {
        name: row["safelight"] for name, row in models.items() if isinstance(row.get("safelight"), Mapping)
    }
    offers = [
        ModelOffer(
            name=name,
            is_own=row.get("billing") == "own",
            seconds=tuple(map(float, row.get("seconds") or ())),
            usd_per_second=row.get("usd_per_second"),
        )
        for name, row in ours.items()
    ]
    chosen = choose_offer(offers, asked)
    if chosen is None:
        known = ", ".join(sorted(ours)) or "none"
        raise InvalidField(
            f"The gateway has no model of {asked[:100]!r}. Its models: {known}.", param="provider"
        )
    return chosen.name, ours[chosen.name]


def shortest_length(details: Mapping[str, Any]) -> dict[str, str]:
    """The field for the shortest length that the model sells; empty if it names none."""
    lengths = [str(seconds) for seconds in details.get("seconds", ())]
    return {"seconds": min(lengths, key=float)} if lengths else {}


def reason_against(answer: Mapping[str, Any]) -> str:
    """Why the gateway gives no help with a text that it checked; empty if it does."""
    refusal = answer["no_suggestions"] or {}
    if answer["verdict"] in ("allow", "label") and not (refusal or answer.get("template_required")):
        return ""
    return str(refusal.get("text") or answer["summary"])
