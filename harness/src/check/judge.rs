use std::{fmt, sync::Arc};

use super::{Evidence, Finding, Need, Verdict, continuity, end, fired, harm, member, once, operator, secrecy, tokens};
use crate::history::Record;

/// One thing that must hold after a drill: a name, what it needs of the bot's contract, and a pure function of the history.
#[derive(Clone)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// What must hold, in one line.
    pub summary: String,
    /// What the bot's contract must be able to show; else the check is not applicable.
    pub needs: Vec<Need>,
    judge: Arc<Judge>,
}

type Judge = dyn Fn(&Evidence) -> Finding + Send + Sync;

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Check {
    /// A check of one's own.
    ///
    /// ```
    /// use knockproof_harness::check::{Check, Checks, Finding};
    ///
    /// let mut checks = Checks::standard();
    /// checks.add(Check::new("few-requests", "the bot asks for little", &[], |evidence| {
    ///     match evidence.exchanges.len() {
    ///         few @ 0..1000 => Finding::holds("few-requests", format!("{few} requests")),
    ///         many => Finding::broken("few-requests", format!("{many} requests")),
    ///     }
    /// }));
    /// assert!(checks.iter().any(|check| check.name == "few-requests"));
    /// ```
    pub fn new(
        name: &str,
        summary: &str,
        needs: &[Need],
        judge: impl Fn(&Evidence) -> Finding + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            summary: summary.to_owned(),
            needs: needs.to_vec(),
            judge: Arc::new(judge),
        }
    }

    /// Judges a history that was laid out.
    pub fn judge(&self, evidence: &Evidence) -> Finding {
        let lacks = |need: &&Need| evidence.subject.lacks.contains(need);
        match self.needs.iter().find(lacks) {
            Some(need) => Finding::not_applicable(&self.name, need.missing()),
            None => (self.judge)(evidence),
        }
    }
}

/// The checks of a drill. Whoever tests a bot may add to them.
#[derive(Clone, Debug)]
pub struct Checks(Vec<Check>);

impl Checks {
    /// Every check of the harness, in the order in which they are listed to people.
    pub fn standard() -> Self {
        let mut all = Vec::new();
        all.extend(continuity::checks());
        all.extend(member::checks());
        all.extend(harm::checks());
        all.extend(once::checks());
        all.extend(secrecy::checks());
        all.extend(tokens::checks());
        all.extend(end::checks());
        all.extend(operator::checks());
        all.extend(fired::checks());
        Self(all)
    }

    /// Adds one. It takes the place of one of the same name.
    pub fn add(&mut self, check: Check) {
        match self.0.iter_mut().find(|known| known.name == check.name) {
            Some(known) => *known = check,
            None => self.0.push(check),
        }
    }

    /// Takes one away; answers whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|check| check.name != name);
        self.0.len() < before
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Check> {
        self.0.iter()
    }

    /// Judges a history by all of them.
    pub fn judge(&self, record: Record) -> Vec<Finding> {
        self.judge_each(&Evidence::each(record))
    }

    /// Judges a history that was laid out for [each fault](Evidence::each): a check holds when it does after all of them.
    pub fn judge_each(&self, evidence: &[Evidence]) -> Vec<Finding> {
        let judged = |check: &Check| {
            let mut findings: Vec<Finding> = evidence
                .iter()
                .map(|evidence| after(evidence, check.judge(evidence)))
                .collect();
            let broken = findings.iter().position(|finding| finding.verdict == Verdict::Broken);
            let told = broken.or_else(|| findings.len().checked_sub(1));
            told.map(|place| findings.swap_remove(place))
        };
        self.0.iter().filter_map(judged).collect()
    }
}

/// What a check found, with the fault that it is about where there were several.
fn after(evidence: &Evidence, mut finding: Finding) -> Finding {
    if let Some(breakage) = evidence.breakage.as_ref().filter(|_| evidence.schedule.len() > 1) {
        finding.evidence = format!("after {}: {}", breakage.fault, finding.evidence);
    }
    finding
}

/// Shorthand: every check of the harness.
pub fn all() -> Vec<Check> {
    Checks::standard().0
}

/// Shorthand for tables of checks.
pub(super) fn check(name: &str, summary: &str, needs: &[Need], judge: fn(&Evidence) -> Finding) -> Check {
    Check::new(name, summary, needs, judge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_can_be_added_replaced_and_removed() {
        let mut checks = Checks::standard();
        let standard = checks.iter().count();
        let own = |says: &'static str| Check::new("own", "", &[], move |_| Finding::broken("own", says));
        checks.add(own("first"));
        checks.add(own("second"));
        assert_eq!(checks.iter().count(), standard + 1);
        let findings = checks.judge(Record::default());
        let found = findings.iter().find(|finding| finding.check == "own").unwrap();
        assert_eq!(found.evidence, "second");
        assert!(checks.remove("own") && !checks.remove("own"));
    }

    #[test]
    fn a_check_that_needs_what_the_contract_lacks_is_not_applicable() {
        let check = Check::new("own", "", &[Need::Encryption], |_| Finding::holds("own", "yes"));
        let mut evidence = Evidence::of(Record::default());
        assert_eq!(check.judge(&evidence).evidence, "yes");
        evidence.subject.lacks.push(Need::Encryption);
        let finding = check.judge(&evidence);
        assert_eq!(finding.verdict, Verdict::NotApplicable);
        assert!(finding.evidence.starts_with("not applicable, because"), "{finding:?}");
    }
}
