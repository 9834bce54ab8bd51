"""Sparse Bayesian logistic regression: few features with large weights, all others near zero.

Each weight has a Student's t prior, written as a normal prior with a variance of its own. The variances are
found by expectation maximization around Laplace's approximation of the posterior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

#: Variance of the intercept, and its mean: a third of the requests is refused.
_INTERCEPT_VARIANCE, _INTERCEPT_MEAN = 4.0, -0.7
#: Shape and scale of the inverse gamma distribution of a weight's variance; chosen on simulated filters.
_SHAPE, _SCALE = 0.3, 0.05
#: A filter seldom refuses a request because a word is missing, so such weights are smaller.
_NEGATIVE = 0.3
#: Variance of the weight of a feature that no example has: the fixed point of the update without data.
UNSEEN_VARIANCE = _SCALE / _SHAPE
_MAX_SWEEPS, _MAX_STEPS, _MAX_HALVES = 8, 20, 10
#: The sweeps end when no variance changes by more than a factor with this logarithm, the steps when the
#: logarithm of the posterior gains less.
_TOLERANCE, _MIN_GAIN = 0.05, 0.02
_MIN_CURVATURE = 1e-9


@dataclass(frozen=True, kw_only=True)
class SparseLogistic:
    """The posterior of the weights, given examples. Immutable."""

    #: Mean of each feature in the examples, subtracted from every row.
    centre: Array
    intercept: float
    weights: Array
    #: Prior variance of each weight times the centred examples: one column per example.
    scaled: Array
    variances: Array
    #: Inverse of the covariance of the examples' log-odds, with the noise of the outcomes.
    precision: Array

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """Mean and variance of the log-odds of each row."""
        centred = rows - self.centre
        covariance = _INTERCEPT_VARIANCE + centred @ self.scaled
        prior = _INTERCEPT_VARIANCE + centred**2 @ self.variances
        explained = np.einsum("ij,ij->i", covariance @ self.precision, covariance)
        return self.intercept + centred @ self.weights, np.maximum(prior - explained, 0.0)


def fit_sparse_logistic(rows: Array, outcomes: Array, prior_means: Array) -> SparseLogistic:
    """The posterior after these examples. `outcomes`: shares from 0 to 1. `prior_means`: of the weights."""
    centre = rows.mean(axis=0) if len(rows) else np.zeros(rows.shape[1])
    centred = rows - centre
    offset = _INTERCEPT_MEAN + centred @ prior_means
    variances = np.full(rows.shape[1], UNSEEN_VARIANCE)
    dual = np.zeros(len(rows))
    for _sweep in range(_MAX_SWEEPS):
        kernel = _kernel(centred, variances)
        dual, precision = _find_mode(kernel, outcomes, offset, dual)
        moved = variances * (centred.T @ dual)
        spread = variances - variances**2 * np.einsum("ij,ij->j", centred, precision @ centred)
        updated = (moved**2 + np.maximum(spread, 0.0) + 2 * _SCALE) / (1 + 2 * _SHAPE)
        updated = np.where(moved < 0, _NEGATIVE * updated, updated)
        change = np.abs(np.log(updated / variances)).max(initial=0.0)
        variances = updated
        if change < _TOLERANCE:
            break
    dual, precision = _find_mode(_kernel(centred, variances), outcomes, offset, dual)
    scaled = variances[:, None] * centred.T
    return SparseLogistic(
        centre=centre,
        intercept=float(_INTERCEPT_MEAN + _INTERCEPT_VARIANCE * dual.sum()),
        weights=prior_means + scaled @ dual,
        scaled=scaled,
        variances=variances,
        precision=precision,
    )


def _kernel(centred: Array, variances: Array) -> Array:
    return np.asarray(_INTERCEPT_VARIANCE + (centred * variances) @ centred.T)


def _find_mode(kernel: Array, outcomes: Array, offset: Array, dual: Array) -> tuple[Array, Array]:
    """The maximum of the posterior by Newton's method in the dual coordinates, and the precision there."""
    reached = _log_posterior(kernel, outcomes, offset, dual)
    precision = _precision(kernel, offset, dual)
    for _step in range(_MAX_STEPS):
        moved = kernel @ dual
        shares = _sigmoid(moved + offset)
        target = np.maximum(shares * (1 - shares), _MIN_CURVATURE) * moved + outcomes - shares
        step = target - precision @ (kernel @ target) - dual
        for _half in range(_MAX_HALVES):
            gained = _log_posterior(kernel, outcomes, offset, dual + step)
            if gained >= reached:
                break
            step /= 2
        else:
            break
        dual, precision = dual + step, _precision(kernel, offset, dual + step)
        if gained - reached < _MIN_GAIN:
            break
        reached = gained
    return dual, precision


def _log_posterior(kernel: Array, outcomes: Array, offset: Array, dual: Array) -> float:
    moved = kernel @ dual
    odds = moved + offset
    return float(-0.5 * dual @ moved + outcomes @ odds - np.logaddexp(0.0, odds).sum())


def _precision(kernel: Array, offset: Array, dual: Array) -> Array:
    shares = _sigmoid(kernel @ dual + offset)
    roots = np.sqrt(np.maximum(shares * (1 - shares), _MIN_CURVATURE))
    inner = np.eye(len(kernel)) + roots[:, None] * kernel * roots
    return np.asarray(roots[:, None] * np.linalg.inv(inner) * roots)


def _sigmoid(odds: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -50.0, 50.0))))
