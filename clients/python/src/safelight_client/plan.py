"""From a prompt to a finished video within a price limit: drafts, retries, and several models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .error_meanings import read_number
from .errors import (
    AccessDenied,
    ApiError,
    ClientError,
    ConnectionFailed,
    SpendLimit,
    VideoBlocked,
    VideoFailed,
)
from .explanation import Explanation
from .files import read_files
from .money import format_money
from .responses import failure
from .session import Session
from .steps import Call, Pause
from .submission import form_of, submit
from .video import Video
from .waiting import watch

_CREATE_DEADLINE_S = 300.0


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """A model, and its price if the server does not state it."""

    model: str
    usd_per_second: float | None = None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What is made first. The video follows only if the draft was delivered."""

    #: For example `storyboard`, which is free. Empty: the first model of the plan.
    model: str = ""
    #: Empty: the shortest length that the server lists for the model.
    seconds: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a video is made."""

    #: Tried in this order. After a block no other model is tried. Empty: the model of the request.
    models: Sequence[ModelChoice] = ()
    #: Limit of the whole plan. The highest possible price is reserved before each create. A model without a
    #: known price is then left out.
    max_usd: float | None = None
    draft: Draft | None = None
    #: Submissions to one model, after failures that are known to cost nothing.
    max_submissions: int = 3
    #: Longest wait for one video.
    deadline_s: float = 1800.0


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One create of a plan, and what came of it."""

    model: str
    video_id: str
    #: `completed`, or the code or kind of the error.
    outcome: str
    charged: str
    #: What it costs at most; None if no price is known.
    worst_usd: float | None


@dataclass(frozen=True, kw_only=True)
class Generated:
    """A completed video, and all submissions that led to it."""

    video: Video
    submissions: tuple[Submission, ...]


class Ledger:
    """The submissions of one plan, and their worst cost."""

    def __init__(self, session: Session, plan: Plan) -> None:
        self._session, self._plan = session, plan
        self._spent_usd = 0.0
        self.submissions: list[Submission] = []

    def reserve(self, choice: ModelChoice, seconds: object) -> float | None:
        """The highest possible price of a create. Raises `SpendLimit` if it exceeds what is left."""
        worst = self._worst(choice, seconds)
        if self._plan.max_usd is None:
            return worst
        if worst is None:
            raise _spend_limit(f"The price of {choice.model or 'the default model'} is not known.")
        if self._spent_usd + worst > self._plan.max_usd + 1e-9:
            raise _spend_limit(
                f"{choice.model or 'The default model'} may cost {format_money(worst)}, and "
                f"{format_money(self._plan.max_usd - self._spent_usd)} are left."
            )
        self._spent_usd += worst
        return worst

    def check_draft(
        self, draft: tuple[ModelChoice, object], choices: list[ModelChoice], seconds: object
    ) -> None:
        """Raises `SpendLimit` if no choice would be within the limit after the draft."""
        limit = self._plan.max_usd
        first = self._worst(*draft)
        if limit is None or first is None:
            return
        rest = [self._worst(choice, seconds) for choice in choices]
        if not any(worst is not None and first + worst <= limit + 1e-9 for worst in rest):
            raise _spend_limit(
                f"No model stays within {format_money(limit)} after a draft for {format_money(first)}."
            )

    def _worst(self, choice: ModelChoice, seconds: object) -> float | None:
        price = read_number(self._price(choice))
        length = read_number(str(seconds))
        return price if not price else price * length if length is not None else None

    def settle(
        self, choice: ModelChoice, worst: float | None, video: Video | None, error: BaseException | None
    ) -> None:
        """Records the outcome of a create, and releases what it did not cost."""
        charged: str = "unknown" if video is None or error is not None else video.charged
        outcome = "completed" if error is None else "interrupted"
        if isinstance(error, ClientError):
            charged = error.charged
            outcome = error.code or error.explanation.kind
        cost = worst or 0.0
        if charged == "no":
            cost = 0.0
        elif charged == "yes" and video is not None and video.amount is not None and video.currency == "USD":
            cost = video.amount
        self._spent_usd += cost - (worst or 0.0)
        self.submissions.append(
            Submission(
                model=choice.model,
                video_id=video.id if video is not None else "",
                outcome=outcome,
                charged=charged,
                worst_usd=worst,
            )
        )

    def shortest(self, model: str) -> str:
        """The shortest length that the server lists for a model."""
        lengths = self._row(model).get("seconds")
        known = [one for one in map(read_number, lengths if isinstance(lengths, list) else ()) if one]
        if not known:
            raise ValueError(f"the server lists no lengths of {model or 'the model'}: set Draft.seconds")
        return f"{min(known):g}"

    def _price(self, choice: ModelChoice) -> float | None:
        if choice.usd_per_second is not None:
            return choice.usd_per_second
        row = self._row(choice.model)
        return 0.0 if row.get("billing") == "own" else read_number(row.get("usd_per_second"))

    def _row(self, model: str) -> Mapping[str, Any]:
        found = (self._session.models or {}).get(model, {}).get("safelight")
        return found if isinstance(found, Mapping) else {}


