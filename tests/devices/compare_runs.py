"""Compares the first update of the same run on two devices.

In: two run directories. Out: one line of figures. Always: exits with 0 only if every loss of the first line of
metrics.jsonl agrees to the tolerance. Later updates drift apart, because rounding errors change which actions are drawn.

Needs: python >= 3.10.
"""

import argparse
import json
import pathlib
import sys


def first_line(run: pathlib.Path) -> dict[str, float]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    if not lines:
        sys.exit(f"error: {run}/metrics.jsonl: no line, expected at least one update\n\nhint: train for more steps")
    return json.loads(lines[0])


def difference(a: float, b: float) -> float:
    """Absolute below 1, relative above."""
    return abs(a - b) / max(1.0, abs(a))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", type=pathlib.Path)
    parser.add_argument("other", type=pathlib.Path)
    parser.add_argument("--tolerance", type=float, default=1e-3)
    arguments = parser.parse_args()
    reference, other = first_line(arguments.reference), first_line(arguments.other)
    tags = [tag for tag in reference if tag.startswith("losses/")]
    if len(tags) < 5 or reference["step"] != other["step"] or any(reference[tag] is None for tag in tags):
        sys.exit(f"error: {arguments.reference}: not a first update with its losses: {reference}\n\nhint: train anew")
    worst = max(tags, key=lambda tag: difference(reference[tag], other[tag]))
    error = difference(reference[worst], other[worst])
    summary = f"{len(tags)} losses after step {reference['step']}, worst {worst}: {other[worst]} against {reference[worst]}"
    # Written so that what is no number fails too.
    if not error <= arguments.tolerance:
        print(f"error: {arguments.other}: {summary}, expected within {arguments.tolerance}", file=sys.stderr)
        print("\nhint: run the golden tests of this device, they say which part differs", file=sys.stderr)
        sys.exit(1)
    print(f"{summary} ({error:.1e})")


if __name__ == "__main__":
    main()
