//! The generated texts, word for word.

use crate::fixture::Config;

#[test]
fn page() {
    assert_eq!(polysocket_config::describe::markdown::<Config>(), include_str!("expected/CONFIG.md"));
}

#[test]
fn example() {
    assert_eq!(polysocket_config::describe::example::<Config>(), include_str!("expected/example.toml"));
}
