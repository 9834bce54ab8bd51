"""The page on which cases are decided together that are the same."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import Principal
from safelight.cases.inputs import BulkRequest, Sameness
from safelight.cases.reviews.bulk import BulkResult
from safelight.core.errors import Conflict, NotFound, SafelightError
from safelight.videos.case_rows.models import ACTIONS

from .case_rules import list_rules, rule_in, suggestion_field
from .render import Form, PageHandler, find_refused, input_of
from .review_pages import describe_reporters, name_reason, stored_facts

#: Far above the version of any case; `int` refuses 4,301 digits with an error of its own.
_MAX_DIGITS = 9
_VERSION = "version_"


class BulkPages(PageHandler):
    """Handlers of the page. It shows texts only, so nothing counts as exposure."""

    refusals = (SafelightError,)

    async def decide(self, request: Request, principal: Principal) -> Response:
        case_id, form = request.path_params["case_id"], await self.read_form(request)
        t = self.translations(request)
        facts = await self.run(partial(stored_facts, self, principal, case_id, form, t, in_general=True))
        done = await self.run(self.services.bulk.decide, principal, case_id, _bulk_request(form, facts))
        return await self._render_done(request, principal, done, "decided", same=form.get("same", ""))

    async def show_done(self, request: Request, principal: Principal) -> Response:
        """What became of decisions that were made together; the script of the page asks."""
        done = await self.run(self.services.bulk.read, principal, request.path_params["bulk_id"])
        return await self._render_done(request, principal, done, "decided" if done.undo_s else "carried_out")

    async def undo(self, request: Request, principal: Principal) -> Response:
        form = await self.read_form(request)
        done = await self.run(self.services.bulk.undo, principal, request.path_params["bulk_id"])
        return await self._render_done(request, principal, done, "undone", same=form.get("same", ""))

    async def show_again(
        self, request: Request, principal: Principal, problem: SafelightError, form: Form
    ) -> Response:
        if isinstance(problem, NotFound):
            raise problem
        return await self.show(request, principal)

    async def show(self, request: Request, principal: Principal) -> Response:
        """The cases, with their number by category, and the form of the decision."""
        case_id, (problem, form) = request.path_params["case_id"], find_refused(request)
        media, policies = self.console.case_media, self.console.policies
        case_file = await self.run(self.services.reviews.get, principal, case_id)
        case = case_file.case
        # Without a choice, what the case can have in common with others.
        likely = Sameness.REPORTER if len(case_file.reporters) == 1 else Sameness.PERSON
        same = form.get("same") or request.query_params.get("same", likely)
        found = None
        try:
            found = await self.run(self.services.bulk.preview, principal, case_id, same)
        except Conflict as nothing:
            problem = problem or nothing
        cases = found.cases if found else ()
        policy = await self.run(policies.in_force, principal.tenant) if policies else None
        is_work = case.holder(self.console.clock()) in (None, principal.id)
        record = await self.run(
            partial(self.services.videos.record, principal, case.video_id, in_case=is_work)
        )
        rules, first = list_rules(
            policy,
            record,
            case_file,
            self.services.taxonomy,
            self.translations(request),
            in_general=True,
        )
        return await self.render_page(
            request,
            "case_same.html",
            principal,
            problem=problem,
            form=form,
            case=case,
            case_id=case_id,
            same=same,
            samenesses=list(Sameness),
            found=found,
            prompts=await self.run(media.list_prompts, principal, cases) if media else {},
            reporters=await self.run(self.services.reviews.reporters_of, principal, cases),
            describe_reporters=describe_reporters,
            name_reason=name_reason,
            # After an error, what the reviewer had chosen.
            chosen={one.id for one in cases if not form or f"{_VERSION}{one.id}" in form},
            rules=rules,
            clauses=rules[:first],
            suggestion=suggestion_field(case_file),
            has_ground=False,
            missing=None,
            replies=await self.run(self.services.saved_replies.list, principal),
            actions=[action.value for action in ACTIONS[case.kind]],
            version=_VERSION,
            done=None,
        )

    async def _render_done(
        self, request: Request, principal: Principal, done: BulkResult, state: str, *, same: str = ""
    ) -> Response:
        render = partial(self.render_page, request, "case_same.html", principal)
        case_id, *_ = (*done.cases, *(one.case_id for one in done.left_out))
        return await render(done=done, state=state, same=same, case_id=case_id)


def _bulk_request(form: Form, facts: str | None) -> BulkRequest:
    versions = {
        name.removeprefix(_VERSION): int(value)
        for name, value in form.items()
        if name.startswith(_VERSION) and value.isdecimal() and len(value) <= _MAX_DIGITS
    }
    reply = form.get("reply", "").strip().lower() or None
    return input_of(BulkRequest, form, versions=versions, clause=rule_in(form), facts=facts, reply=reply)
