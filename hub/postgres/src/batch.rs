//! What goes into one transaction. Pure.

use std::collections::HashSet;

/// Cuts messages, in order, into runs that may share a transaction: PostgreSQL delivers of several notifications with
/// the same channel and payload in one transaction only one. The lengths of the runs, which together are all messages.
pub fn runs<'a>(messages: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<usize> {
    let mut runs = Vec::new();
    let mut run = HashSet::new();
    for message in messages {
        if !run.insert(message) {
            runs.push(run.len());
            run.clear();
            run.insert(message);
        }
    }
    if !run.is_empty() {
        runs.push(run.len());
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn twins_are_kept_apart() {
        let cut = |text: &'static str| runs(text.split_terminator(' ').map(|word| ("c", word)));
        assert_eq!(cut(""), [0; 0]);
        assert_eq!(cut("a b c"), [3]);
        assert_eq!(cut("a a a"), [1, 1, 1]);
        assert_eq!(cut("a b a c b a"), [2, 3, 1]);
        assert_eq!(runs([("a", "x"), ("b", "x"), ("ab", "")].into_iter()), [3]);
    }

    proptest! {
        #[test]
        fn no_run_has_twins_and_none_could_be_longer(words in prop::collection::vec("[a-d]", 0..40)) {
            let messages: Vec<(&str, &str)> = words.iter().map(|word| ("c", word.as_str())).collect();
            let runs = runs(messages.iter().copied());
            prop_assert_eq!(runs.iter().sum::<usize>(), messages.len());
            let mut at = 0;
            for length in runs {
                let run: HashSet<_> = messages[at..at + length].iter().collect();
                prop_assert_eq!(run.len(), length);
                at += length;
                prop_assert!(messages.get(at).is_none_or(|next| run.contains(next)));
            }
        }
    }
}
