"""The page of one video, and the form to report it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.accounts.statements import StatementQuery
from safelight.cases.appeals import Appeal
from safelight.cases.reports import NewReport, ReportReason
from safelight.core.errors import InvalidField, NotFound, RefusalBudgetUsed
from safelight.core.i18n import load_messages
from safelight.providers.attempts.answers import answer_gate
from safelight.providers.attempts.attempt_log import AttemptLog
from safelight.providers.attempts.drift import Drift
from safelight.providers.attempts.gate import Gate, GateAnswer
from safelight.providers.protocol import Billing
from safelight.screening.coverage_count import installed_checks
from safelight.videos.models import Video, VideoFilter, VideoRecord, VideoState
from safelight.videos.retries import find_retry_refusal
from safelight.web.audit_entries import hide_staff, is_reviewer
from safelight.web.translations import format_datetime
from safelight.web.video_facts import valid_video_id

from .explanation_view import ExplanationLine
from .render import PageHandler
from .timeline import record_view
from .video_card import video_card
from .video_timeline import video_timeline
from .video_view import video_view

VIDEOS_PER_PAGE = 24

STATE_FILTERS: dict[str, frozenset[VideoState]] = {
    "all": frozenset(VideoState),
    "underway": frozenset(
        {VideoState.QUEUED, VideoState.GENERATING, VideoState.SCANNING, VideoState.SEALING}
    ),
    "held": frozenset({VideoState.HELD}),
    "delivered": frozenset({VideoState.DELIVERED}),
    "blocked": frozenset({VideoState.REJECTED, VideoState.BLOCKED, VideoState.WITHDRAWN}),
    "rejected": frozenset({VideoState.REJECTED}),
    "failed": frozenset({VideoState.FAILED}),
}
_REFUSED = (VideoState.REJECTED, VideoState.BLOCKED, VideoState.FAILED)
#: One retry of the same prompt, and one variation.
_MAX_RETRIES = 2
#: Reasons for a report, the most serious first.
REPORT_REASONS = (
    ReportReason.CHILD_SAFETY,
    ReportReason.INTIMATE,
    ReportReason.LIKENESS,
    ReportReason.SEXUAL,
    ReportReason.VIOLENCE,
    ReportReason.SELF_HARM,
    ReportReason.HATE,
    ReportReason.EXTREMISM,
    ReportReason.DECEPTION,
    ReportReason.PRIVACY,
    ReportReason.COPYRIGHT,
    ReportReason.OTHER,
)

# The grid of videos, with filters and pagination.


class VideoListPages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        """The videos, newest first. A script gets only the fragment with the cards.

        Query: `state` (one of `STATE_FILTERS`), `batch` (its name), `q` (part of the prompt), `view` (`grid`
        or `list`), `after` (the last id of the previous page).
        """
        state = request.query_params.get("state", "all")
        state = state if state in STATE_FILTERS else "all"
        search = request.query_params.get("q", "")[:200].strip()
        batch = request.query_params.get("batch", "")[:512]
        after_param = request.query_params.get("after")
        after = valid_video_id(after_param) if after_param else None
        wanted = VideoFilter(states=STATE_FILTERS[state], words=search, batch=batch)
        page = await self.run(
            self.services.videos.find, principal, wanted, after=after, limit=VIDEOS_PER_PAGE
        )
        t, now = self.translations(request), self.console.clock()
        cards = [video_card(video, now, t) for video in page.items]
        if self.wants_fragment(request):
            return await self.render_page(request, "video_grid.html", principal, cards=cards)
        view = "list" if request.query_params.get("view") == "list" else "grid"
        query = {"state": state, "batch": batch, "q": search, "view": view}
        names = await self.run(self.services.videos.batches, principal)
        return await self.render_page(
            request,
            "videos.html",
            principal,
            cards=cards,
            view=view,
            views=[(name, f"/videos?{urlencode({**query, 'view': name})}") for name in ("grid", "list")],
            source=f"/videos?{request.url.query}",
            state=state,
            search=search,
            filters=tuple(STATE_FILTERS),
            batch=batch,
            batches=names if batch in ("", *names) else (batch, *names),
            first=after is None,
            start=f"/videos?{urlencode(query)}",
            more=f"/videos?{urlencode({**query, 'after': page.items[-1].id})}" if page.has_more else None,
        )


# Who refused a video, as rows of its explanation: the same answer as that of `safelight attempts show`.


@dataclass(frozen=True, kw_only=True)
class VideoGate:
    answer: GateAnswer
    #: The last attempt at the generator; empty if nothing was sent.
    attempt_id: str = ""
    #: Whether that attempt was on own hardware, where a test costs nothing.
    own_hardware: bool = False


def find_video_gate(
    log: AttemptLog, tenant: str, record: VideoRecord, *, find_drifts: Callable[[str], Sequence[Drift]]
) -> VideoGate | None:
    """Who refused the video; None if it was not refused and no provider failed, or if it is vaulted."""
    video = record.video
    if video.state not in _REFUSED or video.vaulted:
        return None
    if video.state is VideoState.REJECTED:
        return VideoGate(answer=GateAnswer(gate=Gate.OWN_POLICY))
    if video.error_code == RefusalBudgetUsed.code:
        # The operator's limit ended it; an earlier attempt is not the reason.
        return None
    last = record.attempts[-1] if record.attempts else None
    if last is None or (video.state is VideoState.FAILED and last.billing is Billing.OWN):
        return None
    try:
        attempt = log.get(tenant, last.id)
    except NotFound:
        return None
    answer = answer_gate(log, tenant, attempt, find_drifts=find_drifts)
    own = last.billing is Billing.OWN
    return None if answer is None else VideoGate(answer=answer, attempt_id=attempt.id, own_hardware=own)


def gate_lines(found: VideoGate | None, tag: str) -> tuple[ExplanationLine, ...]:
    """The party, the evidence of other attempts, how to tell, and a link to the attempt."""
    if found is None:
        return ()
    a = load_messages("attempts", tag)
    said = found.answer.as_json(a)
    lines = [ExplanationLine(label=a("page.who"), sentences=(said["text"],))]
    if said["evidence"]:
        texts = tuple(one["text"] for one in said["evidence"])
        lines.append(ExplanationLine(label=a("field.evidence"), sentences=texts))
    if found.answer.gate is not Gate.OWN_POLICY:
        # The explanation of our policy names the rule already, as far as it may be named.
        free = found.own_hardware and found.answer.gate is Gate.PROVIDER_FILTER
        test = a("page.own_test") if free else said["test"]
        lines.append(ExplanationLine(label=a("field.test"), sentences=(test,)))
    if found.attempt_id:
        link = f"/attempts/{found.attempt_id}"
        line = ExplanationLine(
            label=a("page.attempt"), sentences=(a("page.open_attempt"),), href=link, id=found.attempt_id
        )
        lines.append(line)
    return tuple(lines)


# The videos that retries link, and why a requested retry was not made, as rows of the page of a video.


def find_chain(video: Video, get: Callable[[str], Video]) -> tuple[Video, ...]:
    """The original, its retry and its variation, in order, without deleted ones; empty without a retry."""
    if video.vaulted:
        return ()
    found = [video]
    for _ in range(_MAX_RETRIES):
        if (earlier := _find(found[0].retry_of, get)) is not None:
            found.insert(0, earlier)
        later = str((found[-1].explanation or {}).get("retried_as") or "")
        if (following := _find(later, get)) is not None:
            found.append(following)
    return tuple(found) if len(found) > 1 else ()


def _find(video_id: str, get: Callable[[str], Video]) -> Video | None:
    try:
        return get(video_id) if video_id else None
    except NotFound:
        return None


def retry_lines(video: Video, chain: tuple[Video, ...], tag: str) -> tuple[ExplanationLine, ...]:
    """One row for each linked video, and the reason if a requested retry was not made."""
    t, lines = load_messages("retries", tag), []
    for one in chain:
        kind = "original" if not one.retry_of else "retry" if one.prompt == chain[0].prompt else "variation"
        is_this = one.id == video.id
        lines.append(
            ExplanationLine(
                label=t(kind),
                sentences=(t("this" if is_this else "open"),),
                href=None if is_this else f"/videos/{one.id}",
                id=one.id,
            )
        )
    if (refused := find_retry_refusal(video)) is not None:
        lines.append(ExplanationLine(label=t("not_retried"), sentences=(t(f"refused.{refused.value}"),)))
    return tuple(lines)


class VideoPages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        """Progress, verdict, seal and record of a video. A script gets only the fragment that changes."""
        principal.require(KeyScope.VIDEOS_READ)
        video_id = valid_video_id(request.path_params["video_id"])
        record = await self.run(self._record, principal, video_id)
        t, taxonomy = self.translations(request), self.services.taxonomy
        installed = installed_checks(await self.run(self.services.videos.coverage))
        now = self.console.clock()
        view = video_view(record.video, record, t, taxonomy, now=now, installed=installed)
        log, drift = self.services.attempts, self.services.drift
        gate = await self.run(find_video_gate, log, principal.tenant, record, find_drifts=drift.drifts)
        chain = await self.run(self._find_retries, principal, record.video)
        more = (*gate_lines(gate, t.tag), *retry_lines(record.video, chain, t.tag))
        view = replace(view, lines=(*view.lines, *more))
        if self.wants_fragment(request):
            return await self.render_page(request, "fragment.html", principal, video=view, problem=None)
        appeal = await self.run(self._find_appeal, principal, video_id)
        # Who decides as the second person must not know who was the first.
        shows_staff = is_reviewer(principal) and not await self.run(
            self.services.reviews.is_undecided, principal, video_id
        )
        shown = record if shows_staff else hide_staff(record, principal)
        return await self.render_page(
            request,
            "video.html",
            principal,
            appeal=appeal,
            has_statements=await self.run(self._has_statements, principal, video_id),
            appeal_due=format_datetime(appeal.due_at, t) if appeal else "",
            video=view,
            record=record_view(shown, taxonomy, t, keys=await self._key_names(principal)),
            timeline=video_timeline(record, taxonomy, t, now=now),
            reinstated_as=record.video.reinstated_as,
            released_by=_released_by(record.video),
            may_scan_again=principal.has_scope(KeyScope.VIDEOS_WRITE)
            and record.video.state is VideoState.FAILED
            and record.video.clip_kept_until is not None,
            reinstated_from=record.video.reinstated_from,
            problem=None,
        )

    def _record(self, principal: Principal, video_id: str) -> VideoRecord:
        """The record; its explanation offers an appeal only to those who may send it."""
        record = self.services.videos.record(principal, video_id)
        explanation = record.video.explanation or {}
        if not explanation.get("appeal") or self.services.appeals.may_appeal(principal, video_id):
            return record
        return replace(record, video=replace(record.video, explanation={**explanation, "appeal": None}))

    async def _key_names(self, principal: Principal) -> dict[str, str]:
        """The names of the API keys by id, for a reader who sees them in the settings too."""
        if not principal.has_scope(KeyScope.ADMIN):
            return {}
        keys = await self.run(self.services.accounts.list_keys, principal.tenant)
        return {key.id: key.name for key in keys}

    def _find_retries(self, principal: Principal, video: Video) -> tuple[Video, ...]:
        return find_chain(video, partial(self.services.videos.get, principal))

    def _find_appeal(self, principal: Principal, video_id: str) -> Appeal | None:
        try:
            return self.services.appeals.get(principal, video_id)
        except NotFound:
            return None

    def _has_statements(self, principal: Principal, video_id: str) -> bool:
        wanted = StatementQuery(video_id=video_id, limit=1)
        return bool(self.services.statements.find(principal, wanted).items)

    async def scan_again(self, request: Request, principal: Principal) -> Response:
        """Scan the kept clip of a failed video again, and show the new video."""
        video_id = valid_video_id(request.path_params["video_id"])
        await self.read_form(request)
        video = await self.run(self.services.videos.scan_again, principal, video_id)
        return self.redirect(f"/videos/{video.id}")

    async def report_form(self, request: Request, principal: Principal) -> Response:
        video_id = valid_video_id(request.path_params["video_id"])
        await self.run(self.services.videos.get, principal, video_id)
        return await self._render_report_form(request, principal, video_id, {}, None)

    async def report(self, request: Request, principal: Principal) -> Response:
        """Store the report and show when its decision is due."""
        video_id = valid_video_id(request.path_params["video_id"])
        form = await self.read_form(request)
        try:
            receipt = await self.run(
                self.services.reports.add,
                principal,
                NewReport(
                    video_id=video_id,
                    reason=form.get("reason") or None,
                    note=form.get("note", ""),
                    contact=form.get("contact") or None,
                    language=self.translations(request).tag,
                ),
            )
        except InvalidField as problem:
            return await self._render_report_form(request, principal, video_id, form, problem)
        assert receipt.report is not None  # The report names a video.
        return await self.render_page(
            request,
            "report_received.html",
            principal,
            video_id=video_id,
            report_id=receipt.report.id,
            due=receipt.due_at,
            already_reported=receipt.already_reported,
            contact=receipt.is_mailed,
        )

    async def _render_report_form(
        self,
        request: Request,
        principal: Principal,
        video_id: str,
        form: dict[str, str],
        problem: InvalidField | None,
    ) -> Response:
        status = problem.status if problem else 200
        return await self.render_page(
            request,
            "report.html",
            principal,
            status,
            video_id=video_id,
            reasons=[reason.value for reason in REPORT_REASONS],
            form=form,
            problem=problem,
        )


def _released_by(video: Video) -> str:
    """The key of the sentence about why a new video took the place of this one."""
    if video.state is VideoState.FAILED:
        return "video.scanned_as"
    is_expired = (video.explanation or {}).get("reason") == "review_expired"
    return "video.approved_as" if is_expired else "appeal.reinstated_as"
