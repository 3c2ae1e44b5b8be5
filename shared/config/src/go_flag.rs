//! Flags as Go's `flag` has them, for commands that stand in for programs written in Go.

/// A flag of a command line: `-x`, `--x`, `-x=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoFlag {
    /// Without its dashes. Empty, or begun by a dash or `=`, if that is what was written.
    pub name: String,
    /// What stands behind `=`.
    pub value: Option<String>,
}

impl GoFlag {
    /// Reads an argument; none if it is no flag.
    pub fn read(argument: &str) -> Option<Self> {
        let flag = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'))?;
        Some(match flag.split_once('=') {
            Some((name, value)) => Self { name: name.to_owned(), value: Some(value.to_owned()) },
            None => Self { name: flag.to_owned(), value: None },
        })
    }

    /// The value: its own, or the next argument; none if there is none.
    pub fn value_or_next(&mut self, rest: &mut impl Iterator<Item = String>) -> Option<String> {
        self.value.take().or_else(|| rest.next())
    }

    /// Whether a switch is on, in the words of Go's `strconv.ParseBool`; without a value it is. `Err` has another word.
    pub fn is_on(&self) -> Result<bool, &str> {
        match self.value.as_deref() {
            None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
            Some(other) => Err(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_and_values() {
        for (argument, name, value) in [
            ("-x", "x", None),
            ("--x", "x", None),
            ("-x=1=2", "x", Some("1=2")),
            ("--x=", "x", Some("")),
            ("--", "", None),
            ("---x", "-x", None),
            ("-=x", "", Some("x")),
        ] {
            let flag = GoFlag { name: name.to_owned(), value: value.map(str::to_owned) };
            assert_eq!(GoFlag::read(argument), Some(flag), "{argument}");
        }
        assert_eq!(GoFlag::read("x"), None);
    }

    #[test]
    fn switches_and_values_behind() {
        let flag = |argument: &str| GoFlag::read(argument).expect("a flag");
        assert_eq!(flag("-x").is_on(), Ok(true));
        assert_eq!(flag("-x=F").is_on(), Ok(false));
        assert_eq!(flag("-x=no").is_on(), Err("no"));
        let mut rest = ["1".to_owned()].into_iter();
        assert_eq!(flag("-x=0").value_or_next(&mut rest).as_deref(), Some("0"));
        assert_eq!(flag("-x").value_or_next(&mut rest).as_deref(), Some("1"));
        assert_eq!(flag("-x").value_or_next(&mut rest), None);
    }
}
