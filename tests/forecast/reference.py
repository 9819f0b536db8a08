"""Fits LightGBM to the very rows of our far trees, and prints the accuracy of both. Optional: no test needs it.

In: a folder with one folder per target, written by `flexai forecast rows`. Out: a table. Always: fitted on the train split
with the settings of our trees, scored on the same rows of the validation split. Not here: the workbench's own scores.

    pip install lightgbm pandas
    for t in intraday_price imbalance_price carbon wind solar; do
        flexai forecast rows runs/forecast --grid TABLE --target $t --out rows/$t
    done
    python tests/forecast/reference.py rows
"""

import argparse
import json
import pathlib
import time

import lightgbm
import numpy as np
import pandas as pd

TARGETS = ["intraday_price", "imbalance_price", "carbon", "wind", "solar"]
AT_LEAST_ZERO = {"carbon", "wind", "solar"}
# The defaults of our trees (`BoostedOptions`), by LightGBM's names.
SETTINGS = dict(objective="l2", learning_rate=0.06, max_depth=5, num_leaves=32, min_child_samples=60, lambda_l2=20.0,
                bagging_fraction=0.5, bagging_freq=1, feature_fraction=0.5, max_bin=127, verbosity=-1, seed=0)
TREES = 200


def lightgbm_rows(folder: pathlib.Path, target: str, threads: int) -> dict:
    columns = json.loads((folder / target / "columns.json").read_text())
    read = lambda name: pd.DataFrame(np.load(folder / target / f"{name}.npy"), columns=columns)
    train, validation = read("train"), read("validation")
    features = [name for name in columns if name.startswith("x")]
    began = time.process_time(), time.perf_counter()
    data = lightgbm.Dataset(train[features].to_numpy(), train.outcome, weight=train.weight)
    model = lightgbm.train(SETTINGS | {"num_threads": threads}, data, TREES)
    cpu, wall = time.process_time() - began[0], time.perf_counter() - began[1]
    there = validation[validation.truth.notna()]
    said = there.base + there.scale * model.predict(there[features].to_numpy())
    said = said.clip(lower=0.0) if target in AT_LEAST_ZERO else said
    error = lambda forecast: float((there.truth - forecast).abs().mean())
    return dict(target=target, rows=len(train), scored=len(there), base=error(there.base), lightgbm=error(said),
                ours=error(there.ours), cpu_s=cpu, wall_s=wall)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("rows", type=pathlib.Path)
    arguments.add_argument("--threads", type=int, default=2)
    chosen = arguments.parse_args()
    print("far trees on the same rows, validation: mean absolute error")
    print(f"{'target':16} {'rows':>7} {'scored':>7} {'base':>9} {'lightgbm':>9} {'ours':>9} {'ours %':>7} {'CPU s':>6}")
    for target in TARGETS:
        r = lightgbm_rows(chosen.rows, target, chosen.threads)
        worse = 100.0 * (r["ours"] / r["lightgbm"] - 1.0)
        print(f"{target:16} {r['rows']:7} {r['scored']:7} {r['base']:9.4f} {r['lightgbm']:9.4f} {r['ours']:9.4f} "
              f"{worse:+7.2f} {r['cpu_s']:6.1f}")


if __name__ == "__main__":
    main()
