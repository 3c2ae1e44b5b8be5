//! Tables of a run, for the terminal and for the page.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Results, goals, head, judged};
use crate::measure::Machine;
use crate::subjects::Subject;
use crate::workloads::{Plan, Sample, Shares, Workload};
use polysocket_load::stats::{median, range};

/// One sample, while a run goes on.
pub fn row(round: u32, workload: Workload, subject: Subject, sample: &Sample) -> String {
    let mut row = format!(
        "round {round}  {:<6} {:<10} {:>9.2} {}",
        workload.name(),
        subject.name(),
        sample.value,
        workload.unit()
    );
    if let Some((p50, p99)) = sample.latency {
        let _ = write!(row, "  p50 {} ms  p99 {} ms", millis(p50), millis(p99));
    }
    if let Some(shares) = sample.shares {
        let [subject, load, others] = [shares.subject, shares.load, shares.others].map(percent);
        let _ = write!(row, "  core {subject}  load {load}  others {others}");
    }
    let _ = write!(row, "  ({} operations, {} errors)", sample.operations, sample.failures.count);
    row
}

/// Everything a run found; `judged` if its figures are worth holding to the goals.
pub fn section(results: &Results, machine: &Machine, plan: &Plan, rounds: u32, judged: bool) -> String {
    let how = "subjects interleaved, fresh processes for every figure; medians, and medians of the ratios of each round";
    let mut text = head(machine, rounds, how);
    for workload in Workload::ALL {
        table(&mut text, results, workload, plan);
    }
    if judged {
        judged::goals(&mut text, &goals::judge(results));
    }
    text
}

fn table(text: &mut String, results: &Results, workload: Workload, plan: &Plan) {
    if Subject::ALL.iter().all(|subject| results.of(workload, *subject).is_empty()) {
        return;
    }
    let _ = writeln!(text, "\n### {}: {}\n", workload.name(), describe(workload, plan));
    let _ = writeln!(
        text,
        "| subject | {} | range | × baseline | × engine.io | × sockjs | p50 ms | p99 ms | its core | load's core | others | errors |",
        workload.unit()
    );
    text.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for subject in Subject::ALL {
        let samples = results.of(workload, subject);
        let Some((low, high)) = range(&results.values(workload, subject)) else { continue };
        let ratio = |to| cell(results.ratio(workload, subject, to), |ratio| format!("{ratio:.2}"));
        let used = |of: fn(Shares) -> f64| cell(median_of(samples, |sample| sample.shares.map(of)), percent);
        let _ = writeln!(
            text,
            "| {} | {} | {low:.1}–{high:.1} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            subject.name(),
            cell(results.median(workload, subject), |value| format!("{value:.1}")),
            ratio(Subject::Baseline),
            ratio(Subject::Engineio),
            ratio(Subject::Sockjs),
            cell(median_of(samples, |sample| Some(sample.latency?.0.as_secs_f64() * 1e3)), decimals),
            cell(median_of(samples, |sample| Some(sample.latency?.1.as_secs_f64() * 1e3)), decimals),
            used(|shares| shares.subject),
            used(|shares| shares.load),
            used(|shares| shares.others),
            samples.iter().map(|sample| sample.failures.count).sum::<u64>(),
        );
    }
}

fn describe(workload: Workload, plan: &Plan) -> String {
    let echo = &plan.echo;
    match workload {
        Workload::Echo | Workload::Large => format!(
            "round trips of {}-byte messages, {} sessions, {} s",
            workload.message_bytes(),
            echo.sessions,
            echo.window.as_secs_f64()
        ),
        Workload::Churn => format!(
            "create, one echo, close; {} sessions, {} at a time",
            plan.churn.sessions, plan.churn.workers
        ),
        Workload::Idle => format!("{} sessions with a parked poll", plan.idle.sessions),
    }
}

fn median_of(samples: &[Sample], value: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
    median(&samples.iter().filter_map(value).collect::<Vec<f64>>())
}

fn cell(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| "–".into(), show)
}

fn decimals(value: f64) -> String {
    format!("{value:.2}")
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn millis(duration: Duration) -> String {
    decimals(duration.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::{Churn, Echo, Idle};

    fn sample(value: f64) -> Sample {
        let shares = Some(Shares { subject: 0.5, load: 0.25, others: 0.1 });
        let latency = Some((Duration::from_millis(1), Duration::from_millis(3)));
        Sample { value, operations: 10, latency, shares, ..Sample::default() }
    }

    #[test]
    fn a_section_has_medians_ratios_and_goals() {
        let mut results = Results::default();
        for (baseline, relayd) in [(10.0, 15.0), (10.0, 16.0), (20.0, 36.0)] {
            results.add(Workload::Echo, Subject::Baseline, sample(baseline));
            results.add(Workload::Echo, Subject::Relayd, sample(relayd));
        }
        let machine = Machine { facts: vec!["a fact".into()] };
        let plan = Plan {
            echo: Echo { sessions: 64, warm_up: Duration::ZERO, window: Duration::from_secs(3) },
            churn: Churn { sessions: 1, warm_up: 1, workers: 1 },
            idle: Idle { sessions: 1, warm_up: 1 },
        };
        let text = section(&results, &machine, &plan, 3, true);
        assert!(text.contains("### echo: round trips of 64-byte messages, 64 sessions, 3 s"), "{text}");
        assert!(text.starts_with("- a fact\n- 3 rounds"), "{text}");
        assert!(
            text.contains(
                "| relayd | 16.0 | 15.0–36.0 | 1.60 | – | – | 1.00 | 3.00 | 50 % | 25 % | 10 % | 0 |"
            ),
            "{text}"
        );
        assert!(text.contains("| echo: relayd to baseline | 1.60 | 1.90 | met |"), "{text}");
        assert!(!text.contains("churn"), "{text}");
        assert!(!section(&results, &machine, &plan, 3, false).contains("Goals"));
    }
}
