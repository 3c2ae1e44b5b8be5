//! Rows and tables of a run, and the figures the hub is held to.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Sample;
use super::options::Plan;
use super::subject::Subject::{self, Floor, Hub, Socketio, Ws};
use crate::measure::Machine;
use crate::report::{Judged, goals, head};
use polysocket_load::stats::{median, paired_ratio, range};

const WS_AT_MOST: f64 = 0.5;
const SOCKETIO_AT_MOST: f64 = 1.0 / 3.0;
const IDLE_KIB_AT_MOST: f64 = 12.0;

#[derive(Default)]
pub struct Results(BTreeMap<Subject, Vec<Sample>>);

impl Results {
    pub fn add(&mut self, subject: Subject, sample: Sample) {
        self.0.entry(subject).or_default().push(sample);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn values(&self, subject: Subject, of: fn(&Sample) -> f64) -> Vec<f64> {
        self.0.get(&subject).map_or_else(Vec::new, |samples| samples.iter().map(of).collect())
    }

    fn ratio(&self, subject: Subject, to: Subject, of: fn(&Sample) -> f64) -> Option<f64> {
        paired_ratio(&self.values(subject, of), &self.values(to, of))
    }

    /// Those goals that this run can speak about.
    fn judge(&self) -> Vec<Judged> {
        let idle = median(&self.values(Hub, idle));
        let goals = [
            Judged::new("CPU per delivery: hub to ws", self.ratio(Hub, Ws, cpu), WS_AT_MOST),
            Judged::new(
                "CPU per delivery: hub to socket.io",
                self.ratio(Hub, Socketio, cpu),
                SOCKETIO_AT_MOST,
            ),
            Judged::new("KiB Pss per idle subscriber: hub", idle, IDLE_KIB_AT_MOST),
        ];
        goals.into_iter().flatten().collect()
    }
}

fn cpu(sample: &Sample) -> f64 {
    sample.broadcast.cpu_micros
}

fn idle(sample: &Sample) -> f64 {
    sample.idle_kib
}

/// One sample, while a run goes on.
pub fn row(round: u32, subject: Subject, sample: &Sample) -> String {
    let told = sample.broadcast;
    format!(
        "round {round}  {:<10} {:>6.2} µs CPU per delivery  {:>8.0} deliveries/s  p50 {:.1} ms  p99 {:.1} ms  \
         others {:.0} %  {:>5.1} KiB Pss per idle subscriber",
        subject.name(),
        told.cpu_micros,
        told.per_second,
        told.p50_ms,
        told.p99_ms,
        told.others * 100.0,
        sample.idle_kib
    )
}

/// Everything a run found; `judged` if its figures are worth holding to the goals.
pub fn section(results: &Results, machine: &Machine, plan: &Plan, rounds: u32, judged: bool) -> String {
    let how = "subjects interleaved, fresh processes for every figure; medians, and medians of the ratios of each round";
    let mut text = head(machine, rounds, how);
    let _ = writeln!(
        text,
        "\n### fanout: one 64-byte message to {} subscribers for {} s; {} idle ones\n",
        plan.subscribers,
        plan.window.as_secs_f64(),
        plan.idle
    );
    text.push_str(
        "| subject | µs CPU per delivery | range | × floor | × ws | × socket.io | deliveries/s | p50 ms | p99 ms | others \
         | KiB Pss per idle one |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for subject in Subject::ALL {
        let Some((low, high)) = range(&results.values(subject, cpu)) else { continue };
        let of = |value: fn(&Sample) -> f64| median(&results.values(subject, value)).unwrap_or_default();
        let ratio =
            |to| results.ratio(subject, to, cpu).map_or_else(|| "–".into(), |ratio| format!("{ratio:.2}"));
        let _ = writeln!(
            text,
            "| {} | {:.2} | {low:.2}–{high:.2} | {} | {} | {} | {:.0} | {:.2} | {:.2} | {:.0} % | {:.1} |",
            subject.name(),
            of(cpu),
            ratio(Floor),
            ratio(Ws),
            ratio(Socketio),
            of(|sample| sample.broadcast.per_second),
            of(|sample| sample.broadcast.p50_ms),
            of(|sample| sample.broadcast.p99_ms),
            of(|sample| sample.broadcast.others) * 100.0,
            of(idle),
        );
    }
    if judged {
        goals(&mut text, &results.judge());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fanout::broadcast::Broadcast;

    #[test]
    fn ratios_are_of_rounds_and_goals_are_judged() {
        let mut results = Results::default();
        let sample = |cpu_micros, idle_kib| {
            let broadcast = Broadcast { cpu_micros, ..Broadcast::default() };
            Sample { broadcast, idle_kib }
        };
        for (hub, ws) in [(2.0, 5.0), (2.0, 8.0), (4.0, 10.0)] {
            results.add(Hub, sample(hub, 13.0));
            results.add(Ws, sample(ws, 20.0));
        }
        let machine = Machine { facts: vec!["a fact".into()] };
        let plan = Plan {
            subscribers: 1000,
            warm_up: Duration::ZERO,
            window: Duration::from_secs(5),
            idle: 9000,
            idle_warm_up: 1,
        };
        let text = section(&results, &machine, &plan, 3, true);
        assert!(text.contains("| hub | 2.00 | 2.00–4.00 | – | 0.40 | – |"), "{text}");
        assert!(text.contains("| CPU per delivery: hub to ws | 0.40 | 0.50 | met |"), "{text}");
        assert!(text.contains("| KiB Pss per idle subscriber: hub | 13.00 | 12.00 | missed |"), "{text}");
        assert!(!text.contains("| CPU per delivery: hub to socket.io"), "{text}");
        assert!(!section(&results, &machine, &plan, 3, false).contains("Goals"));
    }
}
