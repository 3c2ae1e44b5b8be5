//! The figures relayd is held to.

use super::{Judged, Results};
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

/// Those that this run can speak about.
pub fn judge(results: &Results) -> Vec<Judged> {
    let judged = GOALS.iter().filter_map(|goal| {
        let workload = goal.workload;
        let (figure, measured) = match goal.to {
            Some(to) => {
                (format!("{}: relayd to {}", workload.name(), to.name()), results.ratio(workload, Relayd, to))
            }
            None => (
                format!("{}: relayd, {}", workload.name(), workload.unit()),
                results.median(workload, Relayd),
            ),
        };
        Judged::new(figure, measured, goal.at_most)
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
        assert_eq!((judged[0].measured, judged[0].is_met()), (2.0, false));
        assert_eq!((judged[1].measured, judged[1].is_met()), (15.5, true));
    }
}
