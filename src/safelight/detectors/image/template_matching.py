"""Finding an enrolled mark in a picture: local features say where it might be, its edges whether it is.

SIFT keypoints of the mark, seen dark on light and light on dark and at three sizes, each propose a place,
size and turn; places that several agree on are fitted with an affine map, the picture there is brought back
into the mark's own frame, and the directions of its edges are compared with the mark's. Flat marks have few
keypoints: the edges decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .logo_store import EnrolledLogo, LogoView

Grey = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.float32]

#: Longest side of a template, and of the smaller copies whose keypoints are enrolled too.
_TEMPLATE = 192
_SIZES = (192, 96, 48)
_MARGIN = 0.12
#: Side of the square in which edges are compared.
_FIELD = 64
_FEW, _MANY, _LARGE = 120, 1300, 500
_RATIO = 0.93
#: Parts of a mark, along and down, in which agreeing keypoints are counted.
_CELLS = 5
_PROPOSALS = 10
_REFINED, _REFINED_FROM = 2, 0.34


class TemplateMatch(NamedTuple):
    """A mark in a picture. `corners` in pixels, clockwise from the mark's own top left."""

    mark: EnrolledLogo
    #: How well the edges agree, 0 to 1.
    agreement: float
    #: Parts of the mark, of 25, in which keypoints agree on the place.
    support: int
    corners: npt.NDArray[np.float64]

    @property
    def strength(self) -> float:
        """Both together: what is held against the threshold. Fitted in docs/benchmarks/pictures.md."""
        return self.agreement + 0.28 * float(np.log1p(self.support))


class ImageFeatures(NamedTuple):
    grey: Grey
    #: The picture, and copies of half the size each.
    smaller: tuple[Grey, ...]
    #: Keypoints of the picture and of a smaller copy, which has the large ones in their place.
    points: _Rows
    descriptors: _Rows


def view_of(grey: Grey) -> LogoView | None:
    """What is kept of a picture of a mark; None where it shows nothing to find again."""
    template = _trimmed(grey)
    points: list[_Rows] = []
    descriptors: list[_Rows] = []
    height, width = template.shape
    for size in _SIZES:
        for inverted in (False, True):
            small = _resized(template, size / max(height, width))
            found, described = _features(255 - small if inverted else small, _FEW)
            if len(found):
                found[:, 0] /= small.shape[1]
                found[:, 1] /= small.shape[0]
                found[:, 2] /= max(small.shape)
                points.append(found)
                descriptors.append(described)
    if not points or _edges(_squared(template)) is None:
        return None
    return LogoView(
        points=np.concatenate(points).astype(np.float32).tobytes(),
        descriptors=np.round(np.concatenate(descriptors) * 255).astype(np.uint8).tobytes(),
        template=template.tobytes(),
        width=width,
        height=height,
    )


def scene_of(grey: Grey) -> ImageFeatures:
    """A picture made ready to be searched for any number of marks."""
    points, descriptors = _features(grey, _MANY)
    large, described = _features(_resized(grey, 0.4), _LARGE)
    large[:, :3] /= 0.4
    smaller = [grey]
    while max(smaller[-1].shape) > 100:
        smaller.append(_resized(smaller[-1], 0.5))
    return ImageFeatures(
        grey, tuple(smaller), np.concatenate([points, large]), np.concatenate([descriptors, described])
    )


def find(scene: ImageFeatures, marks: Iterable[EnrolledLogo], *, min_strength: float) -> list[TemplateMatch]:
    """The best place of each mark whose strength is at least this."""
    found = []
    for mark in marks:
        best = max(
            (place for view in mark.views if (place := _find(scene, mark, view)) is not None),
            key=lambda place: place.strength,
            default=None,
        )
        if best is not None and best.strength >= min_strength:
            found.append(best)
    return found


def _find(scene: ImageFeatures, mark: EnrolledLogo, view: LogoView) -> TemplateMatch | None:
    if len(scene.points) < 2:
        return None
    ready = _ready(view)
    if ready.field is None:
        return None
    proposed = [
        (_agreement(scene, matrix, ready.field), number, matrix, support)
        for number, (matrix, support) in enumerate(_proposals(scene, ready, view))
    ]
    best: TemplateMatch | None = None
    for first, _, matrix, support in sorted(proposed, key=lambda one: (-one[0], one[1]))[:_REFINED]:
        if first < _REFINED_FROM:
            break
        place, agreement = _refined(scene, matrix, ready.field, first)
        seen = np.array([(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)]) @ place.T
        corners = seen[:, :2] / np.maximum(seen[:, 2:], 0.05)
        found = TemplateMatch(mark, agreement, support, corners)
        if best is None or found.strength > best.strength:
            best = found
    return best


class _Ready(NamedTuple):
    points: _Rows
    descriptors: _Rows
    field: npt.NDArray[np.float32] | None


@lru_cache(maxsize=4096)
def _ready(view: LogoView) -> _Ready:
    descriptors = view.descriptor_rows().astype(np.float32)
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True) + 1e-6
    return _Ready(view.point_rows(), descriptors, _edges(_squared(view.template_rows())))


