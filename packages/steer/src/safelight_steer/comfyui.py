"""Nodes of ComfyUI that steer and watch the sampling of a model, by its ModelPatcher.

A folder in ComfyUI's `custom_nodes` with the line

    from safelight_steer.comfyui import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

in its `__init__.py` loads them. Nothing of ComfyUI is changed: the patched model is a clone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.patcher_extension
import comfy.sampler_helpers
import comfy.samplers
import torch
from torch import Tensor

from .concepts import read_concepts
from .errors import DetectorFailed, ModerationBlocked, SteeringNotApplied, SteeringRefused
from .gaps import Gap, GapName
from .guidance import SafetyArm, is_plain_guidance
from .latent_head import load_watch
from .plan import DRAWN, Concept, Method, SteeringPlan, join_negative_prompts
from .record import GenerationRecord
from .text_embedding import ConceptVectors, EncodedText
from .watcher import Estimate, Watch, Watcher

#: ComfyUI's names for CLIP's parts, whose end and padding carry the whole text.
_CLIP_NAMES = frozenset({"l", "g", "h"})
#: ComfyUI keeps video latents as (batch, channels, frames, height, width).
_VIDEO_DIMENSIONS, _FRAME_AXIS = 5, 2
_METHODS = tuple(method for method in Method if method is not Method.WATCHING)


class SafelightSteer:
    """Encodes prompt and negative prompt, and returns a model whose sampling is steered and watched."""

    CATEGORY = "safelight"
    FUNCTION = "steer"
    RETURN_TYPES = ("MODEL", "CONDITIONING", "CONDITIONING", "SAFELIGHT_RECORD")
    RETURN_NAMES = ("model", "positive", "negative", "record")

    def __init__(self) -> None:
        # ComfyUI keeps the object of a node while its graph is open. The encoder is part of the key.
        self._vectors: dict[tuple[int, Concept], ConceptVectors] = {}
        self._encoder: Any = None

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - the name that ComfyUI calls
        text = ("STRING", {"multiline": True, "default": ""})
        switches: dict[str, Any] = {
            str(method): ("BOOLEAN", {"default": method in (Method.EMBEDDING, Method.ANCHOR)})
            for method in _METHODS
        }
        return {
            "required": {
                "model": ("MODEL",),
                "clip": ("CLIP",),
                "prompt": text,
                "negative_prompt": text,
                "categories": ("STRING", {"default": "violence/graphic"}),
                **switches,
                "required": ("STRING", {"default": ""}),
                "concepts": ("STRING", {"default": ""}),
                "watch": ("STRING", {"default": ""}),
            }
        }

    def steer(
        self,
        model: Any,
        clip: Any,
        prompt: str,
        negative_prompt: str,
        categories: str,
        required: str,
        concepts: str,
        watch: str,
        **switches: bool,
    ) -> tuple[Any, Any, Any, GenerationRecord]:
        """`categories`, `required` (methods) and `watch` (folders) are lists with commas.

        Raises `SteeringRefused` for a required method that this model does not allow, and `ValueError`.
        """
        watches = [load_watch(Path(folder)) for folder in _words(watch)]
        plan = _read_plan(categories, required, concepts, switches, watching=bool(watches))
        record = GenerationRecord(
            pipeline="ComfyUI",
            architecture=type(model.model).__name__,
            concepts=tuple(concept.id for concept in plan.concepts),
            asked=tuple(sorted(plan.methods)),
        )
        if Method.STYLE in plan.methods:
            prompt = DRAWN + prompt
            record.mark(Method.STYLE)
        positive = clip.encode_from_tokens_scheduled(clip.tokenize(prompt))
        if Method.EMBEDDING in plan.methods:
            positive = self._suppress(clip, prompt, positive, plan, record)
        # Ours first: an encoder cuts off the end.
        joined = join_negative_prompts(plan.negative, negative_prompt)
        negative = clip.encode_from_tokens_scheduled(clip.tokenize(joined))
        patched = model.clone()
        run = _Run(plan, record, watches)
        if Method.GUIDANCE in plan.methods:
            text = ", ".join(phrase for concept in plan.concepts for phrase in concept.phrases)
            run.safety = clip.encode_from_tokens_scheduled(clip.tokenize(text))
        patched.set_model_sampler_post_cfg_function(run.after_guidance)
        patched.add_wrapper_with_key(
            comfy.patcher_extension.WrappersMP.OUTER_SAMPLE, "safelight", run.around_sampling
        )
        return patched, positive, negative, record

    def _suppress(
        self, clip: Any, prompt: str, conditioning: Any, plan: SteeringPlan, record: GenerationRecord
    ) -> Any:
        """The conditioning with the concepts removed where their gates open."""
        encoder = _TextEncoder.of(clip)
        texts = [encoder.read(prompt, vectors[0]) for vectors, _ in conditioning] if encoder else []
        if encoder is None or any(text is None for text in texts):
            gap = Gap(GapName.UNKNOWN_ARCHITECTURE)
            if plan.required & gap.affects:
                raise SteeringRefused([gap])
            record.add_gap(gap)
            return conditioning
        if self._encoder is not clip.cond_stage_model:
            self._encoder, self._vectors = clip.cond_stage_model, {}
        changed = [text.vectors for text in texts if text is not None]
        for concept in plan.concepts:
            # A skipped layer of CLIP gives other vectors.
            key = (clip.layer_idx or 0, concept)
            if key not in self._vectors:
                self._vectors[key] = ConceptVectors(concept, encoder.encode, tail=encoder.is_clip)
            vectors = self._vectors[key]
            if not vectors.separable:
                record.add_gap(Gap(GapName.NOT_SEPARABLE))
            for i, text in enumerate(texts):
                assert text is not None
                outcome = vectors.suppress(
                    EncodedText(vectors=changed[i], words=text.words),
                    substitute=Method.ANCHOR in plan.methods,
                )
                changed[i] = outcome.vectors
                if outcome.opened and Method.ANCHOR in plan.methods and vectors.anchor is not None:
                    record.mark(Method.ANCHOR)
                if i == 0:
                    record.gates.append(vectors.reading(outcome))
        record.mark(Method.EMBEDDING)
        return [
            [vectors.unsqueeze(0), values] for vectors, (_, values) in zip(changed, conditioning, strict=True)
        ]


class SafelightRecord:
    """The record of a sampling as JSON text. It takes the latents, so that it runs after them."""

    CATEGORY = "safelight"
    FUNCTION = "read"
    RETURN_TYPES = ("LATENT", "STRING")
    RETURN_NAMES = ("latent", "record")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - the name that ComfyUI calls
        return {"required": {"latent": ("LATENT",), "record": ("SAFELIGHT_RECORD",)}}

    def read(self, latent: Any, record: GenerationRecord) -> tuple[Any, str]:
        return latent, json.dumps(record.as_json(), indent=2)


NODE_CLASS_MAPPINGS = {"SafelightSteer": SafelightSteer, "SafelightRecord": SafelightRecord}
NODE_DISPLAY_NAME_MAPPINGS = {
    "SafelightSteer": "Safelight: steer and watch",
    "SafelightRecord": "Safelight: record of a sampling",
}


@dataclass
class _TextEncoder:
    """An encoder with one model whose vectors stand at the positions of its tokens."""

    clip: Any
    name: str
    #: The tokens of an empty text: begin, end and padding.
    special: frozenset[int]

    @classmethod
    def of(cls, clip: Any) -> _TextEncoder | None:
        """None for several models in one encoder, such as those of HunyuanVideo."""
        tokens = clip.tokenize("")
        if len(tokens) != 1:
            return None
        ((name, chunks),) = tokens.items()
        return cls(clip, name, frozenset(entry[0] for entry in _entries(chunks)))

    @property
    def is_clip(self) -> bool:
        return self.name in _CLIP_NAMES

    def read(self, text: str, vectors: Tensor) -> EncodedText | None:
        """`vectors`: (tokens, width). None if there is not one for each token."""
        entries = list(_entries(self.clip.tokenize(text)[self.name]))
        if len(entries) != len(vectors):
            return None
        # An entry that is no number is an embedding of the user's, which stands for words.
        words = [not isinstance(entry[0], int) or entry[0] not in self.special for entry in entries]
        return EncodedText(vectors=vectors, words=torch.tensor(words, device=vectors.device))

    def encode(self, texts: Sequence[str]) -> list[EncodedText]:
        found = []
        for text in texts:
            ((vectors, _), *_) = self.clip.encode_from_tokens_scheduled(self.clip.tokenize(text))
            read = self.read(text, vectors[0])
            assert read is not None, "The encoder gave the prompt a vector for each token, and this text not."
            found.append(read)
        return found


class _Run:
    """The hooks of one patched model, and the state of its current sampling."""

    def __init__(self, plan: SteeringPlan, record: GenerationRecord, watches: Sequence[Watch]) -> None:
        self.safety: Any = None
        self._plan = plan
        self._record = record
        self._watches = watches
        #: What was done to the text, which is encoded once for all samplings of the patched model.
        self._of_text = (tuple(record.applied), tuple(record.gaps))
        self._begin()

    def _begin(self) -> None:
        """ComfyUI keeps a patched model and samples with it again."""
        record = self._record
        record.applied[:], record.gaps[:] = self._of_text
        record.steps = record.steps_done = record.denoiser_calls = record.safety_calls = 0
        record.checks, record.false_abort_rates = [], {}
        record.outcome, record.saved_share = "failed", 0.0
        self._arm: SafetyArm | None = None
        self._watcher: Watcher | None = None
        self._observed = -1
        self._missing: set[Method] = set()

    def around_sampling(self, executor: Any, *args: Any, **kwargs: Any) -> Any:
        """The wrapper of a whole sampling. A stopped one returns no latents."""
        self._begin()
        try:
            latents = executor(*args, **kwargs)
        except ModerationBlocked as error:
            self._record.outcome, self._record.saved_share = "moderation_blocked", error.saved_share
            raise
        if self._plan.methods and not self._record.steps:
            raise SteeringNotApplied("The sampler made no step that could be steered or watched.")
        if missing := self._plan.unmet(self._record.applied):
            raise SteeringNotApplied(f"The sampler did not use {', '.join(sorted(missing))}.")
        self._record.outcome = "completed"
        return latents

    def after_guidance(self, args: Mapping[str, Any]) -> Tensor:
        """ComfyUI's function after classifier-free guidance: estimates of the clean latents."""
        denoised: Tensor = args["denoised"]
        if not self._plan.methods:
            return denoised
        step, steps = _position(args)
        record = self._record
        record.steps, record.steps_done = steps, step + 1
        record.denoiser_calls += 1 if args["uncond"] is None else 2
        if Method.NEGATIVE in self._plan.methods:
            if args["uncond"] is None:
                self._lacks(GapName.NO_NEGATIVE_BRANCH, Method.NEGATIVE)
            else:
                record.mark(Method.NEGATIVE)
        if Method.GUIDANCE in self._plan.methods - self._missing:
            denoised = self._correct(args, step=step, steps=steps)
        if self._watches and step > self._observed:
            self._observe(denoised, step=step, steps=steps)
        return denoised

    def _correct(self, args: Mapping[str, Any], *, step: int, steps: int) -> Tensor:
        """The estimate with the safety arm's correction, made from a third prediction."""
        denoised, scale = args["denoised"], float(args["cond_scale"])
        if args["uncond"] is None:
            self._lacks(GapName.NO_NEGATIVE_BRANCH, Method.GUIDANCE)
            return denoised
        conditional, unconditional = args["cond_denoised"], args["uncond_denoised"]
        if not is_plain_guidance(denoised, conditional, unconditional, scale):
            self._lacks(GapName.OTHER_GUIDANCE, Method.GUIDANCE)
            return denoised
        model, noisy, sigma = args["model"], args["input"], args["sigma"]
        (safety,) = comfy.samplers.calc_cond_batch(
            model, [_with_text(model, args["cond"], self.safety, noisy)], noisy, sigma, args["model_options"]
        )
        self._record.denoiser_calls += 1
        self._record.safety_calls += 1
        # The arm compares what the model predicts: noise, or a velocity. Both are (noisy - clean) / sigma.
        size = sigma.reshape(-1, *[1] * (noisy.dim() - 1))
        if self._arm is None:
            self._arm = SafetyArm(frame_axis=_FRAME_AXIS if noisy.dim() == _VIDEO_DIMENSIONS else None)
        correction = self._arm.correction(
            conditional=(noisy - conditional) / size,
            unconditional=(noisy - unconditional) / size,
            safety=(noisy - safety) / size,
            step=step,
            steps=steps,
        )
        self._record.mark(Method.GUIDANCE)
        return denoised + (size * scale * correction).to(denoised.dtype)

    def _observe(self, denoised: Tensor, *, step: int, steps: int) -> None:
        if self._watcher is None:
            self._watcher = Watcher.start(self._watches, steps=steps, record=self._record)
        # Some samplers ask the model twice in a step.
        self._observed = step
        if not self._watcher.due(step):
            return
        try:
            self._watcher.observe(Estimate(step=step, steps=steps, latents=denoised, frames=_no_frames))
        finally:
            self._record.checks = self._watcher.checks

    def _lacks(self, name: GapName, method: Method) -> None:
        gap = Gap(name)
        if method in self._plan.required:
            raise SteeringRefused([gap])
        self._record.add_gap(gap)
        self._missing.add(method)


