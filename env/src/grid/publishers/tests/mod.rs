//! Facts about the publishers' formats: by hand-written fixtures, by damaged ones, and by the real files.

mod damage;
mod facts;
mod fixtures;
mod real_files;
