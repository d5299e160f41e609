"""`python -m tests.bench [--only NAME ...] [--rounds N] [--data DIR] [--json FILE]`: measure, print figures by targets.

The exit code is 0 unless something breaks: a target that is not met is a finding, not a failure.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.bench import (
    born_digital,
    cold_start,
    cost,
    fields,
    lanes,
    latency,
    machine,
    memory,
    office,
    preprocessing,
    receipts,
    scan,
    throughput,
)
from tests.bench.bench import Bench
from tests.bench.figures import Line

FIGURES = {
    "scan": scan.measure,
    "latency": latency.measure,
    "born_digital": born_digital.measure,
    "memory": memory.measure,
    "office": office.measure,
    "preprocessing": preprocessing.measure,
    "throughput": throughput.measure,
    "lanes": lanes.measure,
    "cost": cost.measure,
    "cold_start": cold_start.measure,
    "fields": fields.measure,
    "receipts": receipts.measure,
}
LEAST_ROUNDS = 3


def main() -> int:
    """Run the figures asked for, all unless some are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=list(FIGURES), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS)
    parser.add_argument("--data", type=Path, metavar="DIR")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    about = machine.describe()
    _print("machine", [f"  {name}: {value}" for name, value in about.items()])
    found: dict[str, list[Line]] = {}
    with tempfile.TemporaryDirectory(prefix="twolane-bench-") as scratch:
        for name in arguments.only:
            found[name] = FIGURES[name](Bench(arguments.rounds, Path(scratch), name, arguments.data))
            _print(name, found[name])
    if arguments.json:
        figures = {name: [line.as_json() for line in lines] for name, lines in found.items()}
        arguments.json.write_text(json.dumps({"machine": about, "figures": figures}, indent=2) + "\n")
    return 0


def _print(title: str, lines: list[Line] | list[str]) -> None:
    sys.stdout.write("\n".join([title, *map(str, lines)]) + "\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
