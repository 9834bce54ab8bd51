"""The changes of a scene over time, in cells of its picture, compared between two clips of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Floats, Pixels

Numbers = npt.NDArray[np.intp]

#: Side of the cells of which each is compared alone, in pixels.
CELL = 20
#: The filter before the comparison keeps what is between these sizes (standard deviations, in pixels): noise
#: is smaller, light and contrast are larger. The larger one is applied at a quarter of the size.
_FINE, _COARSE, _QUARTER = 1.5, 10.0, 4
#: Grey levels by which a filtered cell changes between the thumbnails if it moves. Less can be compression.
_MIN_CHANGE = 2.4
#: Fewer cells can agree or differ by chance.
_MIN_CELLS = 6
#: Grey levels of the detail of a filtered cell without which it shows nothing.
_MIN_DETAIL = 3.0
#: Change of the copy, relative to that of the registered clip, without which it does not move. A screenshot
#: that is shown for seconds shows no other moments.
_MIN_COPY_CHANGE = 0.25
#: Frames around the expected one among which the frame of a thumbnail is chosen.
_NEAR = 1
#: Assignments that are improved frame by frame after all were compared, and how often.
_IMPROVED, _ROUNDS = 4, 2


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Which frame of the copy is expected to show the moment of which thumbnail."""

    thumbnails: tuple[int, ...]
    frames: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class SceneChanges:
    """Inner products of the filtered pictures in each cell: all that a comparison of changes needs."""

    known: Floats
    mixed: Floats
    copy: Floats

    @classmethod
    def of(
        cls, known: Sequence[Floats], frames: Sequence[Floats], visible: npt.NDArray[np.bool_]
    ) -> SceneChanges:
        """Of filtered thumbnails and of frames in the same place, in the cells that are wholly `visible`."""
        cells = _cells([visible.astype(np.float32)])[:, 0].min(axis=1) > 0
        one, other = _cells(known)[cells], _cells(frames)[cells]
        area = np.float32(CELL**2)
        return cls(
            known=one @ one.transpose(0, 2, 1) / area,
            mixed=one @ other.transpose(0, 2, 1) / area,
            copy=other @ other.transpose(0, 2, 1) / area,
        )

    def background_agreement(self) -> float:
        """How similar the most similar frame is to a thumbnail, on average; 0 without detail. If it is low,
        frames and thumbnails are not in the same place.
        """
        known, copy = _diagonal(self.known), _diagonal(self.copy)
        detailed = known.mean(axis=1) > _MIN_DETAIL**2
        if detailed.sum() < _MIN_CELLS:
            return 0.0
        norm = np.sqrt(known[:, :, None] * copy[:, None, :]) + 1e-3
        similarity = np.median((self.mixed / norm)[detailed], axis=0)
        return float(similarity.max(axis=1).mean())

    def agreement(self, assignments: Sequence[Assignment]) -> float:
        """The correlation of the changes for the best assignment; 0 if the scene or the copy hardly moves."""
        moving = self._moving()
        return 0.0 if moving is None else moving.best_correlation(assignments)

    def best_correlation(self, assignments: Sequence[Assignment]) -> float:
        """The same without a choice of cells."""
        similarity = self._similarity()
        found = [self._nearest(one, similarity) for one in assignments]
        scores = [self._correlation(one) for one in found]
        order = np.argsort(scores)[::-1][:_IMPROVED]
        improved = (self._improve(found[each], assignments[each], scores[each]) for each in order)
        return max(improved, default=0.0)

    def _moving(self) -> SceneChanges | None:
        """The cells in which something moves; None if there are too few."""
        variance = _diagonal(self.known).mean(axis=1) - self.known.mean(axis=(1, 2))
        cells = variance > _MIN_CHANGE**2
        if cells.sum() < _MIN_CELLS:
            return None
        return SceneChanges(known=self.known[cells], mixed=self.mixed[cells], copy=self.copy[cells])

    def _similarity(self) -> Floats:
        """Of each thumbnail with each frame, without what is the same in all of them."""
        mixed = _centred(self.mixed)
        known, copy = (np.maximum(_diagonal(_centred(one)), 0) for one in (self.known, self.copy))
        similarity = mixed / np.sqrt(known[:, :, None] * copy[:, None, :] + 1)
        return np.asarray(similarity.mean(axis=0), np.float32)

    def _nearest(self, expected: Assignment, similarity: Floats) -> Assignment:
        """The most similar frame near each expected one, in the order of time."""
        frames, first = list[int](), 0
        for thumbnail, frame in zip(expected.thumbnails, expected.frames, strict=True):
            start = max(frame - _NEAR, first)
            near = similarity[thumbnail, start : frame + _NEAR + 1]
            first = start + int(near.argmax()) if near.size else frame
            frames.append(first)
        return Assignment(thumbnails=expected.thumbnails, frames=tuple(frames))

    def _improve(self, start: Assignment, expected: Assignment, score: float) -> float:
        """The correlation after each frame was exchanged for the best near the expected one."""
        best, count = start, self.copy.shape[1]
        for _ in range(_ROUNDS):
            for place, frame in enumerate(expected.frames):
                for other in range(max(frame - _NEAR, 0), min(frame + _NEAR + 1, count)):
                    frames = (*best.frames[:place], other, *best.frames[place + 1 :])
                    tried = Assignment(thumbnails=best.thumbnails, frames=frames)
                    if (found := self._correlation(tried)) > score:
                        best, score = tried, found
        return score

    def _correlation(self, chosen: Assignment) -> float:
        """Of the changes of thumbnails and their frames: the median of the cells that move."""
        thumbnails, frames = list(chosen.thumbnails), list(chosen.frames)
        known, copy, mixed = (
            _diagonal(one).mean(axis=1) - one.mean(axis=(1, 2))
            for one in (
                self.known[:, thumbnails][:, :, thumbnails],
                self.copy[:, frames][:, :, frames],
                self.mixed[:, thumbnails][:, :, frames],
            )
        )
        cells = known > _MIN_CHANGE**2
        if cells.sum() < _MIN_CELLS:
            return 0.0
        known, copy, mixed = known[cells], np.maximum(copy[cells], 0), mixed[cells]
        if np.median(copy / known) < _MIN_COPY_CHANGE**2:
            return 0.0
        return float(np.median(mixed / np.sqrt(known * copy + 1e-3)))


