"""Watching as a diffusers callback, for code that calls a pipeline itself.

    pipeline(prompt, callback_on_step_end=WatchingCallback(watches))

A callback sees a step after it was made, so it watches only. Text is steered before the first step: that is
the task of `steered_pipeline`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffusers.callbacks import PipelineCallback

from .architectures import architecture_of
from .clean_image import estimate_after_step
from .errors import Stopped
from .watcher import Estimate, Watch, Watcher


class WatchingCallback(PipelineCallback):  # type: ignore[misc]  # diffusers has no types here
    """Raises `ModerationBlocked` out of the pipeline's call, before anything is decoded.

    Use a new object for each call. Detectors get latents only; their packed layout in LTX is unchanged.
    """

    tensor_inputs = ["latents"]  # noqa: RUF012 - an attribute of the base class

    def __init__(self, watches: Sequence[Watch]) -> None:
        super().__init__()
        self._watches = watches
        self._watcher: Watcher | None = None
        self._before: Any = None
        self._stopped: Stopped | None = None

    def callback_fn(
        self, pipeline: Any, step_index: int, timesteps: Any, callback_kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        if self._stopped is not None:
            raise self._stopped
        latents = callback_kwargs["latents"]
        steps = len(pipeline.scheduler.timesteps)
        if self._watcher is None:
            self._watcher = Watcher(self._watches, steps=steps)
        before, self._before = self._before, latents
        # The first step has no latents before it; it is never checked, because estimates in it are of no use.
        if before is not None and self._watcher.due(step_index):
            clean = estimate_after_step(pipeline.scheduler, before=before, after=latents, step=step_index)
            try:
                self._watcher.observe(
                    Estimate(step=step_index, steps=steps, latents=clean, frames=_no_frames(pipeline))
                )
            except Stopped as error:
                self._stopped = error
                pipeline._interrupt = True  # noqa: SLF001 - read by pipelines that go on after an error
                raise
        return callback_kwargs


def _no_frames(pipeline: Any) -> Any:
    def frames() -> Any:
        raise ValueError(
            f"A callback of {architecture_of(pipeline) or type(pipeline).__name__} cannot decode frames; use "
            "SteeredPipeline."
        )

    return frames
