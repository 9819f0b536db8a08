//! The numbers of an update under the names they have in `metrics.jsonl` and in TensorBoard.
//!
//! In: a report. Out: tags and values. Not here: wall times, evaluations (`train_loop.rs`).

use flexai_agents::ppo::{Trainer, UpdateReport};

/// Mean return of the episodes that ended.
pub(super) fn mean_return(report: &UpdateReport) -> f64 {
    report.episodes.iter().map(|e| e.episode_return).sum::<f64>() / report.episodes.len().max(1) as f64
}

/// The scalars of an update under the names CleanRL uses, and the environment's own under `flex/`.
pub(super) fn scalars(report: &UpdateReport, info_keys: &[&str]) -> Vec<(String, f64)> {
    let mut out: Vec<(String, f64)> = Vec::with_capacity(24 + info_keys.len());
    if !report.episodes.is_empty() {
        let n = report.episodes.len() as f64;
        out.push(("charts/episodic_return".into(), mean_return(report)));
        let length: f64 = report.episodes.iter().map(|e| e.length as f64).sum();
        out.push(("charts/episodic_length".into(), length / n));
    }
    let fixed = [
        ("charts/learning_rate", report.learning_rate),
        ("charts/clip_coef", report.clip_coef),
        ("charts/reward_mean", report.reward_mean),
        ("charts/epochs", report.epochs_run as f64),
        ("losses/policy_loss", report.policy_loss),
        ("losses/value_loss", report.value_loss),
        ("losses/entropy", report.entropy),
        ("losses/approx_kl", report.approx_kl),
        ("losses/old_approx_kl", report.old_approx_kl),
        ("losses/clipfrac", report.clip_fraction),
        ("losses/explained_variance", report.explained_variance),
        ("losses/grad_norm", report.grad_norm),
    ];
    out.extend(fixed.map(|(tag, value)| (tag.to_string(), value)));
    if !report.action_std.is_empty() {
        let mean = report.action_std.iter().sum::<f64>() / report.action_std.len() as f64;
        out.push(("charts/action_std".into(), mean));
    }
    out.extend(info_keys.iter().zip(&report.info_means).map(|(key, value)| (format!("flex/{key}"), *value)));
    out
}

/// Scalars by layer and by action, and of what was clipped or imitated; only what a run has.
pub(super) fn details(report: &UpdateReport, trainer: &Trainer) -> Vec<(String, f64)> {
    let mut out = vec![("charts/ent_coef".to_string(), report.ent_coef)];
    if trainer.config().normalize_observation {
        out.push(("charts/clipped_observations".into(), report.clipped_observations));
    }
    let layers = trainer.layer_names().into_iter().zip(&report.layer_grad_norms);
    out.extend(layers.map(|(name, norm)| (format!("grad_norm/{name}"), *norm)));
    let names = trainer.environments().first().action_names();
    for ((name, mean), std) in names.iter().zip(&report.taken_mean).zip(&report.taken_std) {
        out.extend([(format!("action_mean/{name}"), *mean), (format!("action_std/{name}"), *std)]);
    }
    if report.imitation_coef > 0.0 {
        out.extend([
            ("imitation/coef".into(), report.imitation_coef),
            ("imitation/loss".into(), report.imitation_loss),
        ]);
    }
    if let Some(warm) = &report.warm_start {
        out.extend([
            ("imitation/demonstrated_steps".into(), warm.steps as f64),
            ("imitation/first_loss".into(), warm.first_loss),
            ("imitation/last_loss".into(), warm.last_loss),
            ("imitation/demonstrated_reward".into(), warm.reward_mean),
        ]);
    }
    out
}
