//! The `data` of an event, or the `content` of a room message: the stamp, padded to the size of the plan.

use crate::plan::Plan;
use crate::scan::Stamp;
use std::io::Write;

/// Appends the object to `out`.
pub(crate) fn append(out: &mut Vec<u8>, plan: &Plan, stamp: &Stamp) {
    let begin = out.len();
    let Stamp {
        run,
        publisher,
        channel,
        seq,
        intended_ns,
        sent_ns,
        ..
    } = stamp;
    write!(
        out,
        r#"{{"run":{run},"pub":{publisher},"chan":{channel},"seq":{seq},"intended_ns":{intended_ns},"sent_ns":{sent_ns},"pad":""#
    )
    .expect("a Vec takes everything");
    let padded = begin + (plan.payload_bytes as usize).saturating_sub(2);
    if padded > out.len() {
        out.resize(padded, b'x');
    }
    out.extend_from_slice(b"\"}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;
    use crate::scan::{self, Message};

    #[test]
    fn has_the_size_of_the_plan_and_is_found_again() {
        let plan = plan::tests::plan(1, 1, 1, 1);
        let stamp = Stamp {
            run: 1,
            publisher: 2,
            channel: 3,
            seq: 4,
            intended_ns: 5,
            sent_ns: 6,
            offset: 0,
        };
        let mut data = Vec::new();
        append(&mut data, &plan, &stamp);
        assert_eq!(data.len(), plan.payload_bytes as usize);
        let event = [
            br#"{"type":"event","channel":"c","data":"#.as_slice(),
            &data,
            b"}",
        ]
        .concat();
        let mut found = None;
        scan::messages(&event, |message| found = Some(message));
        assert_eq!(found, Some(Message::Event(b"c", Some(stamp))));
    }
}
