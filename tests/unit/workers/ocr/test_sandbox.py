"""One document in a process of its own: what comes back, what is killed, and that nothing is left."""

from __future__ import annotations

import gc
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from shared import errors
from shared.errors import (
    CorruptFile,
    EngineFailed,
    EngineUnavailable,
    NoPages,
    PageTimeout,
    PageTooLarge,
    PasswordRequired,
    TwolaneError,
    UnknownEngine,
    UnknownLanguage,
    UnreadablePage,
    UnsupportedMediaType,
    WrongPassword,
)
from tests.support.waiting import wait_until
from tests.unit.workers.ocr.making import LIMITS, PARAGRAPH, bare_pdf, pdf_of, program, saved, text_image
from tests.unit.workers.ocr.test_images import png
from tests.unit.workers.ocr.test_pdf import encrypted
from workers.ocr import sandbox
from workers.ocr.forking import forking
from workers.ocr.pages import FindTextLayers
from workers.ocr.reading_process import ReadingProcess
from workers.ocr.sandbox import PageFailed, PageRead, Reader, ReadLimits, ReadOptions

IMPATIENT = ReadLimits(page_timeout_seconds=0.5, max_page_pixels=10_000_000, max_pages=10, render_dpi=72)


def reader(path: Path, limits: ReadLimits = LIMITS, **options: Any) -> Reader:
    return Reader(path, ReadOptions(**options), limits)


@pytest.fixture(scope="module", autouse=True)
def _started() -> None:
    """The fork server is up before anything is timed."""
    forking().ensure_running()


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    return saved(text_image("Hello world"), tmp_path / "hello.png", dpi=(300, 300))


@pytest.fixture
def three_pages(tmp_path: Path) -> Path:
    return pdf_of(["First page", "Second page", "Third page"], tmp_path / "three.pdf")


def fork_servers() -> list[psutil.Process]:
    """The fork servers of this process; other tests may have servers of other kinds running."""
    return [child for child in psutil.Process().children() if "workers.ocr.fork_server" in child.cmdline()]


def readers() -> list[psutil.Process]:
    """Every process below a fork server of this one."""
    return [reader for server in fork_servers() for reader in server.children(recursive=True)]


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where readers put page images; each test leaves neither files there nor processes."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setattr(sandbox, "_SHARED_MEMORY", place)
    yield place
    wait_until(lambda: not readers(), what="the end of every reading process")
    wait_until(lambda: not list(place.iterdir()), what="the end of every scratch directory")


# --- what comes back


def test_an_image_is_read_into_words(hello: Path) -> None:
    with reader(hello) as opened:
        assert opened.page_count == 1
        assert list(opened.text_layers([1])) == []
        [page] = opened.read([1])
    assert isinstance(page, PageRead)
    assert page.text == "Hello world"
    assert (page.number, page.width, page.height, page.dpi) == (1, 1200, 300, 300)
    assert (page.engine, page.source, page.word_count) == ("tesseract", "ocr", 2)
    assert page.confidence is not None
    assert 0.5 < page.confidence <= 1
    first, second = json.loads(page.words_json)
    assert [first["text"], second["text"]] == ["Hello", "world"]
    x0, y0, x1, y1 = first["box"]
    assert 45 < x0 < x1 < second["box"][0] < 1200
    assert 45 < y0 < y1 < 110


def test_pages_are_read_in_the_order_asked_for(three_pages: Path) -> None:
    with reader(three_pages) as opened:
        assert opened.page_count == 3
        texts = [page.text for page in opened.read([3, 1]) if isinstance(page, PageRead)]
    assert texts == ["Third page", "First page"]


def test_a_page_read_and_its_failures_can_be_sent_on(hello: Path) -> None:
    with reader(hello) as opened:
        [page] = opened.read([1])
    assert pickle.loads(pickle.dumps(page)) == page  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    "kind",
    [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TwolaneError)],
)
def test_every_error_survives_the_way_between_processes(kind: type[TwolaneError]) -> None:
    error = kind("What is wrong.", errors=[{"loc": ["pages"], "msg": "no"}])
    error.add_note("Traceback ...")
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(back) is kind
    assert (str(back), back.detail, back.errors, back.__notes__) == (
        "What is wrong.",
        error.detail,
        error.errors,
        ["Traceback ..."],
    )


