//! Contract test.
use super::env::Env;
/// Problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckProblem(pub String);
/// Checks.
pub fn check_env(_env: &mut dyn Env) -> Vec<CheckProblem> {
    Vec::new()
}
