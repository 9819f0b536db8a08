//! flexai
fn main() {}
