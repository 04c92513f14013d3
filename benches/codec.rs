//! The cost of each step of the codec for one message: unmask, decode, parse, encode.
//!
//! Parsing keeps payloads as they are. It is compared with `serde_json` parsing them too: a command
//! into a typed value, the data of an event into compact text.

#![allow(missing_docs, reason = "criterion's macros define functions")]

use std::hint::black_box;
use std::time::SystemTime;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde::Deserialize;
use wavecast::dialect::native::{parse_commands, parse_publish_request, text_data};
use wavecast::protocol::{Event, EventId, ServerMessage, timestamp};
use wavecast::wire::{Decoder, Frame, Limits, Mask};

const SIZES: [usize; 3] = [128, 1024, 60 * 1024];

/// A masked text frame, as a client sends it.
fn client_frame(payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = Frame::text(String::from_utf8_lossy(payload).as_ref().into())
        .header()
        .to_vec();
    frame[1] |= 0x80;
    frame.extend_from_slice(&key);
    let start = frame.len();
    frame.extend_from_slice(payload);
    Mask::new(key).apply(&mut frame[start..]);
    frame
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for size in SIZES {
        let frame = client_frame(&vec![b'x'; size]);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            let mut decoder = Decoder::new(Limits::default());
            bencher.iter_batched_ref(
                || frame.clone(),
                |bytes| {
                    let (used, event) = decoder.decode(bytes).expect("a valid frame");
                    black_box(event);
                    used
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn unmask(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("unmask");
    for size in SIZES {
        let mut bytes = vec![b'x'; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| Mask::new([1, 2, 3, 4]).apply(black_box(&mut bytes)));
        });
    }
    group.finish();
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[allow(dead_code, reason = "only parsed")]
enum SerdeCommand {
    Message {
        room: String,
        content: serde_json::Value,
    },
}

#[derive(Deserialize)]
struct SerdeRequest {
    channel: String,
    data: serde_json::Value,
}

fn parse(criterion: &mut Criterion) {
    let command = br#"{"type":"message","room":"general","content":"Hello, everybody in here!"}"#;
    let mut group = criterion.benchmark_group("parse/command");
    group.bench_function("simd-json", |bencher| {
        bencher.iter_batched_ref(
            || command.to_vec(),
            |text| parse_commands(text, |command| drop(black_box(command))),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("serde_json", |bencher| {
        bencher.iter_batched_ref(
            || command.to_vec(),
            |text| serde_json::from_slice::<SerdeCommand>(text).expect("a command"),
            BatchSize::SmallInput,
        );
    });
    group.finish();

    for (name, items) in [("small", 1), ("large", 500)] {
        let item = r#"{"order":4711,"state":"shipped","total":19.95,"tags":["new","gift"],"note":"leave it at the door"}"#;
        let body = format!(
            r#"{{"channel":"orders","data":{{"items":[{}]}}}}"#,
            vec![item; items].join(",")
        );
        let mut group = criterion.benchmark_group(format!("parse/event/{name}"));
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("simd-json", |bencher| {
            bencher.iter_batched_ref(
                || body.clone().into_bytes(),
                |text| parse_publish_request(text).expect("a request"),
                BatchSize::SmallInput,
            );
        });
        group.bench_function("serde_json", |bencher| {
            bencher.iter_batched_ref(
                || body.clone().into_bytes(),
                |text| {
                    let request: SerdeRequest = serde_json::from_slice(text).expect("a request");
                    let data = serde_json::to_string(&request.data).expect("a value");
                    (request.channel, data)
                },
                BatchSize::SmallInput,
            );
        });
        group.finish();
    }
}

fn encode(criterion: &mut Criterion) {
    let data = text_data("a message of the size that many applications send");
    let now = SystemTime::now();
    let id = EventId::generate(now);
    criterion.bench_function("encode/event", |bencher| {
        bencher.iter(|| {
            let event = Event {
                id: id.clone(),
                timestamp: timestamp(now),
                name: None,
                from: None,
                data: black_box(&data).clone(),
            };
            let channel = "notifications";
            let event = &event;
            Frame::text(ServerMessage::Event { channel, event }.to_json().into())
        });
    });
}

criterion_group!(benches, decode, unmask, parse, encode);
criterion_main!(benches);
