//! Medians, quantiles and ratios: pure.

use std::time::Duration;

/// The middle value, or the mean of the two in the middle. `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// Smallest and largest.
pub fn range(values: &[f64]) -> Option<(f64, f64)> {
    let low = values.iter().copied().min_by(f64::total_cmp)?;
    let high = values.iter().copied().max_by(f64::total_cmp)?;
    Some((low, high))
}

/// The median of the ratios round by round. Both values of a round were
/// measured within a minute, so what slows the machine for longer cancels out.
pub fn paired_ratio(values: &[f64], to: &[f64]) -> Option<f64> {
    let ratios: Vec<f64> = values.iter().zip(to).map(|(value, to)| value / to).collect();
    median(&ratios)
}

/// Durations of single operations.
#[derive(Debug, Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// One more.
    pub fn push(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    /// All of another's.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// The two quantiles every report has, by nearest rank.
    pub fn p50_p99(mut self) -> Option<(Duration, Duration)> {
        self.0.sort_unstable();
        Some((self.rank(50)?, self.rank(99)?))
    }

    fn rank(&self, percent: usize) -> Option<Duration> {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn ranges() {
        assert_eq!(range(&[2.0, 7.0, 1.0]), Some((1.0, 7.0)));
        assert_eq!(range(&[]), None);
    }

    #[test]
    fn a_ratio_is_of_rounds_not_of_medians() {
        // The machine was three times slower in the last round, for both.
        assert_eq!(paired_ratio(&[2.0, 2.0, 6.0], &[1.0, 1.0, 3.0]), Some(2.0));
        // Medians would say 3 / 2.
        assert_eq!(paired_ratio(&[1.0, 3.0, 4.0], &[1.0, 2.0, 4.0]), Some(1.0));
        assert_eq!(paired_ratio(&[], &[1.0]), None);
    }

    #[test]
    fn quantiles_are_samples() {
        let mut latencies = Latencies::default();
        let mut others = Latencies::default();
        for millis in 1..=60 {
            latencies.push(Duration::from_millis(millis));
        }
        for millis in (61..=100).rev() {
            others.push(Duration::from_millis(millis));
        }
        latencies.append(others);
        assert_eq!(latencies.p50_p99(), Some((Duration::from_millis(50), Duration::from_millis(99))));
        assert_eq!(Latencies::default().p50_p99(), None);
    }

    #[test]
    fn one_latency_is_every_quantile() {
        let second = Duration::from_secs(1);
        assert_eq!(Latencies(vec![second]).p50_p99(), Some((second, second)));
    }
}
