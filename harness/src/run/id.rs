use std::{env, fmt, sync::OnceLock};

/// The id shared by everything one run makes, whatever number of processes it has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunId(String);

impl RunId {
    /// The variable that names the run, to this process and to every process that it starts.
    pub const VARIABLE: &str = "KNOCKPROOF_RUN_ID";

    /// `KNOCKPROOF_RUN_ID`, else `NEXTEST_RUN_ID`, else a random id which stays the same within this process.
    ///
    /// Characters that do not fit into file names and labels are dropped.
    pub fn current() -> Self {
        static RANDOM: OnceLock<String> = OnceLock::new();
        [Self::VARIABLE, "NEXTEST_RUN_ID"]
            .into_iter()
            .filter_map(|name| env::var(name).ok())
            .find_map(|value| Self::from_text(&value))
            .unwrap_or_else(|| Self(RANDOM.get_or_init(|| format!("{:016x}", rand::random::<u64>())).clone()))
    }

    /// The id made of the letters, digits, `-`, `_` and `.` of a text, if any is left.
    pub fn from_text(text: &str) -> Option<Self> {
        let kept: String = text
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            .take(64)
            .collect();
        (kept.chars().any(|c| c.is_ascii_alphanumeric()) && !kept.starts_with('.')).then_some(Self(kept))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_only_what_fits_into_labels_and_file_names() {
        assert_eq!(
            RunId::from_text("a/b c:1-2_3.4").map(|id| id.to_string()),
            Some("abc1-2_3.4".to_owned())
        );
        assert_eq!(RunId::from_text("../"), None);
        assert_eq!(RunId::from_text(""), None);
    }

    #[test]
    fn the_current_id_stays_the_same_within_a_process() {
        assert_eq!(RunId::current(), RunId::current());
    }
}
