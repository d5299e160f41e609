"""Templates: none lacks a part, none can be broken by what it is given."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.cli.mail_samples import SAMPLES, UNSUBSCRIBE_URL
from infra.local.layout import PROJECT
from shared.errors import TemplateUnknown, TemplateVariableMissing
from shared.services.mail.addresses import check_header
from shared.services.mail.render import FOLDER, checked, render
from shared.services.mail.variables import TEMPLATES

NAMES = sorted(TEMPLATES)
CLIPPED_BY_GMAIL = 102_000
HOSTILE = "<script>alert(1)</script>\" onmouseover='x' {{ 97*89 }}{% raw %}\r\nBcc: eve@example.com\u2028&lt;\x00"


class Tags(HTMLParser):
    """Which tags are open, and all that were."""

    VOID = frozenset({"meta", "br", "img", "hr", "link"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it."""
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """It closes what was opened last."""
        assert self.open.pop() == tag


def with_hostile_text(value: Any) -> Any:
    """The same values, hostile wherever any text is taken."""
    if isinstance(value, dict):
        return {name: with_hostile_text(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_hostile_text(inner) for inner in value]
    free = isinstance(value, str) and not re.match(r"https?://|\d{4}-\d\d|[0-9a-f]{8}-", value)
    return HOSTILE if free else value


def test_every_template_has_its_files_a_model_and_a_sample() -> None:
    files = {path.name for path in FOLDER.iterdir()}

    assert files == {"base.html", "base.txt", "parts.html"} | {
        f"{name}.{kind}" for name in NAMES for kind in ("subject.txt", "txt", "html")
    }
    assert sorted(SAMPLES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_template_gives_a_mail_that_mail_programs_show(name: str) -> None:
    mail = render(name, SAMPLES[name])

    check_header(mail.subject, "the subject")
    assert mail.text.endswith("\n")
    assert not re.search(r"\n{4}", mail.text)
    assert len(mail.html.encode()) < CLIPPED_BY_GMAIL
    tags = Tags(mail.html)
    assert not tags.open
    assert not {"img", "script", "link", "iframe", "form"} & set(tags.seen)
    assert not re.search(r"url\(|@import", mail.html)
    for text in (mail.text, mail.html):
        assert "None" not in text
        assert "{{" not in text


@pytest.mark.parametrize("name", NAMES)
def test_what_a_template_is_given_can_be_stored_as_json_and_says_the_same(name: str) -> None:
    assert render(name, checked(name, SAMPLES[name])) == render(name, SAMPLES[name])


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        (name, field)
        for name, model in TEMPLATES.items()
        for field, about in model.model_fields.items()
        if about.is_required()
    ],
)
def test_a_missing_variable_is_named_before_anything_is_stored(name: str, variable: str) -> None:
    given = {field: value for field, value in SAMPLES[name].items() if field != variable}

    with pytest.raises(TemplateVariableMissing, match=f"template {name} needs the variable {variable}") as refused:
        checked(name, given)

    assert refused.value.code == "template_variable_missing"
    assert [problem["field"] for problem in refused.value.errors] == [variable]


@pytest.mark.parametrize("name", NAMES)
def test_what_may_be_left_out_leaves_no_hole(name: str) -> None:
    needed = {field for field, about in TEMPLATES[name].model_fields.items() if about.is_required()}

    mail = render(name, {field: value for field, value in SAMPLES[name].items() if field in needed})

    assert "None" not in mail.html + mail.text
    assert not Tags(mail.html).open


def test_a_variable_nobody_knows_is_named() -> None:
    with pytest.raises(TemplateVariableMissing, match="template notification has no variable tilte"):
        checked("notification", {"title": "Hello", "body": "", "tilte": "Hello"})


def test_a_value_of_the_wrong_kind_is_named() -> None:
    findings = [{"name": "Queue", "detail": "It is long."}, {"name": "Mail"}]

    with pytest.raises(TemplateVariableMissing, match=r"template health_alert needs the variable findings\.1\.detail"):
        checked("health_alert", {"findings": findings, "checked_at": datetime(2026, 5, 4, tzinfo=UTC)})
    with pytest.raises(TemplateVariableMissing, match="cannot use the variable findings"):
        checked("health_alert", {"findings": [], "checked_at": datetime(2026, 5, 4, tzinfo=UTC)})


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "//example.com", "https://a b", "ftp://a.b", ""]
)
def test_a_link_leads_to_the_web_alone(link: str) -> None:
    with pytest.raises(TemplateVariableMissing, match="cannot use the variable link"):
        checked("notification", {"title": "Hello", "body": "", "link": link})


