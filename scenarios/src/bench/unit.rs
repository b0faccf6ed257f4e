//! In what something is measured.

use serde::Serialize;

/// In what something is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Mebibytes.
    #[serde(rename = "MiB")]
    Mebibytes,
    /// So many in a second.
    #[serde(rename = "/s")]
    PerSecond,
    /// So many in a minute.
    #[serde(rename = "/min")]
    PerMinute,
    /// Milliseconds of processor time in a minute.
    #[serde(rename = "CPU ms/min")]
    CpuPerMinute,
    /// How many times as much.
    #[serde(rename = "x")]
    Times,
}

impl Unit {
    /// Its name behind a number.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Mebibytes => "MiB",
            Self::PerSecond => "/s",
            Self::PerMinute => "/min",
            Self::CpuPerMinute => "CPU ms/min",
            Self::Times => "x",
        }
    }

    /// A number with its unit, to about three digits.
    pub fn show(self, value: f64) -> String {
        format!("{} {}", number(value), self.name())
    }
}

/// A number to about three digits: 1234.5 → `1234`, 12.34 → `12.3`, 0.1234 → `0.123`.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0.0, "0.000")]
    #[case(0.01234, "0.012")]
    #[case(0.9999, "1.00")]
    #[case(1.234, "1.23")]
    #[case(9.999, "10.0")]
    #[case(12.34, "12.3")]
    #[case(99.97, "100")]
    #[case(12345.6, "12346")]
    fn a_number_has_about_three_digits(#[case] value: f64, #[case] shown: &str) {
        assert_eq!(number(value), shown);
    }

    #[test]
    fn a_number_stands_with_its_unit() {
        assert_eq!(Unit::Milliseconds.show(1.5), "1.50 ms");
        assert_eq!(Unit::PerMinute.show(312.0), "312 /min");
    }
}
