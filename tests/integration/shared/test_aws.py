"""What becomes of AWS's errors, each met over a real connection."""

from __future__ import annotations

import time

import pytest

from shared.adapters import aws
from shared.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable, Throttled, TwolaneError
from tests.integration.shared.aws import point_at
from tests.support.aws_endpoint import HANG_UP, SILENCE, AwsEndpoint, Reply, error


def ask(seconds: float = 0.4, unknown: type[TwolaneError] | None = OutcomeUnknown) -> None:
    """One question to the endpoint."""
    with aws.our_errors("SES", ProviderUnavailable, ProviderRefused, unknown):
        aws.client("sqs", seconds=seconds).list_queues()


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error("InvalidParameterValue"), ProviderRefused),
        (error("AccessDeniedException", 403), ProviderRefused),
        (error("ThrottlingException"), Throttled),
        (error("TooManyRequestsException", 429), Throttled),
        (error("SomethingNew", 429), Throttled),
        (error("LimitExceededException"), Throttled),
        (error("RequestTimeout"), ProviderUnavailable),
        (error("InternalFailure", 500), ProviderUnavailable),
        (error("ServiceUnavailable", 503), ProviderUnavailable),
        (Reply(502, "<html>Bad gateway</html>"), OutcomeUnknown),
        (Reply(504, "<html>Gateway timeout</html>"), OutcomeUnknown),
        (SILENCE, OutcomeUnknown),
        (HANG_UP, OutcomeUnknown),
    ],
)
def test_each_answer_means_one_of_ours(
    monkeypatch: pytest.MonkeyPatch, reply: Reply | str | None, expected: type[TwolaneError]
) -> None:
    with AwsEndpoint(lambda *_: reply) as endpoint:
        point_at(monkeypatch, endpoint)
        with pytest.raises(TwolaneError) as caught:
            ask()
        assert type(caught.value) is expected
        assert str(caught.value).startswith("SES ")
        # Whoever calls decides about another try.
        assert len(endpoint.asked) == 1


@pytest.mark.parametrize("reply", [SILENCE, HANG_UP, Reply(502, ""), Reply(504, "")])
def test_what_may_happen_twice_is_just_unavailable(monkeypatch: pytest.MonkeyPatch, reply: Reply | str | None) -> None:
    with AwsEndpoint(lambda *_: reply) as endpoint:
        point_at(monkeypatch, endpoint)
        with pytest.raises(ProviderUnavailable):
            ask(unknown=None)


def test_who_was_never_reached_has_certainly_done_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with AwsEndpoint(lambda *_: SILENCE) as endpoint:
        gone = endpoint.url
    point_at(monkeypatch, gone)
    with pytest.raises(ProviderUnavailable):
        ask()


def test_silence_lasts_as_long_as_it_was_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with AwsEndpoint(lambda *_: SILENCE) as endpoint:
        point_at(monkeypatch, endpoint)
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            ask(seconds=0.3)
        assert 0.25 < time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("said", "seconds"), [("17", 17), ("0", 0), ("soon", None), ("-5", None), ("²", None), ("Wed, 21 Oct", None)]
)
def test_a_pause_is_as_long_as_it_was_said_to_be(
    monkeypatch: pytest.MonkeyPatch, said: str, seconds: float | None
) -> None:
    reply = error("ThrottlingException", 400, **{"Retry-After": said.encode().decode("latin-1")})
    with AwsEndpoint(lambda *_: reply) as endpoint:
        point_at(monkeypatch, endpoint)
        with pytest.raises(Throttled) as caught:
            ask()
    assert vars(caught.value).get("retry_after") == seconds


def test_our_own_errors_pass_through() -> None:
    with (
        pytest.raises(ZeroDivisionError),
        aws.our_errors("SES", ProviderUnavailable, ProviderRefused, OutcomeUnknown),
    ):
        _ = 1 / 0
