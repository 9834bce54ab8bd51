from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from safelight.core import errors
from safelight.core.errors import (
    SubmissionUnconfirmed,
    UpstreamError,
    UpstreamInvalidResponse,
    UpstreamModerationBlocked,
    UpstreamRejected,
    UpstreamUnavailable,
)
from safelight.providers.protocol import (
    ChargeStatus,
    GenerationRequest,
    ProviderRefusal,
    ReferenceFile,
    UpstreamState,
)
from safelight.providers.videos_api import VideosApiGenerator
from safelight.providers.videos_api.options import read_options
from safelight.testing.clips import tiny_clip
from safelight.testing.upstream import ScriptedUpstream
from support.rows import each_row

KEY = "attempt_0123456789abcdef"
SECRET = "sk-live-0123456789"


@contextmanager
def generator(url: str, waits: list[float] | None = None, **options: Any) -> Iterator[VideosApiGenerator]:
    table = {
        "url": url,
        "name": "scripted",
        "api_key": SECRET,
        "submit_timeout_s": 20.0,
        "poll_timeout_s": 20.0,
    } | options
    sleep = (waits if waits is not None else []).append
    made = VideosApiGenerator(read_options(table), sleep=sleep)
    try:
        yield made
    finally:
        made.close()


def make_request(prompt: str = "a lighthouse at dawn", **more: Any) -> GenerationRequest:
    parts = {"key": KEY, "model": "scripted-1", "prompt": prompt, "seconds": 4, "width": 1280, "height": 720}
    return GenerationRequest(**(parts | more))


def finished(made: VideosApiGenerator) -> str:
    """The id of a request that was submitted and polled."""
    upstream_id = made.submit(make_request())
    made.progress(upstream_id)
    return upstream_id


def scripted(**rule: Any) -> ScriptedUpstream:
    return ScriptedUpstream({"otherwise": rule})


@contextmanager
def connected(
    *, waits: list[float] | None = None, options: dict[str, Any] | None = None, **rule: Any
) -> Iterator[tuple[ScriptedUpstream, VideosApiGenerator]]:
    """An upstream that follows this rule, and the generator that uses it."""
    with scripted(**rule) as upstream, generator(upstream.url, waits, **(options or {})) as made:
        yield upstream, made


def test_a_request_is_submitted_polled_downloaded_and_deleted(tmp_path: Path) -> None:
    rule = {"polls": 2, "progress": [0, 50], "charge": 0.4}
    with connected(**rule) as (upstream, upstream_generator):
        upstream_id = upstream_generator.submit(make_request())
        told = [upstream_generator.progress(upstream_id) for _ in range(3)]
        assert [one.state for one in told] == [
            UpstreamState.QUEUED,
            UpstreamState.RUNNING,
            UpstreamState.DONE,
        ]
        assert [one.percent for one in told] == [0, 50, 100]
        assert told[2].charge is not None
        assert (told[2].charge.charged, told[2].charge.amount) == (ChargeStatus.YES, 0.4)
        upstream_generator.fetch(upstream_id, tmp_path / "a.mp4", max_bytes=100_000)
        assert (tmp_path / "a.mp4").read_bytes() == tiny_clip()
        assert upstream_generator.delete(upstream_id)
        assert upstream_generator.delete(upstream_id)
        counts = upstream.counts
        assert counts["accepted_by_key"] == {KEY: 1}
        assert counts["orders"][upstream_id]["deleted"]


