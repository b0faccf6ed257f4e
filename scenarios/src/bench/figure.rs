//! One figure of the table.

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Aim, Samples, Unit};

/// What was measured, with what it is compared and what it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What it is, for example `start to first answer`.
    pub what: String,
    /// On which homeserver.
    pub on: String,
    /// In what it is measured.
    pub unit: Unit,
    /// The measurements.
    pub samples: Samples,
    /// How it compares with something measured in the same run.
    pub ratio: Option<Ratio>,
    /// What it should be.
    pub aim: Option<Aim>,
}

/// A figure as a multiple of something measured in the same run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// How many times as much.
    pub times: f64,
    /// As what.
    pub of: String,
}

impl Figure {
    /// A figure that is compared with nothing yet.
    pub fn new(what: impl Into<String>, on: impl Into<String>, unit: Unit, samples: Samples) -> Self {
        Self {
            what: what.into(),
            on: on.into(),
            unit,
            samples,
            ratio: None,
            aim: None,
        }
    }

    /// Compared with other samples of the same unit; `of` says what those are. Without them it stays as it is.
    #[must_use]
    pub fn against(mut self, of: impl Into<String>, other: Option<&Samples>) -> Self {
        let times = other.and_then(|other| self.samples.times(other));
        if let Some(times) = times {
            self.ratio = Some(Ratio { times, of: of.into() });
        }
        self
    }

    /// With an aim.
    #[must_use]
    pub fn aiming(mut self, aim: Aim) -> Self {
        self.aim = Some(aim);
        self
    }

    /// Whether its aim is met; `None` without one.
    pub fn is_met(&self) -> Option<bool> {
        self.aim.map(|aim| aim.is_met(self))
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Figure", 9)?;
        object.serialize_field("what", &self.what)?;
        object.serialize_field("on", &self.on)?;
        object.serialize_field("unit", &self.unit)?;
        object.serialize_field("median", &self.samples.median())?;
        object.serialize_field("p95", &self.samples.percentile(95))?;
        object.serialize_field("samples", &self.samples)?;
        object.serialize_field("ratio", &self.ratio)?;
        object.serialize_field("aim", &self.aim)?;
        object.serialize_field("met", &self.is_met())?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(values: &[f64]) -> Figure {
        Figure::new("a", "b", Unit::Milliseconds, Samples::new(values.to_vec()).unwrap())
    }

    #[test]
    fn an_aim_looks_at_the_median_or_at_the_ratio() {
        let figure = figure(&[10.0, 20.0, 90.0]);
        assert_eq!(figure.is_met(), None);
        assert_eq!(figure.clone().aiming(Aim::AtMost(20.0)).is_met(), Some(true));
        assert_eq!(figure.clone().aiming(Aim::AtMost(19.9)).is_met(), Some(false));
        assert_eq!(figure.clone().aiming(Aim::AtLeast(20.0)).is_met(), Some(true));
        assert_eq!(figure.clone().aiming(Aim::AtLeast(20.1)).is_met(), Some(false));
        let other = Samples::new(vec![16.0]).unwrap();
        let compared = figure.against("the other", Some(&other));
        assert_eq!(compared.clone().aiming(Aim::RatioAtMost(1.25)).is_met(), Some(true));
        assert_eq!(compared.aiming(Aim::RatioAtMost(1.24)).is_met(), Some(false));
    }

    #[test]
    fn an_aim_about_a_ratio_that_could_not_be_had_is_missed() {
        let alone = figure(&[1.0]).against("nobody", None).aiming(Aim::RatioAtMost(1.3));
        assert_eq!(alone.ratio, None);
        assert_eq!(alone.is_met(), Some(false));
        let nothing = Samples::new(vec![0.0]).unwrap();
        assert_eq!(figure(&[1.0]).against("nothing", Some(&nothing)).ratio, None);
    }
}
