"""Settings of the advice on prompts that a provider may refuse."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from .addresses import parse_base_url
from .section import Section


class RewriterSettings(Section):
    url: str | None = Field(
        default=None,
        description="Base URL of an OpenAI-compatible endpoint whose model rewrites prompts, such as "
        "`http://127.0.0.1:9000/v1`. Prompts are sent there, only if a caller asks for it. Default: off. "
        "See docs/advice.md.",
    )
    model: str = Field(default="", description="Model at this endpoint; required if `url` is set.")
    api_key_env: str = Field(
        default="", description="Name of the environment variable with the key of the endpoint."
    )
    timeout_s: float = Field(
        default=20.0, gt=0, le=120, description="Time limit for one answer of the model, in seconds."
    )
    calls_per_day: int = Field(
        default=200,
        ge=0,
        description="Most calls of one process in any 24 hours; 0: no limit. Each call may be charged.",
    )

    @field_validator("url")
    @classmethod
    def _is_base_url(cls, value: str | None) -> str | None:
        if value is not None:
            parse_base_url(
                value,
                expected="the address of an endpoint, such as http://127.0.0.1:9000/v1",
                credentials="put the key into an environment variable and name it in `api_key_env`",
            )
        return value

    @model_validator(mode="after")
    def _has_model(self) -> RewriterSettings:
        if self.url is not None and not self.model:
            raise ValueError("set `model` too: the model at the endpoint")
        return self


class AdviceSettings(Section):
    rewriter: RewriterSettings = Field(default_factory=RewriterSettings)
