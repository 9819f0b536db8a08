//! A strict reader of pages: what it accepts every browser reads alike.

/// Walks through the markup. Every tag is closed where it was opened, attributes are quoted and stand once, ids are
/// unique, `&` begins an entity.
pub(super) fn check(markup: &str) -> Result<Vec<String>, String> {
    let mut rest = markup.strip_prefix("<!DOCTYPE html>").unwrap_or(markup);
    let (mut open, mut tags, mut ids): (Vec<String>, Vec<String>, Vec<String>) = Default::default();
    while let Some(at) = rest.find('<') {
        text(&rest[..at], &open)?;
        let end = rest[at..].find('>').ok_or("a tag is not closed")? + at;
        let inside = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            let last = open.pop().ok_or(format!("</{name}> closes nothing"))?;
            if last != name {
                return Err(format!("</{name}> closes <{last}>"));
            }
            continue;
        }
        let (inside, closes_itself) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let (name, attributes) = inside.split_once([' ', '\n']).unwrap_or((inside, ""));
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(format!("<{inside}> is no tag"));
        }
        attributes_of(name, attributes, &mut ids)?;
        tags.push(name.to_string());
        if !closes_itself {
            open.push(name.to_string());
        }
        if name == "style" {
            let end = rest.find("</style>").ok_or("a style sheet is not closed")?;
            rest = &rest[end..];
        }
    }
    text(rest, &open)?;
    if open.is_empty() { Ok(tags) } else { Err(format!("left open: {open:?}")) }
}

fn text(text: &str, open: &[String]) -> Result<(), String> {
    if open.is_empty() && !text.trim().is_empty() {
        return Err(format!("text outside: {text}"));
    }
    if text.contains('>') {
        return Err(format!("a bare > in {text}"));
    }
    entities(text)
}

fn entities(text: &str) -> Result<(), String> {
    for (at, _) in text.match_indices('&') {
        let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&#x27;", "&#x2f;"];
        if !known.iter().any(|entity| text[at..].starts_with(entity)) {
            return Err(format!("a bare & in {text}"));
        }
    }
    Ok(())
}

fn attributes_of(tag: &str, text: &str, ids: &mut Vec<String>) -> Result<(), String> {
    let mut rest = text.trim();
    let mut names: Vec<&str> = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").ok_or(format!("<{tag}>: no quoted value in {rest}"))?;
        let (value, after) = after.split_once('"').ok_or(format!("<{tag}>: no end of {name}"))?;
        entities(value)?;
        if names.contains(&name) {
            return Err(format!("<{tag}>: {name} stands twice"));
        }
        if name == "id" {
            if ids.iter().any(|id| id == value) {
                return Err(format!("the id {value} stands twice"));
            }
            ids.push(value.to_string());
        }
        names.push(name);
        rest = after.trim_start();
    }
    Ok(())
}

#[test]
fn the_reader_of_pages_refuses_what_browsers_would_mend() {
    assert_eq!(check("<p id=\"a\">x &amp; y<br /></p>").unwrap(), ["p", "br"]);
    for bad in ["<p>", "<p></b>", "<p id=a></p>", "<p>&</p>", "<p id=\"a\" id=\"b\"></p>", "<p>></p>", "x"] {
        assert!(check(bad).is_err(), "{bad}");
    }
    assert!(check("<p id=\"a\"></p><p id=\"a\"></p>").unwrap_err().contains("twice"));
}
