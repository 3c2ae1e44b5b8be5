//! The contract of the broker, run against every engine.
//!
//! Each case gets a [`Bed`](suite::bed::Bed) with two handles, `a` and `b`: one broker in memory, two nodes over one
//! Redis otherwise. In memory the clock is paused, so waiting costs nothing; on Redis times are short.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "suite/mod.rs"]
mod suite;

macro_rules! contract {
    ($($module:ident: $($case:ident),+;)+) => {
        mod memory {
            $($(
                #[tokio::test(start_paused = true)]
                async fn $case() {
                    super::suite::$module::$case(super::suite::bed::Bed::memory().await).await;
                }
            )+)+
        }
        mod redis {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::suite::$module::$case(super::suite::bed::Bed::redis().await).await;
                }
            )+)+
        }
        mod sentinel {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::suite::$module::$case(super::suite::bed::Bed::sentinel().await).await;
                }
            )+)+
        }
        mod cluster {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::suite::$module::$case(super::suite::bed::Bed::cluster().await).await;
                }
            )+)+
        }
    };
}

contract! {
    order:
        a_message_reaches_all,
        any_payload_passes,
        any_name_is_a_topic,
        the_order_is_the_same_everywhere,
        who_has_left_hears_nothing,
        joining_in_a_flood_misses_nothing,
        subscribers_are_counted,
        bad_arguments_are_refused,
        too_many_topics_are_refused,
        one_encoding_is_shared;
    history:
        who_was_away_gets_what_it_missed,
        what_cannot_be_recovered_is_told,
        history_comes_in_pages,
        old_messages_go,
        nothing_is_kept_when_nothing_shall_be,
        a_long_absence_is_recovered_in_full;
    known:
        a_topic_is_known_once_somebody_subscribed,
        the_number_of_known_topics_is_bounded,
        a_deleted_topic_tells_its_subscribers,
        a_retired_topic_tells_its_subscribers,
        retired_topics_take_no_room;
    members:
        members_come_and_go,
        a_member_is_there_until_its_last_subscription_ends,
        there_are_not_too_many_members,
        members_stay_as_long_as_they_are_there;
    model:
        as_the_model;
}

/// Races in memory want threads, and then the clock cannot be paused.
mod memory_threads {
    use super::suite::{bed::Bed, order};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn races() {
        order::the_order_is_the_same_everywhere(Bed::memory().await).await;
        order::joining_in_a_flood_misses_nothing(Bed::memory().await).await;
    }
}