@pytest.mark.parametrize("name", ["", "unknown", "base", "parts", "../base", "plain.html"])
def test_an_unknown_template_is_refused(name: str) -> None:
    with pytest.raises(TemplateUnknown, match="There is no template"):
        render(name, {})


@pytest.mark.parametrize("name", NAMES)
def test_hostile_text_is_shown_and_does_nothing(name: str) -> None:
    friendly = render(name, SAMPLES[name])

    mail = render(name, with_hostile_text(SAMPLES[name]))

    check_header(mail.subject, "the subject")
    tags = Tags(mail.html)
    assert set(tags.seen) <= set(Tags(friendly.html).seen) | {"br"}
    assert not [attribute for attribute, _ in tags.attributes if attribute.startswith("on")]
    assert "8633" not in mail.subject + mail.text + mail.html


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(title=st.text(min_size=1, max_size=400), body=st.text(max_size=400))
def test_whatever_is_written_changes_no_tag(title: str, body: str) -> None:
    mail = render("notification", {"title": title, "body": body}, unsubscribe_url=UNSUBSCRIBE_URL)

    check_header(mail.subject, "the subject")
    tags = Tags(mail.html)
    assert not tags.open
    assert [tag for tag in tags.seen if tag not in {"p", "br"}] == [
        tag for tag in Tags(friendly().html).seen if tag not in {"p", "br"}
    ]
    assert body.strip() in mail.text


def friendly() -> Any:
    """A notification of words."""
    return render("notification", {"title": "Hello", "body": "World"}, unsubscribe_url=UNSUBSCRIBE_URL)


def test_the_link_that_ends_it_is_in_both_bodies() -> None:
    sample: Mapping[str, Any] = SAMPLES["weekly_digest"]

    mail = render("weekly_digest", sample, unsubscribe_url=UNSUBSCRIBE_URL)

    assert UNSUBSCRIBE_URL in mail.text
    assert UNSUBSCRIBE_URL.replace("&", "&amp;") in mail.html
    assert "Unsubscribe" not in render("weekly_digest", sample).html


def test_a_digest_counts() -> None:
    digest = {**SAMPLES["weekly_digest"], "documents": {"completed": 1, "failed": 0}, "pages": 1, "errors": []}

    mail = render("weekly_digest", digest)

    assert mail.subject == "Your week: 1 document, 1 page"
    assert "failed" not in mail.text
    assert "Most frequent errors" not in mail.text


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(1, "1 minute"), (30, "30 minutes"), (60, "1 hour"), (90, "90 minutes"), (120, "2 hours"), (2880, "2 days")],
)
def test_how_long_a_token_is_good_for_is_said_in_words(minutes: int, said: str) -> None:
    assert f"good for {said}." in render("password_reset", {"token": "x", "minutes": minutes}).text


def test_an_alert_names_each_check_once() -> None:
    findings = [{"name": name, "detail": "It is."} for name in ("Dead letters", "Events", "Dead letters")]

    mail = render("health_alert", {**SAMPLES["health_alert"], "findings": findings})

    assert mail.subject == "Not well: Dead letters, Events"
    assert mail.text.count("* Dead letters") == 2


@pytest.mark.parametrize(
    ("attempts", "said"), [(0, "failed and is"), (1, "failed once and is"), (5, "failed 5 times and is")]
)
def test_a_failure_says_how_often_it_was_tried(attempts: int, said: str) -> None:
    mail = render("task_failure", {**SAMPLES["task_failure"], "attempts": attempts})

    assert said in mail.text
    assert said in mail.html.replace("</span>", "")


def test_who_only_names_these_modules_loads_no_library() -> None:
    modules = "shared.services.mail.render, shared.services.mail.mime, shared.services.mail.addresses"
    heavy = "{'jinja2', 'email_validator', 'dns', 'sqlalchemy'}"

    subprocess.run(
        [sys.executable, "-c", f"import sys, {modules}; assert not {heavy} & set(sys.modules)"], check=True, cwd=PROJECT
    )


def test_times_are_said_in_utc() -> None:
    given = {**SAMPLES["webhook_disabled"], "failing_since": "2026-05-04T01:30:00+02:00"}

    assert "3 May 2026, 23:30 UTC" in render("webhook_disabled", given).text


def test_a_long_subject_ends_with_an_ellipsis() -> None:
    subject = render("notification", {"title": "long " * 150, "body": ""}).subject

    assert len(subject) <= 200
    assert subject.endswith("long…")


def test_paragraphs_and_lines_stay_apart() -> None:
    html = render("plain", {"subject": "Hello", "body": "One\ntwo\n\n\nThree"}).html

    assert re.search(r"<p[^>]*>One<br>two</p>\s*<p[^>]*>Three</p>", html)