def _proposals(scene: ImageFeatures, ready: _Ready, view: LogoView) -> list[tuple[Matrix, int]]:
    """Maps from the mark's unit square into the picture, with how many keypoints agree; the best few."""
    alike = ready.descriptors @ scene.descriptors.T
    order = np.argpartition(-alike, 2, axis=1)[:, :3] if alike.shape[1] > 3 else np.argsort(-alike, axis=1)
    rows = np.arange(len(alike))[:, None]
    ranked = np.take_along_axis(order, np.argsort(-alike[rows, order], axis=1), axis=1)
    first, last = ranked[:, 0], ranked[:, -1]
    apart = np.sqrt(np.maximum(2 - 2 * alike[rows[:, 0], first], 0))
    others = np.sqrt(np.maximum(2 - 2 * alike[rows[:, 0], last], 1e-6))
    chosen = np.flatnonzero(apart < others * _RATIO)
    if not len(chosen):
        return []
    chosen = chosen[np.argsort(apart[chosen] / others[chosen])][:80]
    mine, theirs = ready.points[chosen], scene.points[first[chosen]]
    side = np.array([view.width, view.height], np.float64) / max(view.width, view.height)
    scale = theirs[:, 2] / np.maximum(mine[:, 2], 1e-6)
    turn = np.radians(theirs[:, 3] - mine[:, 3])
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    linear = np.stack(
        [np.stack([cos * side[0], -sin * side[1]], 1), np.stack([sin * side[0], cos * side[1]], 1)], 1
    )
    moved = theirs[:, :2] - np.einsum("nij,nj->ni", linear, mine[:, :2])
    # Where each proposal puts every matched keypoint, against where it was seen.
    put = np.einsum("nij,mj->nmi", linear, mine[:, :2]) + moved[:, None]
    off = np.linalg.norm(put - theirs[None, :, :2], axis=2) / scale[:, None]
    agree = off < 0.12
    # Keypoints lie on top of each other: counted are the parts of the mark where some agree.
    cells = np.clip((mine[:, :2] * _CELLS).astype(int), 0, _CELLS - 1) @ np.array([1, _CELLS])
    covered = np.zeros((len(mine), _CELLS * _CELLS), bool)
    for number in range(len(mine)):
        covered[number, cells[agree[number]]] = True
    support = covered.sum(axis=1)
    results: list[tuple[Matrix, int]] = []
    taken: list[npt.NDArray[np.float64]] = []
    height, width = scene.grey.shape
    for number in np.argsort(-support, kind="stable"):
        middle = linear[number] @ np.array([0.5, 0.5]) + moved[number]
        if scale[number] < 14 or scale[number] > 3 * max(height, width):
            continue
        if not (-0.2 * width < middle[0] < 1.2 * width and -0.2 * height < middle[1] < 1.2 * height):
            continue
        if any(np.linalg.norm(middle - other) < 0.15 * scale[number] for other in taken):
            continue
        taken.append(middle)
        matrix = np.vstack([np.column_stack([linear[number], moved[number]]), (0, 0, 1)])
        results.append((matrix, int(support[number])))
        if agree[number].sum() >= 4:
            fitted = _fitted(mine[agree[number], :2], theirs[agree[number], :2])
            if fitted is not None:
                results.append((fitted, int(support[number])))
        if len(results) >= _PROPOSALS:
            break
    return results


def _fitted(mine: _Rows, theirs: _Rows) -> Matrix | None:
    import cv2

    fitted, _ = cv2.estimateAffine2D(mine, theirs, method=cv2.RANSAC, ransacReprojThreshold=3.0)
    if not np.isfinite(fitted := np.asarray(fitted, np.float64)).all():
        return None
    long, short = np.linalg.svd(fitted[:, :2], compute_uv=False)
    return None if short < 8 or long > 4 * short else np.vstack([fitted, (0, 0, 1)])


def _agreement(scene: ImageFeatures, matrix: Matrix, field: npt.NDArray[np.float32]) -> float:
    patch = _patch(scene, matrix)
    edges = None if patch is None else _edges(patch)
    return 0.0 if edges is None else max(float(np.vdot(edges, field)), 0.0)


