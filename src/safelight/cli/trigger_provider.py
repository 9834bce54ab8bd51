"""`safelight triggers --with`: tests of texts at a provider, through a gateway, within limits of money."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from safelight.core.errors import InvalidField, SafelightError
from safelight.core.i18n import Messages
from safelight_client.money import format_money

from .gateway_calls import (
    choose_model,
    read_model,
    read_models,
    reason_against,
    shortest_length,
)
from .language import language, texts
from .output import printable
from .trigger_answers import TriggerAnswer

if TYPE_CHECKING:
    from safelight_client import Client, Video

#: A charge above the price by more than this factor is no rounding: the provider charged for something else.
_ROUNDING = 1.01
#: Sums of prices are exact to this many US dollars.
_CENT_FRACTION = 1e-6


@dataclass(frozen=True, kw_only=True)
class TriggerLimits:
    """What a search may cost."""

    #: Most tests; 0: as many as needed.
    tests: int
    #: Most US dollars in all; None: no ceiling.
    max_cost: float | None
    #: Whether refusals of the finished video are searched too, within `max_cost`.
    at_output: bool
    #: Seconds to wait for the end of one test.
    timeout_s: float


@dataclass(frozen=True, kw_only=True)
class TriggerOffer:
    """How each test is made, and what it costs."""

    model: str
    #: The name under which attempts list it.
    generator: str
    #: Fields of the request: the model, the shortest length and the smallest size.
    fields: dict[str, Any]
    #: US dollars of one test; None if not known.
    usd: float | None
    is_own: bool


class TriggerProvider:
    """Sends texts to a model of a gateway. It records each test as an attempt."""

    costs = True

    def __init__(self, client: Client, provider: str, url: str, limits: TriggerLimits) -> None:
        """Raises `InvalidField` if the gateway has no such model."""
        model, details = choose_model(read_models(client), provider)
        sizes = [str(size) for size in details.get("sizes", ())]
        fields = {"model": model, **shortest_length(details)}
        if sizes:
            fields["size"] = min(sizes, key=_pixels)
        is_own = details.get("billing") == "own"
        per_second = 0.0 if is_own else details.get("usd_per_second")
        usd = None
        if per_second is not None and ("seconds" in fields or is_own):
            usd = round(float(per_second) * float(fields.get("seconds", 0)), 6)
        self._client = client
        self._provider = provider
        self._limits = limits
        self.offer = TriggerOffer(
            model=model,
            generator=str(details.get("generator") or model),
            fields=fields,
            usd=usd,
            is_own=is_own,
        )
        self.name = f"{url} {fields} output={limits.at_output}"

    def confirm(self, earlier: Sequence[TriggerAnswer], *, confirmed: bool) -> None:
        """Show the price of what is left of the search, and ask unless `confirmed`.

        Raises `InvalidField` if not even one test stays within the limits, and `typer.Abort`.
        """
        offer, limits = self.offer, self._limits
        if limits.max_cost is None and not offer.is_own and (confirmed or not limits.tests):
            option = "--yes" if confirmed else "--tests 0"
            raise InvalidField(
                f"{option} needs --max-cost or --allow-charged, because {offer.model} may cost something. "
                "Nothing was sent.",
                param="max-cost",
            )
        self._require_money(earlier)
        left = max(0, limits.tests - len(answered(earlier))) if limits.tests else None
        said = self._describe(left, spent=worst_case(earlier, offer.usd))
        if confirmed:
            say_now(said)
        else:
            typer.confirm(f"{said} {_texts()('provider.start')}", abort=True, err=True)

    def ask(
        self, text: str, key: str, earlier: Sequence[TriggerAnswer], before_paid: Callable[[], None]
    ) -> TriggerAnswer:
        """Make one test. See `TriggerJudge`."""
        from safelight_client import ClientError, ContentBlocked

        if not text:
            raise SafelightError("The provider refuses texts that have hardly any words.")
        self._require_money(earlier)
        video = ""
        try:
            self._require_refusal_budget()
            self._require_help(text)
            before_paid()
            created = self._client.create(text, idempotency_key=key, **self.offer.fields)
            video = created.id
            say_now(_texts()("provider.sent", video=video))
            ended = self._client.wait(created, deadline_s=self._limits.timeout_s)
        except ContentBlocked as error:
            raise SafelightError(
                f"The policy of the gateway blocked a part of the prompt: {printable(error.message)}"
            ) from None
        except ClientError as error:
            raise SafelightError(printable(str(error)), remedy=_texts()("provider.resume")) from None
        except KeyboardInterrupt:
            if video:
                say_now(_texts()("provider.goes_on", video=video))
            raise
        return self._read(ended)

    def _read(self, video: Video) -> TriggerAnswer:
        why, usd = video.explanation, video.amount if video.currency in ("", "USD") else None
        refused: bool | None = None
        at_output, problem = False, ""
        if video.status == "completed":
            refused = False
        elif why is not None and why.is_block and why.by_provider:
            at_output = why.stage == "output"
            refused = not at_output or self._limits.at_output
        else:
            problem = printable(why.message) if why else "It failed without a reason."
        return TriggerAnswer(
            refused=refused,
            video=video.id,
            charged=video.charged,
            usd=usd,
            at_output=at_output,
            problem=problem,
        )

    def require_price(self, answer: TriggerAnswer) -> None:
        """Raise `SafelightError` if the provider charged more for a test than its price."""
        usd = self.offer.usd
        if answer.usd is not None and usd is not None and answer.usd > usd * _ROUNDING:
            raise SafelightError(
                f"{answer.video} was charged {format_money(answer.usd)}, but its price is "
                f"{format_money(usd)}. The search ends, so that it does not go on.",
                remedy=f"safelight attempts export --charged --provider {self.offer.generator}",
            )

    def _require_money(self, earlier: Iterable[TriggerAnswer]) -> None:
        offer, limit = self.offer, self._limits.max_cost
        if limit is None:
            return
        spent = worst_case(earlier, offer.usd)
        if spent is None or offer.usd is None:
            raise InvalidField(
                f"The price of {offer.model} is not known, so no ceiling can be kept. Nothing more was sent.",
                param="max-cost",
                remedy="Set usd_per_second of the upstream, or leave out the ceiling.",
            )
        if spent + offer.usd > limit + _CENT_FRACTION:
            raise InvalidField(
                f"The tests so far may have cost {format_money(spent)}, and the next one costs "
                f"{format_money(offer.usd)}: more than the ceiling of {format_money(limit)}. "
                "Nothing more was sent.",
                param="max-cost",
                remedy="Run the same command with --record and a higher ceiling: it goes on from here.",
            )

    def _require_refusal_budget(self) -> None:
        """A search uses at most half of the refusals that the provider may make in a day."""
        budget = read_model(self._client, self.offer.model).get("refusal_budget")
        if budget in ("half_used", "used"):
            raise SafelightError(
                f"{self.offer.model} has refused half as many requests as it may refuse today, or more. A "
                "search stops there. Nothing more was sent.",
                remedy="Run the same command with --record tomorrow: it goes on from here.",
            )

    def _require_help(self, text: str) -> None:
        asked = {**self.offer.fields, "provider": self._provider, "language": language()}
        if reason := reason_against(self._client.check(text, **asked)):
            raise InvalidField(printable(reason), param="prompt")

    def _describe(self, tests: int | None, *, spent: float | None) -> str:
        t, offer, limits = _texts(), self.offer, self._limits
        length = t("provider.length", seconds=offer.fields.get("seconds", "?"))
        shape = t("separator").join([length, *([offer.fields["size"]] if "size" in offer.fields else [])])
        count = t("provider.tests", tests=str(tests)) if tests is not None else t("provider.any_tests")
        lines = [t("provider.offer", tests=count, model=printable(offer.model), shape=shape)]
        if offer.usd is None:
            lines.append(t("provider.no_price"))
        else:
            most = [] if tests is None else [tests * offer.usd]
            most += [] if limits.max_cost is None else [limits.max_cost - (spent or 0.0)]
            whole = format_money(max(0.0, min(most, default=0.0)))
            lines.append(t("provider.price", usd=format_money(offer.usd), most=whole))
        lines.append(t("provider.at_output" if limits.at_output else "provider.at_request"))
        return " ".join(lines)


def answered(earlier: Iterable[TriggerAnswer]) -> list[TriggerAnswer]:
    """The tests that gave an answer."""
    return [one for one in earlier if one.refused is not None]


def worst_case(earlier: Iterable[TriggerAnswer], price: float | None) -> float | None:
    """What the tests may have cost: the price where the charge is not known. None if that is not known."""
    total = 0.0
    for one in earlier:
        usd = 0.0 if one.charged == "no" else price if one.usd is None else one.usd
        if usd is None:
            return None
        total += usd
    return round(total, 6)


def describe_cost(earlier: Sequence[TriggerAnswer]) -> dict[str, Any]:
    """What is known about the cost of the tests."""
    charged = [one for one in earlier if one.charged != "no"]
    return {
        "usd": round(sum(one.usd for one in charged if one.usd is not None), 6),
        "unknown": sum(one.usd is None for one in charged),
        "videos": [one.video for one in earlier if one.video],
        "refused_at_output": sum(one.at_output for one in earlier),
    }


def cost_lines(earlier: Sequence[TriggerAnswer]) -> list[str]:
    """The same in sentences."""
    t, cost = _texts(), describe_cost(earlier)
    lines = [t("provider.cost", usd=format_money(cost["usd"]))]
    if cost["unknown"]:
        lines.append(t("provider.cost_unknown", tests=str(cost["unknown"])))
    if cost["refused_at_output"]:
        lines.append(t("provider.refused_at_output", tests=str(cost["refused_at_output"])))
    return lines


def _pixels(size: str) -> tuple[int, str]:
    try:
        width, height = map(int, size.split("x"))
    except ValueError:
        return sys.maxsize, size
    return width * height, size


def say_now(text: str) -> None:
    """Print a line to stderr at once."""
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()


def _texts() -> Messages:
    return texts("triggers")
