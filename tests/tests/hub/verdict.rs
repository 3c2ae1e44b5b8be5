//! The promise: in one order, once, and nothing is missing that nobody said.

use std::collections::{BTreeMap, BTreeSet};

use crate::diary::{Diary, Heard};
use crate::load::Published;
use crate::source::{Numbered, Source};

/// Judges the diary of one who has followed a channel from before the first message to after the last.
///
/// - Nothing comes twice, nor what was not published.
/// - Confirmed messages of a source come in the order of their numbers.
/// - Where one is missing, the follower was told between the message before and the message behind it.
pub fn judge(log: &[Heard], published: &[Published]) -> Result<(), String> {
    let confirmed: BTreeMap<Source, BTreeSet<u64>> =
        published.iter().map(|one| (one.source, one.confirmed.iter().copied().collect())).collect();
    let mut last: BTreeMap<Source, u64> = BTreeMap::new();
    let mut told: BTreeSet<Source> = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for heard in log {
        match heard {
            Heard::Wrong(what) => return Err(what.clone()),
            Heard::Told(_) => told.extend(confirmed.keys()),
            Heard::Message(message) => {
                let Numbered { source, number } = *message;
                let of_source = confirmed.get(&source).ok_or_else(|| format!("{message} is nobody's"))?;
                if !seen.insert(*message) {
                    return Err(format!("{message} came twice"));
                }
                if !of_source.contains(&number) {
                    continue;
                }
                let before = last.insert(source, number).unwrap_or(0);
                if number < before {
                    return Err(format!("{message} came after number {before}"));
                }
                let was_told = told.remove(&source);
                if let (false, Some(lost)) = (was_told, of_source.range(before + 1..number).next()) {
                    return Err(format!(
                        "{}{lost} is missing before {message}, and nobody said so",
                        source.0
                    ));
                }
            }
            Heard::Subscribed(_) | Heard::Ended(..) | Heard::Gone => {}
        }
    }
    for (source, numbers) in &confirmed {
        let heard = last.get(source).copied().unwrap_or(0);
        if let (false, Some(lost)) = (told.contains(source), numbers.range(heard + 1..).next()) {
            return Err(format!("{}{lost} and what follows is missing, and nobody said so", source.0));
        }
    }
    Ok(())
}

/// What any two of them have both heard, they have heard in the same order.
pub fn agree(diaries: &[&Diary]) -> Result<(), String> {
    let all: Vec<Vec<Numbered>> = diaries.iter().map(|diary| diary.messages()).collect();
    for (n, one) in all.iter().enumerate() {
        for (m, other) in all.iter().enumerate().skip(n + 1) {
            let (of_one, of_other): (BTreeSet<_>, BTreeSet<_>) =
                (one.iter().collect(), other.iter().collect());
            let one = one.iter().filter(|message| of_other.contains(message));
            let other = other.iter().filter(|message| of_one.contains(message));
            if let Some((a, b)) = one.zip(other).find(|(a, b)| a != b) {
                let (first, second) = (&diaries[n].name, &diaries[m].name);
                return Err(format!("{a} came to {first} where {b} came to {second}"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages by number, `!` where the follower is told; numbers 3 and 6 of six were not confirmed.
    fn judged(log: &str) -> Result<(), String> {
        let entry = |word: &str| match word {
            "!" => Heard::Told(String::new()),
            word => Heard::Message(Numbered::parse(word).expect("a message")),
        };
        let log: Vec<Heard> = log.split_whitespace().map(entry).collect();
        let published = [Published { source: Source('a'), confirmed: vec![1, 2, 4, 5], is_there: true }];
        judge(&log, &published)
    }

    #[test]
    fn good_ones_pass() {
        for log in ["a1 a2 a4 a5", "a1 a2 a3 a4 a5 a6", "a1 ! a4 a5", "a1 a2 a4 !", "! a5", "a1 a2 a4 a3 a5"]
        {
            assert_eq!(judged(log), Ok(()), "{log}");
        }
    }

    #[test]
    fn bad_ones_do_not() {
        for log in
            ["a1 a4 a5", "a1 a2 a2 a4 a5", "a2 a1 a4 a5", "a1 a2 a4", "! a1 a4 a5", "a1 ! a2 a5", "b1", ""]
        {
            assert!(judged(log).is_err(), "{log}");
        }
    }

    #[test]
    fn an_order_is_one_for_all() {
        let diary = |texts: &[&str]| {
            let diary = Diary::of(texts[0]);
            for text in texts {
                diary.write_text(text);
            }
            diary
        };
        let (one, other) = (diary(&["a1", "b1", "a2"]), diary(&["a1", "a2", "b2"]));
        assert_eq!(agree(&[&one, &other]), Ok(()));
        let third = diary(&["b2", "a2"]);
        assert!(agree(&[&one, &other, &third]).is_err());
    }
}
