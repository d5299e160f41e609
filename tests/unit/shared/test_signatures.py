"""Signatures: made here, checked by receivers."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from shared.signatures import TOLERANCE_SECONDS, derive, sign, token, token_matches, verify

SECRETS = {"k1": "whsec_one", "k2": "whsec_two"}
BODY = '{"name": "Grüße"}'.encode()
NOW = 1_800_000_000


def headers(signature: str, timestamp: object = NOW) -> dict[str, str]:
    return {"Twolane-Signature": signature, "Twolane-Timestamp": str(timestamp)}


def test_a_signature_is_what_the_documentation_says() -> None:
    mac = hmac.new(b"whsec_one", b"1800000000." + BODY, hashlib.sha256).hexdigest()
    assert sign({"k1": "whsec_one"}, NOW, BODY) == f"k1={mac}"


def test_any_live_secret_is_enough_and_an_unknown_one_is_not() -> None:
    signed = headers(sign(SECRETS, NOW, BODY))
    for key_id, secret in SECRETS.items():
        assert verify({key_id: secret}, signed, BODY, NOW)
        assert verify({key_id: secret, "k3": "whsec_three"}, signed, BODY, NOW)
        assert not verify({key_id: secret + "!"}, signed, BODY, NOW)
        assert not verify({"k3": secret}, signed, BODY, NOW)
    assert not verify({}, signed, BODY, NOW)


def test_a_changed_body_timestamp_or_signature_is_not_genuine() -> None:
    signature = sign(SECRETS, NOW, BODY)
    assert not verify(SECRETS, headers(signature), BODY + b" ", NOW)
    assert not verify(SECRETS, headers(signature, NOW + 1), BODY, NOW)
    for part in signature.split(", "):
        key_id = part.partition("=")[0]
        assert not verify({key_id: SECRETS[key_id]}, headers(signature.replace(part, part[:-1] + "x")), BODY, NOW)


@pytest.mark.parametrize("age", [TOLERANCE_SECONDS + 1, -TOLERANCE_SECONDS - 1])
def test_a_copy_from_another_time_is_not_fresh(age: int) -> None:
    signed = headers(sign(SECRETS, NOW, BODY))
    assert not verify(SECRETS, signed, BODY, NOW + age)
    assert verify(SECRETS, signed, BODY, NOW + (TOLERANCE_SECONDS if age > 0 else -TOLERANCE_SECONDS))


def test_the_clock_is_asked_where_no_time_is_given() -> None:
    assert not verify(SECRETS, headers(sign(SECRETS, 1_000_000_000, BODY), 1_000_000_000), BODY)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Twolane-Timestamp": str(NOW)},
        {"Twolane-Signature": "k1=00"},
        headers("", NOW),
        headers("k1", NOW),
        headers("k1=", NOW),
        headers("k1=é", NOW),
        headers("k1=00, ,=,k1=", NOW),
        headers(sign(SECRETS, NOW, BODY), ""),
        headers(sign(SECRETS, NOW, BODY), "-1"),
        headers(sign(SECRETS, NOW, BODY), f" {NOW}"),
        headers(sign(SECRETS, NOW, BODY), "1e9"),
        headers(sign(SECRETS, NOW, BODY), "１８０００００００0"),  # noqa: RUF001  # digits to Python, not to HTTP
        headers(sign(SECRETS, NOW, BODY), "9" * 400),
        headers(sign(SECRETS, NOW, BODY), "9" * 5000),
        headers("k1=\udcff, k2=\ud800"),
    ],
)
def test_what_is_no_signature_is_refused_and_raises_nothing(given: dict[str, str]) -> None:
    assert not verify(SECRETS, given, BODY, NOW)


def test_headers_are_found_whatever_their_case_and_order() -> None:
    parts = sign(SECRETS, NOW, BODY).split(", ")
    given = {"TWOLANE-SIGNATURE": ",".join(reversed(parts)), "twolane-timestamp": str(NOW)}
    assert verify(SECRETS, given, BODY, NOW)


def test_a_secret_follows_from_the_key_and_all_names() -> None:
    key = b"the stack's key"
    made = {derive(key, *names) for names in [("a",), ("a", "b"), ("ab",), ("a", "b", "c"), ("b", "a")]}
    assert len(made) == 5
    assert derive(key, "a") == derive(key, "a") != derive(b"another", "a")
    assert all(len(secret) == 43 and secret.isascii() for secret in made)


def test_a_token_is_good_for_its_names_alone() -> None:
    key = b"the stack's key"
    made = token(key, "unsubscribe", "a@example.com")
    assert token_matches(made, key, "unsubscribe", "a@example.com")
    assert not token_matches(made, key, "unsubscribe", "b@example.com")
    assert not token_matches("", key, "unsubscribe", "a@example.com")
    assert not token_matches("\udcff" + made, key, "unsubscribe", "a@example.com")
    assert made != derive(key, "unsubscribe", "a@example.com")
