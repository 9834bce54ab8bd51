"""The command `safelight-steer`."""

from __future__ import annotations

import argparse
import ipaddress
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from safelight_steer.concepts import read_concepts

from .settings import ServerSettings


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    settings = ServerSettings(
        model=given.model,
        device=given.device,
        dtype=given.dtype or ("float32" if given.device == "cpu" else "bfloat16"),
        name=given.name,
        sizes=tuple(given.size or ServerSettings.sizes),
        seconds=tuple(given.seconds or ServerSettings.seconds),
        fps=given.fps,
        steps=given.steps,
        guidance_scale=given.guidance_scale,
        concepts=given.concepts,
        watches=tuple(given.watch),
        always=tuple(given.always),
    )
    if given.command == "probe":
        return _probe(settings)
    return _serve(settings, given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="safelight-steer", description=__doc__)
    parser.add_argument(
        "command", choices=["serve", "probe"], help="serve videos, or say what a model allows"
    )
    parser.add_argument("model", help="a folder, or owner/name@COMMIT of a hub; safetensors only")
    parser.add_argument("--device", default="cpu", help="such as cuda:0; one server has one device")
    parser.add_argument("--dtype", choices=["float32", "float16", "bfloat16"])
    parser.add_argument("--name", default="local", help="the model's name in requests")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8091)
    parser.add_argument("--api-key-file", type=Path, help="a file with the key that requests must send")
    parser.add_argument("--size", type=_size, action="append", help="such as 832x480; may be repeated")
    parser.add_argument("--seconds", type=int, action="append", help="a length; may be repeated")
    parser.add_argument("--fps", type=int, default=ServerSettings.fps)
    parser.add_argument("--steps", type=int, default=ServerSettings.steps)
    parser.add_argument("--guidance-scale", type=float)
    parser.add_argument("--concepts", default="", help="a JSON file with concepts by category")
    parser.add_argument("--watch", action="append", default=[], help="a folder with a watch; may be repeated")
    parser.add_argument(
        "--always", action="append", default=[], help="a category to steer away from in every video"
    )
    return parser


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _probe(settings: ServerSettings) -> int:
    from safelight_steer.errors import UnsafeWeights

    from .worker import VideoMaker

    try:
        found = VideoMaker(settings).probe
    except (UnsafeWeights, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command
        return 1
    print(json.dumps(found, indent=2))  # noqa: T201
    return 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _serve(settings: ServerSettings, given: argparse.Namespace) -> int:
    import uvicorn

    from .app import create_app
    from .jobs import Videos
    from .supervisor import DeviceInUse, Supervisor, device_lock

    key = given.api_key_file.read_text(encoding="utf-8").strip() if given.api_key_file else ""
    if not key and not _is_loopback(given.host):
        print("A server that other machines can reach needs --api-key-file.", file=sys.stderr)  # noqa: T201
        return 2
    try:
        categories = frozenset(read_concepts(Path(settings.concepts) if settings.concepts else None))
        if missing := sorted(set(settings.always) - categories):
            raise ValueError(f"There is no concept for the category {missing[0]!r} of --always.")
        with device_lock(settings.device), tempfile.TemporaryDirectory(prefix="safelight-steer-") as folder:
            videos = Videos(settings, Path(folder))
            app = create_app(
                settings, videos, Supervisor(settings, videos), categories=categories, api_key=key
            )
            uvicorn.run(app, host=given.host, port=given.port, log_level="info", server_header=False)
    except (DeviceInUse, OSError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
