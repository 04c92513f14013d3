//! What a server can do wrong with one subscription, and how the auditor must count it.

use super::bench::{Bench, Count};
use crate::sockets::close_cause::CloseCause;
use Count::{Declared, Dups, Excess, Foreign, Lost, Received, Refused, Reorders, Stuck};

/// Its name, and how a server commits it.
pub(super) type Sin = (&'static str, fn(&mut Bench));

const REFUSED: &str = r#","recovered":false,"replayed":0"#;

/// What a server can do wrong while a subscription goes on. At the end of each, an event has arrived and all before it is
/// accounted for.
pub(super) const SINS: &[Sin] = &[
    ("nothing", |bench| bench.flow(1)),
    ("long flow", |bench| bench.flow(70)),
    ("silent loss", |bench| {
        bench.skip(2);
        bench.flow(1);
        bench.count(&[(Lost, 2)]);
    }),
    ("long silent loss", |bench| {
        bench.skip(130);
        bench.flow(1);
        bench.count(&[(Lost, 130)]);
    }),
    ("declared loss", |bench| {
        bench.skip(3);
        bench.gap(3);
        bench.flow(1);
        bench.count(&[(Declared, 3)]);
    }),
    ("long declared loss", |bench| {
        bench.skip(100);
        bench.gap(60);
        bench.gap(40);
        bench.flow(1);
        bench.count(&[(Declared, 100)]);
    }),
    ("gap that declares too little", |bench| {
        bench.skip(3);
        bench.gap(1);
        bench.flow(1);
        bench.count(&[(Declared, 1), (Lost, 2)]);
    }),
    ("gap that declares too much", |bench| {
        bench.skip(1);
        bench.gap(3);
        bench.flow(1);
        bench.count(&[(Declared, 1), (Excess, 2)]);
    }),
    ("gap without a loss", |bench| {
        bench.gap(2);
        bench.flow(1);
        bench.count(&[(Excess, 2)]);
    }),
    ("declared, but delivered late", |bench| {
        let seq = bench.publish();
        bench.gap(1);
        bench.flow(1);
        bench.count(&[(Declared, 1), (Dups, 1)]);
        bench.deliver(seq);
    }),
    ("duplicate at the place of a gap", |bench| {
        bench.flow(1);
        let seq = bench.seqs[bench.publisher];
        bench.skip(1);
        bench.gap(1);
        bench.deliver(seq);
        bench.flow(1);
        bench.count(&[(Declared, 1), (Dups, 1)]);
    }),
    ("duplicate", |bench| {
        bench.flow(1);
        bench.count(&[(Dups, 1)]);
        let seq = bench.seqs[bench.publisher];
        bench.deliver(seq);
    }),
    ("old duplicate", |bench| {
        bench.flow(70);
        bench.count(&[(Dups, 1)]);
        let seq = bench.seqs[bench.publisher] - 66;
        bench.deliver(seq);
    }),
    ("reordered", |bench| {
        let (first, second) = (bench.publish(), bench.publish());
        bench.deliver(second);
        bench.deliver(first);
        bench.count(&[(Received, 2), (Reorders, 1)]);
    }),
    ("reordered, then a duplicate of it", |bench| {
        let (first, second) = (bench.publish(), bench.publish());
        for seq in [second, first, first] {
            bench.deliver(seq);
        }
        bench.count(&[(Received, 2), (Reorders, 1), (Dups, 1)]);
    }),
    ("event of another channel", |bench| {
        bench.flow(1);
        bench.count(&[(Foreign, 1)]);
        bench.deliver_as(1, 7);
    }),
    ("event that nobody has sent", |bench| {
        bench.flow(1);
        bench.count(&[(Foreign, 1)]);
        let seq = bench.seqs[bench.publisher] + 1;
        bench.deliver(seq);
    }),
    ("refused, but delivered; the next one is lost", |bench| {
        let seq = bench.send_out();
        bench.deliver(seq);
        bench.state.ledger.refused(bench.publisher, seq);
        bench.skip(1);
        bench.flow(1);
        bench.count(&[(Received, 1), (Lost, 1)]);
    }),
    ("refused, and not delivered", |bench| {
        let seq = bench.send_out();
        bench.state.ledger.refused(bench.publisher, seq);
        bench.flow(1);
    }),
    ("position recovered", |bench| {
        bench.drop_socket();
        let seqs = [bench.publish(), bench.publish()];
        bench.subscribe(r#","recovered":true,"replayed":2"#);
        for seq in seqs {
            bench.deliver(seq);
        }
        bench.flow(1);
        bench.count(&[(Received, 2)]);
    }),
    ("replay that skips one and repeats another", |bench| {
        bench.drop_socket();
        bench.skip(1);
        let seq = bench.publish();
        bench.subscribe(r#","recovered":true,"replayed":2"#);
        bench.deliver(seq);
        bench.deliver(seq);
        bench.flow(1);
        bench.count(&[(Received, 1), (Lost, 1), (Dups, 1)]);
    }),
    ("position refused", |bench| {
        bench.drop_socket();
        bench.skip(3);
        bench.subscribe(REFUSED);
        bench.flow(1);
        bench.count(&[(Declared, 3), (Refused, 1)]);
    }),
    ("declared loss beside a refused publication", |bench| {
        let seq = bench.send_out();
        bench.state.ledger.refused(bench.publisher, seq);
        bench.skip(1);
        bench.gap(1);
        bench.flow(1);
        bench.count(&[(Declared, 1)]);
    }),
    ("position refused twice, then a loss", |bench| {
        for _ in 0..2 {
            bench.drop_socket();
            bench.skip(2);
            bench.subscribe(REFUSED);
        }
        bench.skip(2);
        bench.flow(1);
        bench.count(&[(Declared, 4), (Lost, 2), (Refused, 2)]);
    }),
    ("position refused, then duplicates from before", |bench| {
        bench.flow(1);
        let seq = bench.seqs[bench.publisher];
        bench.drop_socket();
        bench.skip(1);
        bench.subscribe(REFUSED);
        bench.deliver(seq);
        bench.deliver(seq);
        bench.flow(1);
        bench.count(&[(Declared, 1), (Refused, 1)]);
        bench.deliver(seq);
        bench.count(&[(Dups, 3)]);
    }),
    ("declared at the end, then position refused", |bench| {
        bench.skip(2);
        bench.gap(2);
        bench.drop_socket();
        bench.skip(1);
        bench.subscribe(REFUSED);
        bench.flow(1);
        bench.count(&[(Declared, 3), (Refused, 1)]);
    }),
    ("lost in the middle, then position refused", |bench| {
        bench.skip(1);
        bench.flow(1);
        bench.count(&[(Lost, 1)]);
        bench.drop_socket();
        bench.skip(1);
        bench.subscribe(REFUSED);
        bench.flow(1);
        bench.count(&[(Declared, 1), (Refused, 1)]);
    }),
];

/// How a subscription ends.
pub(super) const ENDS: &[Sin] = &[
    ("all arrived", |_| {}),
    ("the last are lost", |bench| {
        bench.skip(2);
        bench.count(&[(Lost, 2)]);
    }),
    ("the last are declared", |bench| {
        bench.skip(2);
        bench.gap(2);
        bench.count(&[(Declared, 2)]);
    }),
    ("one of the last is declared", |bench| {
        bench.skip(3);
        bench.gap(1);
        bench.count(&[(Lost, 2), (Declared, 1)]);
    }),
    ("a gap at the end without a loss", |bench| {
        bench.gap(1);
        bench.count(&[(Excess, 1)]);
    }),
    ("closed after a loss and a gap", |bench| {
        bench.skip(1);
        bench.flow(1);
        bench.count(&[(Lost, 1)]);
        bench.skip(2);
        bench.gap(1);
        let cause = CloseCause::Code(1013, String::new());
        bench.auditor.on_closed(0, &cause);
        bench.skip(1);
        bench.count(&[(Declared, 3)]);
    }),
    ("dropped after a loss", |bench| {
        bench.skip(1);
        bench.flow(1);
        bench.count(&[(Lost, 1)]);
        bench.drop_socket();
        bench.skip(2);
        bench.count(&[(Declared, 2)]);
    }),
    ("left; what came later is not expected", |bench| {
        bench.leave();
        bench.skip(2);
        bench.confirm_leaving();
    }),
    ("left after losses", |bench| {
        bench.skip(1);
        bench.flow(1);
        bench.count(&[(Lost, 1)]);
        bench.skip(2);
        bench.leave();
        bench.skip(1);
        bench.confirm_leaving();
        bench.count(&[(Lost, 2)]);
    }),
    ("left after a declared loss and a silent one", |bench| {
        bench.skip(1);
        bench.gap(1);
        bench.flow(1);
        bench.count(&[(Declared, 1)]);
        bench.skip(1);
        bench.leave();
        bench.confirm_leaving();
        bench.count(&[(Lost, 1)]);
    }),
    ("leaving after losses, but never confirmed", |bench| {
        bench.skip(1);
        bench.flow(1);
        bench.count(&[(Lost, 1)]);
        bench.skip(1);
        bench.leave();
        bench.skip(5);
        bench.count(&[(Lost, 1), (Stuck, 1)]);
    }),
    ("closed while leaving", |bench| {
        bench.skip(1);
        bench.flow(1);
        bench.count(&[(Lost, 1)]);
        bench.skip(1);
        bench.leave();
        bench.skip(5);
        bench.auditor.on_closed(0, &CloseCause::EndOfStream);
        bench.count(&[(Declared, 1)]);
    }),
    ("position refused at the end", |bench| {
        bench.drop_socket();
        bench.skip(2);
        bench.subscribe(REFUSED);
        bench.count(&[(Declared, 2), (Refused, 1)]);
    }),
    ("response lost", |bench| {
        let seq = bench.send_out();
        bench.state.ledger.uncertain(bench.publisher, seq);
        bench.skip(1);
        bench.count(&[(Lost, 1)]);
    }),
];
