"""The hooks of one generation: put on a pipeline, and removed again whatever happens."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .architectures import by_frames, decode_frame
from .clean_image import estimate
from .errors import (
    GenerationCancelled,
    InvalidLatents,
    ModerationBlocked,
    SteerError,
    SteeringRefused,
    Stopped,
)
from .gaps import Gap, GapName
from .guidance import GuidanceSettings, SafetyArm, is_plain_guidance
from .plan import Concept, Method, SteeringPlan
from .probe import Probe, denoisers
from .record import GenerationRecord
from .text_embedding import REFERENCE_PROMPTS, ConceptVectors, EncodedText, PooledDirections
from .watcher import Estimate, Watch, Watcher

_log = logging.getLogger(__name__)
#: Texts in one call of the text encoder. Large encoders pad each text to hundreds of tokens.
ENCODE_BATCH = 8


@dataclass
class _Call:
    """A call of the denoiser in the current step."""

    module: Any
    arguments: dict[str, Any]
    output: Tensor


class _Attributes:
    """Attributes of objects that hide methods of their classes for a time."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        self._before.append((owner, name, vars(owner).get(name)))
        setattr(owner, name, value)

    def restore(self) -> None:
        for owner, name, before in reversed(self._before):
            if before is None:
                delattr(owner, name)
            else:
                setattr(owner, name, before)


class ConceptCache:
    """Vectors of concepts of one pipeline, so that later generations do not encode the references again."""

    def __init__(self) -> None:
        self.vectors: dict[tuple[Concept, int], ConceptVectors] = {}
        self.pooled: dict[Concept, PooledDirections] = {}


