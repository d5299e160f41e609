"""Prints `template.yaml` after the SAM transform, as JSON.

Run by the emulator's interpreter: the translator lives in its environment, with a botocore of its own.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader  # type: ignore[import-not-found]  # only there
from samtranslator.translator.transform import transform  # type: ignore[import-not-found]  # only there
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-not-found]  # only there

source = yaml_parse(Path(sys.argv[1]).read_text())
# SAM wants to know where a deployment has put the code; where that is does not matter here.
source["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"
sys.stdout.write(json.dumps(transform(source, {}, ManagedPolicyLoader(None))))
