//! The house rules as tests: what a reviewer would otherwise have to look for.
//!
//! In: the files of the workspace. Out: a list of places that break a rule.
//! Always: Rust is looked at without its comments and texts, so that a word in a message is no offence.
//! Not here: what the compiler and clippy already refuse.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest file, in lines of code without comments, blank lines and tests.
const MAX_FILE_LINES: usize = 500;
/// Longest function, in lines from `fn` to its closing brace.
const MAX_FUNCTION_LINES: usize = 70;
const ROOMS: [&str; 9] = ["env", "agents", "orchestrator", "train", "configs", "checkpoints", "docs", "tests", ".ci"];

#[test]
fn every_rust_file_begins_with_a_module_header() {
    let offences = rust_files().into_iter().filter(|file| !file.text.starts_with("//! ")).map(|file| file.name);
    expect_none("a file begins with a `//! ` line that says what it holds", offences.collect());
}

#[test]
fn no_file_has_more_than_500_lines_of_code() {
    let offences = rust_files().into_iter().filter_map(|file| {
        let lines = without_tests(&file).lines().filter(|line| !line.trim().is_empty()).count();
        (lines > MAX_FILE_LINES).then(|| format!("{}: {lines} lines", file.name))
    });
    expect_none("a file is split when its code passes 500 lines", offences.collect());
}

#[test]
fn no_function_is_longer_than_70_lines() {
    let offences = rust_files().into_iter().flat_map(|file| {
        let code = without_tests(&file);
        let long = functions(&code).into_iter().filter(|function| function.lines > MAX_FUNCTION_LINES);
        long.map(|function| {
            format!("{}:{}: `{}` has {} lines", file.name, function.line, function.name, function.lines)
        })
        .collect::<Vec<_>>()
    });
    expect_none("a function fits on one screen (70 lines)", offences.collect());
}

#[test]
fn unwrap_is_for_tests_only() {
    let offences =
        rust_files().into_iter().flat_map(|file| found_in(&file.name, &without_tests(&file), &[".unwrap()"]));
    expect_none(
        "a user can never reach a panic: use `?`, or `expect` with the reason why it holds",
        offences.collect(),
    );
}

#[test]
fn unsafe_code_and_unfinished_code_are_absent() {
    let words = ["unsafe {", "unsafe fn", "unsafe impl", "todo!(", "unimplemented!(", "dbg!("];
    let offences = rust_files().into_iter().flat_map(|file| found_in(&file.name, &file.code, &words));
    expect_none("no unsafe, no stubs", offences.collect());
}

#[test]
fn no_text_names_a_place_on_somebodys_machine() {
    // Put together here, so that this file does not offend itself.
    let roots: Vec<String> = ["home", "root", "work", "Users"].iter().map(|name| format!("/{name}/")).collect();
    let offences = text_files().into_iter().flat_map(|file| {
        let lines = file.text.lines().enumerate();
        let bad = lines.filter(|(_, line)| roots.iter().any(|root| holds_absolute(line, root)));
        bad.map(|(index, _)| format!("{}:{}", file.name, index + 1)).collect::<Vec<_>>()
    });
    expect_none("paths are relative to the workspace", offences.collect());
}

#[test]
fn every_dependency_comes_from_the_public_registry() {
    let text = fs::read_to_string(root().join("Cargo.lock")).expect("the lock file is part of the workspace");
    let sources = text.lines().filter(|line| line.starts_with("source = "));
    let bad = sources.filter(|line| *line != "source = \"registry+https://github.com/rust-lang/crates.io-index\"");
    expect_none("no forks, no mirrors", bad.map(str::to_owned).collect());
}

#[test]
fn arrows_between_rooms_never_turn_round() {
    let forbidden: [(&str, &[&str]); 3] = [
        ("env", &["burn", "clap", "tokio", "ureq", "indicatif", "flexai-agents", "flexai-orchestrator", "flexai"]),
        ("agents", &["clap", "tokio", "ureq", "indicatif", "flexai-orchestrator", "flexai"]),
        ("orchestrator", &["burn", "clap", "indicatif", "flexai"]),
    ];
    let mut offences = Vec::new();
    for (room, names) in forbidden {
        let text = fs::read_to_string(root().join(room).join("Cargo.toml")).expect("every room has a manifest");
        let manifest: toml::Table = text.parse().expect("cargo has read this manifest already");
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = manifest.get(table).and_then(toml::Value::as_table) else { continue };
            let bad = dependencies.keys().filter(|key| names.contains(&key.as_str()));
            offences.extend(bad.map(|key| format!("{room}/Cargo.toml: [{table}] {key}")));
        }
    }
    expect_none("env <- agents <- orchestrator <- train; env knows neither Burn nor the network", offences);
}

