//! Any sequence of operations.

use proptest::prelude::*;
use wavecast::dialect::ClassId;

use super::marked::MARKED;
use super::operation::{Kind, step};
use super::stream::Resume;
use super::world::World;
use crate::patience::within_a_minute;
use crate::watchdog::watch;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_hub_does_what_the_model_says(
        shards in 1..4_usize,
        steps in proptest::collection::vec(step(), 1..100),
        drains in any::<bool>(),
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
            for (kind, class) in [
                (Kind::Healthy, ClassId::NATIVE),
                (Kind::Stalled, MARKED),
                (Kind::Healthy, MARKED),
                (Kind::Healthy, ClassId::EVENT_STREAM),
                (Kind::Stalled, ClassId::NATIVE),
            ] {
                world.connect(kind, class).await;
            }
            for (who, channel, resume) in [
                (0, 1, Resume::Last(1)),
                (1, 1, Resume::Last(1)),
                (1, 2, Resume::Last(1)),
                (2, 1, Resume::Plain),
                (2, 2, Resume::Last(1)),
                (3, 2, Resume::Last(1)),
                (3, 3, Resume::Plain),
                (4, 2, Resume::Plain),
                (4, 3, Resume::Last(1)),
            ] {
                world.subscribe(who, channel, resume).await;
            }
            world.settle().await;
            for step in steps {
                world.take(step).await;
                world.check();
            }
            if drains {
                world.drain().await;
            }
            world.finish().await;
        }));
    }
}
