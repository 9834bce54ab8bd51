"""The process that has the device: it loads the pipeline and makes one video after another."""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from safelight_steer.concepts import read_concepts
from safelight_steer.errors import (
    GenerationCancelled,
    ModerationBlocked,
    SteerError,
    SteeringNotApplied,
    SteeringRefused,
)
from safelight_steer.plan import Method, SteeringPlan
from safelight_steer.record import GenerationRecord
from safelight_steer.steering_field import SteeringField

from .settings import ServerSettings

_log = logging.getLogger(__name__)


def run(connection: Connection, settings_json: str) -> None:
    """The child's main function. Ends when the other end of the connection closes."""
    settings = ServerSettings.from_json(json.loads(settings_json))
    send_lock = threading.Lock()

    def send(message: dict[str, Any]) -> None:
        with send_lock:
            connection.send_bytes(json.dumps(message).encode())

    jobs: queue.Queue[dict[str, Any]] = queue.Queue()
    cancelled: set[str] = set()

    def receive() -> None:
        while True:
            try:
                message = json.loads(connection.recv_bytes())
            except (EOFError, OSError):
                # The server is gone, and nobody waits for a result. The device must be free for the next one.
                os._exit(0)
            if message["do"] == "stop":
                os._exit(0)
            if message["do"] == "cancel":
                cancelled.add(message["id"])
            else:
                jobs.put(message)

    threading.Thread(target=receive, daemon=True).start()
    try:
        maker = VideoMaker(settings)
    except Exception as error:
        _log.exception("The model could not be loaded.")
        send({"event": "not_loaded", "message": f"{type(error).__name__}: {error}"})
        return
    send({"event": "loaded", "probe": maker.probe})
    while True:
        job = jobs.get()
        video_id = job["id"]
        send(
            maker.make(
                job["request"],
                Path(job["path"]),
                progress=lambda done, of, i=video_id: send(
                    {"event": "progress", "id": i, "done": done, "of": of}
                ),
                cancelled=lambda i=video_id: i in cancelled,
            )
            | {"id": video_id}
        )
        cancelled.discard(video_id)


class VideoMaker:
    """The pipeline with its concepts and watches."""

    def __init__(self, settings: ServerSettings) -> None:
        from safelight_steer.latent_head import load_watch
        from safelight_steer.probe import describe
        from safelight_steer.steered_pipeline import SteeredPipeline
        from safelight_steer.weights import load_pipeline

        self._settings = settings
        self._concepts = read_concepts(Path(settings.concepts) if settings.concepts else None)
        pipeline = load_pipeline(settings.model, device=settings.device, dtype=settings.dtype)
        watches = [load_watch(Path(folder)) for folder in settings.watches]
        self._steered = SteeredPipeline(pipeline, watches=watches)
        self.probe = describe(pipeline, watches=[watch.name for watch in watches], categories=self._concepts)

    def make(
        self, request: Mapping[str, Any], path: Path, *, progress: Any, cancelled: Any
    ) -> dict[str, Any]:
        """Makes a video. Every error is returned as the event `failed`."""
        import torch

        from .preview_file import write_preview
        from .video_file import write_video

        record = GenerationRecord()
        unknown = [category for category in request["categories"] if category not in self._concepts]
        code, message = "", ""
        try:
            generation = self._steered.generate(
                self._plan(request),
                record=record,
                progress=progress,
                cancelled=cancelled,
                keep_preview=lambda frames: write_preview(frames, path.with_suffix(".png")),
                **self._call(request),
            )
            if cancelled():
                raise GenerationCancelled(step=record.steps - 1, steps=record.steps)
            write_video(torch.as_tensor(generation.output.frames[0]), path, fps=self._settings.fps)
        except ModerationBlocked:
            # The message names no detector and no category: a requester may read it.
            code, message = "moderation_blocked", "The generation was stopped by a safety check."
        except GenerationCancelled as error:
            code, message = "cancelled", str(error)
        except (SteeringRefused, SteeringNotApplied) as error:
            code, message = "steering_unavailable", str(error)
        except SteerError as error:
            code, message = "generation_failed", str(error)
        except torch.OutOfMemoryError:
            code, message = "out_of_memory", "The device has too little memory for this size and length."
        except Exception as error:
            _log.exception("A generation failed.")
            code, message = "generation_failed", f"The pipeline failed: {type(error).__name__}."
        if code and torch.cuda.is_available():
            torch.cuda.empty_cache()
        if code and record.outcome == "completed":
            record.outcome = "failed"
        stated = record.as_json() | {"unknown_categories": unknown}
        if code:
            return {"event": "failed", "error": {"code": code, "message": message}, "record": stated}
        return {"event": "done", "record": stated}

    def _plan(self, request: Mapping[str, Any]) -> SteeringPlan:
        field = SteeringField(
            categories=tuple(request["categories"]),
            methods=frozenset(map(Method, request["methods"])),
            required=frozenset(map(Method, request["required"])),
        )
        return field.plan(self._concepts)

    def _call(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments of the pipeline's call."""
        import inspect

        import torch

        pipeline = self._steered.pipeline
        accepted = inspect.signature(type(pipeline).__call__).parameters
        between = getattr(pipeline, "vae_scale_factor_temporal", None) or getattr(
            pipeline, "vae_temporal_compression_ratio", 4
        )
        frames = request["seconds"] * self._settings.fps
        generator = torch.Generator("cpu")
        if request["seed"] is None:
            generator.seed()
        else:
            generator.manual_seed(request["seed"])
        arguments: dict[str, Any] = {
            "prompt": request["prompt"],
            "width": request["width"],
            "height": request["height"],
            # Video decoders make one frame, and so many for each further latent frame.
            "num_frames": (frames - 1) // between * between + 1,
            "num_inference_steps": request["steps"],
            "generator": generator,
            "output_type": "pt",
        }
        if request["negative_prompt"] and "negative_prompt" in accepted:
            arguments["negative_prompt"] = request["negative_prompt"]
        if request["guidance_scale"] is not None:
            name = "true_cfg_scale" if "true_cfg_scale" in accepted else "guidance_scale"
            if name in accepted:
                arguments[name] = request["guidance_scale"]
        return arguments
