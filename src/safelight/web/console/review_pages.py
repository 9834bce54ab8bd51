"""The review queue, the page of one case, and decisions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal, Role
from safelight.accounts.models import DECIDING_ROLES
from safelight.accounts.statements import describe
from safelight.cases.inputs import CaseFilter, DecisionRequest, Holder
from safelight.cases.reports import ReportLane
from safelight.cases.reports.models import is_own_words
from safelight.cases.reviews.person_history import MAX_OF_KIND
from safelight.cases.reviews.senders import CaseReporters
from safelight.cases.reviews.service import EVERY_CASE, require_free
from safelight.cases.saved_replies import NOTIFIED
from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound, SafelightError, Withdrawn
from safelight.core.i18n import DEFAULT, load_messages
from safelight.policy.decisions import is_gap_reason
from safelight.policy.explanations import ExplanationLevel
from safelight.policy.findings import Category
from safelight.screening.text_screening import ScreeningState
from safelight.videos.case_rows import Case, CaseFile, CaseKind, CaseState, Decision
from safelight.videos.case_rows.models import ACTIONS, HEARTBEAT_S, SEVERE, UNDO_S, SenderRecord, ViewSwitch
from safelight.videos.models import FIRST_OUTPUT, StageRecord, VideoRecord
from safelight.videos.transcripts import SpokenLine, Transcript
from safelight.web.auth import AppState
from safelight.web.explained_video import blocking_verdict, explain_video
from safelight.web.translations import (
    Translations,
    format_datetime,
    format_decimal,
    format_duration,
    load_languages,
    translate_category,
)

from .case_media import CaseFiles, MediaFile, Shot
from .case_moments import list_moments, output_scan
from .case_rules import (
    RuleRow,
    facts_in,
    is_of_reporter,
    list_rules,
    reason_in,
    rule_in,
    suggestion_field,
)
from .consent_pages import terms_rows
from .explanation_view import explanation_lines, prompt_spans
from .prompt_highlights import TextSegment, split_highlights
from .render import Form, PageHandler, Pages
from .review_queue_pages import ReviewQueuePages
from .services import ConsoleServices
from .sound_excerpt import MAX_PART_S, SoundPart, list_parts, part_around
from .timeline import name_span, record_view
from .video_timeline import scan_seconds, video_timeline

_T = TypeVar("_T")
CASES_PER_PAGE = 30
#: Explanation details that reviewers see. Cost and next steps are left out: they concern the person who
#: requested the video.
_REVIEWER_DETAILS = ("categories", "rule", "evidence", "not_checked", "gap_notes")
#: Far above the version of any case; `int` refuses 4,301 digits with an error of its own.
_MAX_DIGITS = 9

# Pictures, sound and transcript of a case, as the review page offers them.


@dataclass(frozen=True, kw_only=True)
class MomentRow:
    """A flagged moment in words, and the number of its frame."""

    frame: int
    name: str
    times: str
    score: str
    #: Form value of the sound around it.
    sound: str


@dataclass(frozen=True, kw_only=True)
class CaseMediaView:
    #: Number and name of each file.
    files: tuple[tuple[int, str], ...]
    #: Where something was found, most important first.
    moments: tuple[MomentRow, ...]
    #: What can be shown of the clip, least first; empty without a clip.
    shots: tuple[Shot, ...]
    #: The frame that is shown first.
    frame: int
    #: How many files the reviewer may not see; empty if none.
    files_note: str
    #: Form value and name of each part of the sound.
    sound: tuple[tuple[str, str], ...]
    #: Why the page offers no sound of the video, or none of its words.
    sound_note: str
    transcript: tuple[tuple[str, tuple[TextSegment, ...]], ...]
    transcript_note: str


@dataclass(frozen=True, kw_only=True)
class CaseMediaContent:
    """What is stored of a case, as far as the reviewer may see it."""

    files: CaseFiles = field(default_factory=CaseFiles)
    transcript: Transcript | None = None
    #: Only the vault officer may see the transcript.
    is_restricted: bool = False
    #: The reviewer sees no evidence, and neither transcript nor note about it.
    is_blind: bool = False


def case_media_view(
    content: CaseMediaContent, case: Case, record: VideoRecord, t: Translations
) -> CaseMediaView:
    scan = output_scan(record)
    moments = list_moments(case, record)
    has_clip = any(file.number == 0 and file.is_clip for file in content.files.shown)
    # Which videos have a transcript depends on their verdict, which a blind reviewer must not know.
    transcript = None if content.is_blind else content.transcript
    lines = () if transcript is None else transcript.lines
    return CaseMediaView(
        files=tuple((file.number, _name(file, content, t)) for file in content.files.shown),
        moments=tuple(
            MomentRow(
                frame=one.frame,
                name=translate_category(one.category, t),
                times=name_span(one.start_s, one.end_s, t),
                score=f"{one.score:.2f}",
                sound=f"0 {part_around(one.start_s, one.end_s, scan_seconds(scan)).value}",
            )
            for one in moments
        )
        if has_clip and scan
        else (),
        shots=tuple(Shot) if has_clip else (),
        frame=moments[0].frame if moments else 0,
        files_note=t("review.files_withheld", n=content.files.withheld) if content.files.withheld else "",
        sound=tuple(part for file in content.files.shown for part in _parts(file, scan, content, t)),
        sound_note="" if scan is None or _has_sound(scan) else t("record.no_sound"),
        transcript=tuple(_line(line, t) for line in lines),
        transcript_note="" if content.is_blind else _transcript_note(content, scan, t),
    )


def _name(file: MediaFile, content: CaseMediaContent, t: Translations) -> str:
    if file.number:
        return t("review.reference", n=file.number)
    # A blind reviewer must not know that the generation was stopped.
    return t("review.video" if file.is_clip or content.is_blind else "review.stopped_preview")


def _parts(
    file: MediaFile, scan: StageRecord | None, content: CaseMediaContent, t: Translations
) -> list[tuple[str, str]]:
    """The parts of the sound of one file. Without a scan of it, its length is not known here."""
    if not file.is_clip or (file.number == 0 and scan is not None and not _has_sound(scan)):
        return []
    parts: Sequence[SoundPart] = (SoundPart(start_s=0.0, end_s=MAX_PART_S),)
    if file.number == 0 and scan is not None:
        parts = list_parts(() if content.is_blind else scan.findings, scan_seconds(scan))
    return [
        (
            f"{file.number} {part.value}",
            t(
                "review.sound_part",
                name=translate_category(part.category, t) if part.category else _name(file, content, t),
                times=_times(part.start_s, part.end_s, t),
            ),
        )
        for part in parts
    ]


def _line(line: SpokenLine, t: Translations) -> tuple[str, tuple[TextSegment, ...]]:
    return _times(line.start_s, line.end_s, t), split_highlights(line.text, line.marks)


def _times(start_s: float, end_s: float, t: Translations) -> str:
    return t("record.at", start=format_decimal(start_s), end=format_decimal(end_s))


def _transcript_note(content: CaseMediaContent, scan: StageRecord | None, t: Translations) -> str:
    if content.is_restricted:
        return t("review.transcript_restricted")
    if content.transcript is not None and content.transcript.is_cut:
        return t("review.transcript_cut")
    if scan is None or not _has_sound(scan) or (content.transcript and content.transcript.lines):
        return ""
    sound = scan.details["sound"]
    if sound.get("speech") == []:
        return t("record.no_speech")
    if not sound.get("transcribed"):
        return t("review.not_transcribed")
    return t("review.transcript_not_stored" if content.transcript is None else "review.transcript_empty")


def _has_sound(scan: StageRecord) -> bool:
    return bool(scan.details["facts"].get("audio_codec")) and scan.details.get("sound") is not None


# The last decision on a case, as the pages show it: pending with Undo, carried out, or not carried out.


@dataclass(frozen=True, kw_only=True)
class LastDecision:
    #: `pending`, `carried_out` or `conflict`.
    state: str
    text: str
    #: Seconds until the decision is carried out; None if this reviewer cannot undo it.
    undo_s: int | None = None
    #: Why it was not carried out, in English.
    conflict: str | None = None
    #: The own name, or the role of the person who decided.
    by: str
    decision: Decision


def last_decision(
    case_file: CaseFile, principal: Principal, now: float, t: Translations
) -> LastDecision | None:
    """The last decision on a case. None if there is none, or if it was undone."""
    case, pending = case_file.case, case_file.pending
    made = case_file.decision or (pending.decision if pending is not None else None)
    if made is None:
        return None
    action, is_own = t(f"review.action.{made.action.value}"), made.decided_by == principal.id
    role = load_messages("people", t.tag)(f"role.{made.role or Role.REVIEWER}")
    told = t.translate_reason(made.facts) if made.facts else None
    # Only its writer reads a reason; where none was written, the facts are stored as the reason.
    written = made.reason if is_own and made.reason not in (made.facts, told) else ""
    made = replace(made, reason=written, facts=told)
    show = partial(LastDecision, decision=made, by=principal.name if is_own else role)
    if pending is None:
        at = format_datetime(case.closed_at or made.at, t)
        return show(state="carried_out", text=t("review.carried_out", action=action, at=at))
    if pending.conflict is not None:
        text = t("review.not_carried_out", action=action)
        return show(state="conflict", text=text, conflict=pending.conflict)
    remaining_s = max(0, math.ceil(pending.due_at - now))
    return show(
        state="pending",
        text=t("review.decided", action=action),
        undo_s=remaining_s if is_own else None,
    )


def conflict_text(case_file: CaseFile, t: Translations) -> str | None:
    """Why a second decision or an undo was refused; None if another reason than an earlier decision."""
    pending, made = case_file.pending, case_file.decision
    if made is not None:
        at = format_datetime(case_file.case.closed_at or made.at, t)
        action = t(f"review.do.{made.action.value}")
        return t("review.already_carried_out", action=action, at=at)
    if pending is not None and pending.conflict is None:
        return t("review.already_decided", action=t(f"review.do.{pending.decision.action.value}"))
    return None


@dataclass(frozen=True, kw_only=True)
class CaseRow:
    """A case with the sentences that the pages show of it."""

    case: Case
    prompt: str
    reason: str
    due: str
    overdue: bool
    age: str


class ReviewPages(PageHandler):
    def __init__(self, state: AppState, pages: Pages, console: ConsoleServices) -> None:
        super().__init__(state, pages, console)
        self._queue = ReviewQueuePages(state, pages, console)

    async def list_cases(
        self, request: Request, principal: Principal, *, problem: SafelightError | None = None
    ) -> Response:
        """The queue; `state=closed` lists decided cases."""
        state = request.query_params.get("state", "open")
        after = request.query_params.get("after") or None
        state_filter = CaseState.OPEN if state == "open" else None
        t = self.translations(request)
        asked = _case_filter(request.query_params)
        page = await self.run(
            self.services.reviews.list,
            principal,
            asked,
            state=state_filter,
            after=after,
            limit=CASES_PER_PAGE,
            closed=state != "open",
        )
        cases = page.items
        address = {name: value for name, value in vars(asked).items() if value} | {"state": state}
        prompts = await self.run(self._prompts, principal, cases)
        reporters = await self.run(self.services.reviews.reporters_of, principal, cases)
        return await self.render_page(
            request,
            "review.html",
            principal,
            cases=[
                _case_row(
                    case,
                    prompts.get(case.video_id, ""),
                    t,
                    self.console.clock(),
                    reporters=reporters.get(case.id),
                )
                for case in cases
            ],
            state=state if state == "open" else "closed",
            pages=await self.run(self.services.reviews.list_pages, principal),
            name_reason=name_reason,
            text_warning=_text_warning,
            problem=problem,
            undecidable=await self._undecidable(principal, t),
            declined=(await self.run(self.services.review_queue.preferences, principal)).declined_categories,
            nothing_next="next" in request.query_params,
            last=await self._decided_before(request, principal, t),
            example=f"/?{urlencode({'prompt': t('review.example_prompt')})}"
            if principal.has_scope(KeyScope.VIDEOS_WRITE)
            else "",
            more=f"/review?{urlencode(address | {'after': page.items[-1].id})}" if page.has_more else None,
            asked=asked,
            is_filtered=asked != EVERY_CASE,
            counts=await self.run(self.services.reviews.count_by_kind, principal),
            now=self.console.clock(),
            kinds=list(CaseKind),
            categories=[spec.name for spec in self.services.taxonomy],
            lanes=list(ReportLane),
            holders=list(Holder),
        )

    async def show_case(self, request: Request, principal: Principal) -> Response:
        return await self._render_case(request, principal, request.path_params["case_id"])

    async def show_person(self, request: Request, principal: Principal) -> Response:
        """What is on record about the person who requested the video of a case."""
        case_id = request.path_params["case_id"]
        history = await self.run(self.services.reviews.person, principal, case_id)
        return await self.render_page(
            request,
            "case_person.html",
            principal,
            history=history,
            case_id=case_id,
            max_of_kind=MAX_OF_KIND,
            name_reason=name_reason,
        )

    async def decide(self, request: Request, principal: Principal) -> Response:
        """Decide a case with a reason, then open the next case in the queue. The decision can be undone."""
        case_id = request.path_params["case_id"]
        form = await self.read_form(request)
        clause = rule_in(form)
        t = self.translations(request)
        facts = await self.run(stored_facts, self, principal, case_id, form, t)
        reason = reason_in(form, t)
        if not reason:
            return await self._render_case(
                request, principal, case_id, form=form, missing="review.reason_missing"
            )
        try:
            await self.run(
                self.services.reviews.decide_with_undo,
                principal,
                case_id,
                DecisionRequest(
                    action=form.get("action", ""),
                    reason=reason,
                    clause=clause,
                    facts=facts,
                    reply=form.get("reply", "").strip().lower() or None,
                    version=_number_in(form.get("version", ""), None),
                ),
            )
        except (InvalidField, Conflict, Forbidden) as problem:
            ground = {"clause": clause, "facts": facts}
            if problem.param in ground:
                missing = f"review.{problem.param}_{'refused' if ground[problem.param] else 'missing'}"
                return await self._render_case(request, principal, case_id, form=form, missing=missing)
            if problem.param == "reply":
                is_notified = form.get("action", "") in NOTIFIED
                missing = "replies.unknown" if is_notified else "replies.untold"
                return await self._render_case(request, principal, case_id, form=form, missing=missing)
            return await self._render_case(request, principal, case_id, problem=problem, form=form)
        return await self._queue.open_next(principal, decided=case_id)

    async def skip(self, request: Request, principal: Principal) -> Response:
        return await self._give_back(request, principal, self.services.review_queue.skip)

    async def escalate(self, request: Request, principal: Principal) -> Response:
        return await self._give_back(request, principal, self.services.review_queue.escalate)

    async def _give_back(
        self, request: Request, principal: Principal, action: Callable[..., object]
    ) -> Response:
        """Skip or escalate a case with a written reason, then open the next case in the queue."""
        case_id, form = request.path_params["case_id"], await self.read_form(request)
        reason = form.get("reason", "").strip()
        if not reason:
            missing = "review.written_reason_missing"
            return await self._render_case(request, principal, case_id, form=form, missing=missing)
        try:
            await self.run(action, principal, case_id, reason=reason)
        except (InvalidField, Conflict, Forbidden) as problem:
            return await self._render_case(request, principal, case_id, problem=problem, form=form)
        return await self._queue.open_next(principal)

    async def override(self, request: Request, principal: Principal) -> Response:
        """Show a case past the exposure budget of this reviewer, with a written reason."""
        case_id, form = request.path_params["case_id"], await self.read_form(request)
        queue = self.services.review_queue
        try:
            await self.run(queue.override_budget, principal, case_id, reason=form.get("why_seen", ""))
        except InvalidField as problem:
            return await self._render_case(request, principal, case_id, problem=problem, form=form)
        return self.redirect(f"/review/{case_id}#pictures")

    async def undo(self, request: Request, principal: Principal) -> Response:
        """Undo a decision that is not carried out yet, and open its case again."""
        case_id = request.path_params["case_id"]
        try:
            await self.run(self.services.reviews.undo, principal, case_id)
        except (Conflict, Forbidden) as problem:
            return await self._render_case(request, principal, case_id, problem=problem)
        return self.redirect(f"/review/{case_id}?undone=1")

    async def place(self, request: Request, principal: Principal) -> Response:
        """Name the video on the page of a report, or say that it shows none."""
        form, report_id = await self.read_form(request), request.path_params["report_id"]
        video_id = None if form.get("action") == "none" else form.get("video_id", "").strip()
        try:
            await self.run(self.services.reports.place, principal, report_id, video_id)
        except (NotFound, Conflict, Withdrawn) as problem:
            return await self.list_cases(request, principal, problem=problem)
        return self.redirect("/review")

    async def _undecidable(self, principal: Principal, t: Translations) -> list[str]:
        """A sentence for each kind of open holds that no enrolled person may decide."""
        waiting = await self.run(self.services.reviews.count_undecidable, principal)
        return [
            t(
                "review.nobody_decides",
                n=number,
                role=DECIDING_ROLES[scope].value,
                command=f"safelight people add NAME EMAIL --role {DECIDING_ROLES[scope].value}",
            )
            for scope, number in waiting.items()
        ]

    def _prompts(self, principal: Principal, cases: Sequence[Case]) -> Mapping[str, str]:
        media = self.console.case_media
        return media.list_prompts(principal, cases) if media else {}

    async def _render_case(
        self,
        request: Request,
        principal: Principal,
        case_id: str,
        *,
        problem: SafelightError | None = None,
        form: dict[str, str] | None = None,
        missing: str | None = None,
    ) -> Response:
        """The page of a case. `missing`: the key of the sentence that names what the form lacks."""
        t = self.translations(request)
        case_file = await self.run(self.services.reviews.get, principal, case_id)
        video_id = case_file.case.video_id
        is_work = case_file.case.holder(self.console.clock()) in (None, principal.id)
        record = await self.run(partial(self.services.videos.record, principal, video_id, in_case=is_work))
        related = await self.run(self.services.reviews.related, principal, case_id)
        queue = await self.run(self.services.reviews.list, principal, state=CaseState.OPEN, limit=12)
        policies = self.console.policies
        log = self.console.exposure
        exposure = await self.run(log.read, principal, case_id) if log else None
        media = await self.run(self._media, principal, case_file)
        policy = await self.run(policies.in_force, principal.tenant) if policies else None
        prompts = await self.run(self._prompts, principal, queue.items)
        rules, likely = list_rules(policy, record, case_file, self.services.taxonomy, t)
        shown = case_media_view(media, case_file.case, record, t)
        # A quality review does not show the severity either.
        is_severe = case_file.case.is_blind or case_file.case.severity >= SEVERE
        preferences = await self.run(self.services.review_queue.preferences, principal)
        switched_off = () if is_severe else preferences.switched_off
        return await self.render_page(
            request,
            "case.html",
            principal,
            problem.status if problem else 400 if missing else 200,
            queue=[
                _case_row(case, prompts.get(case.video_id, ""), t, self.console.clock())
                for case in queue.items
            ],
            **self._case_values(case_file, record, t),
            consents=await self.run(lambda: [*self._consents(principal, case_file.case, record, t)]),
            related={"history": related.history, "similar": related.similar},
            clauses=rules[:likely],
            rules=rules,
            suggestion=suggestion_field(case_file),
            effect="appeal_of_report" if is_of_reporter(case_file) else case_file.case.kind.value,
            has_ground=_has_ground(case_file.case, record),
            actions=[action.value for action in ACTIONS[case_file.case.kind]],
            may=principal.has_scope(KeyScope.VAULT if case_file.case.quarantined else KeyScope.REVIEW),
            problem=problem,
            problem_text=conflict_text(case_file, t) if isinstance(problem, Conflict) else None,
            own=last_decision(case_file, principal, self.console.clock(), t),
            may_escalate=not case_file.case.is_blind
            and case_file.case.rank_above(principal.review_rank) is not None,
            undo_seconds=round(UNDO_S),
            undone=problem is None and "undone" in request.query_params,
            missing=missing,
            form=_with_facts(form or {}, rules, missing),
            can_reveal=self.console.case_media is not None and case_file.case.state is CaseState.OPEN,
            media=shown,
            # No person is notified of the answer in a quality review.
            replies=()
            if case_file.case.is_blind
            else await self.run(self.services.saved_replies.list, principal),
            frame=_number_in(request.query_params.get("frame", ""), shown.frame),
            switches={switch.value: switch not in switched_off for switch in ViewSwitch},
            is_severe=is_severe,
            # Light that flickers is shown as single frames.
            is_still=case_file.case.is_blind
            or any(
                one.category == Category.PHOTOSENSITIVE for stage in record.stages for one in stage.findings
            ),
            exposure=exposure,
            heartbeat_ms=round(HEARTBEAT_S * 1000),
            lost=_not_free(case_file.case, principal, self.console.clock(), t),
            last=await self._decided_before(request, principal, t),
        )

    def _consents(
        self, principal: Principal, case: Case, record: VideoRecord, t: Translations
    ) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """The terms of each consent of a person in the request, which did not cover it."""
        verdict, offered = blocking_verdict(record), self.services.consents
        if verdict is None or offered is None or case.is_blind:
            return
        for consent in verdict.consents:
            # The operator can record a consent without terms.
            with suppress(NotFound, Forbidden):
                found = offered.requests.get(principal, consent)
                yield found.subject, terms_rows(found, t)

    def _media(self, principal: Principal, case_file: CaseFile) -> CaseMediaContent:
        media = self.console.case_media
        content = CaseMediaContent(
            files=media.list_files(principal, case_file) if media else CaseFiles(),
            is_blind=case_file.case.is_blind,
        )
        try:
            return replace(content, transcript=self.services.transcript_of(principal, case_file))
        except Forbidden:
            return replace(content, is_restricted=True)

    async def _decided_before(
        self, request: Request, principal: Principal, t: Translations
    ) -> LastDecision | None:
        """The decision that the reviewer made just before, from the address of the page."""
        case_id = request.query_params.get("decided", "")
        try:
            case_file = await self.run(self.services.reviews.get, principal, case_id)
        except NotFound:
            return None
        return last_decision(case_file, principal, self.console.clock(), t)

    def _case_values(self, case_file: CaseFile, record: VideoRecord, t: Translations) -> dict[str, Any]:
        taxonomy, case = self.services.taxonomy, case_file.case
        explanation = explain_video(record.video, record, taxonomy, t, ExplanationLevel.REVIEWER)
        details = {
            name: explanation.details[name] for name in _REVIEWER_DETAILS if name in explanation.details
        }
        row = _case_row(case, record.video.prompt, t, self.console.clock())
        lines = [line for line in explanation_lines(details, record.video.prompt, t) if not line.href]
        reasons: tuple[str, ...] = () if lines or case_file.notes else (row.reason,)
        if case_file.appealed is not None:
            told = describe(case_file.appealed, level=ExplanationLevel.DEVELOPER, language=t.tag)
            reasons = (told.decision, told.reason)
        return {
            "file": case_file,
            "case": case,
            "row": row,
            "video": record.video,
            "prompt": split_highlights(record.video.prompt, () if case.is_blind else prompt_spans(details)),
            "lines": lines,
            "reasons": reasons,
            "record": record_view(record, taxonomy, t),
            "timeline": video_timeline(record, taxonomy, t, now=None),
            "notes": [_note_row(note, case_file.reporters, t) for note in case_file.notes],
        }


def _case_filter(query: Mapping[str, str]) -> CaseFilter:
    """The filter in the address of the list."""
    texts = {
        one.name: query.get(one.name, "").strip() or None for one in fields(CaseFilter) if one.name != "late"
    }
    return CaseFilter(**texts, late="late" in query)


def _not_free(case: Case, principal: Principal, now: float, t: Translations) -> str:
    """Why the reviewer does not get the open case, as the script of the page shows it."""
    try:
        require_free(case, principal, now=now)
    except Conflict as problem:
        return t.translate_error(str(problem))
    return t("review.lease_lost")


def _number_in(value: str, otherwise: _T) -> int | _T:
    """The number in a form or an address, such as the version of a case; `otherwise` if it is none."""
    return int(value) if value.isdecimal() and len(value) <= _MAX_DIGITS else otherwise


def _with_facts(form: dict[str, str], rules: Sequence[RuleRow], missing: str | None) -> dict[str, str]:
    """The form as it was sent; if only the facts were missing, with the sentence of the chosen rule."""
    if missing != "review.facts_missing":
        return form
    chosen = rule_in(form)
    return {**form, "facts": next((rule.facts for rule in rules if rule.id == chosen), "")}


def stored_facts(
    pages: PageHandler,
    principal: Principal,
    case_id: str,
    form: Form,
    t: Translations,
    *,
    in_general: bool = False,
) -> str | None:
    """The facts of a decision as they are stored: the sentence of a rule in English, so that each reader gets
    it in their language.
    """
    facts, services, policies = facts_in(form), pages.services, pages.console.policies
    if facts is None or policies is None or t.tag == DEFAULT:
        return facts
    case_file = services.reviews.get(principal, case_id)
    record = services.videos.record(principal, case_file.case.video_id, in_case=True)
    policy = policies.in_force(principal.tenant)
    shown, stored = (
        list_rules(policy, record, case_file, services.taxonomy, one, in_general=in_general)[0]
        for one in (t, load_languages()[DEFAULT])
    )
    return next(
        (there.facts for here, there in zip(shown, stored, strict=True) if here.facts == facts), facts
    )


def _note_row(note: Any, reporters: Sequence[SenderRecord], t: Translations) -> dict[str, str]:
    """A text of a report or an appeal. One that is not clear has a warning and is shown behind a click, with
    the reason if that is in the sender's own words.
    """
    own_words = str(note["reason"]) if is_own_words(note["reason"], note["category"]) else ""
    text = str(note["note"])
    reason = own_words or name_reason(note["reason"] or note["category"] or "", t)
    warning = _text_warning(note["text_screening"], t) if text or own_words else ""
    if warning and own_words:
        reason = translate_category(note["category"], t) if note["category"] else t("report.reason.other")
        text = f"{own_words}\n{text}".strip()
    behalf = note.get("on_behalf_reason")
    return {
        "at": format_datetime(float(note["at"]), t),
        "reporter": next((_reporter(one, t) for one in reporters if one.reporter == note["reporter"]), ""),
        "reason": reason,
        "note": text,
        "warning": warning,
        "more": t("review.on_behalf", reason=behalf) if behalf else note["page"] or "",
    }


def _reporter(by: SenderRecord, t: Translations) -> str:
    return t("review.reporter", name=by.reporter, sent=by.notices, upheld=by.upheld, rejected=by.rejected)


def describe_reporters(given: CaseReporters, t: Translations, category: str) -> tuple[str, str]:
    """What the reports of a case are about besides its category, which may be empty, and who sent them."""
    by = given.reporter
    return (
        t("list.separator").join(name_reason(one, t) for one in given.reasons if one != category),
        _reporter(by, t) if by else t("review.reporters", n=given.number),
    )


def name_reason(stated: str, t: Translations) -> str:
    """A reason of the form, or a category, as a report states it."""
    key = f"report.reason.{stated}"
    return t(key) if t.has(key) else translate_category(stated, t)


def _text_warning(screening: Mapping[str, Any], t: Translations) -> str:
    if screening["state"] == ScreeningState.CLEAR:
        return ""
    if not screening["kinds"]:
        return t("review.text_not_checked")
    kinds = (translate_category(kind, t) for kind in screening["kinds"])
    return t("review.text_flagged", kinds=t("list.separator").join(kinds))


def _has_ground(case: Case, record: VideoRecord) -> bool:
    """Whether a decision against the person who requested the video may rest on the verdict of the case."""
    verdict = blocking_verdict(record)
    if case.kind is CaseKind.REPORT or case.rule == FIRST_OUTPUT or verdict is None:
        return False
    return not verdict.is_decided_by_gaps


def _case_row(
    case: Case,
    prompt: str,
    t: Translations,
    now: float,
    reporters: CaseReporters | None = None,
) -> CaseRow:
    reason = " ".join(_case_reasons(case, t))
    if reporters is not None:
        reason = " · ".join(filter(None, (reason, *describe_reporters(reporters, t, case.category))))
    remaining_s = case.due_at - now
    if case.state is not CaseState.OPEN:
        due = t(f"review.state.{case.state.value}")
    elif remaining_s > 0:
        due = t("review.due_in", remaining=format_duration(remaining_s, t))
    else:
        due = t("review.overdue", by=format_duration(-remaining_s, t))
    return CaseRow(
        case=case,
        prompt=prompt,
        reason=reason,
        due=due,
        age=t("review.age", age=format_duration(max(1.0, round(now - case.opened_at)), t)),
        overdue=remaining_s <= 0 and case.state is CaseState.OPEN and case.kind is CaseKind.HOLD,
    )


def _case_reasons(case: Case, t: Translations) -> Iterator[str]:
    if case.is_blind:
        return
    if case.kind is CaseKind.REPORT and case.category:
        yield t("review.reported")
    elif case.kind is CaseKind.APPEAL and case.category:
        yield t("review.appealed")
    if is_gap_reason(case.reason):
        # The category of a missing check is not a finding.
        yield t("review.incomplete")
    elif case.category:
        yield translate_category(case.category, t)
    elif case.reason and case.kind is CaseKind.HOLD:
        yield t.translate_reason(case.reason)
