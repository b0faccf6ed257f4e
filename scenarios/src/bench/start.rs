//! From nothing to a homeserver that answers.

use std::time::Instant;

use async_trait::async_trait;
use harness::{
    client::Http,
    homeserver,
    step::{Failure, ensure},
};
use reqwest::Method;

use super::{Bed, Bench, Figure, Ground, Part, Samples, Unit, aim::Aim, comparison::compared, path::millis};

/// What a start may take on the embedded homeserver, in milliseconds.
const AIM: f64 = 20.0;

/// From nothing to a homeserver that answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start;

#[async_trait]
impl Bench for Start {
    fn name(&self) -> &'static str {
        "start"
    }

    fn summary(&self) -> &'static str {
        "from nothing to a homeserver that answers and has an operator"
    }

    fn part(&self) -> Part {
        Part::Homeserver
    }

    async fn measure(&self, bed: &Bed, figures: &mut Vec<Figure>) -> Result<(), Failure> {
        let mut measured = Vec::new();
        for ground in &bed.grounds {
            measured.push((ground, starts(ground).await?));
        }
        let aim = Some(Aim::AtMost(AIM));
        figures.extend(compared("start to first answer", Unit::Milliseconds, &measured, aim));
        Ok(())
    }
}

async fn starts(ground: &Ground) -> Result<Samples, Failure> {
    // The first start of a process sweeps away what dead processes left; that is not the server's.
    if ground.is_embedded() {
        start(ground).await?;
    }
    let mut samples = Vec::new();
    for _ in 0..ground.samples(30, 3) {
        samples.push(start(ground).await?);
    }
    Samples::new(samples)
}

/// Starts one, asks it, stops it; answers the milliseconds until the answer.
async fn start(ground: &Ground) -> Result<f64, Failure> {
    let folder = tempfile::tempdir()?;
    let began = Instant::now();
    let chosen = homeserver::start(homeserver::Options::new(ground.choice, folder.path())).await?;
    let http = Http::new(chosen.homeserver.base_url());
    let reply = http.send(Method::GET, "/_matrix/client/versions", None, None).await?;
    let took = millis(began.elapsed());
    ensure(reply.status == 200, || {
        format!("the first answer is HTTP {} {}", reply.status, reply.body)
    })?;
    chosen.homeserver.stop().await?;
    Ok(took)
}
