//! What a part of the product counts, when it runs in the test's own process.

use prometheus::Registry;

/// The value of a counter or a gauge: the first of this name that has a label with this value, or the first at all where
/// none is given. Gauges and counters are whole here.
///
/// # Panics
/// When there is no such metric.
pub fn metric(registry: &Registry, name: &str, label: &str) -> i64 {
    let families = registry.gather();
    let family = families.iter().find(|family| family.name() == name).unwrap_or_else(|| panic!("{name}"));
    let metric = family
        .get_metric()
        .iter()
        .find(|metric| label.is_empty() || metric.get_label().iter().any(|pair| pair.value() == label));
    let metric = metric.unwrap_or_else(|| panic!("{name} {label}"));
    #[allow(clippy::cast_possible_truncation, reason = "they are whole and small")]
    let value = (metric.get_counter().get_value() + metric.get_gauge().get_value()) as i64;
    value
}

#[cfg(test)]
mod tests {
    use prometheus::{IntCounterVec, IntGauge, Opts};

    use super::*;

    #[test]
    fn by_name_and_label() {
        let registry = Registry::new();
        let counters = IntCounterVec::new(Opts::new("things", "Things"), &["kind"]).expect("a counter");
        let gauge = IntGauge::new("now", "Now").expect("a gauge");
        counters.with_label_values(&["good"]).inc_by(3);
        counters.with_label_values(&["bad"]).inc();
        gauge.set(-2);
        registry.register(Box::new(counters)).expect("registers");
        registry.register(Box::new(gauge)).expect("registers");
        assert_eq!(["good", "bad"].map(|kind| metric(&registry, "things", kind)), [3, 1]);
        assert_eq!(metric(&registry, "now", ""), -2);
    }
}
