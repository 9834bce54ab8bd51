"""The scenario of a scripted upstream, as a YAML or JSON document. docs/testing.md has an example."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

ActionName = Literal[
    "ok",
    "status",
    "drop",
    "lose_answer",
    "hang",
    "garbage",
    "html",
    "missing",
    "empty",
    "text",
    "truncated",
    "short",
    "slow",
    "redirect",
    "gzip_bomb",
]
#: `stopped` and `unsteered` are for a server that steers: its watcher stopped the generation, or it cannot
#: steer as required.
Ending = Literal["completed", "partly", "failed", "refused", "never", "vanishes", "stopped", "unsteered"]
_ACTS = frozenset({"submit", "poll", "content", "preview", "delete"})
_ANYWHERE = frozenset({"ok", "status", "drop", "hang", "garbage", "html", "redirect", "gzip_bomb"})
_PLACES: dict[str, frozenset[str]] = {
    "submit": _ANYWHERE | {"lose_answer"},
    "poll": _ANYWHERE,
    "content": _ANYWHERE | {"missing", "empty", "text", "truncated", "short", "slow"},
    "preview": _ANYWHERE | {"missing", "empty", "text"},
    "delete": _ANYWHERE | {"lose_answer"},
}


class ScriptedAction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the upstream does with one kind of request.

    A scenario document may write it as one word (`hang`) or as `{status: 500}`.
    """

    do: ActionName = "ok"
    #: HTTP status of the response. A status without `do` means `do: status`.
    status: int | None = None
    message: str = ""
    code: str = ""
    moderation_details: dict[str, Any] | None = None
    retry_after: float | None = None
    #: Address to which `redirect` sends the client.
    location: str = ""
    #: Delay before the response.
    delay_s: float = 0.0
    #: Number of requests to which the action applies; later requests succeed. None: all requests.
    times: int | None = None


class ScenarioRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a matching generation request proceeds.

    A request matches if its prompt contains `when` and its number, counted from 1, is `nth`; `nth` None
    matches every number.
    """

    when: str = ""
    nth: int | None = None
    submit: ScriptedAction = ScriptedAction()
    poll: ScriptedAction = ScriptedAction()
    content: ScriptedAction = ScriptedAction()
    #: The preview of a generation that ends `stopped`.
    preview: ScriptedAction = ScriptedAction()
    delete: ScriptedAction = ScriptedAction()
    #: The request is unfinished for this number of polls, and for at least `finish_after_s` seconds.
    polls: int = 1
    finish_after_s: float = 0.0
    #: Percentages at successive polls; the last one repeats. Empty: even steps.
    progress: tuple[int, ...] = ()
    ends: Ending = "completed"
    #: Error object of a failed request, in wire format.
    error: dict[str, Any] | None = None
    #: Words that replace the four statuses, such as `{in_progress: processing}`.
    status_words: dict[str, str] = {}
    #: How a relay shows the video: its id as `task_id`, all of it inside `data`, the id as a number, or none.
    shape: Literal["plain", "task_id", "data", "number", "without_id"] = "plain"
    #: Dollars charged when the request ends; with `refund`, a failed request costs nothing.
    charge: float | None = None
    refund: bool = False
    #: The finished video: `tiny`, `asked` (plain grey, in the requested size and length) or the path of a
    #: file.
    clip: str = "tiny"
    #: Merged into every video object, for any other wrong response that a test needs.
    fields: dict[str, Any] = {}


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    orders: tuple[ScenarioRule, ...] = ()
    #: For requests that match no rule of `orders`.
    otherwise: ScenarioRule = ScenarioRule()
    models: tuple[str, ...] = ("scripted-1",)
    #: `owned_by` of the models in the list; empty: not sent.
    owned_by: str = ""
    #: Whether it answers like `packages/steer`: it reports what it did with the field `steering`.
    steers: bool = False
    #: Required bearer token, if set.
    api_key: str = ""
    #: Whether video objects include `metadata`.
    echo_metadata: bool = True
    #: Whether a repeated Idempotency-Key returns the first video.
    idempotent: bool = False
    #: Whether `GET /v1/videos` exists.
    lists: bool = True
    #: Whether a download can be continued: `Range` is answered with 206.
    ranges: bool = True

    def rule(self, prompt: str, number: int) -> ScenarioRule:
        """The first rule that matches the request, else `otherwise`."""
        for rule in self.orders:
            if (rule.when or rule.nth) and rule.when in prompt and rule.nth in (None, number):
                return rule
        return self.otherwise


def load_scenario(source: Path | str | dict[str, Any] | None) -> Scenario:
    """Reads a scenario from a file (YAML or JSON), a YAML text or a mapping.

    Raises `ValueError` with the reason if the scenario is invalid.
    """
    from safelight.core import yaml_loader

    if source is None:
        return Scenario()
    if isinstance(source, Path):
        source = source.read_text(encoding="utf-8")
    document = yaml_loader.load(source) if isinstance(source, str) else source
    if not isinstance(document, dict):
        raise ValueError("a scenario is a mapping with keys such as `orders`")
    try:
        scenario = msgspec.convert(_spelled_out(document), Scenario)
    except msgspec.ValidationError as error:
        raise ValueError(f"the scenario is invalid: {error}") from error
    for rule in (*scenario.orders, scenario.otherwise):
        _check(rule)
    return scenario


def _spelled_out(document: dict[str, Any]) -> dict[str, Any]:
    built = dict(document)
    if isinstance(built.get("orders"), list):
        built["orders"] = [_rule(rule) for rule in built["orders"]]
    if "otherwise" in built:
        built["otherwise"] = _rule(built["otherwise"])
    return built


def _rule(rule: Any) -> Any:
    if not isinstance(rule, dict):
        return rule
    return {name: _act(value) if name in _ACTS else value for name, value in rule.items()}


def _act(value: Any) -> Any:
    if isinstance(value, str):
        return {"do": value}
    if isinstance(value, dict) and "status" in value and "do" not in value:
        return {"do": "status"} | value
    return value


def _check(rule: ScenarioRule) -> None:
    for place, allowed in _PLACES.items():
        act: ScriptedAction = getattr(rule, place)
        if act.do not in allowed:
            raise ValueError(f"the scenario is invalid: `{place}` cannot be {act.do!r}")
        if act.do == "status" and act.status is None:
            raise ValueError(f"the scenario is invalid: `{place}: status` needs a number")
    if rule.clip not in {"tiny", "asked"} and not Path(rule.clip).is_file():
        raise ValueError(f"the scenario is invalid: the clip {rule.clip!r} does not exist")
