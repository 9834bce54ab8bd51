"""A diffusers pipeline with steering and watching around it."""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .errors import (
    GenerationCancelled,
    IncompleteGeneration,
    ModerationBlocked,
    SteeringNotApplied,
    SteeringRefused,
)
from .gaps import Gap, GapName
from .guidance import GuidanceSettings
from .plan import DRAWN, Method, SteeringPlan, join_negative_prompts
from .probe import IMAGE_ARGUMENTS, probe
from .record import GenerationRecord
from .session import ConceptCache, Session
from .watcher import Watch

#: Arguments that replace the text which is steered, or parts of it.
_BYPASSING = frozenset(
    {
        "prompt_embeds",
        "prompt_embeds_2",
        "pooled_prompt_embeds",
        "negative_prompt_embeds",
        "negative_prompt_embeds_2",
        "negative_pooled_prompt_embeds",
        "prompt_2",
    }
)


@dataclass(frozen=True)
class Generation:
    """The pipeline's own result, and the record."""

    output: Any
    record: GenerationRecord


class SteeredPipeline:
    """Runs generations of one pipeline, one at a time.

    `watches` are used when a plan watches. The pipeline object is not changed between generations.
    """

    def __init__(
        self, pipeline: Any, *, watches: Sequence[Watch] = (), guidance: GuidanceSettings | None = None
    ) -> None:
        self.pipeline = pipeline
        self._watches = tuple(watches)
        self._guidance = guidance
        self._cache = ConceptCache()
        self._lock = threading.Lock()

    def generate(
        self,
        plan: SteeringPlan,
        *,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        record: GenerationRecord | None = None,
        keep_preview: Callable[[Tensor], None] | None = None,
        **arguments: Any,
    ) -> Generation:
        """One call of the pipeline with `arguments`.

        `record` is filled also if an error is raised. After any error the pipeline is as before, and
        nothing of its output is returned. `keep_preview` gets the decoded frames of the estimate for which
        the watcher stopped the generation: unsafe pictures, to be blurred. Raises subclasses of `SteerError`,
        and errors of the pipeline unchanged.
        """
        record = GenerationRecord() if record is None else record
        with self._lock:
            return Generation(
                self._generate(plan, progress, cancelled, record, keep_preview, arguments), record
            )

    def _generate(
        self,
        plan: SteeringPlan,
        progress: Callable[[int, int], None] | None,
        cancelled: Callable[[], bool] | None,
        record: GenerationRecord,
        keep_preview: Callable[[Tensor], None] | None,
        arguments: dict[str, Any],
    ) -> Any:
        # Probed each time: a LoRA or offloading may have been switched on since.
        found = probe(self.pipeline)
        gaps = list(found.gaps)
        if IMAGE_ARGUMENTS & {name for name, value in arguments.items() if value is not None}:
            gaps.append(Gap(GapName.IMAGE_INPUT))
        if Method.WATCHING in plan.methods and not self._watches:
            gaps.append(Gap(GapName.NO_DETECTOR))
        record.pipeline = found.pipeline
        record.architecture = found.architecture.name if found.architecture else ""
        record.concepts = tuple(concept.id for concept in plan.concepts)
        record.asked = tuple(sorted(plan.methods))
        record.outcome = "failed"
        for gap in gaps:
            if plan.methods and (gap.affects & plan.methods or not gap.affects):
                record.add_gap(gap)
        if blocking := [gap for gap in record.gaps if gap.affects & plan.required]:
            raise SteeringRefused(blocking)
        if plan.steers and (given := sorted(_BYPASSING & arguments.keys())):
            raise ValueError(f"{given[0]} would bypass the steering of the text; pass the text as prompt.")
        if plan.negative and not found.blocking(frozenset({Method.NEGATIVE})):
            # Ours first: an encoder cuts off the end.
            joined = join_negative_prompts(plan.negative, arguments.get("negative_prompt"))
            arguments = arguments | {"negative_prompt": joined}
        if Method.STYLE in plan.methods and not any(Method.STYLE in gap.affects for gap in gaps):
            prompt = arguments["prompt"]
            drawn = DRAWN + prompt if isinstance(prompt, str) else [DRAWN + text for text in prompt]
            arguments = arguments | {"prompt": drawn}
            record.mark(Method.STYLE)
        session = Session(
            self.pipeline,
            found,
            plan,
            record=record,
            cache=self._cache,
            watches=self._watches if Method.WATCHING in plan.methods else (),
            guidance=self._guidance,
            guidance_scale=_guidance_scale(self.pipeline, arguments),
            progress=progress,
            cancelled=cancelled,
            keep_preview=keep_preview,
        )
        try:
            with session.installed():
                output = self.pipeline(**arguments)
        except BaseException as error:
            self._clean_up()
            if session.stopped is not None and error is not session.stopped:
                # The pipeline replaced our error by its own.
                record.outcome = _outcome(session.stopped)
                raise session.stopped from error
            record.outcome = _outcome(error)
            raise
        if session.stopped is not None:
            # The pipeline swallowed our error and returned what it had.
            self._clean_up()
            record.outcome = _outcome(session.stopped)
            raise session.stopped
        self._check_complete(plan, session, record)
        record.outcome = "completed"
        return output

    def _check_complete(self, plan: SteeringPlan, session: Session, record: GenerationRecord) -> None:
        """Raises an error if the output was made without the steering, or is unfinished."""
        if record.steps_done == 0:
            if plan.methods:
                raise SteeringNotApplied(
                    "The pipeline returned an output without a step of its scheduler, so it was neither "
                    "steered nor watched."
                )
            return
        if record.steps_done < record.steps:
            raise IncompleteGeneration(
                f"The pipeline ended after {record.steps_done} of {record.steps} steps."
            )
        if missing := plan.unmet(record.applied):
            raise SteeringNotApplied(f"The pipeline did not use {', '.join(sorted(missing))}.")

    def _clean_up(self) -> None:
        """What the pipeline would have done at its end."""
        pipeline = self.pipeline
        if hasattr(pipeline, "_interrupt"):
            pipeline._interrupt = False  # noqa: SLF001
        if hasattr(pipeline, "_current_timestep"):
            pipeline._current_timestep = None  # noqa: SLF001
        with contextlib.suppress(Exception):
            pipeline.maybe_free_model_hooks()


def _outcome(error: BaseException) -> str:
    if isinstance(error, ModerationBlocked):
        return "moderation_blocked"
    if isinstance(error, GenerationCancelled):
        return "cancelled"
    return "failed"


def _guidance_scale(pipeline: Any, arguments: dict[str, Any]) -> Callable[[Any], float]:
    """A function from the denoiser of a step to the scale by which its two predictions are combined in it."""
    parameters = inspect.signature(type(pipeline).__call__).parameters

    def given(name: str) -> float | None:
        value = arguments.get(name, parameters[name].default if name in parameters else None)
        return float(value) if isinstance(value, int | float) else None

    def scale(module: Any) -> float:
        guider = getattr(pipeline, "guider", None)
        if guider is not None:
            return float(getattr(guider, "guidance_scale", 1.0))
        # HunyuanVideo's guidance_scale is an input of a distilled model; this is the scale of its two
        # predictions.
        if (value := given("true_cfg_scale")) is not None:
            return value
        if (
            module is getattr(pipeline, "transformer_2", None)
            and (value := given("guidance_scale_2")) is not None
        ):
            return value
        # CogVideoX changes it from step to step.
        current = getattr(pipeline, "_guidance_scale", None)
        return float(current) if isinstance(current, int | float) else given("guidance_scale") or 1.0

    return scale
