"""What the answer to a submission says about whether a job was accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from safelight.core.errors import SafelightError, SubmissionUnconfirmed, UpstreamRejected
from safelight.providers.protocol import Billing
from safelight.providers.upstream.submission import Submission


@pytest.mark.parametrize(
    ("billing", "body", "error"),
    [
        # Sent again until the deadline, it would make a video each time.
        (Billing.OWN, {"data": [{"url": "https://clips.example/1.mp4"}]}, UpstreamRejected),
        # A proxy may answer so although the server behind it has not received the request.
        (Billing.OWN, {"error": {"message": "try again"}}, SubmissionUnconfirmed),
        # It may have been charged.
        (Billing.PAID, {"data": [{"url": "https://clips.example/1.mp4"}]}, SubmissionUnconfirmed),
    ],
)
def test_a_success_without_the_id_of_a_job_is_sent_again_only_if_it_may_not_have_been_accepted(
    billing: Billing, body: Mapping[str, Any], error: type[SafelightError]
) -> None:
    answering = httpx.MockTransport(lambda _request: httpx.Response(200, json=body))
    submission = Submission(name="scripted", billing=billing, secrets=())
    with httpx.Client(transport=answering) as client, pytest.raises(error):
        submission.send(client, client.build_request("POST", "https://upstream.example"), within_s=1.0)
