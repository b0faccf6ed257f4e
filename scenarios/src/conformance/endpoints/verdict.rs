//! Judges the embedded homeserver's answers by those of a real one.

use std::{collections::BTreeMap, fmt};

use harness::homeserver::Flavor;
use serde_json::{Value, json};

use super::{
    ask::{Replies, Reply},
    wanted::{unsteady, wanted},
};

/// What became of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The same answer.
    Same,
    /// Another one, which is meant.
    Wanted(&'static str),
    /// The real server failed, or answered now so and now otherwise: listed, not copied.
    NotCopied,
    /// The embedded homeserver does not have the endpoint, and the real one has.
    NotThere,
    /// Another answer, which is not meant.
    Differs,
}

/// One case of one endpoint, judged.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The endpoint.
    pub endpoint: String,
    /// The case.
    pub case: String,
    /// What became of it.
    pub verdict: Verdict,
    /// What the real server answered.
    pub recorded: Reply,
    /// What the embedded one answered.
    pub given: Reply,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}/{}", self.endpoint, self.case)?;
        writeln!(f, "  recorded {} {}", self.recorded.status, self.recorded.body)?;
        write!(f, "  embedded {} {}", self.given.status, self.given.body)
    }
}

/// Judges every case that was recorded or given.
pub fn findings(flavor: Flavor, recorded: &Replies, given: &Replies) -> Vec<Finding> {
    let none = BTreeMap::new();
    let mut all = Vec::new();
    for (endpoint, replies) in given {
        let known = recorded.get(endpoint).unwrap_or(&none);
        for (case, reply) in replies {
            let Some(real) = known.get(case) else { continue };
            all.push(Finding {
                endpoint: endpoint.clone(),
                case: case.clone(),
                verdict: judge(flavor, (endpoint, case), real, reply),
                recorded: real.clone(),
                given: reply.clone(),
            });
        }
    }
    all
}

fn judge(flavor: Flavor, (endpoint, case): (&str, &str), recorded: &Reply, given: &Reply) -> Verdict {
    let missing = matches!(given.status, 404 | 405) && given.body["errcode"] == "M_UNRECOGNIZED";
    if recorded.body == not_copied() {
        Verdict::NotCopied
    } else if recorded == given {
        Verdict::Same
    } else if let Some(reason) = wanted(flavor, endpoint, case) {
        Verdict::Wanted(reason)
    } else if missing {
        Verdict::NotThere
    } else {
        Verdict::Differs
    }
}

/// A real server's answer as it is kept: what is a failure of the server, or unsteady, is listed and not copied.
pub fn kept(flavor: Flavor, endpoint: &str, case: &str, reply: &Reply) -> Reply {
    if unsteady(flavor, endpoint, case) {
        return Reply {
            status: 0,
            body: not_copied(),
        };
    }
    // A limit that was met is a matter of what was asked before.
    if reply.status >= 500 || reply.status == 429 {
        return Reply {
            status: reply.status,
            body: not_copied(),
        };
    }
    reply.clone()
}

fn not_copied() -> Value {
    json!("not copied")
}
