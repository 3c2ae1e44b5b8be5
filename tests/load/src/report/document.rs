//! Puts a section into the page that holds it, between its markers.

use std::path::PathBuf;

use crate::error::{Error, Result, doing};

const BEGIN: &str = "<!-- load:begin -->";
const END: &str = "<!-- load:end -->";

/// The page that holds the results, found fit for them before the run begins.
pub struct Page {
    path: PathBuf,
}

impl Page {
    pub fn read(path: PathBuf) -> Result<Self> {
        let text = std::fs::read_to_string(&path).map_err(doing("read the page of results"))?;
        splice(&text, "")?;
        Ok(Self { path })
    }

    /// Replaces the section. The page is read again, as a run takes minutes.
    pub fn write(&self, section: &str) -> Result<()> {
        let text = std::fs::read_to_string(&self.path).map_err(doing("read the page of results"))?;
        std::fs::write(&self.path, splice(&text, section)?).map_err(doing("write the page of results"))
    }
}

/// `page` with what is between the markers replaced by `section`.
fn splice(page: &str, section: &str) -> Result<String> {
    let missing = || {
        Error::Setup(format!(
            "the page of results has no {BEGIN} before an {END}: put both where the section belongs"
        ))
    };
    let (before, rest) = page.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", section.trim_end()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_section_changes() {
        let page = "# Performance\n\n<!-- load:begin -->\nold\n<!-- load:end -->\n\nmore\n";
        let new = splice(page, "new\n").unwrap();
        assert_eq!(new, "# Performance\n\n<!-- load:begin -->\nnew\n<!-- load:end -->\n\nmore\n");
        assert_eq!(splice(&new, "new\n").unwrap(), new);
    }

    #[test]
    fn without_markers_nothing_is_written() {
        assert!(splice("# Performance\n", "new").is_err());
        assert!(splice("<!-- load:end -->\n<!-- load:begin -->\n", "new").is_err());
    }
}
