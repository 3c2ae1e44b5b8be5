//! The contract of the registry, run against every implementation.
//!
//! Each case gets a [`Bed`](suite::bed::Bed) with two handles, `router` and `relay`: one registry in memory, two
//! clients of one Redis otherwise. In memory the clock is paused, so waiting costs nothing; on Redis times are short.

mod common;
#[path = "suite/mod.rs"]
mod suite;

macro_rules! contract {
    ($($module:ident: $($case:ident),+;)+) => {
        mod memory {
            $($(
                #[tokio::test(start_paused = true)]
                async fn $case() {
                    super::suite::$module::$case(super::suite::bed::Bed::memory()).await;
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
    };
}

contract! {
    nodes:
        a_lease_says_what_was_announced,
        a_lease_ends_unless_renewed,
        only_its_own_incarnation_withdraws_a_lease,
        the_latest_incarnation_holds_the_lease,
        one_node_too_many_is_refused,
        a_bad_name_is_refused;
    asks:
        an_ask_is_answered,
        nobody_listens_is_known_at_once,
        a_timeout_cancels,
        a_dropped_ask_cancels,
        all_askers_of_a_request_are_answered,
        a_cancel_waits_for_the_last_asker,
        a_dropped_replier_answers,
        two_hundred_asks_at_once,
        a_channel_is_served_once;
    claims:
        the_first_writer_wins,
        a_claim_ends,
        only_a_stale_claim_is_replaced,
        one_of_many_replaces_a_stale_claim;
    admissions:
        sockets_are_counted_exactly,
        what_expires_or_is_released_is_free,
        what_is_renewed_stays,
        a_renewal_puts_back_what_was_lost,
        a_repeat_is_free,
        creates_are_limited_per_second,
        a_refusal_costs_nothing,
        a_rate_of_zero_admits_nothing,
        holders_are_apart;
}

/// Races in memory want threads, and then the clock cannot be paused.
mod memory_threads {
    use super::suite::{admissions, asks, bed::Bed, claims};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn races() {
        admissions::sockets_are_counted_exactly(Bed::memory()).await;
        claims::the_first_writer_wins(Bed::memory()).await;
        asks::two_hundred_asks_at_once(Bed::memory()).await;
    }
}
