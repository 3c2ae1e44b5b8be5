//! Metrics: how one is made, and their documentation from what was made.
//!
//! There is no global registry: every process part is given one, so that several nodes can live in one test.
//! Label values come from fixed lists, never from outside.

use std::fmt::Write;

use prometheus::{Encoder, HistogramOpts, Opts, TextEncoder, core::Collector};
pub use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, Registry};

/// Makes metrics and registers them. Panics on a name that is taken: that is a mistake of ours, found by any test.
#[derive(Debug, Clone, Copy)]
pub struct Maker<'a>(pub &'a Registry);

impl Maker<'_> {
    fn register<C: Collector + Clone + 'static>(self, made: prometheus::Result<C>) -> C {
        let metric = made.expect("a valid metric");
        self.0.register(Box::new(metric.clone())).expect("a metric name that is not taken");
        metric
    }

    /// What only grows.
    pub fn counter(self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::new(name, help))
    }

    /// What only grows, by a label whose values are known.
    pub fn counters(self, name: &str, help: &str, label: &str, values: &[&str]) -> IntCounterVec {
        let counters = self.register(IntCounterVec::new(Opts::new(name, help), &[label]));
        for value in values {
            // Made now, it is scraped from the start, as zero.
            counters.with_label_values(&[value]);
        }
        counters
    }

    /// What goes up and down.
    pub fn gauge(self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::new(name, help))
    }

    /// How long or how much, in `buckets`.
    pub fn histogram(self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        self.register(Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())))
    }
}

/// The text that scrapers read.
pub fn render(registry: &Registry) -> Vec<u8> {
    let mut out = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&registry.gather(), &mut out) {
        tracing::error!(%error, "metrics could not be written");
    }
    out
}

/// A table of all metrics, for `docs/METRICS.md`.
pub fn describe(registry: &Registry) -> String {
    let mut out = String::from("| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n");
    for family in registry.gather() {
        if family.name().starts_with("process_") {
            continue;
        }
        let kind = format!("{:?}", family.get_field_type()).to_lowercase();
        let mut labels = String::new();
        for metric in family.get_metric() {
            for pair in metric.get_label() {
                if labels.is_empty() {
                    let _ = write!(labels, "`{}`:", pair.name());
                }
                let _ = write!(labels, " {}", pair.value());
            }
        }
        let _ = writeln!(out, "| `{}` | {kind} | {labels} | {} |", family.name(), family.help());
    }
    out
}
