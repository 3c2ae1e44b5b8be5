//! The TOML file, with the line of each value.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use toml::Value;
use toml::de::{DeTable, DeValue};

use crate::Problem;

/// Longest file that is read. Ten thousand static tokens of 400 bytes fit.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// A missing quote can make every later line wrong; more errors than these help nobody.
const SYNTAX_ERRORS_SHOWN: usize = 5;

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Document {
    /// Its name as the operator gave it.
    pub(crate) name: String,
    /// What it says.
    pub(crate) table: toml::Table,
    /// The line, from 1, of each key and each item of a list, by its full name: `auth.tokens[0].targets`.
    pub(crate) lines: BTreeMap<String, usize>,
}

/// Reads a file; all that is wrong with it when it is not TOML.
pub(crate) fn read(path: &Path) -> Result<Document, Vec<Problem>> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let text = File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => "there is no such file; create it or name another".to_owned(),
            ErrorKind::PermissionDenied => "may not be read; let the user that runs this read it".to_owned(),
            ErrorKind::IsADirectory => "is a directory; name a file".to_owned(),
            _ => format!("cannot be read: {error}"),
        })
        .and_then(|length| match length as u64 {
            ..=FILE_BYTES_MAX => Ok(()),
            _ => Err(format!("is longer than {FILE_BYTES_MAX} bytes; is it the right file?")),
        })
        .and_then(|()| String::from_utf8(bytes).map_err(|_| "is not UTF-8 text; save it as UTF-8".to_owned()))
        .map_err(|text| vec![Problem::at("", name.as_str(), text)])?;
    parse(name, &text)
}

fn parse(name: String, text: &str) -> Result<Document, Vec<Problem>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(syntax_problems(&name, text, &errors));
    }
    let mut reading = Reading { name: &name, text, lines: BTreeMap::new(), problems: Vec::new() };
    let table = reading.table(table.into_inner(), "");
    let Reading { lines, problems, .. } = reading;
    if problems.is_empty() { Ok(Document { name, table, lines }) } else { Err(problems) }
}

/// The first error of each line. The messages of the parser are its own words and quote nothing of the file.
fn syntax_problems(name: &str, text: &str, errors: &[toml::de::Error]) -> Vec<Problem> {
    let mut by_line = BTreeMap::new();
    for error in errors {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        by_line.entry(line).or_insert((column, error.message()));
    }
    by_line
        .into_iter()
        .take(SYNTAX_ERRORS_SHOWN)
        .map(|(line, (column, message))| {
            Problem::at("", format!("{name}:{line}:{column}"), format!("this is not TOML: {message}"))
        })
        .collect()
}

/// Line and column, both from 1; columns in characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

