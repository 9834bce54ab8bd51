"""`GET /metrics`: the counters and durations of this process in the format of Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fastapi import APIRouter, Depends
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope
from safelight.core.metrics import COUNTERS, HISTOGRAMS, Counter, Gauge, Histogram
from safelight.web.auth import Access, app_state, authenticate, declare
from safelight.web.responses import errors

router = APIRouter(tags=["system"])
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_LOOPBACK_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.ASCII | re.IGNORECASE)
#: Headers that a reverse proxy adds, with those that begin with `x-forwarded-`.
_PROXY_HEADERS = frozenset({"forwarded", "via", "x-real-ip"})

_ACCESS = Access(every=frozenset({KeyScope.METRICS}))


async def metrics_reader(request: Request) -> None:
    """A FastAPI dependency that raises `Forbidden` if the caller may not read the metrics."""
    state = app_state(request)
    if not (state.services.metrics_are_open and _is_local(request)):
        _ACCESS.require(await authenticate(request, state.services.accounts, state.threads))


declare(_ACCESS, metrics_reader)


@router.get(
    "/metrics",
    dependencies=[Depends(metrics_reader)],
    summary="Read the metrics of this process, in the format of Prometheus",
    response_class=Response,
    responses={200: {"description": "The metrics", "content": {"text/plain": {}}}, **errors(401, 403)},
)
async def metrics(request: Request) -> Response:
    """Needs a key with the scope `metrics`, except on a loopback address without a reverse proxy."""
    state = app_state(request)
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    gauges = await state.threads.run(state.services.gauges)
    return Response(encode(_registry(gauges)), headers={"content-type": content_type})


def _is_local(request: Request) -> bool:
    """Whether a process of this machine sent the request itself, as far as its headers show.

    A reverse proxy that adds no header still passes the public `Host` on, or speaks HTTP/1.0, as nginx does
    unless it is configured.
    """
    return (
        request.client is not None
        and request.client.host in _LOOPBACK
        and request.scope["http_version"] != "1.0"
        and _LOOPBACK_HOST.fullmatch(request.headers.get("host", "")) is not None
        and not any(name in _PROXY_HEADERS or name.startswith("x-forwarded-") for name in request.headers)
    )


def _registry(gauges: Iterable[Gauge]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_MetricFamilies(gauges))
    ProcessCollector(registry=registry)
    return registry


class _MetricFamilies(Collector):
    """Converts our metrics to those of prometheus_client."""

    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = tuple(gauges)

    def collect(self) -> Iterator[Metric]:
        for counter in COUNTERS:
            yield _counter(counter)
        for histogram in HISTOGRAMS:
            yield _histogram(histogram)
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.description, labels=gauge.labels)
            for values, value in gauge.values.items():
                family.add_metric(values, value)
            yield family


def _counter(counter: Counter) -> Metric:
    family = CounterMetricFamily(counter.name, counter.description, labels=counter.labels)
    for values, count in counter.read().items():
        family.add_metric(values, count)
    return family


def _histogram(histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(histogram.name, histogram.description, labels=histogram.labels)
    for values, found in histogram.read().items():
        below, buckets = 0, []
        for limit, number in zip((*map(str, histogram.limits), "+Inf"), found.buckets, strict=True):
            below += number
            buckets.append((limit, below))
        family.add_metric(values, buckets, found.total)
    return family
