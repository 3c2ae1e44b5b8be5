//! The outcome of one workload on one subject in one round.

use std::time::Duration;

use super::meter::Shares;
use crate::error::Error;

#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// In the unit of the workload.
    pub value: f64,
    /// Round trips or sessions it was measured over.
    pub operations: u64,
    /// Median and 99th percentile of one operation.
    pub latency: Option<(Duration, Duration)>,
    pub shares: Option<Shares>,
    pub failures: Failures,
}

/// Sessions that did not do what they should.
#[derive(Debug, Clone, Default)]
pub struct Failures {
    pub count: u64,
    pub first: Option<String>,
}

impl Failures {
    pub fn add(&mut self, error: &Error) {
        self.count += 1;
        self.first.get_or_insert_with(|| error.to_string());
    }

    pub fn append(&mut self, other: &Self) {
        self.count += other.count;
        if self.first.is_none() {
            self.first.clone_from(&other.first);
        }
    }
}

/// `total` divided among `operations`, in µs.
pub fn micros_each(total: Duration, operations: u64) -> f64 {
    // Exact up to 2^53 ns (104 days) and as many operations.
    #[allow(clippy::cast_precision_loss)]
    let each = total.as_secs_f64() * 1e6 / operations as f64;
    each
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_shared_among_the_operations() {
        assert!((micros_each(Duration::from_millis(30), 1000) - 30.0).abs() < 1e-9);
    }

    #[test]
    fn the_first_failure_is_kept() {
        let mut failures = Failures::default();
        failures.add(&Error::Answer("one".into()));
        let mut others = Failures::default();
        others.add(&Error::Answer("two".into()));
        failures.append(&others);
        assert_eq!(failures.count, 2);
        assert!(failures.first.is_some_and(|text| text.ends_with("one")));
    }
}
