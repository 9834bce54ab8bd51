"""A picture of one person to the template of the face. The picture is opened in a sandboxed child only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from safelight.detectors.likeness.recognising import Describer
from safelight.detectors.protocol import Still
from safelight.errors import InvalidMedia
from safelight.scanning.service import Scanner

from .sealing import Template


@dataclass(frozen=True, kw_only=True)
class Enroller:
    #: One without detectors: it decodes, and looks for nothing.
    scanner: Scanner
    describer: Describer
    scratch: Callable[[], Path]

    def __call__(self, path: Path) -> Template:
        """The template. Raises `InvalidMedia` where the file shows no face, or more than one."""
        with TemporaryDirectory(dir=self.scratch(), prefix="enrol-") as folder:
            report = self.scanner.scan_picture(path, looks=Path(folder))
            if report.failure:
                raise InvalidMedia(f"{path.name} cannot be opened: {report.failure}")
            stills = [
                Still(
                    frame=look.frame,
                    start_s=0.0,
                    end_s=0.0,
                    path=Path(look.path),
                    width=look.width,
                    height=look.height,
                )
                for look in report.looks[:1]
            ]
            tracks = self.describer.tracks(stills, {}, moving=False)
        if len(tracks) != 1:
            raise InvalidMedia(
                f"{path.name} shows {len(tracks) or 'no'} faces.",
                remedy="Take a picture that shows the person alone, from the front, well lit.",
            )
        return tracks[0].templates[0]
