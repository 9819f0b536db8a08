//! PPO (under construction).
