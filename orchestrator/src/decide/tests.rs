//! The lines of `decide`, in and out.

use super::*;
use flexai_agents::artifact::{
    Activation, EnvRecord, GoldenVector, MemoryCell, MemoryState, NetworkShape, PolicyExport, PolicyNetwork,
    TrainingRecord, draw_inputs, export_policy,
};
use flexai_env::core::{ObservationField, ObservationSchema, SeedTree, Space};
use serde_json::{Value, json};

/// A policy over `soc`, `price`, `carbon` that was exported and loaded.
fn policy(action_space: &Space) -> LoadedPolicy {
    policy_with(action_space, Activation::Tanh)
}

fn policy_with(action_space: &Space, activation: Activation) -> LoadedPolicy {
    policy_of(action_space, &NetworkShape { hidden: vec![16, 16], activation, ..NetworkShape::default() })
}

fn policy_of(action_space: &Space, shape: &NetworkShape) -> LoadedPolicy {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path().join("artifact");
    let mut rng = SeedTree::new(21).stream("weights");
    let network = PolicyNetwork::drawn_as(3, action_space, shape, &mut rng);
    let field = |name: &str| ObservationField { name: name.into(), unit: "1".into(), scaling: "none".into() };
    let export = PolicyExport {
        network: &network,
        env: EnvRecord { id: "Toy-v0".into(), scenario: Value::Null, plan: None },
        observation_space: &Space::uniform_box(3, -5.0, 5.0),
        action_space,
        observation_schema: &ObservationSchema { fields: ["soc", "price", "carbon"].map(field).to_vec() },
        action_names: action_space.flat_names(),
        training: TrainingRecord { config_sha256: String::new(), run: Value::Null },
        evaluation: None,
        golden_inputs: Vec::new(),
    };
    export_policy(&dir, &export, false).expect("exports");
    LoadedPolicy::load(&dir).expect("loads")
}

fn mixed() -> Space {
    Space::Dict {
        entries: vec![
            ("battery".into(), Space::uniform_box(1, -0.2, 0.2)),
            ("start".into(), Space::Discrete { n: 3, start: 0 }),
            ("region".into(), Space::Discrete { n: 2, start: 1 }),
        ],
    }
}

/// Answers to the lines, and the summary.
fn run(policy: &LoadedPolicy, lines: &str) -> (Vec<Value>, DecideSummary) {
    let mut out = Vec::new();
    let summary = run_decide(policy, lines.as_bytes(), &mut out).expect("runs");
    let text = String::from_utf8(out).expect("text");
    let answers = text.lines().map(|l| serde_json::from_str(l).expect("JSON"));
    (answers.collect(), summary)
}

/// The error of one line; the next line must still be answered.
fn refusal(policy: &LoadedPolicy, line: &str) -> (String, String) {
    let (answers, summary) = run(policy, &format!("{line}\n{{\"vector\":[0,0,0]}}\n"));
    assert_eq!((answers.len(), summary.errors, summary.decisions), (2, 1, 1), "{answers:?}");
    assert!(answers[1].get("action").is_some());
    let text = |key: &str| answers[0][key].as_str().expect("a text").to_string();
    assert_eq!(answers[0].as_object().expect("an object").len(), 2);
    (text("error"), text("hint"))
}

#[test]
fn named_and_listed_observations_give_the_action_of_the_runtime_bit_for_bit() {
    let policy = policy(&mixed());
    let mut scratch = ActScratch::default();
    for input in draw_inputs(policy.network(), &policy.manifest().observation_space, 200, 8) {
        let golden = GoldenVector::of(policy.network(), &input, &mut MemoryState::default(), &mut scratch);
        let [soc, price, carbon] = input.observation[..] else { panic!("three numbers") };
        let m = &input.mask;
        let named = json!({
            "observation": {"price": price, "carbon": carbon, "soc": soc},
            "mask": {"region": m[3..], "start": m[..3]},
        });
        let listed = json!({"vector": input.observation, "mask": m});
        let (answers, summary) = run(&policy, &format!("{named}\n\n{listed}"));
        assert_eq!(summary.decisions, 2);
        assert_eq!(answers[0], answers[1]);
        let number = |v: &Value| (v.as_f64().expect("a number") as f32).to_bits();
        let action = &answers[0]["action"];
        let found = [&action["battery"], &action["start"], &action["region"], &answers[0]["value"]].map(number);
        let expected = [golden.action[0], golden.action[1], golden.action[2], golden.value.expect("it has a critic")]
            .map(f32::to_bits);
        assert_eq!(found, expected);
        assert_eq!(number(&answers[0]["log_prob"]), golden.log_prob.to_bits());
        assert!(action["start"].is_u64() && action["region"].is_u64() && action["battery"].is_f64());
    }
}

