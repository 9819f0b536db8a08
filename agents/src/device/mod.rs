//! Devices (under construction).
