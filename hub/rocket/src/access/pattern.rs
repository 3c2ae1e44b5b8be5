//! Patterns for names of channels.

/// A name in which each `*` stands for any run of characters, also none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelPattern(Box<str>);

impl ChannelPattern {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Linear in the name for each `*`, with no backtracking beyond the last one.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return *self.0 == *name };
        let Some(mut left) = name.strip_prefix(first) else { return false };
        let (middle, last) = match rest.rsplit_once('*') {
            Some((middle, last)) => (Some(middle), last),
            None => (None, rest),
        };
        for part in middle.into_iter().flat_map(|middle| middle.split('*')) {
            let Some(at) = left.find(part) else { return false };
            left = &left[at + part.len()..];
        }
        left.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars() {
        for (pattern, yes, no) in [
            ("*", vec!["", "a", "a*b"], vec![]),
            ("news", vec!["news"], vec!["", "new", "newss", "NEWS"]),
            ("news-*", vec!["news-", "news-a", "news-a-b"], vec!["news", "xnews-a"]),
            ("*-private", vec!["-private", "a-private"], vec!["a-private-b", "private"]),
            ("a*b*c", vec!["abc", "aXbYc", "abbc", "abcbc"], vec!["acb", "ac", "abcd"]),
            ("a**c", vec!["ac", "abc"], vec!["a", "c"]),
            ("a*a", vec!["aa", "aba"], vec!["a"]),
            ("", vec![""], vec!["a"]),
            ("ü*", vec!["ü", "über"], vec!["u"]),
        ] {
            let pattern = ChannelPattern::new(pattern);
            for name in yes {
                assert!(pattern.matches(name), "{pattern:?} {name}");
            }
            for name in no {
                assert!(!pattern.matches(name), "{pattern:?} {name}");
            }
        }
    }
}
