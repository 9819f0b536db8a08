//! Decisions: from one observation to one action that is inside its bounds and legal.
//!
//! In: an observation and a mask, as numbers ([`Decider::decide`]) or as lines of JSON ([`run_decide`]).
//! Out: an [`Outcome`], which says where the policy's wish was corrected and why.
//! Always: a line that cannot be decided on is answered by an error line, and the next line is read.
//! Not here: the shape of a line (`request.rs`), when to decide, limits of the site beyond the action's bounds.

mod request;

pub use request::RequestError;

use flexai_agents::artifact::{ActMode, ActScratch, Decision, InputError, LoadedPolicy, MemoryState, mode, to_units};
use flexai_env::core::ActionComponent;
use request::{Answer, RequestReader};
use serde::Serialize;
use std::io::{BufRead, ErrorKind, Write};

/// One decision with what had to be corrected.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Action, value and log-probability.
    pub decision: Decision,
    /// Why the policy's wish was not carried out as it was; `None` if it was.
    pub reason: Option<String>,
}

/// A loaded policy with what it remembers and the buffers of its decisions.
#[derive(Debug)]
pub struct Decider<'a> {
    policy: &'a LoadedPolicy,
    state: MemoryState,
    scratch: ActScratch,
    wish: Vec<f32>,
}

/// What a run of [`run_decide`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct DecideSummary {
    /// Lines answered by a decision.
    pub decisions: u64,
    /// Decisions among them that were corrected.
    pub guarded: u64,
    /// Lines answered by an error.
    pub errors: u64,
}

/// Why the loop could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The input could not be read.
    #[error("line {line}: cannot read: {source}\n\nhint: check where the input comes from")]
    Read {
        /// Number of the line, from 1.
        line: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// The answer could not be written.
    #[error("answer to line {line}: cannot write: {source}\n\nhint: check where the output goes (a full disk?)")]
    Write {
        /// Number of the line, from 1.
        line: u64,
        /// What the system said.
        source: std::io::Error,
    },
}

impl<'a> Decider<'a> {
    /// A decider for a policy that passed its checks.
    pub fn new(policy: &'a LoadedPolicy) -> Self {
        let wish = vec![0.0; policy.network().action_len()];
        Self { policy, state: MemoryState::default(), scratch: ActScratch::default(), wish }
    }

    /// Forgets what a policy with memory saw so far: the next decision is the first of an episode.
    pub fn begin_episode(&mut self) {
        self.state.forget();
    }

    /// Decides on a raw observation; `mask` is empty if every option is legal.
    ///
    /// # Errors
    /// [`InputError`] if a length is wrong, a number is not finite, or the mask leaves nothing to choose.
    pub fn decide(&mut self, observation: &[f32], mask: &[bool]) -> Result<Outcome, InputError> {
        let network = self.policy.network();
        network.check_input(observation, mask)?;
        let decision = network.act(observation, mask, &mut self.state, &mut self.scratch, ActMode::Deterministic);
        mode(&network.heads, self.scratch.parameters(), &[], &mut self.wish);
        to_units(&network.heads, &mut self.wish);
        let reason = self.corrections(&decision);
        Ok(Outcome { decision, reason })
    }

    /// Compares the action with what the policy would do without bounds and mask.
    fn corrections(&self, decision: &Decision) -> Option<String> {
        let mut reasons = Vec::new();
        let names = &self.policy.manifest().action_head.names;
        for head in &self.policy.network().heads.components {
            match head {
                ActionComponent::Continuous { offset, low, .. } => {
                    let part = *offset..offset + low.len();
                    let numbers = self.wish[part.clone()].iter().zip(&decision.action[part.clone()]);
                    for (name, (wish, action)) in names[part].iter().zip(numbers) {
                        if wish != action {
                            reasons.push(format!("`{name}` {wish} clipped to {action}"));
                        }
                    }
                }
                ActionComponent::Categorical { offset: i, .. } => {
                    let (wish, action) = (self.wish[*i], decision.action[*i]);
                    if wish != action {
                        reasons.push(format!("`{}` {wish} forbidden by the mask, took {action}", names[*i]));
                    }
                }
            }
        }
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

/// Answers each line of JSON by a line of JSON, until the input ends or nobody reads the output any more.
///
/// In: `{"observation":{NAME:value,...},"mask":{NAME:[bool,...],...}?}` or `{"vector":[...],"mask":[bool,...]?}`; empty
/// lines are passed over. A policy with memory goes on from line to line; `"first":true` begins a new episode. Out: `{"action":{NAME:value,...},"value","log_prob","guarded","reason"}` or `{"error","hint"}`.
///
/// # Errors
/// [`DecideError`] if reading or writing fails; a faulty line is no error of the loop.
pub fn run_decide(
    policy: &LoadedPolicy,
    mut reader: impl BufRead,
    mut writer: impl Write,
) -> Result<DecideSummary, DecideError> {
    let requests = RequestReader::new(policy);
    let mut decider = Decider::new(policy);
    let mut summary = DecideSummary::default();
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        if reader.read_until(b'\n', &mut text).map_err(|source| DecideError::Read { line, source })? == 0 {
            break;
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        let answer = answer(&requests, &mut decider, &text, line);
        match &answer {
            Answer::Decided { outcome, .. } => {
                summary.decisions += 1;
                summary.guarded += u64::from(outcome.reason.is_some());
            }
            Answer::Refused(_) => summary.errors += 1,
        }
        let mut bytes = serde_json::to_vec(&answer).expect("an answer has string keys only");
        bytes.push(b'\n');
        match writer.write_all(&bytes).and_then(|()| writer.flush()) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::BrokenPipe => break,
            Err(source) => return Err(DecideError::Write { line, source }),
        }
    }
    Ok(summary)
}

fn answer<'a>(requests: &RequestReader<'a>, decider: &mut Decider<'a>, text: &[u8], line: u64) -> Answer<'a> {
    let decided = requests.read(text).and_then(|request| {
        if request.first {
            decider.begin_episode();
        }
        let outcome = decider.decide(&request.observation, &request.mask).map_err(RequestError::from)?;
        requests.check_output(&outcome)?;
        Ok(outcome)
    });
    match decided {
        Ok(outcome) => Answer::Decided { policy: decider.policy, outcome },
        Err(error) => Answer::Refused(error.at(line)),
    }
}

#[cfg(test)]
mod tests;
