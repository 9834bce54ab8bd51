"""Plans a batch: checks its rows a few at a time, then finds duplicates, neighbours and prices."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import BadInput, Conflict, NotFound, RateLimited, Unavailable, Withdrawn
from safelight.policy.verdicts import Action
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.providers.advice.provider_rules import document_for
from safelight.providers.protocol import MEDIA_FIELDS, Generator
from safelight.screening.admission import RETIRED_MODELS
from safelight.screening.check_result import TEMPLATE_REQUIRED, CheckResult, Price
from safelight.screening.request import AdmittedRequest, CreateRequest
from safelight_client.batch import BatchPlan, BatchRow, BatchRows, PlannedRow, PromptCheck, plan_batch
from safelight_client.batch.row_checks import find_problems
from safelight_client.batch.template_rows import RenderedTemplate, template_of, with_rendered

from .models import Batch, Row, RowPlan

#: The fields that decide what a check finds.
_CHECKED = ("prompt", "negative_prompt", "model")
#: Rows of a batch by API have no folder. No row may name a file, so this path is never opened.
_NO_FILE = Path("batch")
_NO_MEDIA = "A row of a batch on the server has no reference media: remove {}."


@dataclass(frozen=True, kw_only=True)
class CheckedRow:
    """A row with what its check found."""

    number: int
    found: PromptCheck
    problems: tuple[str, ...]
    #: The prompt that was made from the template of the row; None without one.
    rendered: RenderedTemplate | None = None


@dataclass(frozen=True, kw_only=True)
class BatchPlanner:
    """Plans with the rules of the client, and with the admission and the policy of this gateway."""

    #: The check of `POST /v1/safelight/checks`: it counts against the limits of checks.
    check: Callable[..., tuple[CheckResult, AdmittedRequest, Price]]
    #: The request of the fields, with the prompt of the template that they name.
    read_request: Callable[[Principal, Mapping[str, Any]], CreateRequest]
    generators: Mapping[str, Generator]
    #: Empty if the default generator names no model.
    default_model: str
    monotonic: Callable[[], float] = time.monotonic

    def check_rows(
        self, principal: Principal, batch: Batch, rows: Sequence[Row], *, until: float
    ) -> tuple[list[CheckedRow], RateLimited | Unavailable | None]:
        """Check rows until a time of the monotonic clock, or until an error that may pass.

        Also returns that error, for example that a limit of checks is reached.
        """
        checker = replace(principal, scopes=principal.scopes | {KeyScope.CHECKS})
        known: dict[str, CheckedRow] = {}
        checked: list[CheckedRow] = []
        for row in rows:
            if checked and self.monotonic() >= until:
                break
            try:
                checked.append(self._check_row(checker, batch, row, known))
            except (RateLimited, Unavailable) as error:
                return checked, error
        return checked, None

    def _check_row(
        self, principal: Principal, batch: Batch, row: Row, known: dict[str, CheckedRow]
    ) -> CheckedRow:
        number, fields = row.number, self.fields_of(batch, row.source)
        problems, rendered = row.source.problems, None
        if not problems and template_of(fields) is not None:
            try:
                rendered = self._render(principal, fields)
                fields = with_rendered(fields, rendered)
            except (BadInput, NotFound, Conflict) as error:
                problems = (error.message,)
        problems = problems or tuple(_find_problems(fields, self.offers()))
        if problems:
            return CheckedRow(number=number, found=PromptCheck(), problems=problems, rendered=rendered)
        key = json.dumps(dict(fields), sort_keys=True)
        if key not in known:
            known[key] = self._check_fields(principal, fields, number)
        return replace(known[key], number=number, rendered=rendered)

    def _render(self, principal: Principal, fields: Mapping[str, Any]) -> RenderedTemplate:
        """The prompt, and the version that makes it, so that a newer one does not change the batch."""
        request = self.read_request(principal, fields)
        use = request.template
        assert use is not None
        return RenderedTemplate(prompt=request.prompt, version=use.version, approved=use.approved)

    def _check_fields(self, principal: Principal, fields: Mapping[str, Any], number: int) -> CheckedRow:
        model = str(fields["model"])
        options = AdviceOptions(provider=model if document_for(model) else "")
        try:
            found, _, _ = self.check(
                principal, self.read_request(principal, fields), options=options, estimates_risk=False
            )
        except (BadInput, NotFound, Withdrawn) as error:
            return CheckedRow(number=number, found=PromptCheck(), problems=(error.message,))
        if found.template_required:
            return CheckedRow(number=number, found=PromptCheck(), problems=(TEMPLATE_REQUIRED,))
        advice, blocked = found.prompt_advice, found.action is Action.BLOCK
        checked = PromptCheck(
            is_blocked=blocked,
            reason=found.summary if found.action.severity >= Action.HOLD.severity else "",
            risk=advice.risk.level.value if options.provider and not blocked else "",
            answer=advice.answer.value,
        )
        return CheckedRow(number=number, found=checked, problems=())

    def fields_of(self, batch: Batch, row: BatchRow) -> dict[str, Any]:
        """The fields of a row with its model."""
        return {**row.fields, "model": self._existing(str(row.fields.get("model") or self._model(batch)))}

    def _model(self, batch: Batch) -> str:
        return self._existing(batch.options.model or self.default_model)

    def _existing(self, model: str) -> str:
        """The model; the default one for a model that has ended, as in a single request."""
        return self.default_model if model in RETIRED_MODELS and not self.generator_of(model) else model

    def generator_of(self, model: str) -> str:
        """The name of the generator that makes videos of a model; empty if there is none."""
        for name, generator in self.generators.items():
            offer = generator.info()
            if model in offer.models or model in offer.aliases:
                return name
        return ""

    def offers(self) -> Mapping[str, Mapping[str, Any]]:
        """What the rules of the client need to know about each model, in the form of `GET /v1/models`."""
        found: dict[str, Mapping[str, Any]] = {}
        for generator in self.generators.values():
            offer = generator.info()
            stated = {
                "billing": generator.billing.value,
                "seconds": list(offer.seconds),
                "usd_per_second": offer.usd_per_second,
            }
            for model in (*offer.models, *offer.aliases):
                found.setdefault(model, {"safelight": stated})
        if self.default_model in found:
            found = dict.fromkeys(RETIRED_MODELS, found[self.default_model]) | found
        return found

    def plan(self, batch: Batch, rows: Sequence[Row]) -> BatchPlan:
        """The plan of rows that were all checked. Raises `BatchError` if the options cannot be met."""
        # A wrong row was not checked; another row may have the same words.
        found = {
            _words(self.fields_of(batch, row.source)): row.found or PromptCheck()
            for row in rows
            if not row.source.problems
        }
        return plan_batch(
            BatchRows(path=_NO_FILE / "rows", rows=tuple(row.source for row in rows)),
            replace(batch.options, model=self._model(batch)),
            models=self.offers(),
            check=lambda fields: found.get(_words(fields), PromptCheck()),
        )


def _words(fields: Mapping[str, Any]) -> str:
    return json.dumps([fields.get(name) for name in _CHECKED])


def _find_problems(fields: Mapping[str, Any], offers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    media = sorted(name for name in fields if name.partition("[")[0] in MEDIA_FIELDS)
    if media:
        return [_NO_MEDIA.format(", ".join(media))]
    model = str(fields["model"])
    if model and model not in offers:
        return [f"The server has no model {model[:100]}."]
    return list(find_problems(fields, offers.get(model, {}).get("safelight"), _NO_FILE))


def row_plan(planned: PlannedRow) -> dict[str, Any]:
    """The plan of one row as it is stored."""
    return asdict(
        RowPlan(
            model=planned.model,
            # A wrong row is never sent, and its fields may be anything.
            fields={} if planned.problems else dict(planned.fields),
            draft=None if planned.draft is None else dict(planned.draft),
            worst=planned.worst,
            draft_worst=planned.draft_worst,
            duplicate_of=planned.duplicate_of,
            near_duplicate_of=planned.near_duplicate_of,
            neighbour_of=planned.neighbour_of,
        )
    )
