"""Prints the templates named as one JSON object, by path: YAML's short forms written out, SAM's resources transformed.

Run by the emulator's interpreter: the translator lives in its environment, with a botocore of its own.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader  # type: ignore[import-not-found]  # only there
from samtranslator.translator.transform import transform  # type: ignore[import-not-found]  # only there
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-not-found]  # only there


def made(path: str) -> dict[str, Any]:
    """One template as CloudFormation gets it."""
    source: dict[str, Any] = yaml_parse(Path(path).read_text())
    if "Transform" not in source:
        return source
    # SAM wants to know where a deployment has put the code; where that is does not matter here.
    source["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
    transformed: dict[str, Any] = transform(source, {}, ManagedPolicyLoader(None))
    return transformed


os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"
sys.stdout.write(json.dumps({path: made(path) for path in sys.argv[1:]}))
