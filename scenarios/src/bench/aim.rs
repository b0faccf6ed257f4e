//! What a figure should be.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Figure, Unit, unit::number};

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aim {
    /// The median is at most so much.
    AtMost(f64),
    /// The median is at least so much.
    AtLeast(f64),
    /// The ratio is at most so much.
    RatioAtMost(f64),
}

impl Aim {
    /// Whether a figure is as it should be. An aim about a ratio that could not be had is missed.
    pub fn is_met(self, figure: &Figure) -> bool {
        let median = figure.samples.median();
        match self {
            Self::AtMost(most) => median <= most,
            Self::AtLeast(least) => median >= least,
            Self::RatioAtMost(most) => figure.ratio.as_ref().is_some_and(|ratio| ratio.times <= most),
        }
    }

    /// In words.
    pub fn show(self, unit: Unit) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {}", unit.show(most)),
            Self::AtLeast(least) => format!("≥ {}", unit.show(least)),
            Self::RatioAtMost(most) => format!("ratio ≤ {}", number(most)),
        }
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "median <= {most}"),
            Self::AtLeast(least) => write!(f, "median >= {least}"),
            Self::RatioAtMost(most) => write!(f, "ratio <= {most}"),
        }
    }
}

impl Serialize for Aim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
