"""Multipart forms as clients really send them, and as they should not."""

from __future__ import annotations

import httpx
import pytest

from tests.unit.functions.api.sending import BOUNDARY, URL, assert_refused, part, send_raw


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (rb'form-data; name="file"; filename="../../etc/passwd.png"', "passwd.png"),
        (rb'form-data; name="file"; filename="C:\\scans\\a.png"', "a.png"),
        (rb'form-data; name="file"; filename="/tmp/b.png"', "b.png"),
        ('form-data; name="file"; filename="Größe 日本.png"'.encode(), "Größe 日本.png"),
        (b"form-data; name=\"file\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.png", "Größe.png"),
        (b'form-data; name="file"; filename="plain.png"; filename*=UTF-8\'\'other.png', "plain.png"),
        (rb'form-data; name="file"; filename="a%22b%0D.png"', "a%22b%0D.png"),
        (rb'form-data; name="file"; filename="a\"b;c.png"', 'a"b;c.png'),
        (b'form-data; name="file"; filename="\xff\xfe.png"', "ÿþ.png"),
    ],
)
def test_file_names_are_kept_without_their_directories(client: httpx.Client, sent: bytes, kept: str) -> None:
    answer = send_raw(client, part(sent))
    assert answer.status_code == 202, answer.text
    assert answer.json()["filename"] == kept


@pytest.mark.parametrize(
    "sent",
    [
        b'form-data; name="file"; filename=""',
        b'form-data; name="file"; filename=".."',
        b'form-data; name="file"; filename="' + b"a" * 3000 + b'.png"',
        b"form-data; name=\"file\"; filename*=UTF-8''a%00b.png",
        b"form-data; name=\"file\"; filename*=UTF-8''a%0D%0Ab.png",
    ],
)
def test_impossible_file_names_are_refused(client: httpx.Client, sent: bytes) -> None:
    assert_refused(send_raw(client, part(sent)), 422, "invalid_filename")


@pytest.mark.parametrize(
    "sent",
    [
        part(b'form-data; name="file"; filename="' + b"a" * 5000 + b'.png"'),
        part(b'form-data; name="file"; filename="a\x00b.png"'),
        part(b"form-data"),
        part(b'attachment; filename="a.png"'),
        b"--frontier\r\nno header\r\n\r\n",
        b"what is this",
        b"--frontier\r\n" + b"X-Header: 1\r\n" * 50 + b"\r\n\r\n",
    ],
)
def test_malformed_forms_are_refused_as_problems(client: httpx.Client, sent: bytes) -> None:
    problem = send_raw(client, sent).json()
    assert problem["status"] == 422
    assert problem["code"] in {"invalid_request", "invalid_filename", "file_missing"}


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "b" * 300],
)
def test_a_form_without_a_usable_boundary_is_refused(client: httpx.Client, content_type: str) -> None:
    assert (
        send_raw(client, part(b'form-data; name="file"; filename="a.png"'), content_type=content_type).status_code
        == 422
    )


@pytest.mark.parametrize("charset", ["undefined", "hex", "no-such-charset", "idna", "utf-16"])
def test_strange_charsets_are_no_fault_of_ours(client: httpx.Client, charset: str) -> None:
    content_type = f"multipart/form-data; charset={charset}; boundary={BOUNDARY}"
    answer = send_raw(client, part(b'form-data; name="file"; filename="a.png"'), content_type=content_type)
    assert answer.status_code in {202, 422}


def test_what_is_no_form_is_refused(client: httpx.Client) -> None:
    assert_refused(client.post(URL, json={"file": "x"}), 415, "unsupported_media_type")


def test_a_form_without_a_file_is_refused(client: httpx.Client) -> None:
    problem = assert_refused(send_raw(client, part(b'form-data; name="languages"', b"eng")), 422, "file_missing")
    assert problem["errors"][0]["field"] == "file"
    assert_refused(send_raw(client, part(b'form-data; name="file"')), 422, "file_missing")


def test_an_option_sent_twice_is_refused(client: httpx.Client) -> None:
    twice = part(b'form-data; name="languages"', b"eng")
    file = part(b'form-data; name="file"; filename="a.png"')
    assert_refused(send_raw(client, twice, twice, file), 422, "invalid_option")
    assert_refused(send_raw(client, file, file), 422, "invalid_option")


def test_a_second_file_under_another_name_is_refused(client: httpx.Client) -> None:
    file = part(b'form-data; name="file"; filename="a.png"')
    problem = assert_refused(
        send_raw(client, file, part(b'form-data; name="photo"; filename="b.png"')), 422, "unknown_option"
    )
    assert problem["errors"][0]["field"] == "photo"
