"""RapidOCR as its package ships it, on one thread: a path a line comes in, its text and CPU seconds go out as JSON.

It runs by a Python of its own, which has that package's own choice of libraries.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from typing import Any

ONE_THREAD = {
    "Global.log_level": "critical",
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


def main() -> None:
    """Answer until the input ends."""
    engine: Any = import_module("rapidocr").RapidOCR(params=ONE_THREAD)
    for line in sys.stdin:
        began = time.process_time()
        found = engine(line.rstrip("\n"))
        seconds = time.process_time() - began
        sys.stdout.write(json.dumps({"text": "\n".join(found.txts or ()), "seconds": seconds}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
