use futures_util::stream::iter;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::sleep;

use super::*;

/// Reads a body that arrives in these pieces, each line as its number and its text or code.
fn lines_of(limit: usize, total: usize, pieces: &[&str]) -> Vec<(u64, String)> {
    let pieces: Vec<_> = pieces.iter().map(|&piece| piece.to_owned()).collect();
    let source = Body::from_stream(iter(pieces.into_iter().map(Ok::<_, axum::Error>)));
    let budget = BodyBudget::new(total);
    let mut lines = BodyLines::new(source, limit, &budget);
    let (mut found, mut has_more) = (Vec::new(), true);
    while has_more {
        let read = lines.read().now_or_never().expect("no wait");
        has_more = read.expect("a whole body");
        while let Some(Line { number, text }) = lines.next() {
            let text = match text {
                Ok(text) => String::from_utf8(text.to_vec()).expect("UTF-8"),
                Err(refusal) => refusal.code.to_string(),
            };
            found.push((number, text));
        }
        assert!(lines.begun.len() <= limit + 1, "more than a line is held");
    }
    found
}

fn numbered(lines: &[(u64, &str)]) -> Vec<(u64, String)> {
    let lines = lines.iter();
    lines
        .map(|(number, text)| (*number, (*text).to_owned()))
        .collect()
}

#[tokio::test]
async fn lines_are_the_same_however_the_body_is_cut() {
    let body = "one\ntwo\r\n\n \t\r\nfive\r\n\rsix\r\rlast";
    let expected = numbered(&[(1, "one"), (2, "two"), (5, "five"), (6, "\rsix\r\rlast")]);
    for first in 0..body.len() {
        for second in first..body.len() {
            let pieces = [&body[..first], &body[first..second], &body[second..]];
            assert_eq!(lines_of(100, 1000, &pieces), expected, "{pieces:?}");
        }
    }
    let bytes: Vec<&str> = (0..body.len()).map(|at| &body[at..=at]).collect();
    assert_eq!(lines_of(100, 5000, &bytes), expected);
    for blank in ["", "\n", "\r\n\r\n", " "] {
        assert_eq!(lines_of(100, 1000, &[blank]), []);
    }
}

#[tokio::test]
async fn a_line_over_the_limit_is_refused_once_and_skipped() {
    let body = "1234\n12345\n1234\r\n12345\r\n123456789012345\n\r\nabcd\nlast!";
    let expected = numbered(&[
        (1, "1234"),
        (2, "message_too_large"),
        (3, "1234"),
        (4, "message_too_large"),
        (5, "message_too_large"),
        (7, "abcd"),
        (8, "message_too_large"),
    ]);
    for at in 0..body.len() {
        let pieces = [&body[..at], &body[at..]];
        assert_eq!(lines_of(4, 5000, &pieces), expected, "{pieces:?}");
    }
    let bytes: Vec<&str> = (0..body.len()).map(|at| &body[at..=at]).collect();
    assert_eq!(lines_of(4, 5000, &bytes), expected);
}

#[tokio::test]
async fn lines_for_which_there_is_no_memory_are_refused_and_later_ones_are_not() {
    let pieces = ["0123456789\n0123456789\n01234", "56789\nabc\n", "d\n"];
    let expected = numbered(&[
        (1, "overloaded"),
        (2, "overloaded"),
        (3, "overloaded"),
        (4, "abc"),
        (5, "d"),
    ]);
    assert_eq!(lines_of(100, 20, &pieces), expected);
}

#[tokio::test]
async fn nothing_is_charged_while_no_line_is_held() {
    let pieces = ["one\ntw", "o\n", "three\n"].map(|piece| Ok::<_, axum::Error>(piece.to_owned()));
    let budget = BodyBudget::new(10_000);
    let mut lines = BodyLines::new(Body::from_stream(iter(pieces)), 100, &budget);
    let mut charged = Vec::new();
    for _ in 0..4 {
        let read = lines.read().now_or_never();
        read.expect("no wait").expect("a whole body");
        while lines.next().is_some() {}
        charged.push(lines.charge.bytes());
    }
    assert_eq!(charged, [6 + 100, 2 + 100, 6, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_not_complete_in_time_is_refused_and_frees_what_it_holds() {
    let pieces = [
        (0, "one\ntw"),
        (6, "o"),
        (6, "\nthree\nf"),
        (9, "our\nfive"),
    ];
    let source = iter(pieces).then(|(seconds, piece)| async move {
        sleep(Duration::from_secs(seconds)).await;
        Ok::<_, axum::Error>(piece)
    });
    let budget = BodyBudget::new(10_000);
    let mut lines = BodyLines::new(Body::from_stream(source), 100, &budget);
    let (mut found, mut has_more) = (Vec::new(), true);
    while has_more {
        has_more = lines.read().await.expect("a whole body");
        while let Some(Line { number, text }) = lines.next() {
            let text = match text {
                Ok(text) => String::from_utf8(text.to_vec()).expect("UTF-8"),
                Err(refusal) => {
                    assert_eq!(lines.begun.capacity(), 0);
                    refusal.code.to_string()
                }
            };
            found.push((number, text));
        }
    }
    let expected = [
        (1, "one"),
        (2, "request_timeout"),
        (3, "three"),
        (4, "four"),
        (5, "five"),
    ];
    assert_eq!(found, numbered(&expected));
}
