"""The plan of a batch: which rows would be sent, what they cost at most, and why others are not sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from safelight_client.errors import BatchError
from safelight_client.money import usd

from .journal import NOT_RENDERED
from .money import PriceList
from .prompt_check import Checker, PromptCheck
from .row_checks import find_problems, request_fields, with_batch_name
from .rows import BatchRow, BatchRows
from .similarity import SimilarTexts
from .template_rows import TemplateRenderer, render_rows, template_of, without_template


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """What applies to all rows of a batch."""

    #: Model of the rows that name none.
    model: str = ""
    #: US dollars per second by model, for servers that do not state their prices.
    prices: Mapping[str, float] = field(default_factory=dict)
    #: Make each video first with `draft_model`, or in the shortest length, and in full only if that passed.
    two_phase: bool = False
    draft_model: str = ""
    draft_seconds: str = ""
    #: Send rows that are equal to an earlier one, too.
    send_duplicates: bool = False
    #: Whether the policy demands approved templates. A gateway states that itself.
    template_required: bool = False


@dataclass(frozen=True, kw_only=True)
class PlannedRow:
    """One row with everything that is known about it before it is sent. Lines name other rows of the file."""

    row: BatchRow
    model: str
    fields: Mapping[str, Any]
    #: Fields of the draft; None without one.
    draft: Mapping[str, Any] | None
    problems: tuple[str, ...]
    check: PromptCheck
    duplicate_of: int | None
    near_duplicate_of: int | None
    neighbour_of: int | None
    #: Highest price in millionths of a dollar; None if it is not known.
    worst: int | None
    draft_worst: int | None

    @property
    def skipped(self) -> str:
        """Why the row is not sent, in one sentence; empty if it is."""
        if self.problems:
            return " ".join(self.problems)
        if self.check.is_blocked:
            return self.check.reason or "The local policy blocks the prompt."
        if self.neighbour_of is not None:
            return f"The prompt is nearly that of line {self.neighbour_of}, which the policy blocks."
        if self.duplicate_of is not None:
            return f"The row is the same as line {self.duplicate_of}."
        return ""

    @property
    def is_priced(self) -> bool:
        return self.worst is not None and (self.draft is None or self.draft_worst is not None)

    def worst_of(self, phase: str) -> int | None:
        return self.draft_worst if phase == "draft" else self.worst

    @property
    def total(self) -> int:
        return (self.worst or 0) + (self.draft_worst or 0)


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """All rows of a batch, in the order of the file."""

    rows: tuple[PlannedRow, ...]
    #: Names the batch: the same rows with the same options that decide what is sent. With templates, a list:
    #: of the rows as they are sent, of the rows as in the file, and of each row of a template.
    digest: str
    similar: SimilarTexts

    @property
    def sendable(self) -> list[PlannedRow]:
        return [each for each in self.rows if not each.skipped]

    def totals(self) -> dict[str, Any]:
        """Numbers of rows, and the highest price of those that would be sent."""
        sent = self.sendable
        return {
            "rows": len(self.rows),
            "to_send": len(sent),
            "invalid": sum(bool(each.problems) for each in self.rows),
            "expected_refusals": sum(each.check.is_blocked for each in self.rows),
            "neighbours": sum(each.neighbour_of is not None for each in self.rows),
            "duplicates": sum(each.duplicate_of is not None for each in self.rows),
            "near_duplicates": sum(each.near_duplicate_of is not None for each in self.rows),
            "unknown_prices": sum(not each.is_priced for each in sent),
            "worst_usd": usd(sum(each.total for each in sent)),
        }


def plan_batch(
    source: BatchRows,
    options: PlanOptions,
    *,
    models: Mapping[str, Mapping[str, Any]] | None = None,
    check: Checker | None = None,
    render: TemplateRenderer | None = None,
    on_progress: Callable[[int], object] | None = None,
) -> BatchPlan:
    """Checks every row; sends nothing. `models`: as the server lists them, by id, if it was asked.

    `render`: makes the prompts of rows that name a template.
    Raises `BatchError` if the options cannot be met.
    """
    prices = PriceList(options.prices, models or {})
    demanded = options.template_required or prices.demands_templates
    written = source
    source = replace(source, rows=render_rows(source.rows, render, demanded=demanded))
    planner = _Planner(source, options, prices)
    checks: dict[str, PromptCheck] = {}
    same: dict[str, BatchRow] = {}
    repeated: set[int] = set()
    built: list[PlannedRow] = []
    for count, row in enumerate(source.rows, start=1):
        planned = planner.plan(row)
        key = json.dumps(planned.fields, sort_keys=True, default=str)
        first = same.setdefault(key, row)
        found = PromptCheck()
        if check is not None and row.prompt:
            texts = [row.fields.get("prompt"), row.fields.get("negative_prompt"), planned.model]
            words = json.dumps(texts, default=str)
            found = checks[words] if words in checks else checks.setdefault(words, check(planned.fields))
        is_repeated = first is not row and not row.problems
        if is_repeated:
            repeated.add(count - 1)
        duplicate_of = first.line if is_repeated and not options.send_duplicates else None
        built.append(replace(planned, check=found, duplicate_of=duplicate_of))
        if on_progress is not None:
            on_progress(count)
    similar = SimilarTexts([_compared_text(each) for each in built])
    for place, earlier in similar.near_duplicates().items():
        if place not in repeated:
            built[place] = replace(built[place], near_duplicate_of=source.rows[earlier].line)
    digest = _digest(written, source, options)
    return BatchPlan(rows=_mark_neighbours(built, similar), digest=digest, similar=similar)


def _digest(written: BatchRows, made: BatchRows, options: PlanOptions) -> str:
    """Names the rows as in the file and as they are sent. A row whose template cannot be used now is "-"."""
    parts = [_hash(f"{made.digest} {_choices(options)}")]
    pairs = [
        (before, row)
        for before, row in zip(written.rows, made.rows, strict=True)
        if template_of(before.fields) is not None
    ]
    if pairs:
        parts.append(_hash(f"{written.digest} {_choices(options)}"))
    for before, row in pairs:
        is_made = not row.problems or row.fields != before.fields
        parts.append(_hash(json.dumps(row.fields, sort_keys=True, default=str)) if is_made else NOT_RENDERED)
    return " ".join(parts)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _compared_text(planned: PlannedRow) -> str:
    """The prompt; empty if the row is wrong, since it is never sent, unless the policy blocks its words."""
    return "" if planned.problems and not planned.check.is_blocked else planned.row.prompt


def _choices(options: PlanOptions) -> str:
    """The options that decide what is sent."""
    chosen = [options.model, options.two_phase, options.draft_model, options.draft_seconds]
    return json.dumps([*chosen, options.send_duplicates])


def _mark_neighbours(rows: list[PlannedRow], similar: SimilarTexts) -> tuple[PlannedRow, ...]:
    """The rows with those marked that are near one which the local policy blocks."""
    blocked = [place for place, each in enumerate(rows) if each.check.is_blocked]
    open_rows = [place for place, each in enumerate(rows) if not each.check.is_blocked and each.row.prompt]
    for other, place in similar.neighbours_of_any(blocked, open_rows).items():
        rows[other] = replace(rows[other], neighbour_of=rows[place].row.line)
    return tuple(rows)


class _Planner:
    """Plans one row at a time."""

    def __init__(self, source: BatchRows, options: PlanOptions, prices: PriceList) -> None:
        self._folder, self._name = source.path.parent, source.path.stem
        self._options, self._prices = options, prices

    def plan(self, row: BatchRow) -> PlannedRow:
        model = str(row.fields.get("model") or self._options.model)
        fields = request_fields(row, model, self._folder)
        if template_of(fields) is not None and not self._prices.is_of_gateway:
            fields = without_template(fields)
        if self._prices.is_of_gateway:
            fields = with_batch_name(fields, self._name)
        offer = self._prices.offer(model)
        problems = row.problems or tuple(find_problems(fields, offer, self._folder))
        if not row.problems and self._prices.is_of_gateway and model and not self._prices.knows(model):
            problems = (*problems, f"The server has no model {model}.")
        draft = self._draft(fields, model) if self._options.two_phase and not problems else None
        return PlannedRow(
            row=row,
            model=model,
            fields=fields,
            draft=draft,
            problems=problems,
            check=PromptCheck(),
            duplicate_of=None,
            near_duplicate_of=None,
            neighbour_of=None,
            worst=self._prices.worst(model, fields),
            draft_worst=None if draft is None else self._prices.worst(str(draft.get("model", "")), draft),
        )

    def _draft(self, fields: Mapping[str, Any], model: str) -> dict[str, Any] | None:
        """The fields of the draft; None if it would be the video itself."""
        options = self._options
        name = options.draft_model or model
        lengths = (self._prices.offer(name) or {}).get("seconds") or ()
        seconds = options.draft_seconds or (str(min(lengths)) if lengths else "")
        if not seconds:
            raise BatchError(
                f"The shortest length of {name or 'the default model'} is not known: the server lists none.",
                "State the length of the draft.",
            )
        draft = {**fields, "seconds": seconds, **({"model": name} if name else {})}
        same = str(fields.get("seconds", "")) == seconds and name == model
        return None if same else draft
