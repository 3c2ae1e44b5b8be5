//! Where a value came from, so that an error can name it.
//!
//! Layers, later ones win: the defaults in the code, the TOML file, the environment, flags. Each layer is
//! checked for itself, so that a wrong value is found also where a later layer hides it. The check of a
//! section runs when every value meant for it could be read; what is found in values that were not meant
//! would only confuse.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Value;

use crate::catalog::{Catalog, Unknown};
use crate::value::{from_text, misfits};
use crate::{Composite, ConfigError, Environment, Key, Kind, Outline, Problem, file, secret};

/// The sources of a configuration over its defaults, weakest first.
#[derive(Clone, Default)]
pub struct Layers {
    /// The TOML file.
    pub file: Option<PathBuf>,
    /// The environment: `POLYSOCKET_RELAYD_LISTEN` is the key `listen` of the section `relayd`.
    pub env: Environment,
    /// `section.key` and its value; of two with the same key the later one wins.
    pub flags: Vec<(String, String)>,
    /// Variables that begin with `POLYSOCKET_` and are keys of nothing, such as one that names the file.
    pub not_keys: Vec<String>,
}

/// Names only: a value may be a secret.
impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers")
            .field("file", &self.file)
            .field("env", &self.env)
            .field("flags", &self.flags.iter().map(|(key, _)| key).collect::<Vec<_>>())
            .field("not_keys", &self.not_keys)
            .finish()
    }
}

/// Loads a configuration.
///
/// Values of variables and flags are read by the [`Kind`] of their key: lists are separated by commas, tables
/// can be given in the file only.
///
/// # Errors
/// Everything that is wrong, of every layer and section, at once; see [`Problem`].
pub fn load<C: Composite>(layers: &Layers) -> Result<C, ConfigError> {
    let outlines = C::outlines();
    let mut merge = Merge::new(&outlines);
    if let Some(path) = &layers.file {
        merge.file(path);
    }
    merge.environment(&layers.env, &layers.not_keys);
    merge.flags(&layers.flags);
    merge.check();
    if !merge.problems.is_empty() {
        return Err(ConfigError(merge.problems));
    }
    let sections = merge.sections.into_iter().map(|(name, table)| (name.to_owned(), Value::Table(table)));
    C::deserialize(Value::Table(sections.collect())).map_err(|_| ConfigError(vec![whole_refused("")]))
}

/// Each value was accepted alone, so this is no fault of the operator. Serde's message may quote a secret.
fn whole_refused(section: &str) -> Problem {
    Problem::new(
        section,
        "cannot be read, though each value can; this is a defect of Polysocket, please report it",
    )
}

/// Where the values of one layer stand.
enum Origin<'a> {
    File(&'a file::Document),
    /// A variable or a flag: one value, one name.
    Named(String),
}

impl Origin<'_> {
    /// The line of a value, to put problems in the order of the file; 0 outside of a file.
    fn line(&self, path: &str) -> usize {
        match self {
            Self::File(document) => around(&document.lines, path).copied().unwrap_or(0),
            Self::Named(_) => 0,
        }
    }

    /// The source of a value, or of the nearest thing around it that has a source.
    fn at(&self, path: &str) -> String {
        match self {
            Self::File(document) => format!("{}:{}", document.name, self.line(path)),
            Self::Named(name) => name.clone(),
        }
    }

    /// The source of a value and of everything in it.
    fn of(&self, path: &str) -> Vec<(String, String)> {
        match self {
            Self::File(document) => {
                let within = document.lines.iter().filter(|(place, _)| is_within(place, path));
                within.map(|(place, line)| (place.clone(), format!("{}:{line}", document.name))).collect()
            }
            Self::Named(name) => vec![(path.to_owned(), name.clone())],
        }
    }
}

/// Whether `place` is `path` or in it: `a.b[0].c` is in `a.b`.
fn is_within(place: &str, path: &str) -> bool {
    place.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// What is known of a place, or else of the nearest place around it.
fn around<'a, T>(known: &'a BTreeMap<String, T>, mut path: &str) -> Option<&'a T> {
    loop {
        if let Some(found) = known.get(path) {
            return Some(found);
        }
        path = &path[..path.rfind(['.', '['])?];
    }
}

struct Merge<'a> {
    catalog: Catalog<'a>,
    /// The values so far, by section; only those that are not left at their defaults.
    sections: BTreeMap<&'static str, toml::Table>,
    /// Where each of them, and each thing in them, came from.
    sources: BTreeMap<String, String>,
    problems: Vec<Problem>,
    /// Sections that lack a value that was meant for them.
    in_doubt: BTreeSet<&'static str>,
}

impl<'a> Merge<'a> {
    fn new(outlines: &'a [Outline]) -> Self {
        Self {
            catalog: Catalog(outlines),
            sections: BTreeMap::new(),
            sources: BTreeMap::new(),
            problems: Vec::new(),
            in_doubt: BTreeSet::new(),
        }
    }

    fn unknown(&mut self, key: &str, source: &str, unknown: Unknown) {
        self.problems.push(Problem::at(key, source, unknown.text));
        self.in_doubt.extend(unknown.meant);
    }