class Session:
    """State of one generation. Its hooks are the only changes to the pipeline."""

    def __init__(
        self,
        pipeline: Any,
        found: Probe,
        plan: SteeringPlan,
        *,
        record: GenerationRecord,
        cache: ConceptCache,
        watches: Sequence[Watch] = (),
        guidance: GuidanceSettings | None = None,
        guidance_scale: Callable[[Any], float],
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        keep_preview: Callable[[Tensor], None] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._found = found
        self._plan = plan
        self._record = record
        self._cache = cache
        self._watches = watches
        self._watcher: Watcher | None = None
        self._scale = guidance_scale
        self._progress = progress
        self._cancelled = cancelled
        self._keep_preview = keep_preview
        architecture = found.architecture
        self._arm = SafetyArm(guidance, frame_axis=architecture.frame_axis if architecture else None)
        self._wants = {method for method in plan.methods if not found.blocking(frozenset({method}))}
        self._calls: list[_Call] = []
        self._positive: tuple[Any, ...] | None = None
        self._safety: tuple[Any, ...] | None = None
        self._in_safety_call = False
        #: Why the generation was ended. Raised again whenever the pipeline goes on in spite of it.
        self.stopped: SteerError | None = None
        self.encoded = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        pipeline, scheduler = self._pipeline, self._pipeline.scheduler
        handles = []
        replaced = _Attributes()
        try:
            replaced.set(scheduler, "step", self._step(scheduler, scheduler.step))
            for module in denoisers(pipeline):
                handles.append(module.register_forward_pre_hook(self._before_call))
                handles.append(module.register_forward_hook(self._after_call, with_kwargs=True))
            if self._wants & {Method.EMBEDDING, Method.GUIDANCE}:
                replaced.set(pipeline, "encode_prompt", self._encode(pipeline.encode_prompt))
            yield
        finally:
            replaced.restore()
            for handle in handles:
                handle.remove()
            self._calls.clear()

    # Text

    def _encode(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The pipeline's encode_prompt. Its first call encodes the prompt; others, negative prompts."""

        @functools.wraps(original)
        def encode_prompt(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if self.encoded:
                return result
            self.encoded = True
            bound = inspect.signature(original).bind(*args, **kwargs)
            bound.apply_defaults()
            arguments = dict(bound.arguments)
            steered = tuple(result)
            if Method.EMBEDDING in self._wants:
                steered = self._suppressed(original, arguments, steered)
            if Method.GUIDANCE in self._wants:
                text = ", ".join(phrase for concept in self._plan.concepts for phrase in concept.phrases)
                self._safety = self._encoded(original, arguments, [text])
            self._positive = steered
            return steered

        return encode_prompt

    def _encoded(
        self, original: Callable[..., Any], arguments: Mapping[str, Any], texts: Sequence[str]
    ) -> tuple[Any, ...]:
        """Texts encoded as the prompt was, without a negative prompt."""
        changed = dict(arguments) | {"prompt": list(texts)}
        for name in changed:
            if name.startswith("negative_") or name == "prompt_2":
                changed[name] = None
        for name, value in (
            ("do_classifier_free_guidance", False),
            ("num_videos_per_prompt", 1),
            ("num_images_per_prompt", 1),
            ("batch_size", len(texts)),
        ):
            if name in changed:
                changed[name] = value
        return tuple(original(**changed))

    def _suppressed(
        self, original: Callable[..., Any], arguments: Mapping[str, Any], result: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        architecture = self._found.architecture
        assert architecture is not None
        embeds = result[0]
        length = embeds.shape[1]
        prompt = arguments["prompt"]
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)

        def texts_of(texts: Sequence[str], vectors: Tensor) -> list[EncodedText]:
            words = architecture.words(self._pipeline, texts, arguments, length).to(vectors.device)
            return [EncodedText(vectors=vectors[i], words=words[i]) for i in range(len(texts))]

        def encode(texts: Sequence[str]) -> list[EncodedText]:
            found = []
            for start in range(0, len(texts), ENCODE_BATCH):
                batch = list(texts[start : start + ENCODE_BATCH])
                found += texts_of(batch, self._encoded(original, arguments, batch)[0])
            return found

        # With several videos for a prompt, the rows of a prompt follow each other.
        copies = embeds.shape[0] // len(prompts)
        rows = texts_of([text for text in prompts for _ in range(copies)], embeds)
        changed = [row.vectors for row in rows]
        at = architecture.pooled
        pooled = result[at] if at is not None else None
        substitute = Method.ANCHOR in self._wants
        for concept in self._plan.concepts:
            key = (concept, length)
            if key not in self._cache.vectors:
                self._cache.vectors[key] = ConceptVectors(concept, encode, tail=architecture.tail)
            vectors = self._cache.vectors[key]
            if not vectors.separable:
                self._record.add_gap(Gap(GapName.NOT_SEPARABLE))
            for i, row in enumerate(rows):
                outcome = vectors.suppress(
                    EncodedText(vectors=changed[i], words=row.words), substitute=substitute
                )
                changed[i] = outcome.vectors
                if i % copies == 0:
                    self._record.gates.append(vectors.reading(outcome))
                if outcome.opened and at is not None:
                    if concept not in self._cache.pooled:
                        phrases = self._encoded(original, arguments, concept.phrases)[at]
                        references = torch.cat(
                            [
                                self._encoded(
                                    original, arguments, REFERENCE_PROMPTS[start : start + ENCODE_BATCH]
                                )[at]
                                for start in range(0, len(REFERENCE_PROMPTS), ENCODE_BATCH)
                            ]
                        )
                        self._cache.pooled[concept] = PooledDirections(phrases, references)
                    assert pooled is not None
                    pooled = pooled.clone()
                    pooled[i] = self._cache.pooled[concept].suppress(pooled[i])
                if outcome.opened and substitute and vectors.anchor is not None:
                    self._record.mark(Method.ANCHOR)
        self._record.mark(Method.EMBEDDING)
        if all(new is row.vectors for new, row in zip(changed, rows, strict=True)):
            return result
        steered = list(result)
        steered[0] = torch.stack(changed)
        if at is not None:
            steered[at] = pooled
        return tuple(steered)

    # Denoiser

    def _before_call(self, module: Any, args: Any) -> None:
        # A pipeline that swallowed our error must not spend another step.
        if self.stopped is not None:
            raise self.stopped

    def _after_call(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        self._record.denoiser_calls += 1
        if self._in_safety_call:
            self._record.safety_calls += 1
            return
        if not {Method.GUIDANCE, Method.NEGATIVE} & self._wants and not self._watches:
            return
        bound = inspect.signature(module.forward).bind(*args, **kwargs)
        self._calls.append(
            _Call(module, dict(bound.arguments), output[0] if isinstance(output, tuple) else output.sample)
        )

    def _arms(self, prediction: Tensor) -> tuple[_Call, Tensor, Tensor | None, bool] | None:
        """The call with the prompt, its prediction, the unconditional one, and whether one call made both."""
        if self._positive is None:
            return None
        text = self._positive[0]
        rows = text.shape[0]
        for call in self._calls:
            given = call.arguments.get("encoder_hidden_states")
            if given is None or given.shape[1:] != text.shape[1:]:
                continue
            # AnimateDiff repeats the text for each frame.
            given = given[:: max(1, given.shape[0] // call.output.shape[0])]
            if given.shape[0] == 2 * rows:
                for first in (0, rows):
                    if torch.equal(given[first : first + rows], text.to(given)):
                        other = rows - first
                        parts = call.output
                        return call, parts[first : first + rows], parts[other : other + rows], True
            elif given.shape[0] == rows and torch.equal(given, text.to(given)):
                others = [c for c in self._calls if c is not call and c.output.shape == call.output.shape]
                return call, call.output, others[0].output if others else None, False
        return None

    def _with_safety(self, prediction: Tensor, *, step: int, steps: int) -> Tensor:
        """The prediction after guidance, with the safety arm's correction."""
        architecture = self._found.architecture
        assert architecture is not None
        arms = self._arms(prediction)
        if arms is None or arms[2] is None or self._safety is None:
            self._missing(GapName.NO_NEGATIVE_BRANCH, Method.GUIDANCE)
            return prediction
        call, conditional, unconditional, joined = arms
        scale = self._scale(call.module)
        # LTX from an image unpacks the prediction and leaves its first frame out.
        if not is_plain_guidance(prediction, conditional, unconditional, scale):
            self._missing(GapName.OTHER_GUIDANCE, Method.GUIDANCE)
            return prediction
        rows = conditional.shape[0]
        arguments = dict(call.arguments)
        if joined:
            first = 0 if torch.equal(call.output[:rows], conditional) else rows
            for name, value in arguments.items():
                if isinstance(value, Tensor) and value.dim() and value.shape[0] == 2 * rows:
                    arguments[name] = value[first : first + rows]
        for name, index in architecture.text_inputs.items():
            given = arguments.get(name)
            if given is not None:
                text = self._safety[index]
                count = call.arguments[name].shape[0] // (2 if joined else 1)
                arguments[name] = text.expand(count, *text.shape[1:]).to(given)
        self._in_safety_call = True
        try:
            context = getattr(call.module, "cache_context", None)
            if context is not None:
                with context("safety"):
                    output = call.module(**arguments)
            else:
                output = call.module(**arguments)
        finally:
            self._in_safety_call = False
        safety = output[0] if isinstance(output, tuple) else output.sample
        parts = [
            by_frames(architecture, part, call.arguments) for part in (conditional, unconditional, safety)
        ]
        correction = self._arm.correction(
            conditional=parts[0], unconditional=parts[1], safety=parts[2], step=step, steps=steps
        )
        self._record.mark(Method.GUIDANCE)
        return prediction - (scale * correction.reshape(conditional.shape)).to(prediction.dtype)

    def _missing(self, name: GapName, method: Method) -> None:
        gap = Gap(name)
        if method in self._plan.required:
            raise SteeringRefused([gap])
        self._record.add_gap(gap)
        self._wants.discard(method)

    # Scheduler

    def _step(self, scheduler: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(original)

        @functools.wraps(original)
        def step(*args: Any, **kwargs: Any) -> Any:
            if self.stopped is not None:
                raise self.stopped
            bound = signature.bind(*args, **kwargs)
            try:
                self._before_step(scheduler, bound)
            except SteerError as error:
                self._end(error)
                raise
            finally:
                self._calls.clear()
            result = original(*bound.args, **bound.kwargs)
            self._record.steps_done += 1
            if self._record.steps_done == self._record.steps:
                latents = result[0] if isinstance(result, tuple) else result.prev_sample
                if not bool(torch.isfinite(latents).all()):
                    invalid = InvalidLatents("The last latents contain values that are not numbers.")
                    self._end(invalid)
                    raise invalid
            if self._progress is not None:
                self._progress(self._record.steps_done, self._record.steps)
            return result

        return step

    def _before_step(self, scheduler: Any, bound: inspect.BoundArguments) -> None:
        given = bound.arguments
        record = self._record
        if not record.steps:
            record.steps = len(scheduler.timesteps)
        step, steps = record.steps_done, record.steps
        if self._cancelled is not None and self._cancelled():
            raise GenerationCancelled(step=step, steps=steps)
        if Method.GUIDANCE in self._wants:
            given["model_output"] = self._with_safety(given["model_output"], step=step, steps=steps)
        if Method.NEGATIVE in self._wants:
            if self._has_unconditional(given["model_output"]):
                record.mark(Method.NEGATIVE)
            else:
                self._missing(GapName.NO_NEGATIVE_BRANCH, Method.NEGATIVE)
        if Method.WATCHING in self._wants and self._watches:
            self._watch(scheduler, given, step=step, steps=steps)

    def _has_unconditional(self, prediction: Tensor) -> bool:
        """Whether this step has an unconditional prediction, in a call of its own or in a joined one."""
        outputs = [call.output for call in self._calls]
        return len(outputs) > 1 or any(output.shape[0] == 2 * prediction.shape[0] for output in outputs)

    def _watch(self, scheduler: Any, given: Mapping[str, Any], *, step: int, steps: int) -> None:
        if self._watcher is None:
            self._watcher = Watcher.start(self._watches, steps=steps, record=self._record)
        if not self._watcher.due(step):
            return
        latents = estimate(
            scheduler, model_output=given["model_output"], timestep=given["timestep"], sample=given["sample"]
        )
        arguments = self._calls[0].arguments if self._calls else {}

        @functools.cache
        def frames() -> Tensor:
            architecture = self._found.architecture
            if architecture is None:
                raise ValueError("Latents of an unknown architecture cannot be decoded.")
            return decode_frame(architecture, self._pipeline, latents, arguments)

        try:
            self._watcher.observe(Estimate(step=step, steps=steps, latents=latents, frames=frames))
        except ModerationBlocked:
            if self._keep_preview is not None:
                try:
                    self._keep_preview(frames())
                except Exception:
                    # The generation is stopped also without a picture: one that cannot be decoded has none.
                    _log.exception("A stopped generation has no preview.")
            raise
        finally:
            self._record.checks = self._watcher.checks

    def _end(self, error: SteerError) -> None:
        self.stopped = error
        # The step's denoiser calls were made, so it counts as computed.
        self._record.steps_done = min(self._record.steps_done + 1, self._record.steps)
        if isinstance(error, Stopped):
            self._record.saved_share = error.saved_share
        if hasattr(self._pipeline, "_interrupt"):
            # Read by pipelines that go on after an error.
            self._pipeline._interrupt = True  # noqa: SLF001