def filtered(picture: Pixels) -> Floats:
    """A grey picture without noise, light and contrast of large areas."""
    height, width = picture.shape
    values = picture.astype(np.float32)
    small = cv2.resize(
        values, (max(width // _QUARTER, 1), max(height // _QUARTER, 1)), interpolation=cv2.INTER_AREA
    )
    coarse = cv2.resize(cv2.GaussianBlur(small, (0, 0), _COARSE / _QUARTER), (width, height))
    return np.asarray(cv2.GaussianBlur(values, (0, 0), _FINE) - coarse, np.float32)


def _cells(pictures: Sequence[Floats]) -> Floats:
    """Cells, pictures, pixels of the cell."""
    stack = np.stack(pictures)
    rows, columns = stack.shape[1] // CELL, stack.shape[2] // CELL
    parts = stack[:, : rows * CELL, : columns * CELL].reshape(-1, rows, CELL, columns, CELL)
    return np.ascontiguousarray(parts.transpose(1, 3, 0, 2, 4)).reshape(rows * columns, -1, CELL**2)


def _diagonal(products: Floats) -> Floats:
    return np.asarray(np.diagonal(products, axis1=1, axis2=2), np.float32)


def _centred(products: Floats) -> Floats:
    """The products of the differences from the mean picture."""
    rows, columns = products.mean(axis=1, keepdims=True), products.mean(axis=2, keepdims=True)
    return np.asarray(products - rows - columns + products.mean(axis=(1, 2), keepdims=True), np.float32)
