"""Settings of the server, the same for its process and the worker."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    #: A folder, or `owner/name@commit`.
    model: str
    device: str = "cpu"
    dtype: str = "float32"
    #: The model's name on the wire.
    name: str = "local"
    sizes: tuple[tuple[int, int], ...] = ((832, 480),)
    seconds: tuple[int, ...] = (2, 4)
    fps: int = 16
    steps: int = 40
    max_steps: int = 100
    guidance_scale: float | None = None
    #: Files of concepts and folders of watches; empty: the concepts of the package, no watch.
    concepts: str = ""
    watches: tuple[str, ...] = ()
    #: Categories away from which every generation is steered, whatever its request says.
    always: tuple[str, ...] = ()
    #: Requests that may wait. More would wait longer than a client does.
    max_waiting: int = 16
    #: Seconds for which an ended video is kept.
    keep_s: int = 3600

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ServerSettings:
        return cls(
            **values
            | {
                "sizes": tuple((int(width), int(height)) for width, height in values["sizes"]),
                **{name: tuple(values[name]) for name in ("seconds", "watches", "always")},
            }
        )
