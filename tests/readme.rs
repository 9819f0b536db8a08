//! README.md: every command a reader may copy is one the program understands, on files that exist.

use crate::support::workspace;
use clap::Parser;
use flexai::cli::Cli;
use std::fs;

/// Commands of the fenced `sh` blocks, continuation lines joined, as words.
fn commands(markdown: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut inside = false;
    let mut pending = String::new();
    for line in markdown.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            inside = !inside && language.trim() == "sh";
            continue;
        }
        if !inside {
            continue;
        }
        let line = format!("{pending}{}", line.trim());
        if let Some(head) = line.strip_suffix('\\') {
            pending = head.to_owned();
            continue;
        }
        pending.clear();
        // What is piped into the program or out of it belongs to the shell.
        for part in line.split(" | ").map(|part| part.trim_start_matches("$ ")) {
            let words = words(part);
            if !words.is_empty() {
                found.push(words);
            }
        }
    }
    found
}

/// Words as a shell splits them: quotes hold together, a comment ends the line, redirections are left out.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => (quote, begun) = (Some(c), true),
            (None, '#') if !begun => break,
            (None, c) if c.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (_, c) => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    let end = words.iter().position(|word| word.starts_with(['>', '<'])).unwrap_or(words.len());
    words.truncate(end);
    words
}

/// What the program itself is given; none if the command is another program's. Variables may be set in front, and cargo
/// may be given options of its own.
fn arguments(words: &[String]) -> Option<&[String]> {
    let set = words.iter().take_while(|word| word.split_once('=').is_some_and(|(name, _)| is_variable(name))).count();
    let words = &words[set..];
    if words.first().is_some_and(|word| word == "flexai" || word.ends_with("/flexai")) {
        return Some(&words[1..]);
    }
    let cargo =
        words.iter().zip(["cargo", "run", "--release"]).filter(|(word, expected)| word == expected).count() == 3;
    let end = words.iter().position(|word| word == "--").filter(|_| cargo)?;
    (!words[..end].iter().any(|word| word == "--example" || word == "-p")).then(|| &words[end + 1..])
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn readme() -> String {
    fs::read_to_string(workspace().join("README.md")).expect("README.md is in the top folder")
}

#[test]
fn every_command_of_the_readme_is_one_the_program_understands() {
    let commands = commands(&readme());
    let ours: Vec<&[String]> = commands.iter().filter_map(|words| arguments(words)).collect();
    assert!(!ours.is_empty(), "README.md shows at least one command in a block marked `sh`");
    assert!(ours.iter().any(|words| words.first().is_some_and(|word| word == "train")), "it shows how to train");
    for words in ours {
        let parsed = Cli::try_parse_from(std::iter::once("flexai").chain(words.iter().map(String::as_str)));
        if let Err(error) = parsed {
            let asked =
                matches!(error.kind(), clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion);
            assert!(asked, "flexai {}\n{error}", words.join(" "));
        }
    }
}

#[test]
fn every_configuration_and_script_the_readme_names_exists() {
    let rooms = ["configs/", "checkpoints/", "tests/", ".ci/"];
    let words: Vec<String> = commands(&readme()).into_iter().flatten().collect();
    let named: Vec<&String> = words.iter().filter(|word| rooms.iter().any(|room| word.starts_with(room))).collect();
    assert!(named.iter().any(|word| word.starts_with("configs/")), "README.md names a configuration: {words:?}");
    for path in named {
        assert!(workspace().join(path).exists(), "README.md names {path}");
    }
}

#[test]
fn the_readme_says_how_to_run_the_tests_and_the_command_is_the_one_of_the_checks() {
    let test = "cargo test --release --workspace";
    let line = commands(&readme()).into_iter().map(|words| words.join(" ")).find(|line| line.starts_with(test));
    assert!(line.is_some(), "README.md shows `{test}`");
    let ci = fs::read_to_string(workspace().join(".ci/run")).expect(".ci/run is part of the workspace");
    assert!(ci.contains(test), ".ci/run runs the README's test command");
}

#[test]
fn shell_blocks_are_read_as_a_shell_reads_them() {
    let markdown = "```sh\n$ flexai train a.toml \\\n  --seed 1 # a seed\necho '{\"a\": 1}' | flexai decide p > out\n```\n```text\nflexai no\n```\n";
    assert_eq!(
        commands(markdown),
        [vec!["flexai", "train", "a.toml", "--seed", "1"], vec!["echo", "{\"a\": 1}"], vec!["flexai", "decide", "p"]]
    );
    let cargo: Vec<String> = "cargo run --release -- env list".split(' ').map(String::from).collect();
    assert_eq!(arguments(&cargo), Some(&cargo[4..]));
    assert_eq!(arguments(&cargo[..3]), None);
    let split = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
    let with_feature = split("A_B=c cargo run --release --features wgpu -- train a.toml");
    assert_eq!(arguments(&with_feature), Some(&split("train a.toml")[..]));
    assert_eq!(arguments(&split("cargo run --release -p b --example c -- d")), None);
}
