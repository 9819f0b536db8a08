//! One data-centre site (under construction).

/// Scenario and grid of a site environment.
#[derive(Debug)]
pub struct SiteSetup;
