//! Markdown: headings, paragraphs and tables of an environment's page.
//!
//! In: plain texts, some of them a user's. Out: lines that no text can break out of.
//! Not here: what the page says (the other files of this folder).

use serde_json::Value;

/// Lines of a page.
#[derive(Default)]
pub(super) struct Markdown(String);

impl Markdown {
    /// A heading of a level, 1 or more.
    pub(super) fn heading(&mut self, level: usize, text: &str) {
        self.blank();
        self.line(&format!("{} {}", "#".repeat(level), plain(text)));
    }

    /// A paragraph.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.blank();
        self.line(&plain(text));
    }

    /// A list.
    pub(super) fn list<S: AsRef<str>>(&mut self, items: impl IntoIterator<Item = S>) {
        self.blank();
        for item in items {
            self.line(&format!("- {}", plain(item.as_ref())));
        }
    }

    /// A table; every row has as many cells as there are columns.
    pub(super) fn table(&mut self, columns: &[&str], rows: &[Vec<String>]) {
        self.blank();
        self.row(columns.iter().map(|column| (*column).to_string()));
        self.line(&format!("|{}", "---|".repeat(columns.len())));
        for row in rows {
            self.row(row.iter().map(|cell| plain(cell).replace('|', "\\|")));
        }
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.0
    }

    fn row(&mut self, cells: impl Iterator<Item = String>) {
        let cells: Vec<String> = cells.collect();
        self.line(&format!("| {} |", cells.join(" | ")));
    }

    fn blank(&mut self) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
    }

    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }
}

/// A text in one line.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A value as a page shows it; what is not set is `none`.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
        // A whole number needs no decimal point here.
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |x| x.to_string()),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".into(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join("; "),
        Value::Object(entries) => {
            entries.iter().map(|(key, value)| format!("{key} {}", shown(value))).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_text_of_the_scenario_cannot_break_its_table() {
        let mut page = Markdown::default();
        page.table(&["name", "value"], &[vec!["a | b\n# c".into(), "1".into()]]);
        assert_eq!(page.finish(), "| name | value |\n|---|---|\n| a \\| b # c | 1 |\n");
    }

    #[test]
    fn values_are_shown_as_a_person_writes_them() {
        let value = json!({"a": 4.0, "b": null, "c": [true, "x"], "d": []});
        assert_eq!(shown(&value), "a 4, b none, c yes; x, d none");
    }
}
