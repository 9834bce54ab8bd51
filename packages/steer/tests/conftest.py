from __future__ import annotations

import os

# Small tensors: several threads cost more than they save, and sums in another order change the bytes of a
# clip. `set_num_threads` is for the thread that calls it; the server generates in one of its own.
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import pytest
import tiny_pipelines
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def pipelines() -> dict[str, object]:
    """One pipeline of each kind. A test that leaves a trace on one fails the tests after it."""
    return {name: tiny_pipelines.build(name) for name in tiny_pipelines.BUILDERS}
