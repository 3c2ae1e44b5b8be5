//! The world of `tests/model.rs`, driven by bytes: `cargo +nightly fuzz run operations`.

#![no_main]

#[path = "../../tests/world/mod.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut world = world::World::new();
    for pair in bytes.chunks_exact(2).take(2_000) {
        world.step((pair[0], pair[1]));
    }
    world.finish();
});