#[test]
fn a_corrected_action_is_guarded_and_says_why() {
    let policy = policy(&mixed());
    let mut scratch = ActScratch::default();
    let (mut clipped, mut forced) = (0, 0);
    for input in draw_inputs(policy.network(), &policy.manifest().observation_space, 200, 8) {
        let golden = GoldenVector::of(policy.network(), &input, &mut MemoryState::default(), &mut scratch);
        let (answers, summary) = run(&policy, &json!({"vector": input.observation, "mask": input.mask}).to_string());
        let best = |logits: &[f32]| (1..logits.len()).fold(0, |b, k| if logits[k] > logits[b] { k } else { b });
        let (start, region) = (best(&golden.head[1..4]), best(&golden.head[4..]));
        let mut reasons = Vec::new();
        if golden.head[0].abs() > 0.2 {
            clipped += 1;
            reasons.push(format!("`battery` {} clipped to {}", golden.head[0], golden.action[0]));
        }
        if !input.mask[start] {
            forced += 1;
            reasons.push(format!("`start` {start} forbidden by the mask, took {}", golden.action[1]));
        }
        if !input.mask[3 + region] {
            forced += 1;
            reasons.push(format!("`region` {} forbidden by the mask, took {}", region + 1, golden.action[2]));
        }
        assert_eq!(answers[0]["guarded"], json!(!reasons.is_empty()));
        assert_eq!(summary.guarded, u64::from(!reasons.is_empty()));
        let expected = if reasons.is_empty() { Value::Null } else { reasons.join("; ").into() };
        assert_eq!(answers[0]["reason"], expected);
    }
    assert!(clipped > 20 && forced > 20, "{clipped} clipped and {forced} forced: the test sees too little");
}

