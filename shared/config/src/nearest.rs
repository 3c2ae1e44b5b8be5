//! The known name that somebody probably meant.

/// The name nearest to `wrong`, the first among equals; none when all are too far to be meant.
///
/// Too far is more than one edit for each three letters: `relay` may mean `relayd`, but `port` not `host`.
pub(crate) fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (wrong.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (edits(wrong, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Insertions, deletions, replacements and swaps of neighbours that make one text the other (the optimal
/// string alignment distance: no letter is edited twice).
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before_last = vec![0; to.len() + 1];
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for i in 1..=from.len() {
        let mut row = vec![i; to.len() + 1];
        for j in 1..=to.len() {
            let replaced = last[j - 1] + usize::from(from[i - 1] != to[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = last;
        last = row;
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{edits, nearest};

    #[test]
    fn distances() {
        for (from, to, distance) in [
            ("", "", 0),
            ("", "abc", 3),
            ("listen", "listen", 0),
            ("listn", "listen", 1),
            ("lsiten", "listen", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(edits(from, to), distance, "{from} {to}");
            assert_eq!(edits(to, from), distance, "{to} {from}");
        }
    }

    #[test]
    fn near_enough_only() {
        let names = ["log", "hub", "relayd", "router"];
        assert_eq!(nearest("relay", names), Some("relayd"));
        assert_eq!(nearest("rotuer", names), Some("router"));
        assert_eq!(nearest("lg", names), Some("log"));
        assert_eq!(nearest("lux", names), None);
        assert_eq!(nearest("postgres", names), None);
        assert_eq!(nearest("listen", []), None);
    }
}