#[test]
fn the_world_has_no_clock_and_no_global_generator() {
    let words =
        ["SystemTime", "Instant::now", "Timestamp::now", "Zoned::now", "rand::rng(", "thread_rng", "from_os_rng"];
    let rooms = ["env/src/", "agents/src/policy/", "agents/src/rivals/", "agents/src/artifact/"];
    let offences = rust_files()
        .into_iter()
        .filter(|file| rooms.iter().any(|room| file.name.starts_with(room)))
        .flat_map(|file| found_in(&file.name, &file.code, &words));
    expect_none("time and chance come in from outside, chance through named streams", offences.collect());
}

#[test]
fn only_agents_device_names_a_burn_backend() {
    let words =
        ["Device::flex", "Device::ndarray", "Device::wgpu", "NdArrayDevice", "WgpuDevice", "burn_flex", "burn_ndarray"];
    let offences = rust_files()
        .into_iter()
        .filter(|file| !file.name.starts_with("agents/src/device/"))
        .flat_map(|file| found_in(&file.name, &file.code, &words));
    expect_none("a backend is named in agents/src/device alone", offences.collect());
}

#[test]
fn links_in_the_documents_lead_to_files() {
    let mut offences = Vec::new();
    for file in text_files().iter().filter(|file| file.name.ends_with(".md")) {
        let folder = root().join(&file.name).parent().map(Path::to_owned).expect("a file lies in a folder");
        for target in links(&file.text) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !folder.join(path).exists() {
                offences.push(format!("{}: {target}", file.name));
            }
        }
    }
    expect_none("a link in a document leads to a file that exists", offences);
}

#[test]
fn the_lexer_of_these_rules_knows_texts_comments_and_lifetimes() {
    let source = "fn a<'x>(c: char) { // .unwrap() {\n  let s = \"{ \\\" .unwrap()\"; /* { /* { */ */ let r = r#\"}\"{\"#;\n  let q = '{'; let e = '\\''; }\nfn b() {}\n";
    let code = code_of(source);
    assert_eq!(code.lines().count(), 4);
    assert!(!code.contains("unwrap"), "{code}");
    assert_eq!((code.matches('{').count(), code.matches('}').count()), (2, 2), "{code}");
    let found = functions(&code);
    assert_eq!(
        found.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect::<Vec<_>>(),
        [("a", 1, 3), ("b", 4, 1)]
    );
}

#[test]
fn the_test_module_is_left_out_and_what_follows_it_is_not() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { x.unwrap() }\n}\nfn c() {}\n".to_owned();
    let file = Source { name: "a.rs".into(), code: code_of(&text), text, is_test: false };
    let code = without_tests(&file);
    assert!(code.contains("fn a") && code.contains("fn c") && !code.contains("unwrap"), "{code}");
}

#[test]
fn a_module_declared_for_tests_is_a_test_as_a_whole() {
    let text = "mod a;\n#[cfg(test)]\nmod golden;\n#[cfg(test)]\nmod tests {\n    mod b;\n}\n".to_owned();
    let mut file = Source { name: "x/mod.rs".into(), code: code_of(&text), text, is_test: false };
    assert_eq!(test_modules(&file), ["x/golden.rs"]);
    file.name = "x/y.rs".into();
    assert_eq!(test_modules(&file), ["x/y/golden.rs"]);
}

#[test]
fn links_are_read_from_markdown_outside_code() {
    let text = "[a](b.md#c) and [d](https://e.org) `[f](g)`\n```\n[h](i)\n```\n![j](k.svg)\n";
    assert_eq!(links(text), ["b.md#c", "k.svg"]);
}

/// A file and, for Rust, its code without comments and texts.
struct Source {
    name: String,
    text: String,
    code: String,
    /// Whether the whole file is compiled for tests only.
    is_test: bool,
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).expect("train lies in the workspace")
}

fn expect_none(rule: &str, offences: Vec<String>) {
    assert!(offences.is_empty(), "{rule}\n  {}\n", offences.join("\n  "));
}

fn rust_files() -> Vec<Source> {
    let mut files = text_files();
    files.retain(|file| file.name.ends_with(".rs"));
    for file in &mut files {
        file.code = code_of(&file.text);
    }
    let tests: Vec<String> = files.iter().flat_map(test_modules).collect();
    for file in &mut files {
        file.is_test = tests.contains(&file.name) || is_test_by_name(&file.name);
    }
    assert!(files.len() > 20, "the rooms are found");
    files
}

