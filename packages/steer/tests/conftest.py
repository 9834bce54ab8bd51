from __future__ import annotations

import pytest
import tiny_pipelines
import torch

# Small tensors: several threads cost more than they save.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def pipelines() -> dict[str, object]:
    """One pipeline of each kind. A test that leaves a trace on one fails the tests after it."""
    return {name: tiny_pipelines.build(name) for name in tiny_pipelines.BUILDERS}