# --- documents that do not open


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"This is a text renamed to end in .pdf.", UnsupportedMediaType),
        (b"", UnsupportedMediaType),
        (b"%PDF-1.7\nnonsense\n%%EOF", CorruptFile),
        (b"\x89PNG\r\n\x1a\nnonsense", CorruptFile),
    ],
)
def test_files_that_are_not_documents_are_refused(content: bytes, expected: type[TwolaneError], tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(content)
    with pytest.raises(expected), reader(tmp_path / "a.pdf"):
        pass


def test_a_pdf_without_pages_has_none(tmp_path: Path) -> None:
    with pytest.raises(NoPages), reader(bare_pdf(0, tmp_path / "a.pdf")):
        pass


def test_an_encrypted_pdf_asks_for_its_password(tmp_path: Path) -> None:
    path = encrypted(tmp_path / "a.pdf")
    with pytest.raises(PasswordRequired), reader(path):
        pass
    with pytest.raises(WrongPassword), reader(path, password="open"):  # noqa: S106 - the point is that it is wrong
        pass
    with reader(path, password="sesame") as opened:  # noqa: S106 - made for this test
        assert opened.page_count == 1


# --- pages that fail alone


def test_a_bomb_fails_as_too_large(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(50_000, 50_000))
    with reader(tmp_path / "a.png") as opened:
        [page] = opened.read([1])
    assert isinstance(page, PageFailed)
    assert isinstance(page.error, PageTooLarge)


def test_running_out_of_memory_is_a_page_too_large() -> None:
    code = (
        "from workers.ocr import guard, reader\n"
        "guard.limit_memory()\n"
        "try:\n    bytearray(guard.MEMORY_BYTES)\n"
        "except MemoryError as error:\n    print(reader.as_ours(error).code)"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ended.stdout == "page_too_large\n"


def test_one_broken_page_fails_and_the_others_are_read(tmp_path: Path) -> None:
    path = bare_pdf(4, tmp_path / "a.pdf", content=b"BT /F1 24 Tf 1 0 0 1 100 500 Tm (Alpha Beta) Tj ET")
    path.write_bytes(path.read_bytes().replace(b"7 0 obj<</Type/Page", b"7 0 obj[ /Type/Page"))
    with reader(path) as opened:
        assert opened.page_count == 4
        assert [page.number for page in opened.text_layers([1, 2, 3, 4])] == [1, 2, 4]
        pages = list(opened.read([2, 3, 4]))
    assert [type(page) for page in pages] == [PageRead, PageFailed, PageRead]
    assert isinstance(pages[1], PageFailed)
    assert isinstance(pages[1].error, CorruptFile)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"engine": "textract"}, EngineUnavailable),
        ({"engine": "abacus"}, UnknownEngine),
        ({"languages": ("eng", "xyz")}, UnknownLanguage),
    ],
)
def test_what_is_not_there_is_named(options: dict[str, Any], expected: type[TwolaneError], hello: Path) -> None:
    with reader(hello, **options) as opened:
        [page] = opened.read([1])
    assert isinstance(page, PageFailed)
    assert isinstance(page.error, expected)