def _read_plan(
    categories: str, required: str, concepts: str, switches: Mapping[str, bool], *, watching: bool
) -> SteeringPlan:
    known = read_concepts(Path(concepts) if concepts.strip() else None)
    if unknown := [name for name in _words(categories) if name not in known]:
        raise ValueError(f"There is no concept for the category {unknown[0]!r}.")
    methods: set[Method] = {method for method in _METHODS if switches.get(str(method))}
    if watching:
        methods.add(Method.WATCHING)
    return SteeringPlan(
        concepts=tuple(known[name] for name in _words(categories)),
        methods=frozenset(methods),
        required=frozenset(Method(name) for name in _words(required)),
    )


def _words(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]


def _entries(chunks: Iterable[Iterable[Any]]) -> Iterable[Any]:
    """The tokens of a text, each with its weight. Chunks of a long text follow each other."""
    return (entry for chunk in chunks for entry in chunk)


def _position(args: Mapping[str, Any]) -> tuple[int, int]:
    """The step (from 0) and the number of steps. A call within a step belongs to it."""
    sigmas = args["model_options"].get("transformer_options", {}).get("sample_sigmas")
    if sigmas is None or len(sigmas) < 2:
        raise DetectorFailed("This version of ComfyUI does not tell the steps of a sampling; it is too old.")
    sigma = float(args["sigma"].max())
    begun = int((sigmas[:-1].float() >= sigma * (1 - 1e-4)).sum())
    return max(0, begun - 1), len(sigmas) - 1


def _with_text(model: Any, conditions: Sequence[Any], text: Any, noisy: Tensor) -> list[Any]:
    """The prompt's conditions with another text. What comes from an image or a mask stays."""
    encoded = comfy.samplers.encode_model_conds(
        model.extra_conds, comfy.sampler_helpers.convert_cond(text), noisy, noisy.device, "positive"
    )
    of_text = {
        name: value
        for name, value in encoded[0]["model_conds"].items()
        if name in {"c_crossattn", "attention_mask", "y"}
    }
    return [{**entry, "model_conds": {**entry["model_conds"], **of_text}} for entry in conditions]


def _no_frames() -> Tensor:
    raise ValueError("In ComfyUI, detectors read latents only.")
