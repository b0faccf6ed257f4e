//! The same measured on several homeservers.

use super::{Aim, Figure, Ground, Samples, Unit};

/// A figure for each homeserver, compared with the one that takes most; `aim` is for the embedded one.
pub(super) fn compared(what: &str, unit: Unit, measured: &[(&Ground, Samples)], aim: Option<Aim>) -> Vec<Figure> {
    let most = measured
        .iter()
        .max_by(|(_, one), (_, other)| one.median().total_cmp(&other.median()));
    let figure = |(ground, samples): &(&Ground, Samples)| {
        let mut figure = Figure::new(what, &ground.name, unit, samples.clone());
        if let Some((other, most)) = most.filter(|(other, _)| other.name != ground.name) {
            figure = figure.against(&other.name, Some(most));
        }
        match aim {
            Some(aim) if ground.is_embedded() => figure.aiming(aim),
            _ => figure,
        }
    };
    measured.iter().map(figure).collect()
}
