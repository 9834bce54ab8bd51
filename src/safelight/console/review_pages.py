"""What waits for a person, one case of it, and the decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import Conflict, Forbidden, InvalidField, NotFound, SafelightError
from safelight.jobs.models import VideoRecord
from safelight.policy.documents import Policy
from safelight.policy.explanations import ExplanationLevel
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.reviews import Case, CaseFile, CaseKind, CaseState
from safelight.trust.reviews.models import ACTIONS

from .explanation_view import lines, spans
from .formatting import category_name, length, moment, short
from .handler import PageHandler
from .highlights import split_highlights
from .timeline import record_view
from .translations import Translations
from .verdict_text import deciding, told

PER_PAGE = 30
#: What a person decides on; cost and next steps are for those who ordered.
_DECIDED_ON = ("categories", "rule", "evidence", "not_checked")
#: Clauses that have a key: 1 to 9.
_CLAUSES = 9


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A case in the queue: what, why it is here, and when it is due."""

    id: str
    href: str
    kind: str
    what: str
    why: str
    due: str
    late: bool
    state: str


class ReviewPages(PageHandler):
    async def cases(self, request: Request, principal: Principal) -> Response:
        """The queue, due first comes first; `state=closed` shows what was decided."""
        state = request.query_params.get("state", "open")
        after = request.query_params.get("after") or None
        wanted = CaseState.OPEN if state == "open" else None
        words = self.words(request)
        page = await self.run(
            self.services.reviews.list, principal, state=wanted, after=after, limit=PER_PAGE
        )
        cases = [case for case in page.cases if state == "open" or case.state is not CaseState.OPEN]
        prompts = await self.run(self._prompts, principal, cases)
        return await self.page(
            request,
            "review.html",
            principal,
            cases=[
                _waiting(case, prompts.get(case.video_id, ""), words, self.console.clock()) for case in cases
            ],
            state=state if state == "open" else "closed",
            done=_done(request),
            more=f"/review?state={state}&after={page.cases[-1].id}" if page.has_more else None,
        )

    async def case(self, request: Request, principal: Principal) -> Response:
        return await self._show(request, principal, request.path_params["case_id"])

    async def decide(self, request: Request, principal: Principal) -> Response:
        """Approve or refuse, keep or withdraw, overturn or uphold, with a reason; then the next case."""
        case_id = request.path_params["case_id"]
        form = await self.form(request)
        try:
            await self.run(
                self.services.reviews.decide,
                principal,
                case_id,
                action=form.get("action", ""),
                reason=form.get("reason", ""),
                clause=form.get("clause") or None,
            )
        except (InvalidField, Conflict, Forbidden) as problem:
            return await self._show(request, principal, case_id, problem=problem, form=form)
        page = await self.run(self.services.reviews.list, principal, state=CaseState.OPEN, limit=1)
        done = f"?done={case_id}"
        return self.redirect(f"/review/{page.cases[0].id}{done}" if page.cases else f"/review{done}")

    async def reveal(self, request: Request, principal: Principal) -> Response:
        """The grey pictures, once each time they are asked for; the look is on the record before."""
        show = self.console.reveal
        if show is None:
            raise NotFound("This gateway shows no pictures.")
        file = await self.run(self.services.reviews.get, principal, request.path_params["case_id"])
        picture = await self.run(show, principal, file)
        return Response(picture, media_type="image/webp", headers={"cache-control": "no-store"})

    def _prompts(self, principal: Principal, cases: list[Case]) -> dict[str, str]:
        found = {}
        for case in cases:
            try:
                found[case.video_id] = self.services.videos.record(principal, case.video_id).video.prompt
            except (NotFound, Forbidden):
                continue
        return found

    async def _show(
        self,
        request: Request,
        principal: Principal,
        case_id: str,
        *,
        problem: SafelightError | None = None,
        form: dict[str, str] | None = None,
    ) -> Response:
        words = self.words(request)
        file = await self.run(self.services.reviews.get, principal, case_id)
        record = await self.run(self.services.videos.record, principal, file.case.video_id)
        queue = await self.run(self.services.reviews.list, principal, state=CaseState.OPEN, limit=12)
        parts = self.console.policies
        policy = await self.run(parts.in_force, principal.tenant) if parts else None
        prompts = await self.run(self._prompts, principal, list(queue.cases))
        return await self.page(
            request,
            "case.html",
            principal,
            problem.status if problem else 200,
            queue=[
                _waiting(case, prompts.get(case.video_id, ""), words, self.console.clock())
                for case in queue.cases
            ],
            **self._case(file, record, words),
            clauses=clauses(policy, record, words),
            actions=[action.value for action in ACTIONS[file.case.kind]],
            may=principal.has_scope(KeyScope.VAULT if file.case.quarantined else KeyScope.REVIEW),
            others_only=file.requires_other_reviewer,
            problem=problem,
            form=form or {},
            pictures=self.console.reveal is not None and file.case.state is CaseState.OPEN,
            done=_done(request),
        )

    def _case(self, file: CaseFile, record: VideoRecord, words: Translations) -> dict[str, Any]:
        taxonomy, case = self.services.taxonomy, file.case
        said = told(record.video, record, taxonomy, words, ExplanationLevel.REVIEWER)
        details = {name: said.details[name] for name in _DECIDED_ON if name in said.details}
        return {
            "case": _waiting(case, record.video.prompt, words, self.console.clock()),
            "stage": words(f"way.step.{case.stage.value}"),
            "quarantined": case.quarantined,
            "video": record.video,
            "prompt": split_highlights(record.video.prompt, spans(details)),
            "lines": [line for line in lines(details, record.video.prompt, words) if not line.href],
            "record": record_view(record, taxonomy, words),
            "opened": moment(case.opened_at, words),
            "due_at": moment(case.due_at, words),
            "decision": file.decision,
            "decided_at": moment(file.decision.at, words) if file.decision else "",
            "reports": file.reports,
            "notes": [_note(note, words) for note in file.notes],
        }


