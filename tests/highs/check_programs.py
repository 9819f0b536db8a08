"""Solves the oracle's programs with HiGHS and compares with what our solvers made of them.

In: the folder that `cargo run -p flexai-agents --example oracle_programs` wrote. Out: a line per program; exit code 1 if
one differs by more than a millionth, or if a bound is above the optimum.
"""

import json
import sys
from pathlib import Path

import highspy

TOLERANCE = 1e-6


def optimum(path: Path) -> float:
    """The least cost of a program, integers proved to the last."""
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("mip_rel_gap", 0.0)
    assert solver.readModel(str(path)) == highspy.HighsStatus.kOk, f"{path}: HiGHS cannot read it"
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal, f"{path}: {solver.getModelStatus()}"
    return solver.getInfo().objective_function_value


def main() -> int:
    """Checks every program that is named."""
    folder = Path(sys.argv[1])
    wrong = 0
    programs = json.loads((folder / "expected.json").read_text())
    assert programs, f"{folder}: no programs"
    for program in programs:
        best = optimum(folder / program["file"])
        room = TOLERANCE * max(1.0, abs(best))
        agrees = abs(best - program["objective"]) <= room and program["bound"] <= best + room
        tight = best - program["bound"] <= room
        wrong += not (agrees and tight)
        verdict = "agrees" if agrees and tight else "DIFFERS"
        print(f"{program['file']}: HiGHS {best:.6f}, ours {program['objective']:.6f}, bound {program['bound']:.6f}: {verdict}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
