"""What the answer to a submission says about whether a job was accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from safelight.core.errors import SafelightError, SubmissionUnconfirmed, UpstreamInvalidResponse
from safelight.providers.protocol import Billing
from safelight.providers.upstream.submission import Submission


@pytest.mark.parametrize(
    ("billing", "body", "error"),
    [
        # The answer is not lost: the next one would be the same, after another generation.
        (Billing.OWN, {"data": [{"url": "https://clips.example/1.mp4"}]}, UpstreamInvalidResponse),
        (Billing.OWN, {"code": 0, "error": {"message": ""}, "job": {"nr": 7}}, UpstreamInvalidResponse),
        # A proxy may answer so although the server behind it has not received the request.
        (Billing.OWN, {"error": {"message": "try again"}}, SubmissionUnconfirmed),
        # It may have been charged. Its fields are named too, so that a test request shows them.
        (Billing.PAID, {"data": [{"url": "https://clips.example/1.mp4"}]}, SubmissionUnconfirmed),
    ],
)
def test_a_success_without_the_id_of_a_job_is_sent_again_only_if_it_may_not_have_been_accepted(
    billing: Billing, body: Mapping[str, Any], error: type[SafelightError]
) -> None:
    answering = httpx.MockTransport(lambda _request: httpx.Response(200, json=body))
    submission = Submission(name="scripted", billing=billing, secrets=())
    with httpx.Client(transport=answering) as client, pytest.raises(error) as raised:
        submission.send(client, client.build_request("POST", "https://upstream.example"), within_s=1.0)
    if "error" not in body or "job" in body:
        assert (
            f"no id; it has the fields {'code, error.message, job.nr' if 'job' in body else 'data'}."
            in str(raised.value)
        )
