"""`safelight check --try`: one short attempt through a gateway, after its price was shown.

The gateway checks the prompt first, with the blocks of the last 24 hours that it knows; without its
suggestions, nothing is tried. It records the attempt like every other one.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.core.errors import InvalidField
from safelight_client.money import format_money

from .gateway_calls import (
    choose_model,
    gateway_client,
    read_models,
    reason_against,
    shortest_length,
)
from .language import language, texts
from .output import Exit, printable

if TYPE_CHECKING:
    from safelight_client import Client, Video


@dataclass(frozen=True, kw_only=True)
class TryRequest:
    """A prompt that is to be tried at a provider."""

    prompt: str
    #: A provider, or a model of the gateway.
    provider: str
    #: Base URL of the gateway with /v1.
    url: str
    #: Most US dollars. None: no ceiling.
    max_cost: float | None
    #: No question is asked: the price is only shown.
    confirmed: bool = False
    #: The attempt is a canary: its drift is tested apart from other attempts.
    is_canary: bool = False
    purpose: str = ""
    #: That of an earlier attempt whose answer was lost. Empty: a new one.
    idempotency_key: str = ""


@dataclass(frozen=True, kw_only=True)
class TryOffer:
    """What the attempt is and what it costs. `usd`: None if no price is known."""

    model: str
    seconds: str
    usd: float | None


def try_prompt(wanted: TryRequest) -> dict[str, Any]:
    """Try the prompt once, at the shortest length that the provider sells, after its price was shown.

    Raises `InvalidField` if the price is above the ceiling, or not known with a ceiling, and if no
    question is asked about a model that may cost something without a ceiling. Raises `typer.Abort` if the
    answer is no.
    """
    with gateway_client(wanted.url, "--try") as client:
        return _try(client, wanted)


def _try(client: Client, wanted: TryRequest) -> dict[str, Any]:
    model, details = choose_model(read_models(client), wanted.provider)
    fields = {"prompt": wanted.prompt, "model": model, **shortest_length(details)}
    answer = client.check(**fields, provider=wanted.provider, purpose=wanted.purpose, language=language())
    if reason := reason_against(answer):
        return {"state": "not_tried", "reason": reason}
    is_own = details.get("billing") == "own"
    usd = 0.0 if is_own else answer["price"]["usd"]
    offer = TryOffer(model=model, seconds=str(answer["seconds"]), usd=usd)
    if wanted.confirmed and wanted.max_cost is None and not is_own:
        raise InvalidField(
            f"--yes needs --max-cost, because {offer.model} may cost something. Nothing was sent.",
            param="max-cost",
            remedy="Add --max-cost with the most US dollars that the attempt may cost, or leave out --yes.",
        )
    _require_within(offer, wanted.max_cost)
    show = _show_price if wanted.confirmed else _ask
    show(offer)
    return _outcome(_send(client, wanted, offer), offer)


def _send(client: Client, wanted: TryRequest, offer: TryOffer) -> Video:
    """The video when it has ended. After Ctrl-C, stderr has its id, or else the key of the request."""
    from safelight.providers.attempts.models import CANARY_METADATA

    key = wanted.idempotency_key or str(uuid.uuid4())
    video = ""
    marks: dict[str, Any] = {"metadata": CANARY_METADATA} if wanted.is_canary else {}
    try:
        created = client.create(
            wanted.prompt, idempotency_key=key, model=offer.model, seconds=offer.seconds, **marks
        )
        video = created.id
        _say("try.sent", video=video)
        return client.wait(created)
    except KeyboardInterrupt:
        if video:
            _say("try.goes_on", video=video, price=_price(offer))
        else:
            _say("try.may_exist", request_key=key, price=_price(offer))
            _say("try.resend", request_key=key)
        raise


def _say(message: str, **values: str) -> None:
    sys.stderr.write(printable(texts()(message, **values)) + "\n")
    sys.stderr.flush()


def _require_within(offer: TryOffer, max_cost: float | None) -> None:
    if max_cost is None:
        return
    if offer.usd is None:
        raise InvalidField(
            f"The price of {offer.model} is not known, so --max-cost cannot be kept. Nothing was sent.",
            param="max-cost",
            remedy="Set usd_per_second of the upstream, or leave out --max-cost.",
        )
    if offer.usd > max_cost:
        raise InvalidField(
            f"{offer.seconds} s of {offer.model} cost {format_money(offer.usd)}, more than --max-cost "
            f"{format_money(max_cost)}. Nothing was sent.",
            param="max-cost",
        )


def _outcome(video: Video, offer: TryOffer) -> dict[str, Any]:
    why = video.explanation
    state = "passed" if video.status == "completed" else "failed"
    if why is not None and why.is_block:
        state = "refused_by_provider" if why.by_provider else "blocked_by_policy"
    return {
        "state": state,
        "video": video.id,
        "model": offer.model,
        "seconds": offer.seconds,
        "usd": offer.usd,
        "charged": video.charged,
        "reason": why.message if why else "",
    }


def _ask(offer: TryOffer) -> None:
    """Show the price and ask. Raises `typer.Abort` if the answer is no."""
    import typer

    typer.confirm(f"{_describe(offer)} {texts()('try.send')}", abort=True, err=True)


def _show_price(offer: TryOffer) -> None:
    sys.stderr.write(f"{_describe(offer)}\n")


def _describe(offer: TryOffer) -> str:
    model = printable(offer.model)
    return texts()("try.offer", model=model, seconds=offer.seconds, price=_price(offer))


def _price(offer: TryOffer) -> str:
    t = texts()
    return t("try.unknown") if offer.usd is None else format_money(offer.usd)


def describe_outcome(tried: Mapping[str, Any], *, is_rewrite: bool) -> list[str]:
    """What came of it, in the language in use. After a rewrite that was refused, it says to stop."""
    t = texts()
    said = [
        t(
            f"try.{tried['state']}",
            video=tried.get("video", ""),
            reason=tried["reason"],
            charged=t(f"try.charged_{tried['charged']}") if "charged" in tried else "",
        )
    ]
    if is_rewrite and tried["state"] == "refused_by_provider":
        said.append(texts("advice")("refusal.rewrite_failed"))
    return [printable(one) for one in said]


def exit_of_try(tried: Mapping[str, Any], checked: int) -> int:
    """The exit code of a try. `checked`: that of the check."""
    match tried["state"]:
        case "passed":
            return checked
        case "refused_by_provider" | "blocked_by_policy":
            return Exit.BLOCKED
        case "not_tried" if checked:
            return checked
    return Exit.ERROR
