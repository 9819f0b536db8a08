"""Fits what others use to the same numbers, and prints accuracy and fit time beside ours. Optional: no test needs it.

In: a folder with one folder per target, written by `flexai forecast rows`; the table; the JSON of `flexai forecast
backtest --split validation`. Out: two tables. Always: everything is fitted on the train split and scored on validation.
Not here: the workbench's own scores.

LightGBM gets the very rows that our far trees are fitted to, with the same settings, and answers the same rows of the
validation split. Prophet and StatsForecast's MSTL see the plain half-hourly series, as a newcomer would give it to them: they
forecast every next local day at 11:00 (MSTL from the eight weeks before, Prophet with the published forecasts as
regressors, fitted once to every fifth half-hour of the train split, which takes minutes as it is).

    pip install lightgbm prophet statsforecast
    for t in intraday_price imbalance_price carbon wind solar; do
        flexai forecast rows runs/forecast --grid TABLE --target $t --out rows/$t
    done
    flexai forecast backtest runs/forecast --grid TABLE --json > validation.json
    python tests/forecast/reference.py rows --table TABLE --backtest validation.json
"""

import argparse
import json
import logging
import pathlib
import time
import warnings

import lightgbm
import numpy as np
import pandas as pd

TARGETS = ["intraday_price", "imbalance_price", "carbon", "wind", "solar"]
COLUMNS = {"intraday_price": "price_gbp_mwh", "imbalance_price": "imbalance_price_gbp_mwh", "carbon": "carbon_mix_gco2_kwh",
           "wind": "wind_mw"}
AT_LEAST_ZERO = {"carbon", "wind", "solar"}
TRAIN_END, VALIDATION_END = pd.Timestamp("2024-01-01", tz="UTC"), pd.Timestamp("2024-04-01", tz="UTC")
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


def series(table: str) -> pd.DataFrame:
    frame = pd.read_csv(table)
    frame.index = pd.to_datetime(frame[frame.columns[0]], utc=True)
    return frame[frame.index < VALIDATION_END]


def next_days(frame: pd.DataFrame) -> list:
    """Pairs of a moment, 11:00 of a local day of the validation split, and the half-hours of the day after."""
    local = frame.index.tz_convert("Europe/London")
    moments = frame.index[(local.hour == 11) & (local.minute == 0) & (frame.index >= TRAIN_END)]
    after = lambda now: (now.tz_convert("Europe/London") + pd.Timedelta("1D")).date()
    days = [(now, frame.index[local.date == after(now)]) for now in moments]
    return [(now, day) for now, day in days if len(day) >= 46]


def mstl(values: pd.Series, days: list) -> tuple[float, float]:
    from statsforecast import StatsForecast
    from statsforecast.models import MSTL

    began, errors = time.process_time(), []
    model = StatsForecast([MSTL(season_length=[48, 336])], freq=1)
    for now, day in days:
        past = values[values.index < now].tail(8 * 336).ffill()
        ahead = int((day[-1] - now) / pd.Timedelta("30min")) + 1
        past = pd.DataFrame(dict(unique_id="y", ds=np.arange(len(past)), y=past.to_numpy()))
        said = model.forecast(df=past, h=ahead)["MSTL"].to_numpy()[-len(day):]
        errors.append(np.abs(values[day].to_numpy() - said))
    return float(np.nanmean(np.concatenate(errors))), time.process_time() - began


def prophet(values: pd.Series, frame: pd.DataFrame, regressors: list, days: list, every: int) -> tuple[float, float]:
    from prophet import Prophet

    table = pd.DataFrame(dict(ds=values.index.tz_localize(None), y=values.to_numpy()))
    for name in regressors:
        table[name] = frame[name].to_numpy()
    table.index = values.index
    train = table[(table.index < TRAIN_END)].dropna()[::every]
    began = time.process_time()
    model = Prophet(uncertainty_samples=0)
    for name in regressors:
        model.add_regressor(name)
    model.fit(train)
    seconds = time.process_time() - began
    wanted = table.loc[np.concatenate([day for _, day in days])].dropna()
    said = model.predict(wanted)["yhat"].to_numpy()
    return float(np.abs(wanted.y.to_numpy() - said).mean()), seconds


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("rows", type=pathlib.Path)
    arguments.add_argument("--table", required=True)
    arguments.add_argument("--backtest", type=pathlib.Path, required=True)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--prophet-every", type=int, default=5, help="Prophet is fitted to every so-many-th half-hour")
    arguments.add_argument("--rows-only", action="store_true", help="only the comparison on the same rows")
    chosen = arguments.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
    print("far trees on the same rows, validation: mean absolute error")
    print(f"{'target':16} {'rows':>7} {'scored':>7} {'base':>9} {'lightgbm':>9} {'ours':>9} {'ours %':>7} {'CPU s':>6}")
    for target in TARGETS:
        r = lightgbm_rows(chosen.rows, target, chosen.threads)
        worse = 100.0 * (r["ours"] / r["lightgbm"] - 1.0)
        print(f"{target:16} {r['rows']:7} {r['scored']:7} {r['base']:9.4f} {r['lightgbm']:9.4f} {r['ours']:9.4f} "
              f"{worse:+7.2f} {r['cpu_s']:6.1f}")
    if chosen.rows_only:
        return
    scores = json.loads(chosen.backtest.read_text())["scores"]
    ours = {(s["target"], s["forecaster"]): s["mae"] for s in scores if s["horizon"] == "next_day"}
    frame = series(chosen.table)
    days = next_days(frame)
    published = [name for name in frame.columns if name.startswith("da_fc_")]
    print("\nnext local day at 11:00, validation: mean absolute error (CPU seconds)")
    print(f"{'target':16} {'best floor':>11} {'MSTL':>18} {'Prophet':>18} {'our Prophet':>12} {'ensemble':>9}")
    for target, name in COLUMNS.items():
        values = frame[name].astype(float)
        floors = ["persistence", "yesterday", "last_week", "published", "present"]
        floor = min(ours[target, f] for f in floors if (target, f) in ours)
        said, seconds = mstl(values, days)
        usable = [name for name in published if frame[name].notna().mean() > 0.9]
        fitted, fit_seconds = prophet(values, frame, usable, days, chosen.prophet_every)
        own = ours.get((target, "prophet"))
        print(f"{target:16} {floor:11.2f} {said:9.2f} ({seconds:5.0f} s) {fitted:9.2f} ({fit_seconds:5.0f} s) "
              f"{'-' if own is None else format(own, '.2f'):>12} {ours[target, 'ensemble']:9.2f}")


if __name__ == "__main__":
    main()
