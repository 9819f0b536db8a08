"""Compares the statistics of an evaluation with those of rliable and with a bootstrap of NumPy's.

In: what `flexai evaluate --json` printed, with perfect foresight. Out: one line of figures per policy.
Always: exits with 0 only if interquartile mean, optimality gap, profile and probability of improvement agree to 1e-9, and
interval ends to the noise of a bootstrap, measured by repeating NumPy's.
Not here: the ratios themselves, which are recomputed from the costs of each week.

rliable draws runs within tasks. Here the weeks are drawn, with all their job seeds: with one seed that is rliable's own
bootstrap of one task whose runs are the weeks.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
from rliable import library, metrics

EXACT = 1e-9
REPEATS = 12
RESAMPLES = 10_000
RLIABLE_RESAMPLES = 1_000
STANDARD_ERRORS = 6.0


def table(evaluation: dict, policy: dict, key: str) -> np.ndarray:
    """Numbers of each week and job seed, [weeks, seeds]."""
    rows = [row[key] for row in policy["per_week"]]
    return np.array(rows, float).reshape(evaluation["weeks"], evaluation["seeds"])


def bounds(evaluation: dict) -> np.ndarray:
    rows = [row["bound_gbp"] for row in evaluation["oracle"]["per_week"]]
    return np.array(rows).reshape(evaluation["weeks"], evaluation["seeds"])


def intervals(weeks: int, statistic) -> np.ndarray:
    """Ends of percentile intervals over drawn weeks, [repeats, 2]; the statistic maps [draws, weeks] to [draws]."""
    ends = []
    for repeat in range(REPEATS):
        draws = np.random.default_rng(repeat).integers(0, weeks, (RESAMPLES, weeks))
        ends.append(np.percentile(statistic(draws), [2.5, 97.5]))
    return np.array(ends)


class Report:
    def __init__(self) -> None:
        self.faults: list[str] = []
        self.worst = 0.0

    def exact(self, what: str, ours: float, theirs: float) -> None:
        self.worst = max(self.worst, abs(ours - theirs))
        if not abs(ours - theirs) <= EXACT:
            self.faults.append(f"{what}: ours {ours!r}, reference {theirs!r}, expected equal to {EXACT}")

    def within_noise(self, what: str, ours: tuple[float, float], ends: np.ndarray) -> None:
        mean, noise = ends.mean(axis=0), ends.std(axis=0, ddof=1)
        for name, found, centre, spread in zip(("lower", "upper"), ours, mean, noise):
            allowed = STANDARD_ERRORS * spread + EXACT
            if not abs(found - centre) <= allowed:
                self.faults.append(f"{what}, {name} end: ours {found}, reference {centre}, expected within {allowed}")


def check_gap(report: Report, evaluation: dict, policy: dict) -> None:
    gap, name = policy["gap_captured"], policy["name"]
    cost, fifo, best = table(evaluation, policy, "cost_gbp"), table(evaluation, policy, "fifo_cost_gbp"), bounds(evaluation)
    gain, room = fifo - cost, fifo - best
    scores = gain / room
    weeks = evaluation["weeks"]
    report.exact(f"{name}: worst week", table(evaluation, policy, "gap_captured").min(), scores.min())
    report.exact(f"{name}: interquartile mean", gap["iqm"], metrics.aggregate_iqm(scores))
    report.exact(f"{name}: optimality gap", gap["optimality_gap"]["value"], metrics.aggregate_optimality_gap(scores))
    report.exact(f"{name}: pooled ratio", gap["pooled"], gain.sum() / room.sum())
    for point in gap["profile"]:
        # rliable counts scores above tau, we those that reach it: the same but for ties.
        share = library.run_score_deviation(scores, point["tau"]) + np.mean(scores == point["tau"])
        report.exact(f"{name}: profile at {point['tau']}", point["share"], share)
    pooled = intervals(weeks, lambda draws: gain[draws].sum(axis=(1, 2)) / room[draws].sum(axis=(1, 2)))
    report.within_noise(f"{name}: pooled ratio", (gap["pooled_lo"], gap["pooled_hi"]), pooled)
    iqm = intervals(weeks, lambda draws: trimmed(scores[draws].reshape(len(draws), -1)))
    report.within_noise(f"{name}: interquartile mean", (gap["lo"], gap["hi"]), iqm)
    if evaluation["seeds"] == 1:
        aggregate = lambda drawn: np.array([metrics.aggregate_iqm(drawn)])
        _, found = library.get_interval_estimates({name: scores}, aggregate, reps=RLIABLE_RESAMPLES)
        # Fewer draws are noisier by the root of their ratio.
        spread = iqm.std(axis=0, ddof=1) * (RESAMPLES / RLIABLE_RESAMPLES) ** 0.5
        for ours, theirs, noise in zip((gap["lo"], gap["hi"]), found[name][:, 0], spread):
            if not abs(ours - theirs) <= STANDARD_ERRORS * noise + EXACT:
                report.faults.append(f"{name}: interval of rliable ends at {theirs}, ours at {ours}, noise {noise}")


def trimmed(values: np.ndarray) -> np.ndarray:
    """Mean of the middle half of each row: scipy.stats.trim_mean(values, 0.25, axis=1)."""
    cut = values.shape[1] // 4
    return np.sort(values, axis=1)[:, cut : values.shape[1] - cut].mean(axis=1)


def check_versus(report: Report, evaluation: dict, policy: dict) -> None:
    others = {other["name"]: other for other in evaluation["policies"]}
    mine = table(evaluation, policy, "cost_gbp")
    for versus in policy["versus"]:
        theirs = table(evaluation, others[versus["rival"]], "cost_gbp")
        saved = (theirs - mine).mean(axis=1)
        what = f"{policy['name']} against {versus['rival']}"
        stated = versus["saving_gbp_per_week"]
        report.within_noise(what, (stated["lo"], stated["hi"]), intervals(len(saved), lambda draws: saved[draws].mean(axis=1)))
        if evaluation["seeds"] == 1:
            # A task per week with one run each: rliable's probability, where more is better.
            expected = metrics.probability_of_improvement(-mine.T, -theirs.T)
            report.exact(f"{what}: probability", versus["probability_of_improvement"]["value"], expected)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("evaluation", type=pathlib.Path)
    path = parser.parse_args().evaluation
    evaluation = json.loads(path.read_text())
    if not evaluation.get("oracle"):
        sys.exit(f"error: {path}: no oracle, expected shares of its gap\n\nhint: evaluate without --no-oracle")
    report = Report()
    for policy in evaluation["policies"]:
        if policy["gap_captured"] and policy["name"] != "fifo":
            check_gap(report, evaluation, policy)
        check_versus(report, evaluation, policy)
    for fault in report.faults:
        print(fault, file=sys.stderr)
    policies = len(evaluation["policies"])
    print(f"statistics: {policies} policies, {evaluation['weeks']} weeks, largest difference {report.worst:.1e}")
    sys.exit(1 if report.faults else 0)


if __name__ == "__main__":
    main()
