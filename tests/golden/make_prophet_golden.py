"""Writes prophet_golden.json: a small series of our own, and what the Python package prophet makes of it.

Needs `pip install prophet==1.5.0` in an environment of its own; not part of CI. Run from this folder:
    python make_prophet_golden.py
"""

import json
import logging
import math
from pathlib import Path

import numpy as np
import pandas as pd
from prophet import Prophet

ROWS, FUTURE = 1500, 96


def noise(i: int, salt: int) -> float:
    """A reproducible number in -0.5 to 0.5 without any library."""
    return ((i * 7919 + salt * 104729) * 2654435761 % 2**32) / 2**32 - 0.5


def series(i: int) -> tuple[float, float]:
    regressor = 5.0 + 3.0 * math.sin(i / 37.0) + 2.0 * noise(i, 1)
    trend = 20.0 + 0.004 * i + (0.02 * (i - 500) if i > 500 else 0.0) - (0.03 * (i - 900) if i > 900 else 0.0)
    day = 4.0 * math.sin(2 * math.pi * i / 48) + 1.5 * math.cos(4 * math.pi * i / 48)
    weekend = -3.0 if (i // 48) % 7 >= 5 else 0.0
    return regressor, trend + day + weekend + 1.2 * regressor + 4.0 * noise(i, 2)


def main() -> None:
    logging.getLogger("cmdstanpy").setLevel(logging.WARNING)
    index = np.arange(ROWS + FUTURE)
    values = [series(int(i)) for i in index]
    frame = pd.DataFrame({
        "ds": pd.Timestamp("2024-01-01") + pd.to_timedelta(index * 30, unit="min"),
        "x": [round(x, 6) for x, _ in values],
        "y": [round(y, 6) for _, y in values],
    })
    model = Prophet(
        n_changepoints=10, changepoint_range=0.8, changepoint_prior_scale=0.05, daily_seasonality=3,
        weekly_seasonality=2, yearly_seasonality=False, uncertainty_samples=0,
    )
    model.add_regressor("x")
    # Finer than its defaults, which stop well before the mode; its search still cannot reach exact zeros.
    model.fit(frame[:ROWS], iter=100_000, algorithm="lbfgs", tol_rel_obj=10, tol_obj=1e-14, tol_param=1e-12)
    told = model.predict(frame[["ds", "x"]])
    columns = model.train_component_cols
    beta = model.params["beta"][0]
    part = lambda name: [float(b) for b, used in zip(beta, columns[name]) if used]
    golden = {
        "made_by": "make_prophet_golden.py",
        "rows": ROWS,
        "x": frame["x"].tolist(),
        "y": frame["y"][:ROWS].tolist(),
        "k": float(model.params["k"].item()),
        "m": float(model.params["m"].item()),
        "delta": [float(d) for d in model.params["delta"][0]],
        "daily": part("daily"),
        "weekly": part("weekly"),
        "regressor": part("x"),
        "sigma_obs": float(model.params["sigma_obs"].item()),
        "y_scale": float(model.y_scale),
        "changepoints": [float(t) for t in model.changepoints_t],
        "yhat": [round(float(v), 6) for v in told["yhat"]],
    }
    path = Path(__file__).parent / "prophet_golden.json"
    path.write_text(json.dumps(golden) + "\n")
    print(f"{path.name}: sigma {golden['sigma_obs']:.6f}, changes {np.round(golden['delta'], 4)}")


if __name__ == "__main__":
    main()
