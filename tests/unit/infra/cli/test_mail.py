"""`twolane mail`: previews of templates, and what the local stack kept."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest

from infra.local.layout import Layout
from shared.services.mail.mime import Attachment, Mail, build
from shared.services.mail.variables import TEMPLATES
from tests.unit.infra.cli.conftest import Twolane


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a stack that has kept nothing yet."""
    monkeypatch.setenv("TWOLANE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    Layout(tmp_path).mail.mkdir()
    return tmp_path


def keep(data_dir: Path, stem: str, subject: str, html: str | None = None, attachments: tuple[str, ...] = ()) -> None:
    """A mail as the local stack keeps it."""
    files = [Attachment(name, "application/pdf", b"%PDF") for name in attachments]
    mail = Mail(uuid4(), "Twolane <no-reply@twolane.example>", "ada@example.com", subject, "Hello Ada", html, files)
    (Layout(data_dir).mail / f"{stem}.eml").write_bytes(build(mail))


def test_all_templates_are_written_with_a_page_that_shows_them(twolane: Twolane, data_dir: Path) -> None:
    result = twolane("mail", "preview")

    folder = data_dir / "mail-preview"
    assert result.exit_code == 0
    assert result.stdout.strip() == str(folder / "index.html")
    files = {file.name for file in folder.iterdir()}
    assert files == {"index.html"} | {f"{name}.{kind}" for name in TEMPLATES for kind in ("html", "txt")}
    index = (folder / "index.html").read_text()
    assert all(f'src="{name}.html"' in index for name in TEMPLATES)


def test_one_template_is_written_with_variables_of_ones_own(twolane: Twolane, data_dir: Path, tmp_path: Path) -> None:
    variables = tmp_path / "variables.json"
    variables.write_text(json.dumps({"title": "<b>Grüße</b>", "body": "Hello"}))

    result = twolane("mail", "preview", "notification", "--variables", variables, "--output", data_dir / "out")

    assert result.exit_code == 0
    assert {file.name for file in (data_dir / "out").iterdir()} == {
        "index.html",
        "notification.html",
        "notification.txt",
    }
    assert "&lt;b&gt;Grüße&lt;/b&gt;" in (data_dir / "out" / "notification.html").read_text()
    assert "&lt;b&gt;Grüße&lt;/b&gt;" in (data_dir / "out" / "index.html").read_text()


def test_every_missing_variable_is_named_and_nothing_is_written(twolane: Twolane, data_dir: Path) -> None:
    variables = data_dir / "variables.json"
    variables.write_text("{}")

    result = twolane("mail", "preview", "notification", "--variables", variables)

    assert result.exit_code == 1
    assert "The template notification needs the variable title, which was not given." in result.stderr
    assert "The template notification needs the variable body, which was not given." in result.stderr
    assert not (data_dir / "mail-preview").exists()


def test_an_unknown_template_is_named(twolane: Twolane, data_dir: Path) -> None:
    result = twolane("mail", "preview", "verificaton", "--output", data_dir / "out")

    assert result.exit_code == 1
    assert "There is no template 'verificaton'" in result.stderr
    assert not (data_dir / "out").exists()


@pytest.mark.parametrize(("content", "sentence"), [("{", "is no JSON"), ("[]", "holds no JSON object")])
def test_variables_that_are_none_are_refused(twolane: Twolane, data_dir: Path, content: str, sentence: str) -> None:
    variables = data_dir / "variables.json"
    variables.write_text(content)

    result = twolane("mail", "preview", "plain", "--variables", variables)

    assert result.exit_code == 1
    assert sentence in result.stderr


def test_variables_are_of_one_template(twolane: Twolane, data_dir: Path) -> None:
    variables = data_dir / "variables.json"
    variables.write_text("{}")

    result = twolane("mail", "preview", "--variables", variables)

    assert result.exit_code == 2
    assert "name it before" in result.stderr


def test_a_folder_that_cannot_be_written_is_named(twolane: Twolane, data_dir: Path) -> None:
    (data_dir / "out").write_text("a file")

    result = twolane("mail", "preview", "--output", data_dir / "out")

    assert result.exit_code == 1
    assert f"{data_dir / 'out'} cannot be written" in result.stderr


def test_kept_mails_are_listed_the_newest_first(twolane: Twolane, data_dir: Path) -> None:
    keep(data_dir, "20260504T093000.000000Z-aaaaaaaa", "First")
    keep(data_dir, "20260504T093001.000000Z-bbbbbbbb", "Zweite [bold] Grüße", attachments=("Übersicht.pdf", "b.pdf"))
    (Layout(data_dir).mail / ".20260504T093002.000000Z-cccccccc.eml.unfinished").write_bytes(b"")

    result = twolane("mail", "list")

    assert result.exit_code == 0
    second, first = result.stdout.splitlines()[1:]
    assert second.split()[0] == "bbbbbbbb"
    assert "ada@example.com" in second
    assert "Zweite [bold] Grüße" in second
    assert "Übersicht.pdf, b.pdf" in second
    assert first.split()[0] == "aaaaaaaa"


def test_kept_mails_are_listed_for_programs(twolane: Twolane, data_dir: Path) -> None:
    keep(data_dir, "20260504T093000.250000Z-aaaaaaaa", "First")
    keep(data_dir, "20260504T093001.000000Z-bbbbbbbb", "Second", attachments=("a.pdf",))

    result = twolane("mail", "list", "--json", "--limit", "1")

    (item,) = json.loads(result.stdout)["items"]
    assert item["id"] == "bbbbbbbb"
    assert item["time"] == "2026-05-04T09:30:01+00:00"
    assert item["subject"] == "Second"
    assert item["attachments"] == ["a.pdf"]


def test_where_nothing_was_kept_nothing_is_listed(twolane: Twolane, data_dir: Path) -> None:
    assert twolane("mail", "list").stdout.startswith("No mails in")
    assert twolane("mail", "list", "--data-dir", data_dir / "none").exit_code == 0
    assert json.loads(twolane("mail", "list", "--json").stdout) == {"items": []}


def test_a_mail_is_shown_and_its_html_written(twolane: Twolane, data_dir: Path) -> None:
    keep(data_dir, "20260504T093000.000000Z-aaaaaaaa", "First", html="<p>Grüße</p>", attachments=("a.pdf",))
    keep(data_dir, "20260504T093001.000000Z-bbbbbbbb", "Second")

    result = twolane("mail", "show", "aaaaaaaa", "--html", data_dir / "first.html")

    assert result.exit_code == 0
    for words in ("ada@example.com", "First", "a.pdf", "Hello Ada"):
        assert words in result.stdout
    assert (data_dir / "first.html").read_text() == "<p>Grüße</p>\n"
    assert "Second" in twolane("mail", "show").stdout
    assert json.loads(twolane("mail", "show", "--json").stdout)["text"] == "Hello Ada\n"


def test_a_mail_without_html_has_none_to_write(twolane: Twolane, data_dir: Path) -> None:
    keep(data_dir, "20260504T093000.000000Z-aaaaaaaa", "First")

    result = twolane("mail", "show", "--html", data_dir / "first.html")

    assert result.exit_code == 1
    assert "no HTML" in result.stderr
    assert not (data_dir / "first.html").exists()


def test_a_mail_that_is_not_there_is_not_shown(twolane: Twolane, data_dir: Path) -> None:
    result = twolane("mail", "show", "aaaaaaaa")

    assert result.exit_code == 1
    assert "There is no such mail" in result.stderr
    assert str(data_dir) in result.stderr


def test_a_terminal_is_not_told_what_to_do_by_a_mail(twolane: Twolane, data_dir: Path) -> None:
    raw = b"To: a@b.example\r\nSubject: \x1b[2JHi\r\n\r\nclear \x1b[2J screen\r\n"
    (Layout(data_dir).mail / "saved by hand.eml").write_bytes(raw)

    assert "\x1b" not in twolane("mail", "list").stdout + twolane("mail", "show").stdout
