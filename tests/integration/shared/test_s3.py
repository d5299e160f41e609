"""The object store, speaking our errors."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from shared.adapters.s3 import S3Store
from shared.errors import ObjectMissing, StorageUnavailable
from tests.support.programs import free_port


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch, bucket: str) -> S3Store:
    """A store whose every call is sent where nobody listens."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    return S3Store(bucket)


def test_what_was_put_comes_back(s3_store: S3Store, tmp_path: Path) -> None:
    s3_store.put("a/b", b"0123456789", "text/plain")
    assert s3_store.get("a/b") == b"0123456789"
    assert s3_store.get("a/b", (2, 3)) == b"234"
    assert b"".join(s3_store.chunks("a/b", 4)) == b"0123456789"
    assert s3_store.size("a/b") == 10
    s3_store.get_file("a/b", tmp_path / "copy")
    s3_store.put_file("c", tmp_path / "copy", "text/plain")
    assert s3_store.get("c") == b"0123456789"


def test_a_missing_object_is_our_error(s3_store: S3Store, tmp_path: Path) -> None:
    for call in (
        lambda: s3_store.get("none"),
        lambda: s3_store.size("none"),
        lambda: list(s3_store.chunks("none")),
        lambda: s3_store.get_file("none", tmp_path / "none"),
    ):
        with pytest.raises(ObjectMissing):
            call()


def test_a_missing_bucket_is_an_outage_and_no_missing_object(object_store: None, tmp_path: Path) -> None:
    del object_store
    nowhere = S3Store("no-such-bucket")
    (tmp_path / "file").write_bytes(b"x")
    for call in (
        lambda: nowhere.put("a", b""),
        lambda: nowhere.put_file("a", tmp_path / "file", "text/plain"),
        lambda: nowhere.get("a"),
        lambda: nowhere.delete_prefix("a"),
        nowhere.ping,
    ):
        with pytest.raises(StorageUnavailable):
            call()


def test_deleting_a_prefix_takes_all_of_it_and_nothing_else(s3_store: S3Store, bucket: str) -> None:
    for key in ("documents/1/source", "documents/1/words/a", "documents/10/source"):
        s3_store.put(key, b"x")
    s3_store.delete_prefix("documents/1/")
    s3_store.delete_prefix("documents/1/")
    listed = boto3.client("s3").list_objects_v2(Bucket=bucket)
    assert [item["Key"] for item in listed["Contents"]] == ["documents/10/source"]


def test_an_object_that_could_not_be_deleted_is_an_error(s3_store: S3Store) -> None:
    def refuse(parsed: dict[str, object], **_: object) -> None:
        parsed["Errors"] = [{"Key": "a/b", "Code": "InternalError", "Message": "We encountered an internal error."}]

    s3_store.put("a/b", b"x")
    s3_store._client.meta.events.register("after-call.s3.DeleteObjects", refuse)  # noqa: SLF001  # only the store itself can be made to refuse
    with pytest.raises(StorageUnavailable, match="a/b"):
        s3_store.delete_prefix("a/")


def test_a_form_takes_one_key_one_type_one_size(s3_store: S3Store) -> None:
    form = s3_store.upload_form("uploads/1/source", "image/png", 1234, 60)
    assert form.fields["key"] == "uploads/1/source"
    assert form.fields["Content-Type"] == "image/png"
    assert "policy" in form.fields


def test_a_download_is_valid_for_as_long_as_asked(s3_store: S3Store) -> None:
    query = parse_qs(urlsplit(s3_store.download_url("a", 77)).query)
    assert query["X-Amz-Expires"] == ["77"]


def test_a_store_that_does_not_answer_is_our_error(unreachable: S3Store) -> None:
    for call in (unreachable.ping, lambda: unreachable.get("a"), lambda: unreachable.put("a", b"")):
        with pytest.raises(StorageUnavailable):
            call()
