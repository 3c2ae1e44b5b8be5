//! Rows and the table of a run, and the figures the hub is held to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::Crowd::{self, Reading, WithOne};
use super::options::Plan;
use super::window::Sample;
use crate::measure::Machine;
use crate::report::{Judged, goals, head};
use polysocket_load::stats::{median, paired_ratio, range};

const P99_AT_MOST: f64 = 1.10;
/// `socket.queue_bytes_max`, one message on top of it, and what an allocator adds.
const GROWTH_KIB_AT_MOST: f64 = 2048.0;

#[derive(Default)]
pub struct Results(BTreeMap<Crowd, Vec<Sample>>);

impl Results {
    pub fn add(&mut self, crowd: Crowd, sample: Sample) {
        self.0.entry(crowd).or_default().push(sample);
    }

    fn values(&self, crowd: Crowd, of: fn(&Sample) -> f64) -> Vec<f64> {
        self.0.get(&crowd).map_or_else(Vec::new, |samples| samples.iter().map(of).collect())
    }

    fn ratio(&self, of: fn(&Sample) -> f64) -> Option<f64> {
        paired_ratio(&self.values(WithOne, of), &self.values(Reading, of))
    }

    fn growth(&self) -> Option<f64> {
        let growth = |crowd| self.values(crowd, |sample| sample.growth_kib);
        let more: Vec<f64> =
            growth(WithOne).iter().zip(growth(Reading)).map(|(with, without)| with - without).collect();
        median(&more)
    }
}

fn p99(sample: &Sample) -> f64 {
    sample.p99_ms
}

/// One sample, while a run goes on.
pub fn row(round: u32, crowd: Crowd, sample: &Sample) -> String {
    let ended = sample
        .ended_after
        .map_or_else(String::new, |after| format!("  1008 slow consumer after {:.1} s", after.as_secs_f64()));
    format!(
        "round {round}  {:<10}  p50 {:.2} ms  p99 {:.2} ms  {:.2} µs CPU per delivery  memory +{:.0} KiB  others {:.0} %{ended}",
        crowd.name(),
        sample.p50_ms,
        sample.p99_ms,
        sample.cpu_micros,
        sample.growth_kib,
        sample.others * 100.0
    )
}

/// Everything a run found; `judged` if its figures are worth holding to the goals.
pub fn section(results: &Results, machine: &Machine, plan: &Plan, rounds: u32, judged: bool) -> String {
    let how = "with and without interleaved, a fresh process for each; medians, and the median of the ratios of each round";
    let mut text = head(machine, rounds, how);
    let _ = writeln!(
        text,
        "\n### stalled: {} messages of {} KiB, one every {} ms, to {} subscribers\n",
        plan.messages,
        plan.message_bytes / 1024,
        plan.every.as_millis(),
        plan.subscribers
    );
    text.push_str(
        "| subscribers | p50 ms | p99 ms | range | × all read | µs CPU per delivery | memory, KiB | 1008 after, s | others |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for crowd in Crowd::ALL {
        let Some((low, high)) = range(&results.values(crowd, p99)) else { continue };
        let of = |value: fn(&Sample) -> f64| median(&results.values(crowd, value)).unwrap_or_default();
        let ratio = if crowd == Reading { Some(1.0) } else { results.ratio(p99) };
        let ended = of(|sample| sample.ended_after.unwrap_or(Duration::ZERO).as_secs_f64());
        let _ = writeln!(
            text,
            "| {} | {:.2} | {:.2} | {low:.2}–{high:.2} | {:.2} | {:.2} | +{:.0} | {} | {:.0} % |",
            crowd.name(),
            of(|sample| sample.p50_ms),
            of(p99),
            ratio.unwrap_or_default(),
            of(|sample| sample.cpu_micros),
            of(|sample| sample.growth_kib),
            if crowd == Reading { "–".to_owned() } else { format!("{ended:.1}") },
            of(|sample| sample.others) * 100.0,
        );
    }
    if judged {
        let growth = "KiB of memory for the one who stalls";
        let judged = [
            Judged::new("p99 of the others, one stalls to all read", results.ratio(p99), P99_AT_MOST),
            Judged::new(growth, results.growth(), GROWTH_KIB_AT_MOST),
        ];
        goals(&mut text, &judged.into_iter().flatten().collect::<Vec<_>>());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_rounds_and_goals_are_judged() {
        let mut results = Results::default();
        for (with, without) in [(10.0, 10.0), (21.0, 20.0), (24.0, 20.0)] {
            results.add(Reading, Sample { p99_ms: without, growth_kib: 100.0, ..Sample::default() });
            let ended_after = Some(Duration::from_secs(7));
            results
                .add(WithOne, Sample { p99_ms: with, growth_kib: 5000.0, ended_after, ..Sample::default() });
        }
        let machine = Machine { facts: vec!["a fact".into()] };
        let plan = Plan {
            subscribers: 1000,
            message_bytes: 16 * 1024,
            every: Duration::from_millis(40),
            warm_up: 1,
            messages: 500,
        };
        let text = section(&results, &machine, &plan, 3, true);
        assert!(text.contains("| one stalls | 0.00 | 21.00 | 10.00–24.00 | 1.05 |"), "{text}");
        assert!(text.contains("| p99 of the others, one stalls to all read | 1.05 | 1.10 | met |"), "{text}");
        assert!(
            text.contains("| KiB of memory for the one who stalls | 4900.00 | 2048.00 | missed |"),
            "{text}"
        );
        assert!(!section(&results, &machine, &plan, 3, false).contains("Goals"));
    }
}
