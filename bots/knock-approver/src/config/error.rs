//! Why the environment was refused.

/// A variable that does not parse: one line with its name, the problem and what is accepted. The value itself is not
/// repeated, since it may be a secret set under the wrong name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}; accepted: {accepted}")]
pub struct ConfigError {
    /// The environment variable.
    pub variable: &'static str,
    /// What is wrong with its value.
    pub problem: String,
    /// What would be right.
    pub accepted: &'static str,
}

/// Everything that is wrong with the environment: a line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigErrors(pub Vec<ConfigError>);
