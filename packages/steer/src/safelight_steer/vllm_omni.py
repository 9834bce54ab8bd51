"""Steering and watching in the workers of vLLM-Omni, by its custom-pipeline interface.

    Omni(
        model="/models/wan",
        diffusion_load_format="dummy",
        worker_extension_cls="safelight_steer.vllm_omni.SteeringExtension",
        custom_pipeline_args={
            "pipeline_class": "safelight_steer.vllm_omni.SteeredDiffusersPipeline",
            "safelight": {"concepts": "", "watch": ["/models/watch"], "always": []},
        },
    )

It steers what vLLM-Omni runs through its adapter for pipelines of diffusers. Its own pipelines (Wan22Pipeline
and others) have other loops and layouts, and are not steered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from vllm_omni.diffusion.distributed.utils import get_local_device
from vllm_omni.diffusion.models.diffusers_adapter.pipeline_diffusers_adapter import DiffusersAdapterPipeline
from vllm_omni.diffusion.worker.diffusion_worker import CustomPipelineWorkerExtension
from vllm_omni.errors import GuardrailViolationError, OmniClientError

from .concepts import read_concepts
from .errors import ModerationBlocked, SteeringNotApplied, SteeringRefused
from .latent_head import load_watch
from .probe import describe
from .record import GenerationRecord
from .steered_pipeline import SteeredPipeline
from .steering_field import InvalidSteering, read_steering

#: Records that are kept for `steering_record`, so that a long-running worker does not grow.
MAX_RECORDS = 256


class SteeredDiffusersPipeline(DiffusersAdapterPipeline):  # type: ignore[misc]  # vllm_omni is not installed
    """The adapter with steering around the call of its pipeline.

    A request is steered by `steering` in its `extra_args`. A stopped generation is an error of the kind
    that vLLM-Omni has for content, with the type `moderation_blocked`.
    """

    def __init__(self, *, od_config: Any, prefix: str = "") -> None:
        super().__init__(od_config=od_config, device=get_local_device())
        settings = (od_config.custom_pipeline_args or {}).get("safelight") or {}
        if unknown := sorted(settings.keys() - {"concepts", "watch", "always"}):
            raise ValueError(f"custom_pipeline_args.safelight has no setting {unknown[0]!r}.")
        self._concepts = read_concepts(Path(settings["concepts"]) if settings.get("concepts") else None)
        self._watches = [load_watch(Path(folder)) for folder in settings.get("watch", [])]
        self._always = tuple(settings.get("always", []))
        if missing := sorted(set(self._always) - self._concepts.keys()):
            raise ValueError(f"There is no concept for the category {missing[0]!r}.")
        self._records: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def load_weights(self, weights: Iterable[Any] = ()) -> set[str]:
        # The loader hands weights to a custom pipeline; the adapter reads its own folder.
        super().load_weights()
        self._steered = SteeredPipeline(self._pipeline, watches=self._watches)
        return set()

    def forward(self, req: Any) -> Any:
        arguments = self._build_call_kwargs(req)
        asked = (req.sampling_params.extra_args or {}).get("steering")
        try:
            field = read_steering(asked, always=self._always, known=self._concepts)
        except InvalidSteering as error:
            raise _refusal(OmniClientError, error.code, str(error)) from None
        record = GenerationRecord()
        try:
            with torch.inference_mode():
                generation = self._steered.generate(field.plan(self._concepts), record=record, **arguments)
        except ModerationBlocked:
            # Names no detector and no category: a requester may read it.
            raise _refusal(
                GuardrailViolationError,
                "moderation_blocked",
                "The generation was stopped by a safety check.",
            ) from None
        except (SteeringRefused, SteeringNotApplied) as error:
            raise _refusal(OmniClientError, "steering_unavailable", str(error)) from None
        finally:
            unknown = [name for name in field.categories if name not in self._concepts]
            self._records[req.request_id] = record.as_json() | {"unknown_categories": unknown}
            while len(self._records) > MAX_RECORDS:
                self._records.popitem(last=False)
        return self._wrap_output(generation.output)

    def steering_probe(self) -> dict[str, Any]:
        names = [watch.name for watch in self._watches]
        return describe(self._pipeline, watches=names, categories=self._concepts)

    def steering_record(self, request_id: str) -> dict[str, Any] | None:
        return self._records.get(request_id)


def _refusal(kind: Any, code: str, message: str) -> Exception:
    """The code stands in the message too: `/v1/videos` gives only the HTTP status and the message."""
    error: Exception = kind(f"{code}: {message}", error_type=code)
    return error


class SteeringExtension(CustomPipelineWorkerExtension):  # type: ignore[misc]  # vllm_omni is not installed
    """Methods of the worker, for `collective_rpc`."""

    model_runner: Any

    def steering_probe(self) -> dict[str, Any]:
        """What the pipeline allows."""
        return self._steered_pipeline().steering_probe()

    def steering_record(self, request_id: str) -> dict[str, Any] | None:
        """What was done in a generation; None if it is unknown or no longer kept."""
        return self._steered_pipeline().steering_record(request_id)

    def _steered_pipeline(self) -> SteeredDiffusersPipeline:
        pipeline = self.model_runner.pipeline
        if not isinstance(pipeline, SteeredDiffusersPipeline):
            raise TypeError(f"{type(pipeline).__name__} is not steered; name SteeredDiffusersPipeline.")
        return pipeline
