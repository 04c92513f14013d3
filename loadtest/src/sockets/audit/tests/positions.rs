//! Positions: what counts as recovered, and where a subscription resumes from.

use super::bench::{Bench, CHANNEL};

/// What was recovered, and how much of it with a wrong reply.
fn recoveries(bench: &Bench) -> (u64, u64) {
    let tally = &bench.auditor.tally;
    (tally.recovered, tally.wrong_recoveries)
}

#[test]
fn checks_where_a_replay_ends() {
    // The client has seen offset 2, and offset 3 is the last.
    for (reply, wrong) in [
        (r#","recovered":true,"replayed":1"#, 0),
        (r#","recovered":true,"replayed":0"#, 1),
        (r#","recovered":true,"replayed":2"#, 1),
        (r#","recovered":true"#, 1),
    ] {
        let mut bench = Bench::new(1);
        bench.flow(2);
        bench.drop_socket();
        bench.skip(1);
        bench.subscribe(reply);
        assert_eq!(recoveries(&bench), (1, wrong), "{reply}");
    }
    // A reply that names neither says nothing.
    let mut bench = Bench::new(1);
    bench.flow(2);
    bench.send(&format!(
        r#"{{"type":"subscribed","channel":"{CHANNEL}","epoch":"e","recovered":true}}"#
    ));
    assert_eq!(recoveries(&bench), (1, 1));
}

#[test]
fn resumes_after_the_highest_offset() {
    let mut bench = Bench::new(1);
    let late = bench.publish();
    bench.flow(3);
    let resume = |bench: &Bench| bench.auditor.subscribe_command(0, 0);
    let plan = &bench.state.plan;
    let expected = plan.subscribe_command(0, Some((4, "e")));
    assert_eq!(resume(&bench), expected);
    // An older event that arrives late does not turn it back.
    bench.send(&format!(
        r#"{{"type":"event","channel":"{CHANNEL}","offset":1,"data":{{"run":43981,"pub":0,"chan":0,"seq":{late},"intended_ns":1,"sent_ns":1}}}}"#
    ));
    assert_eq!(bench.auditor.tally.reorders, 1);
    assert_eq!(resume(&bench), expected);
}
