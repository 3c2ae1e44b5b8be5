//! Every sample of a run, and what follows from them.

use std::collections::BTreeMap;

use crate::subjects::Subject;
use crate::workloads::{Failures, Sample, Workload};
use polysocket_load::stats::{median, paired_ratio};

#[derive(Default)]
pub struct Results {
    samples: BTreeMap<(Workload, Subject), Vec<Sample>>,
}

impl Results {
    pub fn add(&mut self, workload: Workload, subject: Subject, sample: Sample) {
        self.samples.entry((workload, subject)).or_default().push(sample);
    }

    /// One per round; empty when the subject was not measured.
    pub fn of(&self, workload: Workload, subject: Subject) -> &[Sample] {
        self.samples.get(&(workload, subject)).map_or(&[], Vec::as_slice)
    }

    pub fn values(&self, workload: Workload, subject: Subject) -> Vec<f64> {
        self.of(workload, subject).iter().map(|sample| sample.value).collect()
    }

    pub fn median(&self, workload: Workload, subject: Subject) -> Option<f64> {
        median(&self.values(workload, subject))
    }

    /// `subject` to `other`, round by round.
    pub fn ratio(&self, workload: Workload, subject: Subject, other: Subject) -> Option<f64> {
        paired_ratio(&self.values(workload, subject), &self.values(workload, other))
    }

    pub fn failures(&self) -> Failures {
        let mut all = Failures::default();
        for sample in self.samples.values().flatten() {
            all.append(&sample.failures);
        }
        all
    }
}
