//! Integration tests: whole commands, invariants across rooms, house rules.

mod tidy;
