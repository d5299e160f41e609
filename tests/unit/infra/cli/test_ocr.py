"""`twolane ocr` from the outside: what it prints where, what it sends, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.infra.cli.conftest import Twolane
from tests.unit.infra.cli.fake_api import KEY, FakeApi, problem

MakeFile = Callable[..., Path]


def test_a_completed_file_is_printed_on_stdout_alone(twolane: Twolane, make_file: MakeFile) -> None:
    result = twolane("ocr", make_file("scan.png"))

    assert result.exit_code == 0
    assert result.stdout == "Page 1 of scan.png\fPage 2 of scan.png\n"
    assert "scan.png: completed" in result.stderr
    assert "97%" in result.stderr


def test_json_results_come_one_a_line_in_the_order_of_the_files(twolane: Twolane, make_file: MakeFile) -> None:
    names = [f"file-{number}.png" for number in range(12)]

    result = twolane("ocr", "--format", "json", *[make_file(name) for name in names])

    documents = [json.loads(line)["document"] for line in result.stdout.splitlines()]
    assert [document["filename"] for document in documents] == names


def test_results_are_written_to_a_directory_under_names_of_their_own(
    twolane: Twolane, make_file: MakeFile, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    files = [make_file("a.png"), make_file("b.png"), make_file("b.pdf"), make_file("more/a.png", 7)]

    result = twolane("ocr", "--output", tmp_path / "out" / "deep", *files)

    assert result.exit_code == 0
    assert result.stdout == ""
    assert {file.name for file in (tmp_path / "out" / "deep").iterdir()} == {
        "a.png.txt",
        "a.png-2.txt",
        "b.png.txt",
        "b.pdf.txt",
    }


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("markdown", "a.md"),
        ("hocr", "a.hocr"),
        ("alto", "a.alto.xml"),
        ("tsv", "a.tsv"),
        ("pdf", "a.ocr.pdf"),
        ("pdfa", "a.pdfa.pdf"),
    ],
)
def test_every_output_has_a_name_that_is_not_the_originals(
    twolane: Twolane, make_file: MakeFile, tmp_path: Path, form: str, name: str
) -> None:
    result = twolane("ocr", "--format", form, "--output", tmp_path / "out", make_file("a.pdf"))

    assert result.exit_code == 0
    assert [file.name for file in (tmp_path / "out").iterdir()] == [name]


def test_a_pdf_is_not_printed(twolane: Twolane, make_file: MakeFile) -> None:
    result = twolane("ocr", "--format", "pdf", make_file("a.pdf"))

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "--output" in result.stderr


def test_an_output_that_is_being_made_is_asked_for_again(twolane: Twolane, make_file: MakeFile, api: FakeApi) -> None:
    api.results_in_progress = 2

    result = twolane("ocr", "--format", "tsv", make_file("a.pdf"))

    assert result.exit_code == 0
    assert "a.pdf" in result.stdout
    assert api.results_in_progress == 0


def test_a_failed_document_is_one_sentence_and_exit_code_1(twolane: Twolane, make_file: MakeFile) -> None:
    result = twolane("ocr", make_file("fails.pdf"), make_file("good.pdf"))

    assert result.exit_code == 1
    assert "fails.pdf: failed: The file is damaged. (corrupt_file)" in result.stderr
    assert result.stdout == "Page 1 of good.pdf\fPage 2 of good.pdf\n"


def test_a_partial_document_is_printed_but_is_no_success(twolane: Twolane, make_file: MakeFile) -> None:
    result = twolane("ocr", make_file("partial.pdf"))

    assert result.exit_code == 1
    assert "Page 2 took too long. (page_timeout)" in result.stderr
    assert "Page 1 of partial.pdf" in result.stdout


def test_a_document_the_server_knows_is_not_read_again_unless_forced(
    twolane: Twolane, make_file: MakeFile, api: FakeApi
) -> None:
    file = make_file("twice.pdf")
    twolane("ocr", file)

    again, forced = twolane("ocr", file), twolane("ocr", "--force", file)

    assert "completed before" in again.stderr
    assert again.stdout.startswith("Page 1")
    assert again.exit_code == forced.exit_code == 0
    assert len(api.documents) == 2


def test_options_are_sent_only_when_given(twolane: Twolane, make_file: MakeFile, api: FakeApi) -> None:
    twolane("ocr", make_file("plain.pdf"))
    twolane(
        *(
            "ocr",
            "--languages",
            "eng+deu",
            "--pages",
            "2-",
            "--deskew",
            "--no-clean",
            "--crop",
            "--text-layer",
            "ignore",
        ),
        *("--priority", "9", "--password", "secret", "--engine", "tesseract", make_file("rich.pdf")),
    )

    assert api.options[0] == {}
    assert api.options[1] == {
        "languages": "eng+deu",
        "pages": "2-",
        "deskew": "true",
        "crop": "true",
        "clean": "false",
        "text_layer": "ignore",
        "priority": "9",
        "password": "secret",
        "engine": "tesseract",
    }


def test_the_password_comes_from_the_environment(
    twolane: Twolane, make_file: MakeFile, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWOLANE_PASSWORD", "from-env")

    twolane("ocr", make_file("locked.pdf"))

    assert api.options == [{"password": "from-env"}]


def test_a_large_file_goes_to_storage_with_its_options_and_without_the_key(
    twolane: Twolane, make_file: MakeFile, api: FakeApi
) -> None:
    file = make_file("large.pdf", 5 * 1024 * 1024)

    result = twolane("ocr", "--deskew", "--force", "--priority", "7", file)

    assert result.exit_code == 0, result.stderr
    assert list(api.stored.values()) == [file.read_bytes()]
    assert api.keys_seen_by_storage == []
    assert api.options == [
        {
            "filename": "large.pdf",
            "media_type": "application/pdf",
            "size_bytes": file.stat().st_size,
            "deskew": True,
            "priority": 7,
        }
    ]


def test_a_file_refused_as_too_large_goes_to_storage(twolane: Twolane, make_file: MakeFile, api: FakeApi) -> None:
    api.max_direct = 1000

    result = twolane("ocr", make_file("medium.pdf", 2000))

    assert result.exit_code == 0, result.stderr
    assert [len(content) for content in api.stored.values()] == [2000]


def test_a_redirected_result_is_fetched_without_the_key(twolane: Twolane, make_file: MakeFile, api: FakeApi) -> None:
    api.results_in_storage = True

    result = twolane("ocr", make_file("scan.png"))

    assert result.stdout == "Page 1 of scan.png\fPage 2 of scan.png\n"
    assert api.keys_seen_by_storage == []


def test_a_busy_server_is_asked_again_with_the_same_idempotency_key(
    twolane: Twolane, make_file: MakeFile, api: FakeApi
) -> None:
    busy = {"retry-after": "0"}
    api.script.extend(
        [problem(503, "database_unavailable", "Later.", **busy), problem(429, "rate_limited", "Slow.", **busy)]
    )

    result = twolane("ocr", make_file("scan.png"))

    assert result.exit_code == 0, result.stderr
    assert len(api.documents) == 1
    assert api.idempotency_keys[0]


def test_a_server_that_stays_busy_is_given_up(twolane: Twolane, make_file: MakeFile, api: FakeApi) -> None:
    api.script.extend(problem(503, "database_unavailable", "No database.", **{"retry-after": "0"}) for _ in range(6))

    result = twolane("ocr", make_file("scan.png"))

    assert result.exit_code == 1
    assert "scan.png: No database. (database_unavailable)" in result.stderr


def test_a_wrong_key_is_one_sentence(twolane: Twolane, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOLANE_API_KEY", "wrong")

    result = twolane("ocr", make_file("scan.png"))

    assert result.exit_code == 1
    assert result.stderr == "scan.png: That API key is not known. (unauthorized)\n"


def test_a_missing_file_does_not_keep_others_from_being_read(
    twolane: Twolane, make_file: MakeFile, tmp_path: Path
) -> None:
    result = twolane("ocr", tmp_path / "nowhere.pdf", make_file("scan.png"))

    assert result.exit_code == 1
    assert "nowhere.pdf: No such file or directory (unreadable_file)" in result.stderr
    assert result.stdout.startswith("Page 1 of scan.png")


def test_nobody_listening_is_one_sentence(
    twolane: Twolane, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch, free_url: str
) -> None:
    monkeypatch.setenv("TWOLANE_URL", free_url)

    result = twolane("ocr", make_file("scan.png"))

    assert result.exit_code == 1
    assert f"scan.png: no answer from {free_url}/" in result.stderr
    assert "(unreachable)" in result.stderr


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """What a shell starts in the background ignores Ctrl-C, and so does all that it starts: not what this test does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_leaves_documents_being_read_and_says_so(api: FakeApi, make_file: MakeFile) -> None:
    api.never_final = True
    command = [sys.executable, "-m", "infra.cli.main", "ocr", str(make_file("slow.pdf"))]
    environment = {**os.environ, "TWOLANE_URL": api.url, "TWOLANE_API_KEY": KEY}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert api.asked.wait(30)
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=10)
        finally:
            process.kill()

    assert process.returncode == 130
    assert f"slow.pdf goes on as {next(iter(api.documents))}" in stderr
    assert "twolane status ID" in stderr
