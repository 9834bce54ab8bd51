"""Template matching of enrolled logos: SIFT keypoints propose places, edge directions confirm them.

The SIFT keypoints of the logo are also taken from inverted copies and at three sizes. Each keypoint that
matches one in the picture proposes a position, scale and rotation. An affine map is fitted to proposals that
several keypoints support. The picture is then warped so that the logo would fill the frame, and its edge
directions are compared with those of the logo. The edges decide, because flat logos have few keypoints.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .logo_store import EnrolledLogo, LogoView
from .scaling import scale_picture

Grey = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.float32]

#: Longest side of a template in pixels, and the longest sides at which its keypoints are stored.
_TEMPLATE_SIDE_PX = 192
_KEYPOINT_SIZES_PX = (192, 96, 48)
_MARGIN = 0.12
#: No side of a scaled picture is shorter.
_LEAST_SIDE_PX = 8
#: Side in pixels of the square picture in which edges are compared.
_FIELD_SIDE = 64
_TEMPLATE_KEYPOINTS, _IMAGE_KEYPOINTS, _LARGE_KEYPOINTS = 120, 1300, 500
_MAX_DISTANCE_RATIO = 0.93
#: A logo is divided into this many cells in each direction, to count the cells with supporting keypoints.
_CELLS = 5
_MAX_PROPOSALS = 10
_MAX_REFINED, _MIN_REFINED_AGREEMENT = 2, 0.34
#: Steps for refining a map: shift across and down, two for stretching, two for rotation and shear, two for
#: perspective.
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


class TemplateMatch(NamedTuple):
    """A logo that was found in a picture. `corners` are in pixels, clockwise from the logo's own top left
    corner.
    """

    logo: EnrolledLogo
    #: Agreement of the edges, 0 to 1.
    agreement: float
    #: Number of the logo's 25 cells in which keypoints support this place.
    support: int
    corners: npt.NDArray[np.float64]

    @property
    def strength(self) -> float:
        """Combines agreement and support into one number for the threshold. Fitted in
        docs/benchmarks/pictures.md.
        """
        return self.agreement + 0.28 * float(np.log1p(self.support))


class ImageFeatures(NamedTuple):
    grey: Grey
    #: The picture, followed by ever smaller copies, each half the size of the one before.
    half_sizes: tuple[Grey, ...]
    #: Keypoints of the picture, and of a smaller copy to find large ones too. All are in coordinates of the
    #: picture.
    points: _Rows
    descriptors: _Rows


def make_view(grey: Grey) -> LogoView | None:
    """Make the stored view of a logo from its picture; None if it has no keypoints or edges to match."""
    template = _trim(grey)
    points: list[_Rows] = []
    descriptors: list[_Rows] = []
    height, width = template.shape
    for size in _KEYPOINT_SIZES_PX:
        for inverted in (False, True):
            small = scale_picture(template, size / max(height, width), least_px=_LEAST_SIDE_PX)
            found, described = _features(255 - small if inverted else small, _TEMPLATE_KEYPOINTS)
            if len(found):
                found[:, 0] /= small.shape[1]
                found[:, 1] /= small.shape[0]
                found[:, 2] /= max(small.shape)
                points.append(found)
                descriptors.append(described)
    if not points or _edge_field(_edge_square(template)) is None:
        return None
    return LogoView(
        points=np.concatenate(points).astype(np.float32).tobytes(),
        descriptors=np.round(np.concatenate(descriptors) * 255).astype(np.uint8).tobytes(),
        template=template.tobytes(),
        width=width,
        height=height,
    )


def extract_features(grey: Grey) -> ImageFeatures:
    """Extract the features of a picture once, for comparison with any number of logos."""
    points, descriptors = _features(grey, _IMAGE_KEYPOINTS)
    large, described = _features(scale_picture(grey, 0.4, least_px=_LEAST_SIDE_PX), _LARGE_KEYPOINTS)
    large[:, :3] /= 0.4
    smaller = [grey]
    while max(smaller[-1].shape) > 100:
        smaller.append(scale_picture(smaller[-1], 0.5, least_px=_LEAST_SIDE_PX))
    return ImageFeatures(
        grey, tuple(smaller), np.concatenate([points, large]), np.concatenate([descriptors, described])
    )


def find_logos(
    scene: ImageFeatures, logos: Iterable[EnrolledLogo], *, min_strength: float
) -> list[TemplateMatch]:
    """The best match of each logo, if its strength is at least `min_strength`."""
    found = []
    for logo in logos:
        best = max(
            (place for view in logo.views if (place := _match_view(scene, logo, view)) is not None),
            key=lambda place: place.strength,
            default=None,
        )
        if best is not None and best.strength >= min_strength:
            found.append(best)
    return found


def _match_view(scene: ImageFeatures, logo: EnrolledLogo, view: LogoView) -> TemplateMatch | None:
    if len(scene.points) < 2:
        return None
    prepared = _prepare_view(view)
    if prepared.field is None:
        return None
    proposed = [
        (_agreement(scene, matrix, prepared.field), number, matrix, support)
        for number, (matrix, support) in enumerate(_proposals(scene, prepared, view))
    ]
    best: TemplateMatch | None = None
    for first, _, matrix, support in sorted(proposed, key=lambda one: (-one[0], one[1]))[:_MAX_REFINED]:
        if first < _MIN_REFINED_AGREEMENT:
            break
        refined, agreement = _refine(scene, matrix, prepared.field, first)
        homogeneous = np.array([(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)]) @ refined.T
        corners = homogeneous[:, :2] / np.maximum(homogeneous[:, 2:], 0.05)
        found = TemplateMatch(logo, agreement, support, corners)
        if best is None or found.strength > best.strength:
            best = found
    return best


class _PreparedView(NamedTuple):
    points: _Rows
    descriptors: _Rows
    field: npt.NDArray[np.float32] | None


@lru_cache(maxsize=4096)
def _prepare_view(view: LogoView) -> _PreparedView:
    descriptors = view.descriptor_rows().astype(np.float32)
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True) + 1e-6
    return _PreparedView(view.point_rows(), descriptors, _edge_field(_edge_square(view.template_rows())))


def _proposals(scene: ImageFeatures, prepared: _PreparedView, view: LogoView) -> list[tuple[Matrix, int]]:
    """Proposed maps from the logo's unit square into the picture, each with its number of supporting
    cells; best first.
    """
    alike = prepared.descriptors @ scene.descriptors.T
    order = np.argpartition(-alike, 2, axis=1)[:, :3] if alike.shape[1] > 3 else np.argsort(-alike, axis=1)
    rows = np.arange(len(alike))[:, None]
    ranked = np.take_along_axis(order, np.argsort(-alike[rows, order], axis=1), axis=1)
    first, last = ranked[:, 0], ranked[:, -1]
    distances = np.sqrt(np.maximum(2 - 2 * alike[rows[:, 0], first], 0))
    others = np.sqrt(np.maximum(2 - 2 * alike[rows[:, 0], last], 1e-6))
    chosen = np.flatnonzero(distances < others * _MAX_DISTANCE_RATIO)
    if not len(chosen):
        return []
    chosen = chosen[np.argsort(distances[chosen] / others[chosen])][:80]
    template_points, image_points = prepared.points[chosen], scene.points[first[chosen]]
    side = np.array([view.width, view.height], np.float64) / max(view.width, view.height)
    scale = image_points[:, 2] / np.maximum(template_points[:, 2], 1e-6)
    turn = np.radians(image_points[:, 3] - template_points[:, 3])
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    linear = np.stack(
        [np.stack([cos * side[0], -sin * side[1]], 1), np.stack([sin * side[0], cos * side[1]], 1)], 1
    )
    moved = image_points[:, :2] - np.einsum("nij,nj->ni", linear, template_points[:, :2])
    # Each proposal predicts the place of every matched keypoint. Compare it with the place where the keypoint
    # was found.
    put = np.einsum("nij,mj->nmi", linear, template_points[:, :2]) + moved[:, None]
    off = np.linalg.norm(put - image_points[None, :, :2], axis=2) / scale[:, None]
    agree = off < 0.12
    # Keypoints overlap, so the support counts the cells of the logo in which a keypoint agrees.
    cells = np.clip((template_points[:, :2] * _CELLS).astype(int), 0, _CELLS - 1) @ np.array([1, _CELLS])
    covered = np.zeros((len(template_points), _CELLS * _CELLS), bool)
    for number in range(len(template_points)):
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
            fitted = _fit_affine(template_points[agree[number], :2], image_points[agree[number], :2])
            if fitted is not None:
                results.append((fitted, int(support[number])))
        if len(results) >= _MAX_PROPOSALS:
            break
    return results


def _fit_affine(template_points: _Rows, image_points: _Rows) -> Matrix | None:
    import cv2

    fitted, _ = cv2.estimateAffine2D(
        template_points, image_points, method=cv2.RANSAC, ransacReprojThreshold=3.0
    )
    if not np.isfinite(fitted := np.asarray(fitted, np.float64)).all():
        return None
    long, short = np.linalg.svd(fitted[:, :2], compute_uv=False)
    return None if short < 8 or long > 4 * short else np.vstack([fitted, (0, 0, 1)])


def _agreement(scene: ImageFeatures, matrix: Matrix, field: npt.NDArray[np.float32]) -> float:
    patch = _patch(scene, matrix)
    edges = None if patch is None else _edge_field(patch)
    return 0.0 if edges is None else max(float(np.vdot(edges, field)), 0.0)


def _patch(scene: ImageFeatures, matrix: Matrix) -> Grey | None:
    """The picture, warped into the square in which edges are compared. None if the logo would be too small
    or too large.
    """
    import cv2

    # Maps the square, including its margin, into the picture.
    reach = 1 + 2 * _MARGIN
    into = np.array([[reach / _FIELD_SIDE, 0, -_MARGIN], [0, reach / _FIELD_SIDE, -_MARGIN], [0, 0, 1]])
    whole = matrix @ into
    middle = whole[2, 0] * _FIELD_SIDE / 2 + whole[2, 1] * _FIELD_SIDE / 2 + whole[2, 2]
    if not 0.2 < middle < 5:
        return None
    step = float(np.sqrt(abs(whole[0, 0] * whole[1, 1] - whole[0, 1] * whole[1, 0]))) / middle
    if not 0.12 < step < 80:
        return None
    # Sample from a copy that is at most about twice too large, so that no pixels are skipped.
    level = min(max(int(np.log2(max(step, 1.0)) + 0.3), 0), len(scene.half_sizes) - 1)
    grey = scene.half_sizes[level]
    smaller = grey.shape[1] / scene.grey.shape[1]
    patch = cv2.warpPerspective(
        grey,
        np.diag([smaller, smaller, 1.0]) @ whole,
        (_FIELD_SIDE, _FIELD_SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(patch, np.uint8)


def _refine(
    scene: ImageFeatures, matrix: Matrix, field: npt.NDArray[np.float32], agreement: float
) -> tuple[Matrix, float]:
    """Improve the map: try small moves, stretches, rotations and shears, and keep those that make the
    edges agree better.
    """
    step = 1.0
    for _ in range(6):
        better = False
        for nudge in _NUDGES:
            for sign in (step, -step):
                tried = matrix @ _nudge_matrix(nudge * sign)
                score = _agreement(scene, tried, field)
                if score > agreement:
                    matrix, agreement, better = tried, score, True
                    break
        if not better:
            step *= 0.5
    return matrix, agreement


def _nudge_matrix(by: npt.NDArray[np.float64]) -> Matrix:
    """A matrix for a small change around the centre of the unit square."""
    x, y, wide, high, down, up, far, deep = by.tolist()
    about = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    changed = np.array([[1 + wide, down, x], [up, 1 + high, y], [far, deep, 1]])
    back = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    nudge: Matrix = back @ changed @ about
    return nudge


def _edge_field(patch: Grey) -> npt.NDArray[np.float32] | None:
    """Edge directions, weighted by strength; light and dark edges count equally. The whole field has
    length 1.
    """
    import cv2

    smooth = cv2.GaussianBlur(patch.astype(np.float32), (0, 0), 1.2)
    dx, dy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    strength = np.hypot(dx, dy)
    top = float(strength.max())
    if top < 12:
        return None
    # Limit the weight of strong edges, because colour and light vary while the shape stays the same.
    typical = float(np.sqrt((strength**2).mean())) + 1e-6
    weight = strength / (strength + typical)
    weight[strength < 0.35 * typical] = 0
    doubled = 2 * np.arctan2(dy, dx)
    field = np.stack([weight * np.cos(doubled), weight * np.sin(doubled)])
    field -= field.mean(axis=(1, 2), keepdims=True) * 0.5
    return np.asarray(field / (np.linalg.norm(field) + 1e-6), np.float32)


def _edge_square(template: Grey) -> Grey:
    """The template, extended by a margin and scaled to the square in which edges are compared."""
    import cv2

    height, width = template.shape
    wide, high = round(width * _MARGIN), round(height * _MARGIN)
    framed = cv2.copyMakeBorder(template, high, high, wide, wide, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(framed, (_FIELD_SIDE, _FIELD_SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _trim(grey: Grey) -> Grey:
    """Crop the background, keep a small margin, and scale to the template size."""
    import cv2

    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ground = int(np.median(edge))
    inside = np.abs(grey.astype(np.int16) - ground) > 24
    if inside.any():
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        grey = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = _TEMPLATE_SIDE_PX / max(grey.shape) / 1.16
    small = scale_picture(grey, scale, least_px=_LEAST_SIDE_PX)
    pad = max(round(max(small.shape) * 0.08), 2)
    return np.asarray(
        cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=ground), np.uint8
    )


@lru_cache(maxsize=4)
def _sift(count: int) -> Any:
    import cv2

    made: Any = cv2
    return made.SIFT_create(nfeatures=count, contrastThreshold=0.02, edgeThreshold=16)


def _features(grey: Grey, count: int) -> tuple[_Rows, _Rows]:
    """SIFT keypoints (n, 4): x, y, size and angle; and their descriptors (n, 128), as square roots with
    length 1.
    """
    found, described = _sift(count).detectAndCompute(grey, None)
    if described is None or not len(found):
        return np.zeros((0, 4), np.float32), np.zeros((0, 128), np.float32)
    points = np.array([(*one.pt, one.size, one.angle) for one in found], np.float32)
    rooted = np.sqrt(described / (described.sum(axis=1, keepdims=True) + 1e-6))
    return points, rooted.astype(np.float32)
