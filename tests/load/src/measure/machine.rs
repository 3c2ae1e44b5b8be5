//! The facts a reader needs to place a figure.

use std::path::Path;
use std::process::Command;

use super::Cores;

pub struct Machine {
    /// Lines for a list.
    pub facts: Vec<String>,
}

impl Machine {
    /// Reads what it can; what it cannot read it calls unknown.
    pub fn read(cores: Cores, open_files: u64, node_modules: &Path) -> Self {
        let sharing =
            if cores.subject == cores.load { " (**the same: do not trust the figures**)" } else { "" };
        let packages: Vec<String> = ["engine.io", "sockjs", "ws", "socket.io"]
            .iter()
            .map(|name| format!("{name} {}", package_version(node_modules, name)))
            .collect();
        let (processors, model) =
            parse_cpu_info(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default());
        let facts = vec![
            format!("{processors} cores of {model}, Linux {}", kernel()),
            format!(
                "the subject alone on core {}, generator and upstream on core {}{sharing}",
                cores.subject, cores.load
            ),
            format!("at most {open_files} open files per process"),
            format!("Node {}, {}", node_version(), packages.join(", ")),
        ];
        Self { facts }
    }
}

fn unknown() -> String {
    "unknown".into()
}

fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or_else(|_| unknown(), |text| text.trim().into())
}

/// How many processors the machine has, and the model of the first.
fn parse_cpu_info(cpuinfo: &str) -> (usize, String) {
    let processors = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let model =
        model.and_then(|line| line.split_once(':')).map_or_else(unknown, |(_, model)| model.trim().into());
    (processors, model)
}

fn node_version() -> String {
    let output = Command::new("node").arg("--version").output();
    output
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(unknown, |text| text.trim().into())
}

fn package_version(node_modules: &Path, name: &str) -> String {
    let text = std::fs::read_to_string(node_modules.join(name).join("package.json")).unwrap_or_default();
    let package: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    package.and_then(|package| package["version"].as_str().map(str::to_owned)).unwrap_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_and_which() {
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\nmodel name\t: other\n";
        assert_eq!(parse_cpu_info(cpuinfo), (2, "AMD EPYC".into()));
        assert_eq!(parse_cpu_info(""), (0, "unknown".into()));
    }

    #[test]
    fn what_is_not_installed_is_unknown() {
        assert_eq!(package_version(Path::new("/nonexistent"), "ws"), "unknown");
    }
}
