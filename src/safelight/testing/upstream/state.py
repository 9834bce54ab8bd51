"""State of a scripted upstream: accepted requests and counts. Pure."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .scenario import Scenario, ScenarioRule, ScriptedAction
from .steering import ENDINGS, generation_record

_REFUSED = {
    "code": "moderation_blocked",
    "message": "Your request was blocked by our moderation system.",
    "moderation_details": {"moderation_stage": "output", "categories": ["violence"]},
}
_FAILED = {"code": "generation_failed", "message": "The scripted generation failed."}


@dataclass(kw_only=True)
class AcceptedRequest:
    """One accepted generation request."""

    id: str
    key: str
    fields: dict[str, Any]
    #: Name, media type and sha256 of each uploaded file.
    files: list[dict[str, str]]
    rule: ScenarioRule
    created_at: float
    polls: int = 0
    fetches: int = 0
    #: How often its preview was given.
    previews: int = 0
    deleted: bool = False

    @property
    def prompt(self) -> str:
        return str(self.fields.get("prompt", ""))


@dataclass(kw_only=True)
class FakeUpstreamState:
    """All requests so far. `received` counts the create requests that arrived, `accepted` those accepted."""

    scenario: Scenario
    clock: Callable[[], float] = time.time
    #: Chooses the rule for the fields and the number of a create request, instead of the scenario.
    choose_rule: Callable[[Mapping[str, Any], int], ScenarioRule] | None = None
    orders: dict[str, AcceptedRequest] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    received_by_key: Counter[str] = field(default_factory=Counter)
    accepted_by_key: Counter[str] = field(default_factory=Counter)
    accepted_by_prompt: Counter[str] = field(default_factory=Counter)
    _played: list[Scenario] = field(default_factory=list)
    _met: Counter[tuple[int, str]] = field(default_factory=Counter)

    def play(self, scenario: Scenario) -> None:
        """Switches to another scenario. Requests that were already accepted keep their rule."""
        # Old scenarios are kept, because uses of a rule are counted by its `id()`, which Python could reuse.
        self._played.append(self.scenario)
        self.scenario = scenario

    def receive(self, key: str, fields: Mapping[str, Any]) -> ScenarioRule:
        """Counts a create request and returns the rule that applies to it."""
        self.asked["received"] += 1
        self.received_by_key[key] += 1
        number = self.asked["received"]
        if self.choose_rule is not None:
            return self.choose_rule(fields, number)
        return self.scenario.rule(str(fields["prompt"]), number)

    def act(self, rule: ScenarioRule, place: str) -> ScriptedAction:
        """The action for this request: that of the rule, or success after the rule's `times` are used up."""
        act: ScriptedAction = getattr(rule, place)
        if act.do == "ok" or act.times is None:
            return act
        self._met[id(rule), place] += 1
        return act if self._met[id(rule), place] <= act.times else ScriptedAction()

    def accept(
        self, key: str, fields: dict[str, Any], files: list[dict[str, str]], rule: ScenarioRule
    ) -> AcceptedRequest:
        if self.scenario.idempotent and key:
            for entry in self.orders.values():
                if entry.key == key:
                    return entry
        entry = AcceptedRequest(
            id=str(secrets.randbits(40)) if rule.shape == "number" else f"video_{secrets.token_hex(12)}",
            key=key,
            fields=fields,
            files=files,
            rule=rule,
            created_at=self.clock(),
        )
        self.orders[entry.id] = entry
        self.asked["accepted"] += 1
        self.accepted_by_key[key] += 1
        self.accepted_by_prompt[entry.prompt] += 1
        return entry

    def status(self, entry: AcceptedRequest) -> str:
        """queued, in_progress, completed or failed, before `status_words` are applied; `gone` if the
        request vanished.
        """
        rule = entry.rule
        finished = entry.polls > rule.polls and self.clock() - entry.created_at >= rule.finish_after_s
        if not finished or rule.ends == "never":
            return "in_progress" if entry.polls > 1 or not rule.polls else "queued"
        if rule.ends == "vanishes":
            return "gone"
        return "completed" if rule.ends in ("completed", "partly") else "failed"

    def video(self, entry: AcceptedRequest) -> dict[str, Any]:
        """The video object in wire format."""
        rule, status = entry.rule, self.status(entry)
        over = status in {"completed", "failed"}
        built: dict[str, Any] = {
            "id": entry.id,
            "object": "video",
            "model": entry.fields.get("model") or self.scenario.models[0],
            "status": rule.status_words.get(status, status),
            "progress": 100 if status == "completed" else self._percent(entry),
            "created_at": int(entry.created_at),
            "completed_at": int(self.clock()) if over else None,
            "expires_at": None,
            "prompt": entry.prompt,
            "remixed_from_video_id": entry.fields.get("remixed_from_video_id"),
            "seconds": str(entry.fields.get("seconds", "4")),
            "size": str(entry.fields.get("size", "720x1280")),
            "error": self._error(rule) if status == "failed" else None,
        }
        if self.scenario.echo_metadata:
            built["metadata"] = entry.fields.get("metadata") or {}
        if over and rule.charge is not None:
            back = rule.refund and status == "failed"
            built["usage"] = {"cost": 0.0 if back else rule.charge, "currency": "USD", "refunded": back}
        if self.scenario.steers:
            record = generation_record(entry.fields.get("steering"), rule.ends) if over else None
            if record is not None:
                record["preview"] = self.has_preview(entry)
            built["safelight"] = {"generation": record}
        built |= rule.fields
        match rule.shape:
            case "task_id":
                built["task_id"] = built.pop("id")
            case "data":
                built["task_id"] = built.pop("id")
                built = {"code": 0, "message": "SUCCEED", "data": built}
            case "number":
                built["id"] = int(entry.id)
            case "without_id":
                built.pop("id")
        return built

    def has_preview(self, entry: AcceptedRequest) -> bool:
        """Whether it offers a preview of the stopped generation, which it gives once."""
        stopped = entry.rule.ends == "stopped" and self.status(entry) == "failed"
        return self.scenario.steers and stopped and not entry.previews

    def charged(self) -> float:
        """Dollars charged for all finished requests, minus refunds."""
        return sum(
            entry.rule.charge or 0.0
            for entry in self.orders.values()
            if (status := self.status(entry)) in {"completed", "failed"}
            and not (entry.rule.refund and status == "failed")
        )

    def counts(self) -> dict[str, Any]:
        """All counts, as `GET /_safelight/counts` returns them."""
        names = ("received", "accepted", "polls", "lists", "fetches", "previews", "deletes")
        return {
            **{name: self.asked[name] for name in names},
            "charged": round(self.charged(), 6),
            "received_by_key": dict(self.received_by_key),
            "accepted_by_key": dict(self.accepted_by_key),
            "accepted_by_prompt": dict(self.accepted_by_prompt),
            "orders": {
                entry.id: {
                    "key": entry.key,
                    "prompt": entry.prompt,
                    "status": self.status(entry),
                    "polls": entry.polls,
                    "fetches": entry.fetches,
                    "deleted": entry.deleted,
                    "files": entry.files,
                    "fields": entry.fields,
                    "route": str(entry.fields.get("route", "")),
                }
                for entry in self.orders.values()
            },
        }

    def _percent(self, entry: AcceptedRequest) -> int:
        steps = entry.rule.progress
        if steps:
            return steps[min(max(entry.polls - 1, 0), len(steps) - 1)]
        return min(99, 100 * max(entry.polls - 1, 0) // max(entry.rule.polls, 1))

    def _error(self, rule: ScenarioRule) -> dict[str, Any]:
        if rule.error is not None:
            return rule.error
        return {"refused": _REFUSED, **ENDINGS}.get(rule.ends, _FAILED)
