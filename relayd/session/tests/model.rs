//! Random operations against a naive model: whatever the network does, both lists come through whole and in order.

#![allow(missing_docs)]

mod world;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn exactly_once_in_order(operations in prop::collection::vec(any::<(u8, u8)>(), 0..400)) {
        let mut world = world::World::new();
        for operation in operations {
            world.step(operation);
        }
        world.finish();
    }
}
