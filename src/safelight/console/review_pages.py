"""The review queue, the page of one case, and decisions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import Conflict, Forbidden, InvalidField, NotFound, SafelightError
from safelight.jobs.models import FIRST_OUTPUT, StageRecord, VideoRecord
from safelight.jobs.transcripts import SpokenLine, Transcript
from safelight.moderation.text_screening import ScreeningState
from safelight.policy.compiled import categories_of
from safelight.policy.decisions import is_gap_reason
from safelight.policy.documents import Policy
from safelight.policy.explanations import ExplanationLevel
from safelight.policy.findings import Stage
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.accounts.models import DECIDING_ROLES
from safelight.trust.reports.models import CATEGORIES_OF_REASON
from safelight.trust.reviews import Case, CaseFile, CaseKind, CaseState, Decision, DecisionRequest
from safelight.trust.reviews.models import ACTIONS, HEARTBEAT_S, UNDO_S
from safelight.trust.reviews.related import EarlierDecision
from safelight.web.auth import AppState

from .case_media import CaseFiles, MediaFile
from .explanation_view import explanation_lines, prompt_spans
from .prompt_highlights import TextSegment, split_highlights
from .render import PageHandler, Pages
from .review_queue_pages import ReviewQueuePages
from .services import ConsoleServices
from .sound_excerpt import MAX_PART_S, SoundPart, list_parts
from .timeline import record_view
from .translations import (
    Translations,
    format_datetime,
    format_decimal,
    format_duration,
    translate_category,
    truncate,
)
from .verdict_text import blocking_verdict, explain_video
from .video_timeline import scan_seconds, video_timeline

# Pictures, sound and transcript of a case, as the review page offers them.


@dataclass(frozen=True, kw_only=True)
class CaseMediaView:
    #: Number and name of each file.
    files: tuple[tuple[int, str], ...]
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


def case_media_view(content: CaseMediaContent, record: VideoRecord, t: Translations) -> CaseMediaView:
    scan = next((one for one in reversed(record.stages) if one.stage is Stage.OUTPUT), None)
    if scan is not None and not scan.details.get("facts"):
        scan = None
    # Which videos have a transcript depends on their verdict, which a blind reviewer must not know.
    transcript = None if content.is_blind else content.transcript
    lines = () if transcript is None else transcript.lines
    return CaseMediaView(
        files=tuple((file.number, _name(file.number, t)) for file in content.files.shown),
        files_note=t("review.files_withheld", n=content.files.withheld) if content.files.withheld else "",
        sound=tuple(part for file in content.files.shown for part in _parts(file, scan, content, t)),
        sound_note="" if scan is None or _has_sound(scan) else t("record.no_sound"),
        transcript=tuple(_line(line, t) for line in lines),
        transcript_note="" if content.is_blind else _transcript_note(content, scan, t),
    )


def _name(number: int, t: Translations) -> str:
    return t("review.reference", n=number) if number else t("review.video")


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
            f"{file.number} {part.start_s:g} {part.end_s:g}",
            t(
                "review.sound_part",
                name=translate_category(part.category, t) if part.category else _name(file.number, t),
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
    case_id: str
    #: `pending`, `carried_out` or `conflict`.
    state: str
    text: str
    #: Seconds until the decision is carried out; None if this reviewer cannot undo it.
    undo_s: int | None = None
    #: Why it was not carried out, in English.
    conflict: str | None = None
    decision: Decision
    decided_at: str


def last_decision(
    case_file: CaseFile, principal: Principal, now: float, t: Translations
) -> LastDecision | None:
    """The last decision on a case. None if there is none, or if it was undone."""
    case, pending = case_file.case, case_file.pending
    made = case_file.decision or (pending.decision if pending is not None else None)
    if made is None:
        return None
    action = t(f"review.do.{made.action.value}")
    values: dict[str, Any] = {"case_id": case.id, "decision": made, "decided_at": format_datetime(made.at, t)}
    if pending is None:
        at = format_datetime(case.closed_at or made.at, t)
        return LastDecision(**values, state="carried_out", text=t("review.carried_out", action=action, at=at))
    if pending.conflict is not None:
        text = t("review.not_carried_out", action=action)
        return LastDecision(**values, state="conflict", text=text, conflict=pending.conflict)
    remaining_s = max(0, math.ceil(pending.due_at - now))
    return LastDecision(
        **values,
        state="pending",
        text=t("review.decided", action=action),
        undo_s=remaining_s if made.decided_by == principal.id else None,
    )


def conflict_text(case_file: CaseFile, t: Translations) -> str | None:
    """Why a second decision or an undo was refused; None if another reason than an earlier decision."""
    pending, made = case_file.pending, case_file.decision
    if made is not None:
        at = format_datetime(case_file.case.closed_at or made.at, t)
        action = t(f"review.do.{made.action.value}")
        return t("review.already_carried_out", action=action, by=made.decided_by, at=at)
    if pending is not None and pending.conflict is None:
        made = pending.decision
        action = t(f"review.do.{made.action.value}")
        return t("review.already_decided", action=action, by=made.decided_by)
    return None


CASES_PER_PAGE = 30
#: Explanation details that reviewers see. Cost and next steps are left out: they concern the person who
#: requested the video.
_REVIEWER_DETAILS = ("categories", "rule", "evidence", "not_checked", "gap_notes")
#: Far above the version of any case; `int` refuses 4,301 digits with an error of its own.
_MAX_VERSION_DIGITS = 9
#: The fields of a decision against a person that the case does not give.
_GROUND_FIELDS = ("clause", "facts")
#: Maximum number of rules with a keyboard shortcut (1 to 9).
_MAX_CLAUSES = 9
#: A value in the reason of a rule that did not match this video, such as `{frames}`.
_PLACEHOLDER = re.compile(r"\{\w+\}")


@dataclass(frozen=True, kw_only=True)
class CaseRow:
    """One case in the review queue."""

    id: str
    href: str
    kind: str
    prompt: str
    reason: str
    due: str
    overdue: bool
    state: str


class ReviewPages(PageHandler):
    def __init__(self, state: AppState, pages: Pages, console: ConsoleServices) -> None:
        super().__init__(state, pages, console)
        self._queue = ReviewQueuePages(state, pages, console)

    async def list_cases(self, request: Request, principal: Principal) -> Response:
        """The queue; `state=closed` lists decided cases."""
        state = request.query_params.get("state", "open")
        after = request.query_params.get("after") or None
        state_filter = CaseState.OPEN if state == "open" else None
        t = self.translations(request)
        page = await self.run(
            self.services.reviews.list, principal, state=state_filter, after=after, limit=CASES_PER_PAGE
        )
        cases = [case for case in page.items if state == "open" or case.state is not CaseState.OPEN]
        prompts = await self.run(self._prompts, principal, cases)
        notices = await self.run(self.services.reviews.notices_of, cases)
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
                    notices=notices.get(case.id, ()),
                )
                for case in cases
            ],
            state=state if state == "open" else "closed",
            withheld=await self._withheld(principal, t),
            undecidable=await self._undecidable(principal, t),
            nothing_next="next" in request.query_params,
            last=await self._decided_before(request, principal, t),
            example=f"/?{urlencode({'prompt': t('review.example_prompt')})}"
            if principal.has_scope(KeyScope.VIDEOS_WRITE)
            else "",
            more=f"/review?state={state}&after={page.items[-1].id}" if page.has_more else None,
        )

    async def show_case(self, request: Request, principal: Principal) -> Response:
        return await self._render_case(request, principal, request.path_params["case_id"])

    async def decide(self, request: Request, principal: Principal) -> Response:
        """Decide a case with a reason, then open the next case in the queue. The decision can be undone."""
        case_id = request.path_params["case_id"]
        form, t = await self.read_form(request), self.translations(request)
        clause = form.get("other_clause", "").strip() or form.get("clause") or None
        facts = form.get("facts", "").strip() or None
        reason = form.get("reason", "").strip() or facts
        if not reason and not clause:
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
                    reason=reason or t("review.chosen_rule", rule=clause),
                    clause=clause,
                    facts=facts,
                    version=_version(form.get("version", "")),
                ),
            )
        except (InvalidField, Conflict, Forbidden) as problem:
            if problem.param in _GROUND_FIELDS:
                is_unknown = problem.param == "clause" and clause is not None
                missing = f"review.{problem.param}_{'unknown' if is_unknown else 'missing'}"
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

    async def undo(self, request: Request, principal: Principal) -> Response:
        """Undo a decision that is not carried out yet, and open its case again."""
        case_id = request.path_params["case_id"]
        try:
            await self.run(self.services.reviews.undo, principal, case_id)
        except (Conflict, Forbidden) as problem:
            return await self._render_case(request, principal, case_id, problem=problem)
        return self.redirect(f"/review/{case_id}?undone=1")

    async def _withheld(self, principal: Principal, t: Translations) -> list[str]:
        """A line for each hold that a notice caused and that this person may not see."""
        held = await self.run(self.services.reviews.list_withheld, principal)
        now = self.console.clock()
        return [
            t(
                "review.withheld_row",
                kind=t(f"review.kind.{one.kind.value}"),
                age=format_duration(now - one.opened_at, t),
                notices=t("list.separator").join(one.notices),
            )
            for one in held
        ]

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

    def _prompts(self, principal: Principal, cases: list[Case]) -> dict[str, str]:
        found = {}
        for case in cases:
            try:
                record = self.services.videos.record(principal, case.video_id, in_case=True)
                found[case.video_id] = record.video.prompt
            except (NotFound, Forbidden):
                continue
        return found

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
        record = await self.run(partial(self.services.videos.record, principal, video_id, in_case=True))
        related = await self.run(self.services.reviews.related, principal, case_id)
        queue = await self.run(self.services.reviews.list, principal, state=CaseState.OPEN, limit=12)
        policies = self.console.policies
        exposure = await self.run(self.console.exposure.read, principal) if self.console.exposure else None
        media = await self.run(self._media, principal, case_file)
        policy = await self.run(policies.in_force, principal.tenant) if policies else None
        prompts = await self.run(self._prompts, principal, list(queue.items))
        rules, likely = list_rules(policy, record, case_file, t) if policy else ((), 0)
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
            related={
                "history": [_earlier_row(one, t) for one in related.history],
                "similar": [_earlier_row(one, t) for one in related.similar],
            },
            clauses=rules[:likely],
            rules=rules,
            has_ground=_has_ground(case_file.case, record),
            actions=[action.value for action in ACTIONS[case_file.case.kind]],
            may=principal.has_scope(KeyScope.VAULT if case_file.case.quarantined else KeyScope.REVIEW),
            other_reviewer_required=case_file.requires_other_reviewer,
            problem=problem,
            problem_text=conflict_text(case_file, t) if isinstance(problem, Conflict) else None,
            own=last_decision(case_file, principal, self.console.clock(), t),
            undo_seconds=round(UNDO_S),
            undone=problem is None and "undone" in request.query_params,
            missing=missing,
            form=form or {},
            can_reveal=self.console.case_media is not None and case_file.case.state is CaseState.OPEN,
            media=case_media_view(media, record, t),
            exposure=exposure,
            heartbeat_ms=round(HEARTBEAT_S * 1000),
            last=await self._decided_before(request, principal, t),
        )

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
        return {
            "case": _case_row(case, record.video.prompt, t, self.console.clock()),
            "stage": t(f"steps.name.{case.stage.value}"),
            "blind": case.is_blind,
            "quarantined": case.quarantined,
            "video": record.video,
            "version": case.version,
            "members": case_file.members,
            "notices": t("list.separator").join(case_file.notices),
            "prompt": split_highlights(record.video.prompt, () if case.is_blind else prompt_spans(details)),
            "lines": [line for line in explanation_lines(details, record.video.prompt, t) if not line.href],
            "record": record_view(record, taxonomy, t),
            "timeline": video_timeline(record, taxonomy, t, now=None),
            "opened_at": format_datetime(case.opened_at, t),
            "due_at": format_datetime(case.due_at, t),
            "reports": case_file.reports,
            "notes": [_note_row(note, t) for note in case_file.notes],
        }


def _version(value: str) -> int | None:
    """The version of a case that a form shows; None if it is no number."""
    return int(value) if value.isdecimal() and len(value) <= _MAX_VERSION_DIGITS else None


def _note_row(note: Any, t: Translations) -> dict[str, str]:
    """A text of a report or an appeal. One that is not clear has a warning and is shown behind a click, with
    the reason if that is in the sender's own words.
    """
    key = f"report.reason.{note['reason']}"
    own_words = "" if t.has(key) else str(note["reason"])
    reason, text = t(key) if t.has(key) else own_words or str(note["category"] or ""), str(note["note"])
    warning = _text_warning(note["text_screening"], t) if text or own_words else ""
    if warning and own_words:
        reason = translate_category(note["category"], t) if note["category"] else t("report.reason.other")
        text = f"{own_words}\n{text}".strip()
    behalf = note.get("on_behalf_reason")
    return {
        "at": format_datetime(float(note["at"]), t),
        "reason": reason,
        "note": text,
        "warning": warning,
        "on_behalf": t("review.on_behalf", reason=behalf) if behalf else "",
    }


def _text_warning(screening: Mapping[str, Any], t: Translations) -> str:
    if screening["state"] == ScreeningState.CLEAR:
        return ""
    if not screening["kinds"]:
        return t("review.text_not_checked")
    kinds = (translate_category(kind, t) for kind in screening["kinds"])
    return t("review.text_flagged", kinds=t("list.separator").join(kinds))


def _earlier_row(made: EarlierDecision, t: Translations) -> dict[str, str]:
    return {
        "href": f"/review/{made.case_id}",
        "kind": t(f"review.kind.{made.kind.value}"),
        "action": t(f"review.action.{made.action.value}"),
        "category": translate_category(made.category, t) if made.category else "",
        "at": format_datetime(made.at, t),
        "prompt": truncate(made.prompt, 80),
    }


def list_rules(
    policy: Policy, record: VideoRecord, case_file: CaseFile, t: Translations
) -> tuple[tuple[tuple[str, str], ...], int]:
    """Every rule that a decision can name, with its reason, and how many of the first ones are likely.

    First those of the reported category, then those that matched, then others of the same family, or of the
    category that a notice states: the first nine have the keys 1 to 9. A blind case has none.
    """
    if case_file.case.is_blind:
        return (), 0
    verdict = blocking_verdict(record)
    stated = _stated_categories(case_file)
    fired = list(verdict.matched_rules) if verdict else []
    families = {name.partition("-")[0] for name in fired[:1]}
    reasons = {rule.id: rule.reason for rule in policy.rules}
    if verdict and verdict.rule in reasons:
        # With the values of this video.
        reasons[verdict.rule] = verdict.reason
    reported = [rule.id for rule in policy.rules if categories_of(rule) & stated]
    related = [name for name in reasons if name.partition("-")[0] in families]
    if verdict and verdict.is_decided_by_reports:
        # The family of this rule is about lists of known content; the notice states a category.
        related = [rule.id for rule in policy.rules if case_file.case.category in categories_of(rule)]
    likely = dict.fromkeys([*reported, *(name for name in fired if name in reasons), *related])
    rows = ((name, without_placeholders(t.translate_reason(reasons[name]), t)) for name in likely | reasons)
    return tuple(rows), min(len(likely), _MAX_CLAUSES)


def _stated_categories(case_file: CaseFile) -> frozenset[str]:
    """The categories that the reports of a case name."""
    if case_file.case.kind is not CaseKind.REPORT:
        return frozenset()
    reasons = {note["reason"] for note in case_file.notes}
    named = {note["category"] for note in case_file.notes if note["category"]}
    return frozenset(named).union(*(CATEGORIES_OF_REASON.get(one, frozenset()) for one in reasons))


def _has_ground(case: Case, record: VideoRecord) -> bool:
    """Whether a decision against the person who requested the video may rest on the verdict of the case."""
    verdict = blocking_verdict(record)
    if case.kind is CaseKind.REPORT or case.rule == FIRST_OUTPUT or verdict is None:
        return False
    return not (verdict.is_decided_by_gaps or verdict.is_decided_by_reports)


def without_placeholders(reason: str, t: Translations) -> str:
    """The reason of a rule in general, such as "Possible nudity in several frames."."""
    return _PLACEHOLDER.sub(t("review.several"), reason)


def _case_row(case: Case, prompt: str, t: Translations, now: float, notices: Sequence[str] = ()) -> CaseRow:
    reason = " ".join(_case_reasons(case, t))
    if notices:
        reason += " · " + t("review.of_notice", notices=t("list.separator").join(notices))
    remaining_s = case.due_at - now
    if case.state is not CaseState.OPEN:
        due = t(f"review.state.{case.state.value}")
    elif remaining_s > 0:
        due = t("review.due_in", remaining=format_duration(remaining_s, t))
    else:
        due = t("review.overdue", by=format_duration(-remaining_s, t))
    return CaseRow(
        id=case.id,
        href=f"/review/{case.id}",
        kind=case.kind.value,
        prompt=truncate(prompt, 120),
        reason=reason,
        due=due,
        overdue=remaining_s <= 0 and case.state is CaseState.OPEN and case.kind is CaseKind.HOLD,
        state=case.state.value,
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
