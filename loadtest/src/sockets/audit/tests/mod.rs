//! Servers that commit one sin after the other. Each sin is counted exactly, whatever came before and after it.

mod bench;
mod latencies;
mod positions;
mod sins;

use bench::Bench;
use sins::{ENDS, SINS, Sin};

/// Commits `sins` one after the other, by publishers that take turns, and then `end`.
fn commit(publishers: u32, sins: &[Sin], end: &Sin) {
    let mut bench = Bench::new(publishers);
    bench.flow(1);
    for (nth, (_, sin)) in sins.iter().enumerate() {
        // Between two sins, each publisher is received.
        for publisher in 0..publishers as usize {
            bench.publisher = publisher;
            bench.flow(1);
        }
        bench.publisher = nth % publishers as usize;
        sin(&mut bench);
    }
    for publisher in 0..publishers as usize {
        bench.publisher = publisher;
        bench.flow(1);
    }
    (end.1)(&mut bench);
    bench.auditor.close_all();
    // The books are closed, so this changes nothing.
    let seq = bench.publish();
    bench.deliver(seq);
    let names: Vec<&str> = sins.iter().chain([end]).map(|(name, _)| *name).collect();
    let [expected, counted] = bench.counts();
    assert_eq!(counted, expected, "{names:?}, {publishers} publishers");
}

#[test]
fn counts_every_pair_of_sins_exactly() {
    for sin in SINS {
        for other in SINS {
            for publishers in [1, 2] {
                commit(publishers, &[*sin, *other], &ENDS[0]);
            }
        }
    }
}

#[test]
fn counts_every_sin_exactly_before_every_end() {
    for sin in SINS {
        for end in ENDS {
            for publishers in [1, 3] {
                commit(publishers, &[*sin], end);
            }
        }
    }
}

#[test]
fn counts_long_series_of_sins_exactly() {
    let mut seed = 7u64;
    let mut below = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % most
    };
    for _ in 0..100 {
        let sins: Vec<Sin> = (0..12).map(|_| SINS[below(SINS.len())]).collect();
        commit(1 + below(3) as u32, &sins, &ENDS[below(ENDS.len())]);
    }
}

#[test]
fn does_not_wait_for_what_is_accounted_for() {
    let waits_for = |sin: fn(&mut Bench)| {
        let mut bench = Bench::new(1);
        bench.flow(1);
        sin(&mut bench);
        bench.auditor.open_books()
    };
    assert_eq!(waits_for(|_| {}), 0);
    assert_eq!(waits_for(|bench| bench.skip(1)), 1);
    let declared: fn(&mut Bench) = |bench| {
        bench.skip(1);
        bench.gap(1);
    };
    assert_eq!(waits_for(declared), 0);
    let lost: fn(&mut Bench) = |bench| {
        bench.skip(1);
        bench.flow(1);
    };
    assert_eq!(waits_for(lost), 1);
    let half_declared: fn(&mut Bench) = |bench| {
        bench.skip(2);
        bench.gap(1);
    };
    assert_eq!(waits_for(half_declared), 1);
    let refused: fn(&mut Bench) = |bench| {
        let seq = bench.send_out();
        bench.state.ledger.refused(0, seq);
        bench.flow(1);
    };
    assert_eq!(waits_for(refused), 0);
    let refused_and_lost: fn(&mut Bench) = |bench| {
        let seq = bench.send_out();
        bench.state.ledger.refused(0, seq);
        bench.flow(1);
        bench.skip(1);
    };
    assert_eq!(waits_for(refused_and_lost), 1);
    let away: fn(&mut Bench) = |bench| bench.drop_socket();
    assert_eq!(waits_for(away), 1);
    let leaving: fn(&mut Bench) = |bench| bench.leave();
    assert_eq!(waits_for(leaving), 1);
}
