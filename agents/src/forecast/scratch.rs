//! scratch
use super::*;
use flexai_env::grid::*;
use std::time::Instant;
fn env<T: std::str::FromStr>(k: &str, d: T) -> T {
    std::env::var(k).ok().and_then(|x| x.parse().ok()).unwrap_or(d)
}

#[test]
fn try_it() {
    let path = "/work/shared/data/grid/gb_joined_halfhourly_2020_2024H1.csv.gz";
    let trace = read_trace(std::path::Path::new(path), &Default::default()).unwrap().0;
    let train = Split::Train.indices(&trace);
    let dir = std::path::Path::new("/tmp/h/boost_fit");
    let a = Instant::now();
    if env("FIT", 0) == 1 {
        let f =
            FittedForecasts::fit(&trace, train.clone(), &FitOptions::default(), &EnsembleOptions::default()).unwrap();
        f.save(dir).unwrap();
        eprintln!("fit {:?}", a.elapsed());
    }
    let fitted = FittedForecasts::load(dir).unwrap();
    let range = if env("TEST", 0) == 1 { Split::Test.indices(&trace) } else { Split::Validation.indices(&trace) };
    for w in std::env::var("W").unwrap_or("28".into()).split(',') {
        for v in std::env::var("V").unwrap_or("56".into()).split(',') {
            for bs in std::env::var("B").unwrap_or("0.5".into()).split(',') {
                for s in std::env::var("S").unwrap_or("20".into()).split(',') {
                    let fitted = fitted.clone().with_ensemble(EnsembleOptions {
                        weight_days: w.parse().unwrap(),
                        interval_days: v.parse().unwrap(),
                        sharpness: s.parse().unwrap(),
                        bias_share: bs.parse().unwrap(),
                    });
                    let a = Instant::now();
                    let b = Backtest::run(&fitted, &trace, range.clone(), InformationSet::Trader);
                    eprintln!("W {w} V {v} S {s} B {bs} backtest {:?}", a.elapsed());
                    for score in &b.scores {
                        let show = match score.horizon {
                            Horizon::Lead(k) => [0, 1, 2, 4, 8, 16, 24, 48].contains(&k) && env("LEADS", 0) == 1,
                            _ => true,
                        };
                        if !show {
                            continue;
                        }
                        if env("BRIEF", 0) == 1 && score.forecaster != "ensemble" {
                            continue;
                        }
                        let scale = if score.target == Target::Solar { 1000.0 } else { 1.0 };
                        eprintln!(
                            "{:15} {:10} {:12} n {:6} mae {:9.3} rmse {:9.3} bias {:8.3} crps {:9.3} cov {:5.1} skill {:6.2} floor {} dm {:?}",
                            score.target.name(),
                            format!("{:?}", score.horizon),
                            score.forecaster,
                            score.n,
                            score.mae * scale,
                            score.rmse * scale,
                            score.bias * scale,
                            score.crps * scale,
                            score.coverage_pct,
                            score.skill_pct,
                            score.best_floor,
                            score.test.map(|t| ((t.statistic * 100.0).round() / 100.0, (t.p * 1e5).round() / 1e5))
                        );
                    }
                }
            }
        }
    }
}