/// Every text of the rooms and of the top folder; what a run or a build leaves behind is not among them.
fn text_files() -> Vec<Source> {
    let mut paths: Vec<PathBuf> =
        files_of(&root()).into_iter().filter(|path| path.is_file() && !path.ends_with(".git")).collect();
    let mut folders: Vec<PathBuf> = ROOMS.iter().map(|room| root().join(room)).filter(|path| path.is_dir()).collect();
    while let Some(folder) = folders.pop() {
        let (inner, files): (Vec<_>, Vec<_>) = files_of(&folder).into_iter().partition(|path| path.is_dir());
        folders.extend(inner.into_iter().filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            !name.starts_with('.') && !name.starts_with("target") && name != "__pycache__"
        }));
        paths.extend(files);
    }
    paths.sort();
    let source = |path: PathBuf| {
        let text = fs::read_to_string(&path).ok()?;
        let name = path.strip_prefix(root()).ok()?.to_string_lossy().replace('\\', "/");
        Some(Source { name, text, code: String::new(), is_test: false })
    };
    paths.into_iter().filter_map(source).collect()
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("the folder is part of the workspace").flatten().map(|entry| entry.path()).collect()
}

fn found_in(name: &str, code: &str, words: &[&str]) -> Vec<String> {
    let lines = code.lines().enumerate();
    let bad =
        lines.filter_map(|(index, line)| words.iter().find(|word| line.contains(**word)).map(|word| (index, word)));
    bad.map(|(index, word)| format!("{name}:{}: {word}", index + 1)).collect()
}

/// Whether the root stands where a path begins, not in the middle of a relative one.
fn holds_absolute(line: &str, root: &str) -> bool {
    line.match_indices(root).any(|(at, _)| {
        !line[..at]
            .ends_with(|before: char| before.is_alphanumeric() || matches!(before, '.' | '_' | '-' | '}' | ')' | '*'))
    })
}

fn is_test_by_name(name: &str) -> bool {
    name.starts_with("tests/") || name.contains("/tests/") || name.ends_with("/tests.rs")
}

/// Files that a file declares as modules for tests only.
fn test_modules(file: &Source) -> Vec<String> {
    let (folder, name) = file.name.rsplit_once('/').unwrap_or(("", &file.name));
    let folder = match name {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", name.trim_end_matches(".rs")),
    };
    let declared = file.code.split("#[cfg(test)]").skip(1).filter_map(|rest| {
        let name = rest.trim_start().strip_prefix("mod ")?.split_once(';')?.0;
        name.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| format!("{folder}/{name}.rs"))
    });
    declared.collect()
}

/// The code outside tests; empty for a file of tests.
fn without_tests(file: &Source) -> String {
    if file.is_test {
        return String::new();
    }
    let mut code = file.code.clone();
    while let Some(start) = code.find("#[cfg(test)]") {
        let open = code[start..].find(['{', ';']).map_or(code.len(), |offset| start + offset);
        let end = if code[open..].starts_with('{') { closing(&code, open) } else { open };
        let blank: String = code[start..end].chars().filter(|c| *c == '\n').collect();
        code.replace_range(start..(end + 1).min(code.len()), &blank);
    }
    code
}

/// Position of the brace that closes the one at `open`.
fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code[open..].bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return open + offset;
        }
    }
    code.len()
}

fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let starts_word = at == 0 || !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let name: String = code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let Some(open) = body(code, at).filter(|_| starts_word && !name.is_empty()) else { continue };
        let line = code[..at].matches('\n').count() + 1;
        let lines = code[at..closing(code, open)].matches('\n').count() + 1;
        found.push(Function { name, line, lines });
    }
    found
}

/// Where a function's body opens; none for a declaration, whose `;` comes first (those of array types are skipped).
fn body(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (offset, byte) in code[at..].bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(at + offset),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Rust without comments, texts and character literals; line breaks stay where they were.
fn code_of(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skipped(&chars, at);
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.push(' ');
            code.extend(chars[at..end].iter().filter(|c| **c == '\n'));
            at = end;
        }
    }
    code
}

/// End of the comment, text or character literal that begins here; the same position if none does.
fn skipped(chars: &[char], at: usize) -> usize {
    let next = |offset: usize| chars.get(at + offset).copied().unwrap_or(' ');
    match (chars[at], next(1)) {
        ('/', '/') => at + chars[at..].iter().take_while(|c| **c != '\n').count(),
        ('/', '*') => block_comment(chars, at),
        ('"', _) => text_end(chars, at + 1),
        ('r', '"' | '#')
            if at == 0 || !(chars[at - 1].is_alphanumeric() && chars[at - 1] != 'b' || chars[at - 1] == '_') =>
        {
            raw_text(chars, at)
        }
        ('\'', '\\') => at + 3 + chars[at + 3..].iter().take_while(|c| **c != '\'').count() + 1,
        ('\'', _) if next(2) == '\'' => at + 3,
        _ => at,
    }
}

fn block_comment(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn text_end(chars: &[char], start: usize) -> usize {
    let mut at = start;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn raw_text(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return start;
    }
    let closes =
        |at: usize| chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
    (open + 1..chars.len()).find(|at| closes(*at)).map_or(chars.len(), |at| at + 1 + hashes)
}

/// Targets of links to files, from text outside code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect();
        for part in prose.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default().trim();
            if !target.contains("://") && !target.starts_with("mailto:") {
                found.push(target.to_owned());
            }
        }
    }
    found
}
