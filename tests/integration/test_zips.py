"""The functions' zips, built for this machine: what is in them, what is not, and what an import of them loads."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra import zips
from infra.zips import Zip

PROJECT = Path(__file__).parents[2]
FUNCTIONS = re.findall(r"^  (\w+Function):$", (PROJECT / "template.yaml").read_text(), re.MULTILINE)

NOT_CONTAINED = {"PIL", "pytesseract", "pypdfium2", "numpy", "orjson", "pytest", "moto", "tests", "workers", "infra"}
"""OCR, test code, and the other lane; in no zip."""

ONLY_IN_THE_API = {"fastapi", "starlette", "mangum", "python_multipart"}

MESSAGES = {
    *("SendEmailFunction", "SendSmsFunction", "NotifyFunction", "DeliverWebhookFunction"),
    *("RecordDeadLetterFunction", "RecordFeedbackFunction"),
}
"""What sends, and what hears of it."""

WITHOUT_BROKER = MESSAGES | {"CreateKeyFunction"}

OF_WORKERS = {"textract"}
"""Services that `shared.adapters` speaks to for the workers alone; their image describes them."""

NOT_IMPORTED = {"boto3", "botocore.session", "celery", "kombu", "redis", "psycopg", "sqlalchemy", "urllib3", "click"}
"""What is loaded with its first use, or before a snapshot; see `shared.bootstrap`. Powertools loads botocore's name."""


USED_AT_ONCE = {name: {"sqlalchemy"} for name in {*MESSAGES, "RunScheduleFunction"}}
"""What a function needs with every event it may get: Lambda's time for starting is the cheaper one to load it in."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Zip]:
    """Every function of the template, built as for the one-machine stack."""
    directory = tmp_path_factory.mktemp("zips")
    uv = os.environ.get("UV") or shutil.which("uv") or str(PROJECT / ".tools/uv/bin/uv")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    environment = {**os.environ, "UV": uv, "PYTHON_VERSION": version, "PYTHON_PLATFORM": ""}
    for name in FUNCTIONS:
        subprocess.run(
            ["make", "--silent", "--file", "infra/lambda/Makefile", f"build-{name}"],
            check=True,
            cwd=PROJECT,
            env=environment | {"ARTIFACTS_DIR": str(directory / name)},
        )
    return {one.name: one for one in zips.built(directory)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_import_loads_nothing_that_is_not_used_yet(built: dict[str, Zip], name: str) -> None:
    _, modules = built[name].imported(sys.executable)
    assert built[name].handler in modules
    assert set(modules) & NOT_IMPORTED <= USED_AT_ONCE.get(name, set())


def test_the_apis_zip_keeps_its_size_and_the_others_are_smaller(built: dict[str, Zip]) -> None:
    api = built[zips.API]
    assert api.megabytes <= zips.API_MB
    assert [name for name, one in built.items() if one.megabytes >= api.megabytes] == [zips.API]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_zip_holds_nothing_its_function_does_not_need(built: dict[str, Zip], name: str) -> None:
    held = {path.name.partition(".")[0] for path in built[name].path.iterdir()}
    assert held & NOT_CONTAINED == set()
    assert (held & ONLY_IN_THE_API == set()) == (name != zips.API)
    assert ("celery" in held) == (name not in WITHOUT_BROKER)
    assert ("jinja2" in held) == (name in MESSAGES)
    folders = {path.name for path in (built[name].path / "functions").iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} == {built[name].handler.split(".")[1]}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_everything_is_precompiled_and_only_our_sources_are_there(built: dict[str, Zip], name: str) -> None:
    path = built[name].path
    sources = {file.relative_to(path) for file in path.rglob("*.py")}
    assert {source.parts[0] for source in sources} == {"shared", "functions"}
    bytecode = f"cpython-{sys.version_info.major}{sys.version_info.minor}.pyc"
    for source in sources:
        assert (path / source.parent / "__pycache__" / f"{source.stem}.{bytecode}").exists(), source


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_descriptions_of_the_aws_services_that_are_called_are_there(built: dict[str, Zip], name: str) -> None:
    code = "".join(path.read_text() for folder in ("shared", "functions") for path in (PROJECT / folder).rglob("*.py"))
    called = set(re.findall(r"(?:boto3|aws)\.client\(\s*[\"']([\w-]+)[\"']", code))
    assert called >= {"s3", "secretsmanager", "sqs", "events", "sesv2", "sns"}
    described = {path.name for path in (built[name].path / "botocore/data").iterdir() if path.is_dir()}
    assert described == called - OF_WORKERS


def test_the_templates_of_mails_are_where_they_are_rendered(built: dict[str, Zip]) -> None:
    held = {path.name for path in (built["SendEmailFunction"].path / "shared/services/mail/templates").iterdir()}
    written = {path.name for path in (PROJECT / "shared/services/mail/templates").iterdir() if path.is_file()}
    assert written
    assert written <= held


def test_a_traceback_names_the_line_of_a_library_whose_source_is_not_there(built: dict[str, Zip]) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        built[zips.API].imported(sys.executable, "import sqlalchemy; sqlalchemy.create_engine('nonsense://')")
    assert re.search(r'File "/var/task/sqlalchemy/engine/create\.py", line \d+, in create_engine', failed.value.stderr)
