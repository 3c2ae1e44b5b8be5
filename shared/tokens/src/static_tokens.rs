//! Static tokens: compared, not computed.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::{constant_time, digest};
use polysocket_config::{Problem, Tables};
use polysocket_outbound::TargetPattern;

use crate::TokenError;
use crate::config::{self, Source, StaticToken};
use crate::grant::{Grant, check_origin};
use crate::origin::{Origin, OriginPattern};
use crate::row::{below, read_secret_file};

/// The static tokens of the configuration.
pub struct StaticTokens(Vec<Entry>);

struct Entry {
    /// SHA-256 of the token. Of hashes nothing useful leaks, and all are of one length.
    hash: [u8; digest::SHA256_OUTPUT_LEN],
    origins: Vec<OriginPattern>,
    grant: Grant,
}

/// Names only: the hash of a weak token would help to find it.
impl fmt::Debug for StaticTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|token| &token.grant.holder)).finish()
    }
}

impl StaticTokens {
    /// Reads the rows; what is wrong is added to the problems.
    pub fn new(rows: &Tables<StaticToken>, problems: &mut Vec<Problem>) -> Self {
        let mut tokens: Vec<Entry> = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let token =
                read(row).and_then(|token| match tokens.iter().find(|other| other.hash == token.hash) {
                    None => Ok(token),
                    Some(other) => Err(Problem::new("key", format!("`{}` has the same", other.grant.holder))),
                });
            match token {
                Ok(token) => tokens.push(token),
                Err(problem) => problems.push(below(&format!("auth.tokens[{index}]"), problem)),
            }
        }
        Self(tokens)
    }

    /// What the token grants, if it is one of these.
    pub fn verify(&self, token: &str, page: Option<&Origin>) -> Option<Result<Grant, TokenError>> {
        let hash = sha256(token.as_bytes());
        let mut found = None;
        // To the end, however early one fits: the time must not tell which.
        for token in &self.0 {
            if constant_time::verify_slices_are_equal(&token.hash, &hash).is_ok() {
                found = Some(token);
            }
        }
        found.map(|token| token.grant(page))
    }
}

impl Entry {
    fn grant(&self, page: Option<&Origin>) -> Result<Grant, TokenError> {
        if !self.origins.is_empty() {
            check_origin(&self.origins, page)?;
        }
        let mut grant = self.grant.clone();
        if grant.upstream_origin.is_none() {
            grant.upstream_origin = page.map(ToString::to_string);
        }
        Ok(grant)
    }
}

fn read(row: &StaticToken) -> Result<Entry, Problem> {
    let (column, key) = match row.source()? {
        Source::Inline(key) => ("key", Ok(key.as_bytes().to_vec())),
        Source::File(path) => ("key_file", read_secret_file(path)),
    };
    let key = key.and_then(|key| config::check_static_key(&key).map(|()| key));
    let key = key.map_err(|text| Problem::new(column, text))?;
    let targets: Vec<TargetPattern> = parse_all("targets", &row.targets)?;
    if targets.is_empty() {
        return Err(Problem::new("targets", "is empty, so the token would allow nothing"));
    }
    let upstream_origin = row.upstream_origin.as_deref().map(str::parse::<Origin>).transpose();
    let upstream_origin = upstream_origin.map_err(|text| Problem::new("upstream_origin", text))?;
    Ok(Entry {
        hash: sha256(&key),
        origins: parse_all("origins", &row.origins)?,
        grant: Grant {
            holder: format!("key:{}", row.name),
            targets,
            upstream_origin: upstream_origin.map(|origin| origin.to_string()),
            sockets_max: row.sockets_max,
            creates_per_second_max: row.creates_per_second_max,
            bytes_per_second_max: row.bytes_per_second_max.map(|size| size.as_usize() as u64),
            expires_at: None,
        },
    })
}

fn parse_all<T: FromStr<Err: ToString>>(column: &str, texts: &[String]) -> Result<Vec<T>, Problem> {
    let parse = |(index, text): (usize, &String)| {
        text.parse().map_err(|error: T::Err| Problem::new(&format!("{column}[{index}]"), error.to_string()))
    };
    texts.iter().enumerate().map(parse).collect()
}

fn sha256(bytes: &[u8]) -> [u8; digest::SHA256_OUTPUT_LEN] {
    let mut hash = [0; digest::SHA256_OUTPUT_LEN];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}
