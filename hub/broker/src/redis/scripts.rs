//! The scripts: each runs as one step on the server that has the topic, and takes the time from it.

use std::sync::LazyLock;

use polysocket_redis::Script;

macro_rules! scripts {
    ($($name:ident = $($file:literal)+;)*) => {
        $( pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!($(include_str!($file), "\n"),+))); )*
    };
}

scripts! {
    PUBLISH = "topic.lua" "publish.lua";
    READ = "topic.lua" "read.lua";
    RENEW = "topic.lua" "renew.lua";
    ENTER = "topic.lua" "enter.lua";
    LEAVE = "topic.lua" "leave.lua";
    MEMBERS = "topic.lua" "members.lua";
    OTHERS = "topic.lua" "others.lua";
    FORGET = "topic.lua" "forget.lua";
    KNOW = "know.lua";
    KNOWN = "known.lua";
}