#[test]
fn faulty_lines_are_answered_in_words_and_the_loop_goes_on() {
    let policy = policy(&mixed());
    let cases = [
        ("{\"vector\":", "line 1: not JSON: EOF while parsing a value at line 2 column 0, expected an object"),
        ("[1]", "line 1: a list, expected an object"),
        ("{}", "line 1: neither `observation` nor `vector`, expected one of them"),
        (r#"{"vector":[0,0,0],"observation":{}}"#, "line 1: both `observation` and `vector`, expected one of them"),
        (
            r#"{"vector":[0,0,0],"masks":{}}"#,
            "line 1: unknown key `masks`, expected `observation` or `vector`, and `mask` or `first`",
        ),
        (r#"{"observation":{"soc":0,"carbon":1}}"#, "line 1: `observation` lacks `price`, expected all 3 names"),
        (
            r#"{"observation":{"soc":0,"price":1,"carbon":1,"wind":2}}"#,
            "line 1: `observation` has the unknown name `wind`, expected those of the policy's schema",
        ),
        (
            r#"{"observation":{"soc":0,"price":null,"carbon":1}}"#,
            "line 1: `observation.price` is null, expected a number",
        ),
        (
            r#"{"observation":{"soc":0,"price":"NaN","carbon":1}}"#,
            "line 1: `observation.price` is a text, expected a number",
        ),
        (
            r#"{"observation":{"soc":0,"price":1e39,"carbon":1}}"#,
            "line 1: `observation.price` is 1e39, expected a finite 32-bit number",
        ),
        (r#"{"observation":[0,0,0]}"#, "line 1: `observation` is a list, expected an object of names and numbers"),
        (r#"{"vector":[0,0]}"#, "line 1: `vector` has 2 numbers, the policy expects 3"),
        (r#"{"vector":[0,true,0]}"#, "line 1: `vector[1]` is a boolean, expected a number"),
        (r#"{"vector":7}"#, "line 1: `vector` is a number, expected a list of 3 numbers"),
        (
            r#"{"vector":[0,0,0],"mask":{"begin":[true]}}"#,
            "line 1: `mask` has the unknown name `begin`, expected `start`, `region`",
        ),
        (r#"{"vector":[0,0,0],"mask":{"start":[true]}}"#, "line 1: `mask.start` has 1 entries, the policy expects 3"),
        (
            r#"{"vector":[0,0,0],"mask":{"region":[false,false]}}"#,
            "line 1: `mask.region` forbids every option, expected at least one legal option",
        ),
        (
            r#"{"vector":[0,0,0],"mask":[true,true,true,false,false]}"#,
            "line 1: the mask forbids every option of the choice at action index 2, expected at least one legal option",
        ),
        (
            r#"{"vector":[0,0,0],"mask":{"region":[1,0]}}"#,
            "line 1: `mask.region` has a number at 0, expected a boolean",
        ),
        (
            r#"{"vector":[0,0,0],"mask":{"start":true}}"#,
            "line 1: `mask.start` is a boolean, expected a list of 3 booleans",
        ),
        (r#"{"vector":[0,0,0],"mask":"all"}"#, "line 1: `mask` is a text, expected an object of lists of booleans"),
    ];
    for (line, words) in cases {
        let (error, hint) = refusal(&policy, line);
        assert_eq!(error, words);
        assert!(!hint.is_empty());
    }
    let (error, _) = refusal(&policy, r#"{"vector":[0,1e999,0]}"#);
    assert!(error.starts_with("line 1: not JSON: number out of range"), "{error}");
    let (_, hint) = refusal(&policy, r#"{"observation":{"SOC":0,"price":1,"carbon":1}}"#);
    assert_eq!(hint, "did you mean `soc`?");
}

#[test]
fn a_mask_for_a_policy_without_choices_is_refused() {
    let policy = policy(&Space::uniform_box(2, -1.0, 1.0));
    let (error, hint) = refusal(&policy, r#"{"vector":[0,0,0],"mask":{}}"#);
    assert_eq!(error, "line 1: `mask` is given, but the policy has no choices, expected no mask");
    assert_eq!(hint, "leave the mask out");
}

#[test]
fn an_observation_that_overflows_the_network_is_an_error_not_a_null() {
    let policy = policy_with(&Space::uniform_box(2, -1.0, 1.0), Activation::Relu);
    let (error, hint) = refusal(&policy, r#"{"vector":[3e38,3e38,-3e38]}"#);
    assert_eq!(error, "line 1: the policy's output is not finite, expected finite numbers");
    assert!(hint.contains("check its units"));
}

#[test]
fn bytes_that_are_no_text_are_an_error_line() {
    let policy = policy(&mixed());
    let mut out = Vec::new();
    let summary = run_decide(&policy, &b"{\"vector\":[0,0,0],\"\xff\":1}\n\n{\"vector\":[0,0,0]}"[..], &mut out);
    assert_eq!(summary.expect("runs"), DecideSummary { decisions: 1, guarded: 0, errors: 1 });
}

#[test]
fn lines_are_counted_with_the_empty_ones() {
    let policy = policy(&mixed());
    let (answers, _) = run(&policy, "\n{\"vector\":[0,0,0]}\n  \nnonsense\n");
    assert!(answers[1]["error"].as_str().expect("a text").starts_with("line 4: not JSON: "));
}

/// A writer that takes `room` bytes, then fails as it was told to.
struct Failing {
    room: usize,
    kind: ErrorKind,
}

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.room < bytes.len() {
            return Err(self.kind.into());
        }
        self.room -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_loop_ends_quietly_when_nobody_listens_and_aloud_when_the_disk_is_full() {
    let policy = policy(&mixed());
    let lines = "{\"vector\":[0,0,0]}\n".repeat(100);
    let closed = run_decide(&policy, lines.as_bytes(), Failing { room: 500, kind: ErrorKind::BrokenPipe });
    let decisions = closed.expect("a closed pipe is an ordinary end").decisions;
    assert!((1..10).contains(&decisions), "{decisions}");
    let full = run_decide(&policy, lines.as_bytes(), Failing { room: 0, kind: ErrorKind::StorageFull });
    let text = full.expect_err("a full disk").to_string();
    assert!(text.starts_with("answer to line 1: cannot write: "), "{text}");
    assert!(text.contains("\n\nhint: check where the output goes"), "{text}");
}

#[test]
fn a_policy_with_memory_goes_on_from_line_to_line_until_a_new_episode_is_told() {
    let shape = NetworkShape { hidden: vec![16], memory: Some((MemoryCell::Lstm, 8)), ..NetworkShape::default() };
    let policy = policy_of(&mixed(), &shape);
    let mut inputs = draw_inputs(policy.network(), &policy.manifest().observation_space, 3, 8);
    inputs.iter_mut().for_each(|input| input.mask.clear());
    let line = |i: usize| json!({"vector": inputs[i].observation});
    let again = json!({"vector": inputs[0].observation, "first": true});
    // A line that is refused leaves nothing behind.
    let (short, odd) = (json!({"vector": [1, 2]}), json!({"vector": [0, 0, 0], "first": 1}));
    let lines = [line(0), line(1), short, odd, line(2), again, line(1)].map(|line| line.to_string());
    let (answers, summary) = run(&policy, &lines.join("\n"));
    assert_eq!(summary.errors, 2);
    assert_eq!(answers[3]["error"], "line 4: `first` is a number, expected a boolean");
    let (mut state, mut scratch) = (MemoryState::default(), ActScratch::default());
    let mut expected = |input: usize| {
        let golden = GoldenVector::of(policy.network(), &inputs[input], &mut state, &mut scratch);
        golden.value.expect("it has a critic")
    };
    let value = |answer: &Value| answer["value"].as_f64().expect("a number") as f32;
    assert_eq!([0, 1, 4].map(|i| value(&answers[i])), [0, 1, 2].map(&mut expected));
    assert_eq!(answers[5], answers[0], "the first episode is forgotten");
    assert_eq!(answers[6], answers[1]);
    assert_ne!(value(&answers[6]), value(&run(&policy, &lines[1]).0[0]), "what came before matters");
}
