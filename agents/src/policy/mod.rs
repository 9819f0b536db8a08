//! Policies: whatever turns what is known now into an action (under construction).
