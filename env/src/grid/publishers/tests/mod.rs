//! Facts about the publishers' formats.
