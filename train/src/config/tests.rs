//! The words of every configuration error.

use super::*;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Ppo {
    num_steps: usize,
    gamma: f64,
    target_kl: Option<f64>,
    anneal: bool,
}

impl Default for Ppo {
    fn default() -> Self {
        Self { num_steps: 128, gamma: 0.99, target_kl: None, anneal: true }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Flex,
    Ndarray,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Trace {
    Synthetic { days: u32 },
    File { path: String },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Schedule {
    Constant,
    Linear { to: f64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    name: String,
    power_mw: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Top {
    seed: u64,
    from: String,
    device: Kind,
    schedule: Schedule,
    ppo: Ppo,
    trace: Trace,
    jobs: Vec<Job>,
    limits: BTreeMap<String, f64>,
}

impl Default for Top {
    fn default() -> Self {
        Self {
            seed: 1,
            from: "2024-01-01".into(),
            device: Kind::Flex,
            schedule: Schedule::Constant,
            ppo: Ppo::default(),
            trace: Trace::Synthetic { days: 7 },
            jobs: Vec::new(),
            limits: BTreeMap::new(),
        }
    }
}

impl Config for Top {
    fn validate(&self) -> Faults {
        let mut faults = Faults::default();
        let mut ppo = Faults::default();
        ppo.require(self.ppo.gamma > 0.0 && self.ppo.gamma <= 1.0, "gamma", || {
            format!("`ppo.gamma` is {}, but a discount lies in (0, 1]", self.ppo.gamma)
        });
        if self.ppo.num_steps == 0 {
            ppo.push_with_hint("num_steps", "`ppo.num_steps` is 0, but at least 1 is expected", "use, e.g., 128");
        }
        faults.extend_under("ppo", ppo);
        faults
    }
}

fn parse(text: &str, overrides: &[&str]) -> Result<Top, ConfigError> {
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    parse_located("a.toml", text, &overrides).map(|loaded| loaded.value)
}

fn words(text: &str, overrides: &[&str]) -> String {
    parse(text, overrides).expect_err("must be refused").to_string()
}

#[test]
fn an_empty_file_is_the_default_and_the_resolved_text_reads_back() {
    assert_eq!(parse("", &[]).unwrap(), Top::default());
    let changed =
        Top { schedule: Schedule::Linear { to: 0.5 }, trace: Trace::File { path: "x.csv".into() }, ..Top::default() };
    assert_eq!(parse(&resolved_toml(&changed).unwrap(), &[]).unwrap(), changed);
}

#[test]
fn a_number_too_large_for_toml_is_an_error_not_a_panic() {
    let text = resolved_toml(&Top { seed: u64::MAX, ..Top::default() }).unwrap_err().to_string();
    assert!(text.starts_with("configuration: cannot be kept as TOML: "), "{text}");
    assert!(text.contains("hint: use numbers below 9223372036854775808"), "{text}");
}

#[test]
fn options_enums_maps_and_arrays_of_tables_are_read() {
    let text = "device = \"ndarray\"\nschedule = { linear = { to = 0.1 } }\n[ppo]\ntarget_kl = 0.02\n[trace]\nkind = \"file\"\npath = \"g.csv\"\n\
                [limits]\nany = 3\n[[jobs]]\nname = \"a\"\npower_mw = 2\n";
    let top = parse(text, &[]).unwrap();
    assert_eq!((top.device, top.ppo.target_kl), (Kind::Ndarray, Some(0.02)));
    assert_eq!(top.schedule, Schedule::Linear { to: 0.1 });
    assert_eq!(top.trace, Trace::File { path: "g.csv".into() });
    assert_eq!((top.limits["any"], top.jobs[0].power_mw), (3.0, 2.0));
}

#[test]
fn an_unknown_key_is_refused_with_line_column_and_the_nearest_key() {
    assert_eq!(
        words("seed = 3\n\n[ppo]\n  gama = 0.9\n", &[]),
        "a.toml:4:3: `ppo.gama` is not a key of `[ppo]`\n\nhint: did you mean `ppo.gamma`?"
    );
    assert_eq!(
        words("[ppo]\ntarget_k = 0.9\n", &[]),
        "a.toml:2:1: `ppo.target_k` is not a key of `[ppo]`\n\nhint: did you mean `ppo.target_kl`?",
    );
}

#[test]
fn a_key_in_the_wrong_table_is_pointed_to_its_own() {
    assert_eq!(
        words("num_steps = 12\n", &[]),
        "a.toml:1:1: `num_steps` is not a key of the top level\n\nhint: did you mean `ppo.num_steps`?"
    );
}

#[test]
fn a_key_near_to_nothing_lists_the_known_ones() {
    assert_eq!(
        words("[ppo]\ntemperature = 1\n", &[]),
        "a.toml:2:1: `ppo.temperature` is not a key of `[ppo]`\n\n\
         hint: take the key out, or use one of num_steps, gamma, target_kl, anneal"
    );
}

#[test]
fn wrong_types_say_what_was_found_and_what_is_expected() {
    assert_eq!(
        words("[ppo]\nnum_steps = \"many\"\n", &[]),
        "a.toml:2:13: `ppo.num_steps` is the text \"many\", but a whole number of at least 0 is expected\n\n\
         hint: the default is `num_steps = 128`"
    );
    assert_eq!(
        words("[ppo]\nnum_steps = 1e6\n", &[]),
        "a.toml:2:13: `ppo.num_steps` is 1000000.0, but a whole number of at least 0 is expected\n\n\
         hint: write `num_steps = 1000000`; a point or an exponent makes it a fraction"
    );
    assert_eq!(
        words("seed = -1\n", &[]),
        "a.toml:1:8: `seed` is -1, but a whole number of at least 0 is expected\n\nhint: the default is `seed = 1`"
    );
    assert_eq!(
        words("ppo = 3\n", &[]),
        "a.toml:1:7: `ppo` is 3, but a table is expected\n\n\
         hint: correct the value, or take the key out to have the default"
    );
    assert_eq!(
        words("from = 7\n", &[]),
        "a.toml:1:8: `from` is 7, but a text is expected\n\nhint: put it in quotes: `from = \"7\"`"
    );
    assert_eq!(parse("from = 2024-02-01\n", &[]).unwrap().from, "2024-02-01", "a date needs no quotes");
}

#[test]
fn an_unknown_name_of_a_choice_is_refused_with_the_choices() {
    assert_eq!(
        words("device = \"flx\"\n", &[]),
        "a.toml:1:10: `device` is \"flx\", but one of \"flex\", \"ndarray\" is expected\n\nhint: did you mean \"flex\"?"
    );
}

#[test]
fn several_faults_come_together_in_the_order_of_the_file() {
    let text = words("sed = 1\n[ppo]\nnum_steps = \"x\"\nanneal = 3\nnum_step = 3\n", &["device=3", "ppo.gmma=1"]);
    let places: Vec<&str> = text.split("error: ").map(|part| part.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        ["a.toml:1:1", "a.toml:3:13", "a.toml:4:10", "a.toml:5:1", "--set device=3", "--set ppo.gmma=1"]
    );
    assert!(text.contains("hint: did you mean `seed`?\n\nerror: a.toml:3:13: `ppo.num_steps`"), "{text}");
}

#[test]
fn unknown_keys_inside_tagged_tables_and_arrays_are_found() {
    let text = words("[trace]\nkind = \"file\"\npath = \"a\"\npth = \"b\"\n", &[]);
    assert!(text.starts_with("a.toml:4:1: `trace.pth` is not a key of `[trace]`"), "{text}");
    assert!(text.ends_with("hint: did you mean `trace.path`?"), "{text}");
    let text = words("[[jobs]]\nname = \"a\"\npower_mw = 1\n[[jobs]]\nname = \"b\"\npower_mw = \"c\"\nx = 1\n", &[]);
    assert!(text.contains("a.toml:6:12: `jobs[1].power_mw` is the text \"c\", but a number is expected"), "{text}");
    assert!(text.contains("a.toml:7:1: `jobs[1].x` is not a key of `[jobs[1]]`"), "{text}");
    assert_eq!(text.matches("hint:").count(), 2, "the repair brings no fault of its own: {text}");
}

#[test]
fn a_missing_key_without_default_is_named() {
    assert_eq!(
        words("[[jobs]]\nname = \"a\"\n", &[]),
        "a.toml:1:1: `jobs[0].power_mw` is missing, but it has no default\n\nhint: add a line `power_mw = ...`"
    );
}

#[test]
fn syntax_errors_have_line_and_column_and_come_together() {
    let text = words("seed = \n[ppo]\ngamma = 0.9 0.8\n", &[]);
    assert!(text.starts_with("a.toml:1:8: not valid TOML: "), "{text}");
    assert!(text.contains("error: a.toml:3:"), "{text}");
    let text = words("seed = 1\nseed = 2\n", &[]);
    assert!(text.starts_with("a.toml:2:1: not valid TOML: duplicate key"), "{text}");
    let text = words("seed = 99999999999999999999\n", &[]);
    assert!(text.starts_with("a.toml:1:8: not valid TOML: "), "{text}");
}

#[test]
fn overrides_change_values_and_the_last_one_wins() {
    let top = parse("seed = 3\n", &["ppo.gamma=0.5", "seed=4", "seed=5", "device=ndarray", "from=2024-03-01"]).unwrap();
    assert_eq!((top.ppo.gamma, top.seed, top.device, top.from.as_str()), (0.5, 5, Kind::Ndarray, "2024-03-01"));
    let top = parse("[[jobs]]\nname = \"a\"\npower_mw = 1\n", &["jobs.0.power_mw=9"]).unwrap();
    assert_eq!(top.jobs[0].power_mw, 9.0);
}

#[test]
fn one_key_of_a_tagged_table_can_be_set_without_repeating_its_kind() {
    assert_eq!(parse("", &["trace.days=3"]).unwrap().trace, Trace::Synthetic { days: 3 });
    assert_eq!(parse("", &["trace.kind=file", "trace.path=x"]).unwrap().trace, Trace::File { path: "x".into() });
    let text = words("[trace]\npath = \"x\"\n", &[]);
    assert!(text.starts_with("a.toml:1:1: `trace.kind` is missing, but it has no default"), "{text}");
}

#[test]
fn faults_of_overrides_stand_at_the_override() {
    assert_eq!(
        words("", &["ppo.gama=0.5"]),
        "--set ppo.gama=0.5: `ppo.gama` is not a key of `[ppo]`\n\nhint: did you mean `ppo.gamma`?"
    );
    assert_eq!(
        words("", &["pp.gamma=0.5"]),
        "--set pp.gamma=0.5: `pp` is not a key of the top level\n\nhint: did you mean `ppo`?"
    );
    assert_eq!(
        words("[ppo]\ngamma = 0.9\n", &["ppo.gamma=high"]),
        "--set ppo.gamma=high: `ppo.gamma` is the text \"high\", but a number is expected\n\n\
         hint: the default is `gamma = 0.99`"
    );
    assert_eq!(
        words("", &["ppo.gamma"]),
        "--set ppo.gamma: there is no `=`, but KEY=VALUE is expected\n\nhint: write, e.g., `--set ppo.gamma=0.99`"
    );
    assert_eq!(
        words("seed = 1", &["seed.x=2"]),
        "--set seed.x=2: `seed` is 1, which has no key `x`\n\nhint: set the whole table, or a key that lies in a table"
    );
    let text = words("", &["ppo..gamma=2"]);
    assert!(text.starts_with("--set ppo..gamma=2: the key `ppo..gamma` has an empty part"), "{text}");
}

#[test]
fn semantic_faults_stand_at_their_key_or_at_the_file() {
    let text = words("[ppo]\ngamma = 1.5\n", &["ppo.num_steps=0"]);
    assert_eq!(
        text,
        "a.toml:2:9: `ppo.gamma` is 1.5, but a discount lies in (0, 1]\n\nhint: the default is `gamma = 0.99`\n\n\
         error: --set ppo.num_steps=0: `ppo.num_steps` is 0, but at least 1 is expected\n\nhint: use, e.g., 128"
    );
    let loaded: Loaded<Top> = parse_located("a.toml", "", &[]).unwrap();
    let mut faults = Faults::default();
    faults.push("seed", "`seed` is 1, but the table has no such day");
    assert_eq!(
        loaded.check(&faults).unwrap_err().to_string(),
        "a.toml: `seed` is 1, but the table has no such day\n\nhint: the default is `seed = 1`"
    );
    assert!(loaded.check(&Faults::default()).is_ok());
}

#[test]
fn a_missing_file_a_folder_and_bytes_that_are_no_text_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("standard.toml");
    std::fs::write(&path, "seed = 1\n# caf\u{e9}\n").unwrap();
    assert!(load_config::<Top>(&path, &[]).is_ok());
    std::fs::write(&path, b"seed = 1\n# caf\xe9\n").unwrap();
    let shown = |path: &Path| {
        let error = load_config::<Top>(path, &[]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    assert_eq!(
        shown(&path),
        format!("{}:2: byte 14 is not UTF-8, but TOML is UTF-8 text\n\nhint: save the file as UTF-8", path.display())
    );
    assert_eq!(
        shown(folder.path()),
        format!(
            "{}: this is a folder, but a TOML file is expected\n\nhint: name the file in it, e.g., {}",
            folder.path().display(),
            path.display()
        )
    );
    let wrong = folder.path().join("standrd.toml");
    assert_eq!(
        shown(&wrong),
        format!(
            "{}: there is no such file, but a TOML file is expected\n\nhint: did you mean {}?",
            wrong.display(),
            path.display()
        )
    );
}

#[test]
fn no_mutilated_text_and_no_odd_override_makes_the_loader_panic() {
    use flexai_env::core::SeedTree;
    use rand::RngExt;
    let text = "seed = 3\ndevice = \"flex\"\nschedule = { linear = { to = 0.1 } }\n[ppo]\ngamma = 0.9 # é\n[trace]\nkind = \"file\"\n\
                path = \"g\"\n[[jobs]]\nname = \"a\"\npower_mw = 2\n[limits]\n\"odd.key\" = 1\n";
    let pieces = [
        "=",
        "[",
        "]",
        "\"",
        ".",
        "\n",
        "[[jobs]]",
        "{",
        "}",
        "é",
        "-1",
        "ppo",
        "jobs",
        "0",
        "1979-05-27",
        "kind",
        "''",
    ];
    let mut rng = SeedTree::new(1).stream("mutilation");
    let mut refused = 0;
    for _ in 0..3000 {
        let mut chars: Vec<char> = text.chars().collect();
        let mut change = String::new();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..chars.len());
            let piece = pieces[rng.random_range(0..pieces.len())];
            change.push_str(piece);
            let end = (at + rng.random_range(0..6)).min(chars.len());
            chars.splice(at..end, piece.chars());
        }
        let mutilated: String = chars.into_iter().collect();
        let overrides = [change, "jobs.0.name=b".to_owned(), "ppo.gamma=".to_owned()];
        let count = rng.random_range(0..4_usize).min(3);
        refused += usize::from(parse_located::<Top>("a.toml", &mutilated, &overrides[..count]).is_err());
    }
    assert!(refused > 1000, "the texts are really mutilated: {refused}");
}
