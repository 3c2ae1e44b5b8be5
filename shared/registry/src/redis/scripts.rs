//! The scripts: each runs as one step on the server, and takes the time from it.

use std::sync::LazyLock;

use ::redis::Script;

macro_rules! scripts {
    ($($name:ident = $file:literal),* $(,)?) => {
        $( pub(super) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!($file))); )*
    };
}

scripts! {
    ANNOUNCE = "announce.lua",
    WITHDRAW = "withdraw.lua",
    NODES = "nodes.lua",
    CLAIM = "claim.lua",
    ADMIT = "admit.lua",
    RENEW = "renew.lua",
}
