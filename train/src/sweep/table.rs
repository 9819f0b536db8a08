//! What a sweep found: a table for a person, CSV, JSON, and the best configuration as a file to train from.
//!
//! In: ranked rows. Out: texts.
//! Always: no wall or CPU time is in them, so that the same sweep gives the same texts, byte for byte.
//! Not here: the picture (`figures`), the order of the rows (`record.rs`).

use super::config::SweepConfig;
use super::record::{Row, Standing};
use super::space::{Dimension, shown};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value, json};
use std::fmt::Write;

/// Where a trial was stopped, in words.
fn standing(config: &SweepConfig, row: &Row) -> String {
    match row.standing {
        Standing::Complete => "whole run".into(),
        Standing::Pruned(rung) => format!("{} % of it", 100.0 * config.stops()[rung]),
        Standing::Failed => "failed".into(),
    }
}

/// One row per trial, best first.
pub fn sweep_table(config: &SweepConfig, dimensions: &[Dimension], rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    let mut header: Vec<String> = ["rank", "trial", "score", "trained", "steps"].map(String::from).to_vec();
    header.extend(dimensions.iter().map(|dimension| dimension.key.clone()));
    table.set_header(header);
    for row in rows {
        let score = match (row.score, row.spread) {
            (Some(score), Some(spread)) => format!("{score:.4} +- {spread:.4}"),
            (Some(score), None) => format!("{score:.4}"),
            (None, _) => "-".into(),
        };
        let trial = if config.is_base(row.trial) { format!("{} (base)", row.trial) } else { row.trial.to_string() };
        let mut cells = vec![row.rank.to_string(), trial, score, standing(config, row), row.env_steps.to_string()];
        cells.extend(row.point.iter().map(shown));
        table.add_row(cells);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// The same with every digit, a column per seed, and the words of those that failed.
pub fn sweep_csv(config: &SweepConfig, dimensions: &[Dimension], rows: &[Row]) -> String {
    let mut csv = String::from("rank,trial,standing,share_of_steps,score,spread,env_steps");
    for seed in &config.seeds {
        let _ = write!(csv, ",score_seed_{seed}");
    }
    for dimension in dimensions {
        let _ = write!(csv, ",{}", quoted(&dimension.key));
    }
    csv.push_str(",message\n");
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    for row in rows {
        let (name, share) = match row.standing {
            Standing::Complete => ("complete", Some(1.0)),
            Standing::Pruned(rung) => ("pruned", Some(config.stops()[rung])),
            Standing::Failed => ("failed", None),
        };
        let head = [row.rank.to_string(), row.trial.to_string(), name.into(), number(share)];
        let scores = [number(row.score), number(row.spread), row.env_steps.to_string()];
        let mut cells: Vec<String> = head.into_iter().chain(scores).collect();
        cells.extend(row.by_seed.iter().map(|score| number(*score)));
        cells.extend(row.point.iter().map(|value| quoted(&shown(value))));
        cells.push(quoted(row.message.as_deref().unwrap_or_default()));
        csv.push_str(&cells.join(","));
        csv.push('\n');
    }
    csv
}

/// RFC 4180: quotes where a comma, a quote or a line break asks for them.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// The same as one JSON document.
pub fn sweep_json(config: &SweepConfig, dimensions: &[Dimension], rows: &[Row]) -> Value {
    let trials: Vec<Value> = rows
        .iter()
        .map(|row| {
            let keys = dimensions.iter().map(|dimension| dimension.key.clone());
            let values: serde_json::Map<String, Value> =
                keys.zip(&row.point).map(|(key, value)| (key, json!(value))).collect();
            json!({
                "rank": row.rank, "trial": row.trial, "base": config.is_base(row.trial), "trained": standing(config, row),
                "score": row.score, "spread": row.spread, "score_by_seed": row.by_seed, "env_steps": row.env_steps,
                "values": values, "message": row.message,
            })
        })
        .collect();
    json!({
        "name": config.name, "metric": config.objective.metric, "direction": config.objective.direction(),
        "seeds": config.seeds, "trials": trials,
    })
}

/// The best configuration with where it came from on top: the resolved configuration of its run with the first seed.
pub fn best_toml(config: &SweepConfig, row: &Row, resolved: &str, digest: &str) -> String {
    let seeds = config.seeds.iter().zip(&row.by_seed);
    let scores: Vec<String> =
        seeds.map(|(seed, score)| format!("{} with seed {seed}", score.unwrap_or(f64::NAN))).collect();
    format!(
        "# Best of {} trials of the sweep \"{}\" (sweep.toml has SHA-256 {}): trial {}, {} on the validation split {}.\n\
         # Trained as it stands, with its seed, it comes to that score again:\n\
         #   flexai train best.toml\n{resolved}",
        config.trials,
        config.name.replace(['\n', '\r'], " "),
        &digest[..digest.len().min(12)],
        row.trial,
        config.objective.metric,
        scores.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::space::Domain;

    fn row(rank: usize, standing: Standing, score: Option<f64>) -> Row {
        Row {
            rank,
            trial: rank - 1,
            standing,
            score,
            spread: score.map(|_| 0.25),
            by_seed: vec![score, None],
            env_steps: 512,
            point: vec![toml::Value::String("a, \"b\"".into()), toml::Value::Float(0.001)],
            message: score.is_none().then(|| "x:\ny".into()),
        }
    }

    fn parts() -> (SweepConfig, Vec<Dimension>, Vec<Row>) {
        let mut config = SweepConfig { seeds: vec![1, 5], ..SweepConfig::default() };
        config.pruning.rungs = vec![0.25];
        let domain = Domain::Uniform { low: 0.0, high: 1.0 };
        let dimensions = ["name.of", "rate"].map(|key| Dimension { key: key.into(), domain: domain.clone() }).to_vec();
        let rows = vec![
            row(1, Standing::Complete, Some(1.0 / 3.0)),
            row(2, Standing::Pruned(0), Some(2.0)),
            row(3, Standing::Failed, None),
        ];
        (config, dimensions, rows)
    }

    #[test]
    fn the_table_says_who_is_best_how_far_all_were_trained_and_which_is_the_base() {
        let (config, dimensions, rows) = parts();
        let table = sweep_table(&config, &dimensions, &rows);
        let lines: Vec<String> = table.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines[0], "| rank | trial | score | trained | steps | name.of | rate |");
        assert!(lines[2].starts_with("| 1 | 0 (base) | 0.3333 +- 0.2500 | whole run | 512 |"), "{table}");
        assert!(lines[3].starts_with("| 2 | 1 | 2.0000 +- 0.2500 | 25 % of it |"), "{table}");
        assert!(lines[4].starts_with("| 3 | 2 | - | failed |") && lines[4].ends_with("| 0.001 |"), "{table}");
    }

    #[test]
    fn csv_keeps_every_digit_and_quotes_what_needs_it() {
        let (config, dimensions, rows) = parts();
        let csv = sweep_csv(&config, &dimensions, &rows);
        assert!(csv.starts_with(
            "rank,trial,standing,share_of_steps,score,spread,env_steps,score_seed_1,score_seed_5,name.of,rate,message\n\
             1,0,complete,1,0.3333333333333333,0.25,512,0.3333333333333333,,\"a, \"\"b\"\"\",0.001,\n\
             2,1,pruned,0.25,2,0.25,512,2,,"
        ));
        assert!(csv.ends_with("3,2,failed,,,,512,,,\"a, \"\"b\"\"\",0.001,\"x:\ny\"\n"), "{csv}");
    }

    #[test]
    fn the_best_configuration_stays_valid_toml_below_its_comment() {
        let (config, _, rows) = parts();
        let text =
            best_toml(&SweepConfig { name: "a\nb = 1".into(), ..config }, &rows[0], "seed = 1\n", "0123456789abcdef");
        assert!(text.contains("trial 0, validation on the validation split 0.3333333333333333 with seed 1"), "{text}");
        assert_eq!(text.parse::<toml::Table>().unwrap().len(), 1, "{text}");
    }
}