def _patch(scene: ImageFeatures, matrix: Matrix) -> Grey | None:
    """The picture brought back into the square in which edges are compared; None: too small or too large."""
    import cv2

    # From the square, margin included, into the picture.
    reach = 1 + 2 * _MARGIN
    into = np.array([[reach / _FIELD, 0, -_MARGIN], [0, reach / _FIELD, -_MARGIN], [0, 0, 1]])
    whole = matrix @ into
    middle = whole[2, 0] * _FIELD / 2 + whole[2, 1] * _FIELD / 2 + whole[2, 2]
    if not 0.2 < middle < 5:
        return None
    step = float(np.sqrt(abs(whole[0, 0] * whole[1, 1] - whole[0, 1] * whole[1, 0]))) / middle
    if not 0.12 < step < 80:
        return None
    # Sampled from a copy that is no more than twice too large, so that nothing is skipped.
    level = min(max(int(np.log2(max(step, 1.0)) + 0.3), 0), len(scene.smaller) - 1)
    grey = scene.smaller[level]
    smaller = grey.shape[1] / scene.grey.shape[1]
    patch = cv2.warpPerspective(
        grey,
        np.diag([smaller, smaller, 1.0]) @ whole,
        (_FIELD, _FIELD),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(patch, np.uint8)


#: Along, down, wider, higher, turned and sheared by two, tilted along, tilted down.
_NUDGES = np.array(
    [
        (0.04, 0, 0, 0, 0, 0, 0, 0),
        (0, 0.04, 0, 0, 0, 0, 0, 0),
        (0, 0, 0.06, 0.06, 0, 0, 0, 0),
        (0, 0, 0.06, -0.06, 0, 0, 0, 0),
        (0, 0, 0, 0, 0.07, -0.07, 0, 0),
        (0, 0, 0, 0, 0.07, 0.07, 0, 0),
        (0, 0, 0, 0, 0, 0, 0.12, 0),
        (0, 0, 0, 0, 0, 0, 0, 0.12),
    ]
)


def _refined(
    scene: ImageFeatures, matrix: Matrix, field: npt.NDArray[np.float32], agreement: float
) -> tuple[Matrix, float]:
    """The map moved, stretched, turned and sheared a little, for as long as the edges agree better."""
    step = 1.0
    for _ in range(6):
        better = False
        for nudge in _NUDGES:
            for way in (step, -step):
                tried = matrix @ _nudged(nudge * way)
                told = _agreement(scene, tried, field)
                if told > agreement:
                    matrix, agreement, better = tried, told, True
                    break
        if not better:
            step *= 0.5
    return matrix, agreement


def _nudged(by: npt.NDArray[np.float64]) -> Matrix:
    """A small change about the middle of the unit square."""
    x, y, wide, high, down, up, far, deep = by.tolist()
    about = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    changed = np.array([[1 + wide, down, x], [up, 1 + high, y], [far, deep, 1]])
    back = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    made: Matrix = back @ changed @ about
    return made


def _edges(patch: Grey) -> npt.NDArray[np.float32] | None:
    """Directions of edges, light and dark alike, weighted by their strength; of length 1 in all."""
    import cv2

    smooth = cv2.GaussianBlur(patch.astype(np.float32), (0, 0), 1.2)
    dx, dy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    strength = np.hypot(dx, dy)
    top = float(strength.max())
    if top < 12:
        return None
    # Strong edges count alike: paint and light differ, the shape does not.
    typical = float(np.sqrt((strength**2).mean())) + 1e-6
    weight = strength / (strength + typical)
    weight[strength < 0.35 * typical] = 0
    doubled = 2 * np.arctan2(dy, dx)
    field = np.stack([weight * np.cos(doubled), weight * np.sin(doubled)])
    field -= field.mean(axis=(1, 2), keepdims=True) * 0.5
    return np.asarray(field / (np.linalg.norm(field) + 1e-6), np.float32)


def _squared(template: Grey) -> Grey:
    """The template, which has its margin, as the square in which edges are compared."""
    import cv2

    height, width = template.shape
    wide, high = round(width * _MARGIN), round(height * _MARGIN)
    framed = cv2.copyMakeBorder(template, high, high, wide, wide, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(framed, (_FIELD, _FIELD), interpolation=cv2.INTER_AREA), np.uint8)


def _trimmed(grey: Grey) -> Grey:
    """The part that is not plain ground, with a little around it, at the size of templates."""
    import cv2

    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ground = int(np.median(edge))
    inside = np.abs(grey.astype(np.int16) - ground) > 24
    if inside.any():
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        grey = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = _TEMPLATE / max(grey.shape) / 1.16
    small = _resized(grey, scale)
    pad = max(round(max(small.shape) * 0.08), 2)
    return np.asarray(
        cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=ground), np.uint8
    )


def _resized(grey: Grey, scale: float) -> Grey:
    import cv2

    height, width = grey.shape
    size = (max(round(width * scale), 8), max(round(height * scale), 8))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size, interpolation=way), np.uint8)


@lru_cache(maxsize=4)
def _sift(count: int) -> Any:
    import cv2

    made: Any = cv2
    return made.SIFT_create(nfeatures=count, contrastThreshold=0.02, edgeThreshold=16)


def _features(grey: Grey, count: int) -> tuple[_Rows, _Rows]:
    """Keypoints (n, 4): x, y, size, angle; and their descriptors (n, 128), of length 1, rooted."""
    found, described = _sift(count).detectAndCompute(grey, None)
    if described is None or not len(found):
        return np.zeros((0, 4), np.float32), np.zeros((0, 128), np.float32)
    points = np.array([(*one.pt, one.size, one.angle) for one in found], np.float32)
    rooted = np.sqrt(described / (described.sum(axis=1, keepdims=True) + 1e-6))
    return points, rooted.astype(np.float32)
