"""A stand-in for the classes of vLLM-Omni that `safelight_steer.vllm_omni` builds on.

vLLM-Omni needs vLLM, which needs a GPU, so the package is not installed here. Names, signatures, and the
order of calls are those of its guide to custom pipelines and of release 0.30.0; nothing else of it is
imitated. What it shows is that the shell fits this interface, not that vLLM-Omni serves with it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from diffusers import DiffusionPipeline


class OmniClientError(ValueError):
    def __init__(self, message: str, *, status_code: int = 400, error_type: str = "BadRequestError") -> None:
        super().__init__(message)
        self.status_code = status_code
        self.error_type = error_type


class GuardrailViolationError(OmniClientError):
    pass


@dataclass
class DiffusionOutput:
    output: Any = None
    error: str | None = None
    error_status_code: int | None = None
    error_type: str | None = None


@dataclass
class Request:
    """A `DiffusionRequestBatch` of one request."""

    request_id: str
    prompts: list[Any]
    sampling_params: Any


def request(request_id: str, prompt: str, *, steering: Any = None, **sampling: Any) -> Request:
    extra_args = {"steering": steering} if steering is not None else {}
    return Request(request_id, [prompt], SimpleNamespace(extra_args=extra_args, **sampling))


@dataclass
class Config:
    """An `OmniDiffusionConfig`."""

    model: str
    custom_pipeline_args: dict[str, Any] | None = None
    dtype: torch.dtype = torch.float32
    diffusers_call_kwargs: dict[str, Any] = field(default_factory=dict)


class DiffusersAdapterPipeline(torch.nn.Module):
    def __init__(self, *, od_config: Config, device: torch.device | None = None) -> None:
        super().__init__()
        self.od_config = od_config
        self.device = device

    def load_weights(self) -> None:
        self._pipeline = DiffusionPipeline.from_pretrained(
            self.od_config.model, torch_dtype=self.od_config.dtype
        )
        self._pipeline.set_progress_bar_config(disable=True)
        self._pipeline.to(self.device)

    def _build_call_kwargs(self, req: Request) -> dict[str, Any]:
        (prompt,) = req.prompts
        sampling = {name: value for name, value in vars(req.sampling_params).items() if name != "extra_args"}
        generator = torch.Generator().manual_seed(sampling.pop("seed"))
        return {"prompt": prompt, "generator": generator, **sampling}

    def _wrap_output(self, output: Any) -> DiffusionOutput:
        return DiffusionOutput(output=output.frames)

    def forward(self, req: Request) -> DiffusionOutput:
        with torch.inference_mode():
            return self._wrap_output(self._pipeline(**self._build_call_kwargs(req)))


def _resolve(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


class DiffusionWorker:
    def __init__(self, *, local_rank: int, rank: int, od_config: Config, skip_load_model: bool) -> None:
        assert skip_load_model
        self.od_config = od_config
        self.model_runner = SimpleNamespace(pipeline=None)

    def load_model(self, load_format: str, custom_pipeline_name: str) -> None:
        assert load_format == "custom_pipeline"
        pipeline = _resolve(custom_pipeline_name)(od_config=self.od_config)
        expected = {name for name, _ in pipeline.named_parameters()}
        loaded = pipeline.load_weights(iter(()))
        assert loaded is None or not expected - loaded
        self.model_runner.pipeline = pipeline.eval()

    def init_lora_manager(self) -> None:
        pass

    def execute_model(self, req: Request, od_config: Config) -> DiffusionOutput:
        output: DiffusionOutput = self.model_runner.pipeline.forward(req)
        return output


class CustomPipelineWorkerExtension:
    def re_init_pipeline(self: Any, custom_pipeline_args: dict[str, Any]) -> None:
        if self.model_runner.pipeline is not None:
            del self.model_runner.pipeline
        self.load_model(
            load_format="custom_pipeline", custom_pipeline_name=custom_pipeline_args["pipeline_class"]
        )
        self.init_lora_manager()


class WorkerWrapperBase:
    def __init__(self, gpu_id: int, od_config: Config, worker_extension_cls: str | None = None) -> None:
        arguments = od_config.custom_pipeline_args
        assert arguments is not None
        extension: Any = CustomPipelineWorkerExtension
        if worker_extension_cls is not None:
            extension = _resolve(worker_extension_cls)
        extended = type("ExtendedWorker", (extension, DiffusionWorker), {})
        self.worker = extended(local_rank=gpu_id, rank=gpu_id, od_config=od_config, skip_load_model=True)
        self.worker.re_init_pipeline(arguments)

    def execute_method(self, method: str, *args: Any) -> Any:
        return getattr(self.worker, method)(*args)

    def answer(self, req: Request) -> DiffusionOutput:
        """What the loop of a worker process returns: an error becomes an output, and the worker lives on."""
        try:
            output: DiffusionOutput = self.worker.execute_model(req, self.worker.od_config)
            return output
        except Exception as error:
            status = error.status_code if isinstance(error, OmniClientError) else None
            kind = error.error_type if isinstance(error, OmniClientError) else None
            return DiffusionOutput(error=str(error), error_status_code=status, error_type=kind)


#: Modules of vLLM-Omni and what each has of the above.
MODULES: dict[str, dict[str, Any]] = {
    "vllm_omni": {},
    "vllm_omni.errors": {
        "OmniClientError": OmniClientError,
        "GuardrailViolationError": GuardrailViolationError,
    },
    "vllm_omni.diffusion": {},
    "vllm_omni.diffusion.distributed": {},
    "vllm_omni.diffusion.distributed.utils": {"get_local_device": lambda: torch.device("cpu")},
    "vllm_omni.diffusion.models": {},
    "vllm_omni.diffusion.models.diffusers_adapter": {},
    "vllm_omni.diffusion.models.diffusers_adapter.pipeline_diffusers_adapter": {
        "DiffusersAdapterPipeline": DiffusersAdapterPipeline
    },
    "vllm_omni.diffusion.worker": {},
    "vllm_omni.diffusion.worker.diffusion_worker": {
        "CustomPipelineWorkerExtension": CustomPipelineWorkerExtension,
        "DiffusionWorker": DiffusionWorker,
        "WorkerWrapperBase": WorkerWrapperBase,
    },
}


@contextmanager
def installed() -> Iterator[None]:
    """The modules, for the time of a test."""
    ours = "safelight_steer.vllm_omni"
    for name, members in MODULES.items():
        module = ModuleType(name)
        vars(module).update(members)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in (*MODULES, ours):
            sys.modules.pop(name, None)
