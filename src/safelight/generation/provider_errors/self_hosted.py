"""Self-hosted servers: vLLM-Omni, SGLang Diffusion, Dynamo, NIM.

They return plain FastAPI errors. Only Cosmos has a content filter.
"""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ErrorSource, ModerationStage, ProviderRetry
from .rules import ErrorRule, Provider

_FASTAPI = "https://fastapi.tiangolo.com/tutorial/handling-errors/"
_ENGINE = "https://docs.vllm.ai/en/v0.9.0/api/vllm/v1/engine/exceptions.html"
_VLLM = "https://docs.vllm.ai/en/v0.29.0/api/vllm/exceptions/"
_CUDA = "https://pytorch.org/docs/stable/generated/torch.cuda.OutOfMemoryError.html"
_COSMOS = "https://docs.nvidia.com/cosmos/latest/guardrail.html"
_OWN = "own hardware"

SELF_HOSTED = Provider(
    name="self_hosted",
    title="The server",
    aliases=frozenset(
        {
            "vllm",
            "vllm-omni",
            "vllm_omni",
            "hosted_vllm",
            "sglang",
            "sglang-diffusion",
            "dynamo",
            "nim",
            "comfyui",
            "diffusers",
        }
    ),
    signs=r"vllm|sglang|EngineDeadError|EngineCore|diffusers|torch\.|CUDA|ComfyUI",
    rows=(
        ErrorRule(
            id="self-hosted.cosmos-output",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_COSMOS,
            text=r"guardrail.{0,40}(?:generated (?:video|output)|video (?:is )?unsafe)"
            r"|(?:generated (?:video|output)).{0,60}guardrail"
            r"|video ?content ?safety ?filter|unsafe frames detected",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            charged=ChargeStatus.NO,
            charge_source=_OWN,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="self-hosted.cosmos-input",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_COSMOS,
            text=r"guardrail blocked|blocked by (?:the )?(?:text |prompt )?guardrail"
            r"|(?:input )?prompt is (?:unsafe|not safe)|guardrail.{0,30}(?:prompt"
            r"|text).{0,30}(?:unsafe|blocked)",
            stage=ModerationStage.INPUT,
            charged=ChargeStatus.NO,
            charge_source=_OWN,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="self-hosted.out-of-memory",
            kind=ErrorKind.TRANSIENT,
            documented=_CUDA,
            text=r"CUDA out of memory|OutOfMemoryError|out of memory on device|HIP out of memory",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_OWN,
            retry=ProviderRetry.SAME,
            message="The server's GPU ran out of memory. The content was not judged.",
            next_step="Request fewer pixels, frames or seconds, or try again when the GPU is free.",
        ),
        ErrorRule(
            id="self-hosted.engine-dead",
            kind=ErrorKind.TRANSIENT,
            documented=_ENGINE,
            text=r"EngineDeadError|EngineCore encountered|engine (?:loop )?is (?:not running|dead)"
            r"|NCCL (?:error|timeout)|CUDA error",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_OWN,
            retry=ProviderRetry.SAME,
        ),
        ErrorRule(
            id="self-hosted.validation",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_FASTAPI,
            fields={
                "type": r"missing|string_type|string_too_\w+|int_parsing|int_type|float_parsing"
                r"|bool_parsing|literal_error|enum|value_error"
                r"|json_invalid|extra_forbidden|less_than\w*|greater_than\w*|model_attributes_type"
                r"|dict_type|list_type",
                "loc": r"[\s\S]*",
            },
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="self-hosted.vllm-bad-request",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_VLLM,
            fields={"type": r"BadRequestError|NotFoundError|UnprocessableEntityError|invalid_request_error"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="self-hosted.vllm-model",
            kind=ErrorKind.INVALID_REQUEST,
            documented="https://github.com/THUDM/LongBench/issues/102",
            text=r"the model .{1,120} does not exist",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="self-hosted.not-ready",
            kind=ErrorKind.TRANSIENT,
            documented="no page: words that self-hosted servers use",
            text=r"model is (?:still )?(?:loading|not (?:yet )?(?:loaded|ready))|server is (?:starting"
            r"|warming)|queue is full",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="self-hosted.video-not-found",
            kind=ErrorKind.INVALID_REQUEST,
            documented="https://docs.vllm.ai/projects/vllm-omni/en/latest/serving/videos_api/",
            text=r"video (?:job |task )?(?:['\"\w-]{1,80} )?not found",
            message="The server does not know this video. A self-hosted server that was restarted "
            "forgets its jobs.",
            next_step="Submit it again if you still want the video.",
            retry=ProviderRetry.SAME,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="self-hosted.generation-failed",
            kind=ErrorKind.TRANSIENT,
            documented=_VLLM,
            fields={"type": r"InternalServerError|Internal Server Error|internal_error"},
            charged=ChargeStatus.NO,
            charge_source=_OWN,
            error_source=ErrorSource.PROVIDER,
        ),
    ),
)
