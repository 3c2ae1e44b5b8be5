//! Parameters of a URL.

use std::borrow::Cow;

/// The first parameter of this name; without a value it is empty.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    url::form_urlencoded::parse(query.as_bytes()).find(|(found, _)| found == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn the_first_of_its_name() {
        let query = "poll&since=a%3A7&since=b&search=%5Ea+b";
        assert_eq!(parameter(query, "since").as_deref(), Some("a:7"));
        assert_eq!(parameter(query, "search").as_deref(), Some("^a b"));
        assert_eq!(parameter(query, "poll").as_deref(), Some(""));
        assert_eq!(parameter(query, "wait"), None);
    }
}
