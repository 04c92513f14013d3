//! Any sequence of operations.

use proptest::prelude::*;

use super::operation::{Kind, operation};
use super::world::World;
use crate::patience::within_a_minute;
use crate::watchdog::watch;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_hub_does_what_the_model_says(
        shards in 1..4_usize,
        operations in proptest::collection::vec(operation(), 1..80),
    ) {
        watch();
        // The clock is paused, so that only operations end anything.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(within_a_minute("the end of the sequence", async {
            let mut world = World::new(shards);
            for kind in [Kind::Healthy, Kind::Stalled, Kind::Healthy] {
                world.connect(kind).await;
            }
            for operation in operations {
                world.apply(operation).await;
                world.settle().await;
                world.check();
            }
            world.finish().await;
        }));
    }
}