struct Reading<'a> {
    name: &'a str,
    text: &'a str,
    lines: BTreeMap<String, usize>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn mark(&mut self, path: &str, offset: usize) -> usize {
        let line = position(self.text, offset).0;
        self.lines.insert(path.to_owned(), line);
        line
    }

    fn table(&mut self, table: DeTable<'_>, path: &str) -> toml::Table {
        table
            .into_iter()
            .map(|(key, value)| {
                let place = match path {
                    "" => key.get_ref().to_string(),
                    above => format!("{above}.{}", key.get_ref()),
                };
                let line = self.mark(&place, key.span().start);
                (key.into_inner().into_owned(), self.value(value.into_inner(), &place, line))
            })
            .collect()
    }

    fn value(&mut self, value: DeValue<'_>, path: &str, line: usize) -> Value {
        match value {
            DeValue::String(text) => Value::String(text.into_owned()),
            DeValue::Boolean(is) => Value::Boolean(is),
            DeValue::Datetime(date) => Value::Datetime(date),
            DeValue::Table(table) => Value::Table(self.table(table, path)),
            DeValue::Array(items) => Value::Array(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| {
                        let place = format!("{path}[{index}]");
                        let line = self.mark(&place, item.span().start);
                        self.value(item.into_inner(), &place, line)
                    })
                    .collect(),
            ),
            DeValue::Integer(digits) => {
                let number = i64::from_str_radix(digits.as_str(), digits.radix());
                Value::Integer(number.unwrap_or_else(|_| self.too_large(path, line)))
            }
            DeValue::Float(digits) => match digits.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() || digits.as_str().contains(['i', 'n']) => {
                    Value::Float(number)
                }
                _ => Value::Integer(self.too_large(path, line)),
            },
        }
    }

    fn too_large(&mut self, path: &str, line: usize) -> i64 {
        let source = format!("{}:{line}", self.name);
        self.problems.push(Problem::at(
            path,
            source,
            "the number is too large; TOML ends at 9223372036854775807",
        ));
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let problems = parse("c.toml".to_owned(), text).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn knows_the_line_of_each_value() {
        let text = "# a comment\n[log]\nlevel = 'info'\n\n[[auth.tokens]]\nname = 'a'\n\
                    [[auth.tokens]]\nname = 'b'\ntargets = [\n  'x',\n  'y',\n]\nlog = { deep.er = 1 }\n";
        let document = parse("c.toml".to_owned(), text).expect("TOML");
        let lines: Vec<(&str, usize)> =
            document.lines.iter().map(|(path, line)| (path.as_str(), *line)).collect();
        assert_eq!(
            lines,
            [
                ("auth", 5),
                ("auth.tokens", 5),
                ("auth.tokens[0]", 5),
                ("auth.tokens[0].name", 6),
                ("auth.tokens[1]", 7),
                ("auth.tokens[1].log", 13),
                ("auth.tokens[1].log.deep", 13),
                ("auth.tokens[1].log.deep.er", 13),
                ("auth.tokens[1].name", 8),
                ("auth.tokens[1].targets", 9),
                ("auth.tokens[1].targets[0]", 10),
                ("auth.tokens[1].targets[1]", 11),
                ("log", 2),
                ("log.level", 3),
            ]
        );
        assert_eq!(document.table, text.parse::<toml::Table>().expect("TOML"));
    }

    #[test]
    fn syntax_errors_have_line_and_column() {
        assert_eq!(
            problems("[log]\nlevel = \nformat = 'é' 'x'\n"),
            [
                "c.toml:2:9: this is not TOML: string values must be quoted, expected literal string",
                "c.toml:3:14: this is not TOML: unexpected key or value, expected newline, `#`",
            ]
        );
        assert_eq!(problems("a = 1\na = 2\n"), ["c.toml:2:1: this is not TOML: duplicate key"]);
        assert_eq!(
            problems("a = 'hunter2\n"),
            ["c.toml:1:13: this is not TOML: invalid literal string, expected `'`"]
        );
        assert_eq!(problems(&"=\n".repeat(20)).len(), 5);
    }

    #[test]
    fn numbers_beyond_toml() {
        assert_eq!(
            problems("[x]\nbig = 9223372036854775808\nbigger = 1e999\n"),
            [
                "x.big (c.toml:2): the number is too large; TOML ends at 9223372036854775807",
                "x.bigger (c.toml:3): the number is too large; TOML ends at 9223372036854775807",
            ]
        );
        assert_eq!(problems("hex = 0xff\nnever = inf\nnothing = nan\nsome = 1_000.5\n"), [""; 0]);
    }

    #[test]
    fn files_that_cannot_be_read() {
        let directory = std::env::temp_dir().join(format!("polysocket-config-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let said = |path: &Path| read(path).expect_err("an error")[0].to_string();
        let absent = directory.join("absent.toml");
        assert_eq!(
            said(&absent),
            format!("{}: there is no such file; create it or name another", absent.display())
        );
        assert_eq!(said(&directory), format!("{}: is a directory; name a file", directory.display()));
        let latin = directory.join("latin.toml");
        std::fs::write(&latin, b"a = '\xe9'").expect("written");
        assert_eq!(said(&latin), format!("{}: is not UTF-8 text; save it as UTF-8", latin.display()));
        std::fs::write(&latin, vec![b'#'; (4 << 20) + 1]).expect("written");
        assert_eq!(
            said(&latin),
            format!("{}: is longer than 4194304 bytes; is it the right file?", latin.display())
        );
        std::fs::remove_dir_all(&directory).expect("removed");
    }
}
