//! Files as all readers and writers of this crate meet them, before anybody knows what is in them.
//!
//! `text` reads bytes, unpacks gzip and finds lines; `error` says why a file was refused; `rounded_toml` writes fitted
//! parameters. Not here: what columns and keys mean (`grid/`, `workload/`, `market/`).

mod error;
mod rounded_toml;
mod text;

pub use error::FileError;
pub(crate) use rounded_toml::rounded_toml;
pub(crate) use text::{BYTE_ORDER_MARK, line_of, not_csv, plain_bytes, read_file};
