//! The figures that a run is held to, and what stands above its tables. A run says how it stands; only errors fail it, as
//! times depend on the machine.

use std::fmt::Write as _;

use crate::measure::Machine;

/// A figure and its limit.
pub struct Judged {
    pub figure: String,
    pub measured: f64,
    pub at_most: f64,
}

impl Judged {
    /// None of what was not measured.
    pub fn new(figure: impl Into<String>, measured: Option<f64>, at_most: f64) -> Option<Self> {
        Some(Self { figure: figure.into(), measured: measured?, at_most })
    }

    pub fn is_met(&self) -> bool {
        self.measured <= self.at_most
    }
}

/// The table of them; nothing of none.
pub fn goals(text: &mut String, judged: &[Judged]) {
    if judged.is_empty() {
        return;
    }
    text.push_str("\n### Goals\n\n| figure | measured | at most | |\n| --- | ---: | ---: | --- |\n");
    for goal in judged {
        let met = if goal.is_met() { "met" } else { "missed" };
        let _ = writeln!(text, "| {} | {:.2} | {:.2} | {met} |", goal.figure, goal.measured, goal.at_most);
    }
}

/// What the machine is, and how often was measured.
pub fn head(machine: &Machine, rounds: u32, how: &str) -> String {
    let mut text = String::new();
    for fact in &machine.facts {
        let _ = writeln!(text, "- {fact}");
    }
    let _ = writeln!(text, "- {rounds} rounds, {how}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_kept_and_shown() {
        let judged: Vec<_> = [("a", 1.9), ("b", 1.91), ("c", 20.0)]
            .into_iter()
            .filter_map(|(figure, measured)| Judged::new(figure, Some(measured), 1.9))
            .chain(Judged::new("not measured", None, 1.0))
            .collect();
        let mut text = String::new();
        goals(&mut text, &judged);
        assert!(text.ends_with(
            "| a | 1.90 | 1.90 | met |\n| b | 1.91 | 1.90 | missed |\n| c | 20.00 | 1.90 | missed |\n"
        ));
        let mut none = String::new();
        goals(&mut none, &[]);
        assert_eq!(none, "");
    }
}
