//! The figures relayd is held to. A run says how it stands; only errors fail a
//! run, as times depend on the machine.

use super::Results;
use crate::subjects::Subject::{self, Baseline, Engineio, Relayd, Sockjs};
use crate::workloads::Workload;

struct Goal {
    workload: Workload,
    /// What relayd's value is divided by; nothing for an absolute limit.
    to: Option<Subject>,
    at_most: f64,
}

const GOALS: [Goal; 6] = [
    Goal { workload: Workload::Echo, to: Some(Baseline), at_most: 1.9 },
    Goal { workload: Workload::Echo, to: Some(Sockjs), at_most: 0.35 },
    Goal { workload: Workload::Large, to: Some(Engineio), at_most: 1.0 },
    Goal { workload: Workload::Churn, to: Some(Engineio), at_most: 0.15 },
    Goal { workload: Workload::Churn, to: Some(Sockjs), at_most: 0.15 },
    Goal { workload: Workload::Idle, to: None, at_most: 16.0 },
];

/// A line per goal that this run can speak about: name, measured, limit, met.
pub fn judge(results: &Results) -> Vec<(String, f64, f64, bool)> {
    let judged = GOALS.iter().filter_map(|goal| {
        let (name, measured) = match goal.to {
            Some(to) => (
                format!("{}: relayd to {}", goal.workload.name(), to.name()),
                results.ratio(goal.workload, Relayd, to)?,
            ),
            None => (
                format!("{}: relayd, {}", goal.workload.name(), goal.workload.unit()),
                results.median(goal.workload, Relayd)?,
            ),
        };
        Some((name, measured, goal.at_most, measured <= goal.at_most))
    });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::Sample;

    #[test]
    fn only_what_was_measured_is_judged() {
        let mut results = Results::default();
        let sample = |value| Sample { value, ..Sample::default() };
        results.add(Workload::Echo, Baseline, sample(10.0));
        results.add(Workload::Echo, Relayd, sample(20.0));
        results.add(Workload::Idle, Relayd, sample(15.5));
        let judged = judge(&results);
        assert_eq!(judged.len(), 2);
        assert_eq!((judged[0].1, judged[0].3), (2.0, false));
        assert_eq!((judged[1].1, judged[1].3), (15.5, true));
    }
}