def test_a_page_that_hangs_is_killed_with_all_its_process_started(
    three_pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "pids"
    script = f'[ "$1" = --list-langs ] && exec tesseract "$@"\necho $$ >> {log}\nsleep 600\n'
    monkeypatch.setenv("TESSERACT_CMD", str(program(tmp_path / "hang", script)))
    with reader(three_pages, IMPATIENT) as opened:
        results = opened.read([1, 2])
        first = next(results)
        assert isinstance(first, PageFailed)
        assert type(first.error) is PageTimeout
        assert "0.5 seconds" in str(first.error)
        assert readers() == []
        assert isinstance(next(results), PageFailed)
    hung = [int(line) for line in log.read_text().split()]
    assert len(hung) == 2
    assert not any(psutil.pid_exists(pid) for pid in hung)


def test_a_page_that_takes_its_process_down_leaves_the_next_a_fresh_one(
    three_pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = tmp_path / "once"
    script = f'case "$*" in *tsv*) [ -e {once} ] || {{ touch {once}; kill -9 $PPID; }};; esac\nexec tesseract "$@"\n'
    monkeypatch.setenv("TESSERACT_CMD", str(program(tmp_path / "crash", script)))
    with reader(three_pages) as opened:
        first, second = opened.read([1, 2])
    assert isinstance(first, PageFailed)
    assert type(first.error) is EngineFailed
    assert isinstance(second, PageRead)
    assert second.text == "Second page"


def test_a_text_layer_that_crashes_is_passed_over(three_pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reading process is killed whenever it is asked for a batch, then when it comes to page 2."""
    send = ReadingProcess.send  # there is no harmless file that crashes pdfium

    def crash(process: Any, request: Any) -> None:
        if isinstance(request, FindTextLayers) and (request.batch_seconds or request.numbers[0] == 2):
            os.kill(process.pid, signal.SIGKILL)
        send(process, request)

    monkeypatch.setattr(ReadingProcess, "send", crash)
    with reader(three_pages) as opened:
        one_by_one = [page.number for number in (1, 2, 3) for page in opened.text_layers([number])]
    assert one_by_one == [1, 3]


def test_pages_that_hang_one_after_the_other_leave_the_rest_untried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "calls"
    script = f'[ "$1" = --list-langs ] && exec tesseract "$@"\necho call >> {log}\nsleep 600\n'
    monkeypatch.setenv("TESSERACT_CMD", str(program(tmp_path / "hang", script)))
    with reader(pdf_of(["Page"] * 10, tmp_path / "ten.pdf"), IMPATIENT) as opened:
        failed = [page for page in opened.read(range(1, 11)) if isinstance(page, PageFailed)]
        asked = opened.render(1)
    assert [page.final for page in failed] == [False, True] + [False] * 8
    assert {type(page.error) for page in failed} == {PageTimeout}
    assert "not tried" in str(failed[2].error)
    assert isinstance(asked, PageFailed)
    assert len(log.read_text().split()) == 2


def crashing(tmp_path: Path, how: str, times: int) -> str:
    """A tesseract that ends the process that calls it, so many times."""
    calls = tmp_path / "calls"
    script = (
        'case "$*" in *tsv*) ;; *) exec tesseract "$@";; esac\n'
        f"echo call >> {calls}\n[ $(wc -l < {calls}) -gt {times} ] || {{ kill -{how} $PPID; sleep 600; }}\n"
        'exec tesseract "$@"\n'
    )
    return str(program(tmp_path / "crash", script))


def test_a_page_that_ends_two_processes_by_itself_is_not_tried_again(
    three_pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESSERACT_CMD", crashing(tmp_path, "SEGV", 2))
    with reader(three_pages) as opened:
        first, second = opened.read([1, 2])
    assert isinstance(first, PageFailed)
    assert type(first.error) is UnreadablePage
    assert isinstance(second, PageRead)


def test_a_page_that_ends_one_process_by_itself_is_read_by_the_next(
    three_pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESSERACT_CMD", crashing(tmp_path, "ABRT", 1))
    with reader(three_pages) as opened:
        [page] = opened.read([1])
    assert isinstance(page, PageRead)
    assert page.text == "First page"


def test_text_layers_that_hang_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reading process stands still whenever it is asked for text."""
    send, asked = ReadingProcess.send, list[FindTextLayers]()

    def stop(process: Any, request: Any) -> None:
        if isinstance(request, FindTextLayers):
            asked.append(request)
            os.kill(process.pid, signal.SIGSTOP)
        send(process, request)

    monkeypatch.setattr(ReadingProcess, "send", stop)
    with reader(pdf_of([PARAGRAPH] * 10, tmp_path / "ten.pdf"), IMPATIENT) as opened:
        assert list(opened.text_layers(range(1, 11))) == []
    assert len(asked) == 2


def test_the_search_for_text_ends_with_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pdf_of([f"{PARAGRAPH} Page {number}." for number in range(400)], tmp_path / "a.pdf")
    monkeypatch.setattr(sandbox, "_TEXT_SECONDS", 0.0)
    monkeypatch.setattr(sandbox, "_BATCH_SECONDS", 0.001)
    with reader(path, engine="null") as opened:
        found = list(opened.text_layers(range(1, 401)))
        assert 0 < len(found) < 400
        assert isinstance(next(opened.read([400])), PageRead)


def test_text_layers_left_halfway_do_not_disturb_what_is_read_next(tmp_path: Path) -> None:
    path = pdf_of([f"{PARAGRAPH} Page {number}." for number in range(400)], tmp_path / "a.pdf")
    with reader(path, engine="null") as opened:
        first = next(opened.text_layers(range(1, 401)))
        [page] = opened.read([5])
    assert first.number == 1
    assert isinstance(page, PageRead)
    assert (page.number, page.engine, page.text) == (5, "null", "")


# --- nothing is left


def test_a_reader_left_in_the_middle_of_a_page_ends_it(
    three_pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    script = f'[ "$1" = --list-langs ] && exec tesseract "$@"\necho $$ > {started}\nsleep 600\n'
    monkeypatch.setenv("TESSERACT_CMD", str(program(tmp_path / "hang", script)))
    with reader(three_pages) as opened:
        asking = threading.Thread(target=lambda: list(opened.read([1])), daemon=True)
        asking.start()
        wait_until(lambda: started.exists() and started.read_text().strip())
        os.kill(readers()[0].pid, signal.SIGKILL)
        asking.join(10)
    assert not psutil.pid_exists(int(started.read_text()))


def test_what_killed_workers_left_in_shared_memory_is_swept_out(scratch: Path) -> None:
    left, fresh, foreign = (scratch / name for name in ("twolane-left", "twolane-fresh", "somebody-elses"))
    for place in (left, fresh, foreign):
        place.mkdir()
        (place / "page.bmp").touch()
    for old in (left, foreign):
        os.utime(old, (0, 0))
    sandbox.warm_up()
    assert set(scratch.iterdir()) == {fresh, foreign}
    shutil.rmtree(fresh)
    shutil.rmtree(foreign)


def test_hundreds_of_readers_leak_neither_processes_descriptors_nor_memory(hello: Path) -> None:
    def read_once() -> None:
        with reader(hello, engine="null") as opened:
            assert isinstance(next(opened.read([1])), PageRead)

    for _ in range(20):
        read_once()
    gc.collect()
    this = psutil.Process()
    [server] = fork_servers()
    before = this.num_fds(), server.num_fds(), this.memory_info().rss
    for _ in range(300):
        read_once()
    gc.collect()
    assert (this.num_fds(), server.num_fds()) == before[:2]
    assert fork_servers() == [server]
    assert readers() == []
    assert this.memory_info().rss - before[2] < 4 * 1024**2


def test_a_fork_server_that_was_killed_is_replaced(hello: Path) -> None:
    [server] = fork_servers()
    server.kill()
    with reader(hello, engine="null") as opened:
        assert opened.page_count == 1


def test_a_worker_that_is_killed_takes_its_readers_and_their_files_along(
    three_pages: Path, tmp_path: Path, scratch: Path
) -> None:
    script = '[ "$1" = --list-langs ] && exec tesseract "$@"\nsleep 600\n'
    code = (
        "import sys\nfrom pathlib import Path\nfrom workers.ocr import sandbox\nfrom workers.ocr.sandbox import *\n"
        "sandbox._SHARED_MEMORY = Path(sys.argv[2])\n"
        "with Reader(Path(sys.argv[1]), ReadOptions(), ReadLimits(600, 10**8, 10, 72)) as opened:\n"
        "    list(opened.read([1]))\n"
    )
    environ = {**os.environ, "TESSERACT_CMD": str(program(tmp_path / "hang", script))}
    worker = subprocess.Popen([sys.executable, "-c", code, str(three_pages), str(scratch)], env=environ)

    def sleeping() -> list[psutil.Process]:
        return [process for process in psutil.Process(worker.pid).children(recursive=True) if process.name() == "sleep"]

    wait_until(sleeping, timeout=20)
    everything = psutil.Process(worker.pid).children(recursive=True)
    assert len(everything) >= 3
    assert list(scratch.iterdir())
    worker.kill()
    worker.wait()
    wait_until(lambda: not any(process.is_running() for process in everything))


def test_readers_can_be_used_from_a_forked_process_and_from_threads(hello: Path) -> None:
    with reader(hello, engine="null"):  # the server of this process is running, and must not be the child's
        code = (
            "import os, sys, threading\nfrom pathlib import Path\n"
            "from workers.ocr.forking import forking\nfrom workers.ocr.sandbox import *\n"
            "def read():\n"
            "    with Reader(Path(sys.argv[1]), ReadOptions(engine='null'), ReadLimits(30, 10**8, 10, 72)) as opened:\n"
            "        assert opened.page_count == 1\n"
            "    assert forking().owner == os.getpid()\n"
            "read()\n"
            "pid = os.fork()\n"
            "threads = [threading.Thread(target=read) for _ in range(4)]\n"
            "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
            "read()\n"
            "os._exit(0) if pid == 0 else sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
        )
        subprocess.run([sys.executable, "-W", "error", "-c", code, str(hello)], check=True, timeout=30)


def test_the_reading_process_does_not_see_the_workers_secrets(
    hello: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "environ"
    monkeypatch.setenv("DATABASE_URL", "postgresql://twolane:hunter2@db/twolane")
    monkeypatch.setenv("TESSERACT_CMD", str(program(tmp_path / "spy", f'env > {seen}\nexec tesseract "$@"\n')))
    with reader(hello) as opened:
        assert isinstance(next(opened.read([1])), PageRead)
    assert "OMP_THREAD_LIMIT=1" in seen.read_text()
    assert "hunter2" not in seen.read_text()


def test_nor_does_the_process_it_is_forked_from(hello: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment lies open in /proc to whoever runs as the same user."""
    forking().stop()
    monkeypatch.setenv("DATABASE_URL", "postgresql://twolane:hunter2@db/twolane")
    with reader(hello, engine="null"):
        [server] = fork_servers()
        assert "hunter2" not in str(server.environ())


def test_where_memory_runs_out_the_reading_process_is_the_first_to_go(
    hello: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "scores"
    spy = f'cat /proc/self/oom_score_adj > {seen}\nexec tesseract "$@"\n'
    monkeypatch.setenv("TESSERACT_CMD", str(program(tmp_path / "spy", spy)))
    with reader(hello, engine="tesseract") as opened:
        assert isinstance(next(opened.read([1])), PageRead)
    assert seen.read_text() == "1000\n"
