"""Reads a run's TensorBoard events as TensorBoard does and compares them with the run's own records.

In: a run directory. Out: one line of figures. Always: exits with 0 only if every scalar of metrics.jsonl and timings.jsonl
stands in the events exactly once, at its step, with its value as a 32-bit float, and nothing else does.

Needs: python >= 3.10 with numpy and tensorboard.
"""

import argparse
import collections
import json
import pathlib
import sys

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

Series = dict[str, list[tuple[int, np.float32]]]


def recorded(run: pathlib.Path) -> Series:
    """Tag to (step, value), in the order of the lines; null stands for what is no finite number."""
    series = collections.defaultdict(list)
    for name in ("metrics.jsonl", "timings.jsonl"):
        for line in (run / name).read_text().splitlines():
            values = json.loads(line)
            step = values.pop("step")
            for tag, value in values.items():
                series[tag].append((step, np.float32(np.nan if value is None else value)))
    return dict(series)


def events(run: pathlib.Path) -> Series:
    everything = {"scalars": 0}
    accumulator = EventAccumulator(str(run / "tensorboard"), size_guidance=everything)
    accumulator.Reload()
    tags = accumulator.Tags()["scalars"]
    return {tag: [(e.step, np.float32(e.value)) for e in accumulator.Scalars(tag)] for tag in tags}


def same(a: tuple[int, np.float32], b: tuple[int, np.float32]) -> bool:
    return a[0] == b[0] and (a[1] == b[1] or (np.isnan(a[1]) and np.isnan(b[1])))


def faults(expected: Series, found: Series) -> list[str]:
    out = [f"`{tag}` is missing, expected {len(expected[tag])} values" for tag in sorted(expected.keys() - found.keys())]
    out += [f"`{tag}` is in the events, but in no record" for tag in sorted(found.keys() - expected.keys())]
    for tag in sorted(expected.keys() & found.keys()):
        if len(found[tag]) != len(expected[tag]):
            out.append(f"`{tag}` has {len(found[tag])} values, expected {len(expected[tag])}")
            continue
        wrong = [(f, e) for f, e in zip(found[tag], expected[tag]) if not same(f, e)]
        out += [f"`{tag}` is {f[1]} at step {f[0]}, expected {e[1]} at step {e[0]}" for f, e in wrong[:3]]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=pathlib.Path)
    run = parser.parse_args().run
    expected, found = recorded(run), events(run)
    for fault in (wrong := faults(expected, found))[:20]:
        print(f"error: {run}/tensorboard: {fault}", file=sys.stderr)
    if wrong or not expected:
        print("\nhint: resume the run once; its events are then made anew from its records", file=sys.stderr)
        sys.exit(1)
    print(f"{run.name}: {len(expected)} tags, {sum(map(len, expected.values()))} values, each once and equal")


if __name__ == "__main__":
    main()