def _done(request: Request) -> str:
    """The case decided just before, by its id."""
    done = request.query_params.get("done", "")
    return done if done.startswith("case_") else ""


def _note(note: Any, words: Translations) -> dict[str, str]:
    key = f"report.reason.{note['reason']}"
    return {
        "at": moment(float(note["at"]), words),
        "why": words(key) if words.has(key) else str(note["reason"] or note["category"] or ""),
        "note": str(note["note"]),
    }


def clauses(policy: Policy | None, record: VideoRecord, words: Translations) -> tuple[tuple[str, str], ...]:
    """The rules a decision most likely rests on, for keys 1 to 9: those that fired, then their family."""
    verdict = deciding(record)
    fired = list(verdict.matched_rules) if verdict else []
    reasons = {rule.id: rule.reason for rule in policy.rules} if policy else {}
    family = [name for name in reasons if fired and name.partition("-")[0] == fired[0].partition("-")[0]]
    say = words.reason
    return tuple(
        (name, say(reasons.get(name, ""))) for name in list(dict.fromkeys([*fired, *family]))[:_CLAUSES]
    )


def _waiting(case: Case, prompt: str, words: Translations, now: float) -> Waiting:
    left = case.due_at - now
    if case.state is not CaseState.OPEN:
        due = words(f"review.state.{case.state.value}")
    elif left > 0:
        due = words("review.due_in", left=length(left, words))
    else:
        due = words("review.late", late=length(-left, words))
    return Waiting(
        id=case.id,
        href=f"/review/{case.id}",
        kind=case.kind.value,
        what=short(prompt, 120),
        why=" ".join(_why(case, words)),
        due=due,
        late=left <= 0 and case.state is CaseState.OPEN and case.kind is CaseKind.HOLD,
        state=case.state.value,
    )


def _why(case: Case, words: Translations) -> Iterator[str]:
    if case.kind is CaseKind.REPORT:
        yield words("review.reported")
    elif case.kind is CaseKind.APPEAL:
        yield words("review.appealed")
    if case.category:
        yield category_name(case.category, words)
    elif case.reason and case.kind is CaseKind.HOLD:
        yield words.reason(case.reason)