def generate(session: Session, fields: Mapping[str, Any], plan: Plan) -> Call[Generated]:
    """Makes a video as planned. An error has the `submissions` so far."""
    if plan.max_submissions > 1 and asks_for_retry(fields):
        raise ValueError(
            "safelight.retry cannot be used here, because generate makes retries of its own: "
            "a video could be made and paid twice. Leave it out, or set max_submissions=1"
        )
    yield from session.learn_server()
    fields = read_files(fields)
    ledger = Ledger(session, plan)
    choices = list(plan.models) or [ModelChoice(model=str(fields.get("model", "")))]
    try:
        if plan.draft is not None:
            first = next((one for one in choices if one.model == plan.draft.model), None)
            draft = first or (ModelChoice(model=plan.draft.model) if plan.draft.model else choices[0])
            length = plan.draft.seconds or ledger.shortest(draft.model)
            ledger.check_draft((draft, length), choices, fields.get("seconds", ""))
            yield from _make(session, {**fields, "seconds": length}, draft, plan, ledger)
        video = yield from _try_models(session, fields, choices, plan, ledger)
    except ClientError as error:
        error.submissions = tuple(ledger.submissions)
        raise
    except BaseException as error:
        # For example Ctrl-C: the caller has to know what may be charged.
        for one in ledger.submissions:
            error.add_note(str(one))
        raise
    return Generated(video=video, submissions=tuple(ledger.submissions))


def _try_models(
    session: Session, fields: Mapping[str, Any], choices: list[ModelChoice], plan: Plan, ledger: Ledger
) -> Call[Video]:
    last: ClientError | None = None
    for choice in choices:
        try:
            return (yield from _make(session, fields, choice, plan, ledger))
        except SpendLimit as error:
            last = last or error
        except ClientError as error:
            # Never another provider after a block, nor while something may have been paid.
            known = isinstance(error, ApiError | VideoFailed) and not isinstance(error, AccessDenied)
            if error.explanation.is_block or error.charged != "no" or not known:
                raise
            last = error
    assert last is not None
    raise last


def _make(
    session: Session, fields: Mapping[str, Any], choice: ModelChoice, plan: Plan, ledger: Ledger
) -> Call[Video]:
    """A completed video of one model. Raises the error of the last submission."""
    request = {**fields, **({"model": choice.model} if choice.model else {})}
    was_doubtful = False
    for number in range(1, plan.max_submissions + 1):
        worst = ledger.reserve(choice, request.get("seconds", ""))
        video: Video | None = None
        problem: ClientError | None = None
        try:
            video = yield from submit(session, request, form_of(request), None, _CREATE_DEADLINE_S)
            video = yield from watch(session, video, plan.deadline_s)
            problem = failure(video) if video.status == "failed" else None
        except ClientError as error:
            problem = error
        except BaseException as error:
            ledger.settle(choice, worst, video, error)
            raise
        ledger.settle(choice, worst, video, problem)
        if problem is None:
            assert video is not None
            return video
        delay = session.retries.delay_s(number, problem.after_s)
        again = may_follow(problem, was_doubtful=was_doubtful)
        if not again or number == plan.max_submissions or delay > session.retries.max_retry_after_s:
            raise problem
        was_doubtful = was_doubtful or is_doubtful(problem)
        request = with_next_seed(request, int(problem.explanation.is_block))
        yield Pause(seconds=delay)
    raise AssertionError("max_submissions must be 1 or more")


def may_follow(error: ClientError, *, was_doubtful: bool) -> bool:
    """Whether one more submission of the same request may follow this error.

    `was_doubtful`: whether an earlier submission of the request ended with a doubtful error.
    """
    again = may_pass(error) if error.explanation.is_block else may_repeat(error)
    return again and not (is_doubtful(error) and was_doubtful)


def is_doubtful(error: ClientError) -> bool:
    """Whether the error is a block by a provider or has no reason: one more try at most follows."""
    return error.explanation.is_block or error.retry == "unknown"


def with_next_seed(fields: Mapping[str, Any], blocks: int) -> dict[str, Any]:
    """The fields after this number of blocks: each makes the seed one higher."""
    if blocks and str(fields.get("seed", "")).isdigit():
        return {**fields, "seed": int(fields["seed"]) + blocks}
    return dict(fields)


def may_pass(error: ClientError) -> bool:
    """Whether one more try can pass the filter of a provider. Generation is random; our own policy is not."""
    return (
        isinstance(error, VideoBlocked)
        and error.explanation.by_provider
        and error.stage == "output"
        and error.retry in ("same", "new_seed")
        and error.charged != "yes"
    )


def may_repeat(error: ClientError) -> bool:
    """Whether a new request may help, and the last one is known to have cost nothing."""
    known = isinstance(error, ApiError | VideoFailed | ConnectionFailed)
    return known and error.retry in ("same", "unknown") and error.charged == "no"


def asks_for_retry(fields: Mapping[str, Any]) -> bool:
    """Whether a request asks the gateway for a retry after a block by the provider."""
    given = fields.get("safelight")
    if isinstance(given, Mapping) and given.get("retry"):
        return True
    return any(name.startswith("safelight[retry]") for name in fields)


def _spend_limit(message: str) -> SpendLimit:
    return SpendLimit(
        message,
        explanation=Explanation(
            kind="quota",
            stage="admission",
            charged="no",
            retry="never",
            next_step="Raise the limit, shorten the video, or state the price of the model.",
            message=message,
            code="spend_limit",
        ),
    )
