//! The table of a part.

use comfy_table::{ContentArrangement, Table, presets};

use super::Figure;

/// One row a figure: the median, the 95th percentile, of how many samples, compared with what, and whether it is as it should be.
pub fn table(figures: &[Figure]) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["figure", "on", "median", "p95", "n", "ratio", "aim", "met"]);
    for figure in figures {
        table.add_row([
            figure.what.clone(),
            figure.on.clone(),
            figure.unit.show(figure.samples.median()),
            figure.unit.show(figure.samples.percentile(95)),
            figure.samples.count().to_string(),
            ratio(figure),
            figure.aim.map_or_else(none, |aim| aim.show(figure.unit)),
            met(figure).to_owned(),
        ]);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn ratio(figure: &Figure) -> String {
    figure.ratio.as_ref().map_or_else(none, |ratio| {
        format!("{} × {}", super::unit::number(ratio.times), ratio.of)
    })
}

fn met(figure: &Figure) -> &'static str {
    match figure.is_met() {
        Some(true) => "yes",
        Some(false) => "MISSED",
        None => "-",
    }
}

fn none() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Aim, Samples, Unit};

    #[test]
    fn a_table_shows_median_spread_ratio_and_aim() {
        let samples = |values: &[f64]| Samples::new(values.to_vec()).unwrap();
        let slow = samples(&[2410.0]);
        let start = Figure::new(
            "start to first answer",
            "embedded",
            Unit::Milliseconds,
            samples(&[3.1, 2.9, 7.25]),
        )
        .against("synapse (process)", Some(&slow))
        .aiming(Aim::AtMost(20.0));
        let drills =
            Figure::new("drills", "embedded", Unit::PerMinute, samples(&[212.0, 220.0])).aiming(Aim::AtLeast(300.0));
        let invite = Figure::new(
            "knock to invite",
            "synapse (process)",
            Unit::Milliseconds,
            samples(&[130.0]),
        )
        .against("its server's answers", Some(&samples(&[100.0])))
        .aiming(Aim::RatioAtMost(1.3));
        let plain = Figure::new("resident set", "embedded", Unit::Mebibytes, samples(&[0.04]));
        insta::assert_snapshot!(table(&[start, drills, invite, plain]));
    }
}