def test_references_are_sent_as_bytes_and_only_listed_extra_fields_are_sent(tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\r\n--" + bytes(range(256)) * 20)
    digest = hashlib.sha256(picture.read_bytes()).hexdigest()
    files = [
        ReferenceFile(path=picture, media_type="image/png", field=field, sha256=digest)
        for field in ("input_reference", "video_reference")
    ]
    with scripted() as upstream:
        options: dict[str, Any] = {
            "reference_field": "image",
            "extra_fields": {"seed": "int", "loop": "bool"},
            "media_fields": {"video_reference": "file"},
        }
        with generator(upstream.url, **options) as made:
            upstream_id = made.submit(make_request(references=tuple(files), extra={"seed": 7, "loop": True}))
            with pytest.raises(UpstreamRejected, match="lora"):
                made.submit(make_request(extra={"lora": "x"}))
        sent = upstream.counts["orders"][upstream_id]["files"]
        assert [(file["field"], file["media_type"], file["sha256"]) for file in sent] == [
            ("image", "image/png", digest),
            ("video_reference", "image/png", digest),
        ]
        assert upstream.counts["received"] == 1
        with generator(upstream.url, reference_field="") as made, pytest.raises(UpstreamRejected):
            made.submit(make_request(references=tuple(files)))


def test_a_request_may_be_sent_as_json() -> None:
    with connected(options={"request_encoding": "json", "idempotency_metadata_key": "order"}) as (_, made):
        assert made.find(KEY) is None
        assert made.submit(make_request()) == made.find(KEY)


@each_row
def test_a_lost_response_leaves_the_submission_unconfirmed(submit: Any) -> None:
    with connected(submit=submit, options={"submit_timeout_s": 1.0}) as (upstream, made):
        with pytest.raises(SubmissionUnconfirmed):
            made.submit(make_request())
        assert upstream.counts["received"] == 1


@each_row
def test_a_busy_upstream_has_not_accepted_the_request(submit: Any) -> None:
    with connected(submit=submit) as (upstream, made):
        with pytest.raises(UpstreamUnavailable) as busy:
            made.submit(make_request())
        assert busy.value.retry_after_s == 3
        assert upstream.counts["accepted"] == 0


def test_a_503_that_does_not_say_that_the_request_was_not_accepted_is_a_lost_answer_of_a_paid_upstream() -> (
    None
):
    with scripted(submit={"status": 503, "retry_after": 3}) as upstream:
        with generator(upstream.url) as paid, pytest.raises(SubmissionUnconfirmed):
            paid.submit(make_request())
        with generator(upstream.url, billing="own") as own, pytest.raises(UpstreamUnavailable):
            own.submit(make_request())


def test_a_refused_connection_means_the_request_was_not_accepted() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/v1", "http://nowhere.invalid/v1", f"https://127.0.0.1:{port}/v1"):
        with generator(url) as made, pytest.raises(UpstreamUnavailable):
            made.submit(make_request())


def test_a_failed_tls_handshake_means_the_request_was_not_accepted() -> None:
    with scripted() as upstream:
        with (
            generator(upstream.url.replace("http:", "https:")) as made,
            pytest.raises(UpstreamUnavailable),
        ):
            made.submit(make_request())
        assert upstream.counts["received"] == 0


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_a_malformed_request_is_rejected_with_the_upstreams_message_masked(status: int) -> None:
    submit = {"status": status, "message": f"Bad size; your key {SECRET} and Bearer abc123xyz are known."}
    with connected(submit=submit) as (_, made):
        with pytest.raises(UpstreamRejected, match="Bad size") as rejected:
            made.submit(make_request())
        assert SECRET not in str(rejected.value)
        assert "abc123xyz" not in str(rejected.value)


@each_row
def test_a_moderation_refusal_is_distinguished_from_a_malformed_request(submit: Any) -> None:
    with connected(submit=submit) as (_, made):
        with pytest.raises(UpstreamModerationBlocked) as refused:
            made.submit(make_request())
        assert isinstance(refused.value.refusal, ProviderRefusal)


def test_a_wrong_key_gives_the_operator_a_plain_message() -> None:
    with ScriptedUpstream({"api_key": "another"}) as upstream, generator(upstream.url) as made:
        with pytest.raises(UpstreamRejected, match=r"operator must check `api_key`") as rejected:
            made.submit(make_request())
        assert "sk-" not in str(rejected.value)
        with pytest.raises(UpstreamUnavailable, match="api_key"):
            made.progress("video_1")


@each_row
def test_a_rejection_names_its_cause_and_who_can_correct_it(submit: dict[str, Any], said: str) -> None:
    with connected(submit=submit) as (_, made):
        with pytest.raises(UpstreamRejected) as rejected:
            made.submit(make_request())
        assert said in str(rejected.value)
        assert "malformed" not in str(rejected.value)


def test_the_reason_of_a_denied_access_is_only_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    submit = {"status": 403, "message": "Account 4711 of Example Ltd has no access"}
    with (
        scripted(submit=submit) as upstream,
        generator(upstream.url) as made,
        pytest.raises(UpstreamRejected, match="denies access") as rejected,
    ):
        made.submit(make_request())
    assert "Example Ltd" not in str(rejected.value)
    assert "Account 4711 of Example Ltd has no access." in caplog.text


def test_a_redirect_of_a_poll_is_named_and_its_address_is_only_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    poll = {"do": "redirect", "location": "http://10.1.2.3/x"}
    with connected(poll=poll) as (_, made):
        upstream_id = made.submit(make_request())
        with pytest.raises(UpstreamUnavailable, match="redirects requests to another address") as redirected:
            made.progress(upstream_id)
    assert "10.1.2.3" not in str(redirected.value)
    assert "http://10.1.2.3/x" in caplog.text


def test_a_redirect_of_a_submission_is_not_followed() -> None:
    with scripted(
        submit={"do": "redirect", "location": "https://other.example/v1/videos?sig=s3cret"}
    ) as upstream:
        with (
            generator(upstream.url) as made,
            pytest.raises(UpstreamRejected, match="correct `url`") as rejected,
        ):
            made.submit(make_request())
        assert "s3cret" not in str(rejected.value)
        assert "other.example" not in str(rejected.value)


def test_an_unconfirmed_submission_is_found_by_its_idempotency_key() -> None:
    waits: list[float] = []
    scenario = {
        "orders": [{"when": "lost", "submit": "lose_answer"}, {"when": "never", "submit": {"status": 500}}]
    }
    with (
        ScriptedUpstream(scenario) as upstream,
        generator(upstream.url, waits, idempotency_metadata_key="order") as made,
    ):
        for number in range(130):
            made.submit(make_request(key=f"attempt_{number}"))
        with pytest.raises(SubmissionUnconfirmed):
            made.submit(make_request("lost"))
        found = made.find(KEY)
        assert found is not None
        assert upstream.counts["orders"][found]["prompt"] == "lost"
        assert made.find("attempt_0") is not None
        assert waits == []
        with pytest.raises(SubmissionUnconfirmed):
            made.submit(make_request("never", key="attempt_never"))
        assert made.find("attempt_never") is None
        assert waits == [10.0]


@pytest.mark.parametrize("scenario", [{"echo_metadata": False}, {"lists": False}])
def test_a_submission_stays_unconfirmed_if_the_upstream_has_no_key_lookup(scenario: dict[str, Any]) -> None:
    with (
        ScriptedUpstream(scenario) as upstream,
        generator(upstream.url, idempotency_metadata_key="order") as made,
    ):
        made.submit(make_request())
        with pytest.raises(SubmissionUnconfirmed):
            made.find(KEY)
    with connected() as (upstream, made), pytest.raises(SubmissionUnconfirmed):
        made.find(KEY)


@each_row
def test_a_failed_poll_may_be_repeated(poll: Any) -> None:
    act = poll if isinstance(poll, dict) else {"do": poll}
    with connected(poll=act | {"times": 1}, options={"poll_timeout_s": 1.0}) as (_, made):
        upstream_id = made.submit(make_request())
        with pytest.raises(UpstreamUnavailable):
            made.progress(upstream_id)
        assert made.progress(upstream_id).state is UpstreamState.DONE


@pytest.mark.parametrize("poll", ["garbage", "html"])
def test_a_response_that_stays_unreadable_is_invalid(poll: str) -> None:
    with connected(poll=poll) as (_, made):
        upstream_id = made.submit(make_request())
        with pytest.raises(UpstreamInvalidResponse):
            made.progress(upstream_id)
    with connected(polls=0, poll={"do": poll, "times": 2}) as (_, made):
        assert made.progress(made.submit(make_request())).state is UpstreamState.DONE


def test_a_request_the_upstream_no_longer_knows_fails_after_three_polls() -> None:
    waits: list[float] = []
    with connected(ends="vanishes", polls=0, waits=waits) as (_, made):
        told = made.progress(made.submit(make_request()))
    assert (told.state, told.problem) == (UpstreamState.FAILED, "it no longer knows this request.")
    assert told.charge.charged is ChargeStatus.UNKNOWN
    assert waits == [1.0, 1.0]


def test_a_late_refusal_is_reported_with_its_refund() -> None:
    rule = {"polls": 0, "ends": "refused", "charge": 0.4, "refund": True}
    with connected(**rule) as (_, made):
        told = made.progress(made.submit(make_request()))
    assert (told.refusal.stage, told.refusal.category) == ("output", "violence")
    assert told.charge.charged is ChargeStatus.NO


def test_nonstandard_statuses_do_not_end_a_request_early() -> None:
    words = {"queued": "warming up", "in_progress": "processing", "completed": "succeeded"}
    with connected(polls=2, status_words=words) as (_, made):
        upstream_id = made.submit(make_request())
        states = [made.progress(upstream_id).state for _ in range(3)]
    assert states == [UpstreamState.RUNNING, UpstreamState.RUNNING, UpstreamState.DONE]


@each_row
def test_a_download_that_is_not_the_expected_video_is_never_kept(
    tmp_path: Path, content: Any, error: str
) -> None:
    with connected(polls=0, content=content, options={"poll_timeout_s": 1.0}) as (_, made):
        upstream_id = finished(made)
        with pytest.raises(getattr(errors, error)):
            made.fetch(upstream_id, tmp_path / "a.mp4", max_bytes=100_000)
    assert list(tmp_path.iterdir()) == []


class FileServer(BaseHTTPRequestHandler):
    """Answers each download with the next of `answers`: status, headers, body, and the announced length."""

    answers: ClassVar[list[tuple[int, dict[str, str], bytes, int]]] = []
    asked: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        self.asked.append({name.lower(): value for name, value in self.headers.items()})
        status, headers, body, length = self.answers.pop(0)
        self.send_response(status)
        for name, value in {"content-type": "video/mp4", "content-length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(*answers: tuple[int, dict[str, str], bytes, int]) -> Iterator[VideosApiGenerator]:
    FileServer.answers, FileServer.asked = list(answers), []
    with ThreadingHTTPServer(("127.0.0.1", 0), FileServer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with generator(f"http://127.0.0.1:{server.server_port}/v1") as made:
                yield made
        finally:
            server.shutdown()
            thread.join()


CLIP = tiny_clip()
HALF, ALL = len(CLIP) // 2, len(CLIP)
REST = {"content-range": f"bytes {HALF}-{ALL - 1}/{ALL}"}
CUT = (200, {"etag": '"one"'}, CLIP[:HALF], ALL)
SECOND = (206, {"etag": '"one"', **REST}, CLIP[HALF:], ALL - HALF)
WHOLE = (200, {}, CLIP, ALL)


def fetched(made: VideosApiGenerator, folder: Path, failures: int) -> bytes:
    """The file after this number of downloads that were interrupted, and one that was not."""
    for _ in range(failures):
        with pytest.raises(UpstreamUnavailable):
            made.fetch("video_1", folder / "a.mp4", max_bytes=100_000)
        assert not (folder / "a.mp4").exists()
    made.fetch("video_1", folder / "a.mp4", max_bytes=100_000)
    assert [file.name for file in folder.iterdir()] == ["a.mp4"]
    return (folder / "a.mp4").read_bytes()


def test_a_lost_submission_is_found_by_the_key_that_the_server_lists_without_configuration() -> None:
    rule = {"polls": 0, "fields": {"idempotency_key": KEY}}
    with connected(**rule) as (_, made):
        upstream_id = made.submit(make_request())
        assert made.find(KEY) == upstream_id
        with pytest.raises(SubmissionUnconfirmed):
            made.find("another")


def test_a_cut_download_asks_for_the_rest_of_the_same_file(tmp_path: Path) -> None:
    with serving(CUT, SECOND) as made:
        assert fetched(made, tmp_path, failures=1) == CLIP
    assert [asked.get("range") for asked in FileServer.asked] == [None, f"bytes={HALF}-"]
    assert FileServer.asked[1]["if-range"] == '"one"'
    (tmp_path / "a.mp4").unlink()
    with serving(CUT, WHOLE) as made:
        assert fetched(made, tmp_path, failures=1) == CLIP, "of a server that ignores the range"


@pytest.mark.parametrize(
    "changed",
    [{"etag": '"two"', **REST}, {"content-range": f"bytes {HALF}-{ALL}/{ALL + 1}"}, {"etag": '"one"'}],
)
def test_parts_of_two_files_are_never_joined(tmp_path: Path, changed: dict[str, str]) -> None:
    other = (206, changed, b"x" * (ALL - HALF), ALL - HALF)
    with serving(CUT, other, WHOLE) as made:
        assert fetched(made, tmp_path, failures=2) == CLIP
    assert "range" not in FileServer.asked[2]


def test_a_length_that_was_too_long_or_too_short_loses_no_byte(tmp_path: Path) -> None:
    too_long = (200, {"etag": '"one"'}, CLIP, ALL + 100)
    end = (416, {"content-range": f"bytes */{ALL}"}, b"", 0)
    with serving(too_long, end) as made:
        assert fetched(made, tmp_path, failures=1) == CLIP
    (tmp_path / "a.mp4").unlink()
    too_short = (200, {"etag": '"one"'}, CLIP[:HALF], HALF)
    with serving(too_short, SECOND) as made:
        assert fetched(made, tmp_path, failures=1) == CLIP


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_link_that_ended_during_the_download_is_renewed_and_the_download_continues(
    tmp_path: Path, status: int
) -> None:
    with serving(CUT, (status, {}, b"", 0), SECOND) as made:
        for error in (UpstreamUnavailable, UpstreamError):
            with pytest.raises(error):
                made.fetch("video_1", tmp_path / "a.mp4", max_bytes=100_000)
        made.fetch("video_1", tmp_path / "a.mp4", max_bytes=100_000)
    assert (tmp_path / "a.mp4").read_bytes() == CLIP


def test_of_a_video_over_the_limit_what_fits_is_continued_after_the_limit_was_raised(tmp_path: Path) -> None:
    with serving(CUT, SECOND, SECOND) as made:
        with pytest.raises(UpstreamUnavailable):
            made.fetch("video_1", tmp_path / "a.mp4", max_bytes=ALL)
        with pytest.raises(UpstreamInvalidResponse, match="exceeds the limit"):
            made.fetch("video_1", tmp_path / "a.mp4", max_bytes=ALL - 1)
        made.fetch("video_1", tmp_path / "a.mp4", max_bytes=ALL)
    assert (tmp_path / "a.mp4").read_bytes() == CLIP


def test_a_video_over_the_limit_is_not_kept(tmp_path: Path) -> None:
    with connected(polls=0) as (_, made):
        upstream_id = finished(made)
        with pytest.raises(UpstreamInvalidResponse, match="exceeds the limit"):
            made.fetch(upstream_id, tmp_path / "a.mp4", max_bytes=1000)
    assert list(tmp_path.iterdir()) == []


def test_a_finished_file_on_another_host_is_fetched_without_our_key(tmp_path: Path) -> None:
    requests: list[bytes] = []
    store = socket.create_server(("127.0.0.1", 0))

    def give() -> None:
        connection, _ = store.accept()
        with connection:
            requests.append(connection.recv(65536))
            clip = tiny_clip()
            head = f"HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: {len(clip)}\r\n\r\n"
            connection.sendall(head.encode() + clip)

    thread = threading.Thread(target=give)
    thread.start()
    host = f"127.0.0.1:{store.getsockname()[1]}"
    content = {"do": "redirect", "location": f"http://{host}/signed.mp4?sig=1"}
    with connected(polls=0, content=content, options={"content_hosts": [host]}) as (_, made):
        upstream_id = made.submit(make_request())
        made.fetch(upstream_id, tmp_path / "a.mp4", max_bytes=100_000)
    thread.join()
    store.close()
    assert (tmp_path / "a.mp4").read_bytes() == tiny_clip()
    assert b"sig=1" in requests[0]
    assert SECRET.encode() not in requests[0]


def test_a_redirect_of_the_server_to_itself_is_followed_and_to_another_private_host_is_explained(
    tmp_path: Path,
) -> None:
    own = {"do": "redirect", "location": "?again=1", "times": 1}
    with connected(polls=0, content=own) as (_, made):
        upstream_id = finished(made)
        made.fetch(upstream_id, tmp_path / "a.mp4", max_bytes=100_000)
    assert (tmp_path / "a.mp4").read_bytes() == tiny_clip()
    elsewhere = {"do": "redirect", "location": "http://10.0.0.1/x.mp4"}
    with connected(polls=0, content=elsewhere) as (_, made):
        upstream_id = finished(made)
        with pytest.raises(UpstreamInvalidResponse, match=r"private.*`content_hosts`") as refused:
            made.fetch(upstream_id, tmp_path / "b.mp4", max_bytes=100_000)
        assert "10.0.0.1" not in str(refused.value)


@each_row
def test_delete_returns_whether_the_copy_is_gone(delete: Any, gone: bool) -> None:
    with connected(delete=delete) as (_, made):
        assert made.delete(made.submit(make_request())) is gone


def test_an_id_cannot_change_the_request_path() -> None:
    with connected() as (upstream, made):
        made.submit(make_request())
        told = made.progress("../videos?limit=1")
        assert told.state is UpstreamState.FAILED
        assert upstream.counts["lists"] == 0


def test_no_error_contains_our_key(tmp_path: Path) -> None:
    told: list[str] = []
    leak = {"status": 400, "message": f"key {SECRET}"}
    with connected(submit=leak) as (upstream, made):
        try:
            made.submit(make_request())
        except UpstreamError as error:
            told.append(str(error))
    failed = scripted(polls=0, ends="failed", error={"message": f"key {SECRET}"})
    with failed as upstream, generator(upstream.url) as made:
        told.append(repr(made.progress(made.submit(make_request()))))
    assert len(told) == 2
    assert SECRET not in json.dumps(told)
