//! Rivals (under construction).
