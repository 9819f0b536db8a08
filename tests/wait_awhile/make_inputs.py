#!/usr/bin/env python3
"""Make what the benchmark `flexai bench wait-awhile` needs from NumPy's random streams.

    python make_inputs.py jobs --out ml_jobs.csv    the 3387 ML jobs of scenario II
    python make_inputs.py noise --out FOLDER        standard normals of seeds 0 to 9, one file per seed

The jobs are committed beside the code that reads them (env/src/benchmark/wait_awhile/ml_jobs.csv), the noise is not:
it is 3 MB and only needed to repeat the published error rows with the very same numbers.

Rules: Wiesner et al., "Let's Wait Awhile", Middleware '21, scenario II, with the draws in the order of the authors'
simulation. Jobs per weekday of 2020 are multinomial; issue times are uniform on the 16 half-hours from 09:00 to 16:30
and sorted within the day; durations are uniform on 4, 4.5 .. 89.5 hours. Times count minutes from 2020-01-01 00:00.
"""
import argparse
import datetime
import hashlib
import pathlib
import sys

import numpy as np

JOBS = 3387
JOBS_SHA256 = "83adca0145e273a095cabdbe632c962381d83f338a70c6f392d050aeada8445f"
MINUTES_PER_DAY = 24 * 60
NOISE_SEEDS = 10
# Half-hours from 2020-01-01 00:00 to 2021-01-09 23:30, the end of the carbon series.
HALF_HOURS = 18_000


def weekdays_of_2020():
    """Days of 2020 from Monday to Friday, counted from 1 January."""
    first = datetime.date(2020, 1, 1)
    return [day for day in range(366) if (first + datetime.timedelta(days=day)).weekday() < 5]


def job_list():
    """The text of the job list."""
    generator = np.random.default_rng(0)
    days = weekdays_of_2020()
    issue_minutes = np.arange(9 * 60, 17 * 60, 30)
    durations = np.arange(4 * 60, 90 * 60, 30)
    per_day = generator.multinomial(JOBS, [1 / len(days)] * len(days))
    arrivals = []
    for day, count in zip(days, per_day):
        arrivals.extend(day * MINUTES_PER_DAY + np.sort(generator.choice(issue_minutes, count)))
    drawn = generator.choice(durations, len(arrivals))
    lines = [f"{index},{arrival},{duration}" for index, (arrival, duration) in enumerate(zip(arrivals, drawn))]
    return "\n".join(["id,arrival_min,duration_min", *lines]) + "\n"


def write_jobs(path):
    text = job_list()
    found = hashlib.sha256(text.encode()).hexdigest()
    if found != JOBS_SHA256:
        print(
            f"error: the job list drawn here has the SHA-256 {found}, expected {JOBS_SHA256}\n\n"
            f"hint: NumPy {np.__version__} draws other numbers; use NumPy 2",
            file=sys.stderr,
        )
        return 1
    path.write_text(text, encoding="utf-8", newline="\n")
    return 0


def write_noise(folder):
    """`repr` of a float holds all its digits, so that what is read equals what was drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(NOISE_SEEDS):
        drawn = np.random.default_rng(seed).standard_normal(HALF_HOURS)
        lines = ["standard_normal", *(repr(float(value)) for value in drawn)]
        (folder / f"seed_{seed}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["jobs", "noise"])
    parser.add_argument("--out", type=pathlib.Path, required=True, help="file of the jobs, folder of the noise")
    arguments = parser.parse_args()
    return write_jobs(arguments.out) if arguments.what == "jobs" else write_noise(arguments.out)


if __name__ == "__main__":
    sys.exit(main())