    fn put(&mut self, outline: &'a Outline, key: &Key, value: Value, origin: &Origin<'_>) {
        let path = outline.path(key.name);
        let accepts = |value| (outline.accepts)(toml::Table::from_iter([(key.name.to_owned(), value)]));
        let mut misfits = misfits(key, &path, &value, matches!(origin, Origin::File(_)), &accepts);
        if misfits.is_empty() {
            self.sections.entry(outline.name).or_default().insert(key.name.to_owned(), value);
            self.sources.retain(|place, _| !is_within(place, &path));
            self.sources.extend(origin.of(&path));
            return;
        }
        self.in_doubt.insert(outline.name);
        misfits.sort_by_key(|misfit| origin.line(&misfit.path));
        for misfit in misfits {
            let source = origin.at(&misfit.path);
            self.problems.push(Problem::at(misfit.path, source, misfit.text));
        }
    }

    fn file(&mut self, path: &Path) {
        let document = match file::read(path) {
            Ok(document) => document,
            Err(problems) => {
                self.problems.extend(problems);
                self.in_doubt.extend(self.catalog.0.iter().map(|outline| outline.name));
                return;
            }
        };
        let origin = Origin::File(&document);
        // In the order of the file, so that the problems are, too.
        let mut tables: Vec<(&String, &Value)> = document.table.iter().collect();
        tables.sort_by_key(|(name, _)| origin.line(name));
        for (name, value) in tables {
            match (self.catalog.section(name), value) {
                (Some(outline), Value::Table(table)) => self.section_of_file(outline, table, &origin),
                (Some(outline), _) => {
                    let text = format!("is a section; write [{name}] once, and its keys below it");
                    self.unknown(name, &origin.at(name), Unknown { text, meant: Some(outline.name) });
                }
                (None, Value::Table(_)) => {
                    let unknown = self.catalog.unknown_section(name);
                    self.unknown(name, &origin.at(name), unknown);
                }
                (None, _) => {
                    let unknown = self.catalog.unknown_outside(name);
                    self.unknown(name, &origin.at(name), unknown);
                }
            }
        }
    }

    fn section_of_file(&mut self, outline: &'a Outline, table: &toml::Table, origin: &Origin<'_>) {
        let mut values: Vec<(String, &String, &Value)> =
            table.iter().map(|(name, value)| (outline.path(name), name, value)).collect();
        values.sort_by_key(|(path, ..)| origin.line(path));
        for (path, name, value) in values {
            if let Some(key) = outline.keys.iter().find(|key| key.name == name) {
                self.put(outline, key, value.clone(), origin);
            } else {
                let unknown = self.catalog.unknown_key(outline, name);
                self.unknown(&path, &origin.at(&path), unknown);
            }
        }
    }

    fn environment(&mut self, env: &Environment, not_keys: &[String]) {
        for (name, value) in env.iter() {
            let source = format!("${name}");
            match (self.catalog.key_of_variable(name), value.to_str()) {
                (Some((outline, key)), Some(text)) => self.put_text(outline, key, text, source),
                (Some((outline, key)), None) => {
                    let text = "is not UTF-8 text; set it anew or unset it".to_owned();
                    self.unknown(
                        &outline.path(key.name),
                        &source,
                        Unknown { text, meant: Some(outline.name) },
                    );
                }
                (None, _) if not_keys.iter().any(|known| known == name) => {}
                (None, _) => {
                    let unknown = self.catalog.unknown_variable(name);
                    self.unknown("", &source, unknown);
                }
            }
        }
    }

    fn flags(&mut self, flags: &[(String, String)]) {
        for (path, text) in flags {
            let source = format!("--set {path}");
            if let Some((outline, key)) = self.catalog.key(path) {
                self.put_text(outline, key, text, source);
            } else {
                let unknown = self.catalog.unknown_path(path);
                self.unknown(path, &source, unknown);
            }
        }
    }

    fn put_text(&mut self, outline: &'a Outline, key: &Key, text: &str, source: String) {
        if key.kind == Kind::Tables {
            let path = outline.path(key.name);
            let text =
                format!("holds tables, which only the file can give; write each one there as [[{path}]]");
            return self.unknown(&path, &source, Unknown { text, meant: Some(outline.name) });
        }
        self.put(outline, key, from_text(key.kind, text), &Origin::Named(source));
    }

    /// Runs the check of each section that has all that was meant for it.
    fn check(&mut self) {
        for outline in self.catalog.0 {
            if self.in_doubt.contains(outline.name) {
                continue;
            }
            let table = self.sections.get(outline.name).cloned().unwrap_or_default();
            let secrets = secret::values(&outline.keys, &table);
            match (outline.check)(table) {
                Ok(found) => {
                    for mut problem in found {
                        problem.text = secret::without(&problem.text, &secrets);
                        if problem.source.is_empty() {
                            problem.source = self.source(&problem.key);
                        }
                        self.problems.push(problem);
                    }
                }
                Err(_) => self.problems.push(whole_refused(outline.name)),
            }
        }
    }

    /// Where the value of a key came from; nothing when this names no key.
    fn source(&self, path: &str) -> String {
        let is_key = || self.catalog.all().any(|(outline, key)| is_within(path, &outline.path(key.name)));
        match around(&self.sources, path) {
            Some(source) => source.clone(),
            None if is_key() => "default".to_owned(),
            None => String::new(),
        }
    }
}
