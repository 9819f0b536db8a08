//! Live operation.
