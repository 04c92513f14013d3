//! Results for tests: small, complete and always the same.

use crate::result::metric::{Distribution, Histogram, Metric, Unit};
use crate::result::run_result::{
    AssertionResult, Failure, Host, Mark, Row, Run, RunResult, SCHEMA_VERSION, Server, Span,
    StageRow, Tester, WorstConnection,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Serializer, V2Serializer};

/// A run in which every assertion passed.
pub(crate) fn passed() -> RunResult {
    let mut result = bare();
    result.passed = true;
    result.valid = true;
    result.phases = [
        ("connect", 0.0, 5.0),
        ("publish", 5.0, 18.0),
        ("drain", 18.0, 20.0),
    ]
    .map(|(name, from_s, to_s)| Span {
        name: name.to_owned(),
        from_s,
        to_s,
    })
    .to_vec();
    result.marks = vec![Mark {
        at_s: 12.0,
        kind: "storm".to_owned(),
        label: "storm: all 1,000 drop".to_owned(),
    }];
    for (name, scale) in [("delivery", 100), ("transit", 95), ("fanout.complete", 160)] {
        add_distribution(&mut result, name, scale);
    }
    for (name, unit, value) in [
        ("conns.peak", Unit::Count, 1000.0),
        ("loss.silent", Unit::Count, 0.0),
        ("server.kib_per_conn", Unit::Kibibytes, 14.8),
        ("delivered.rate", Unit::PerSecond, 10_000.0),
    ] {
        result
            .metrics
            .insert(name.to_owned(), Metric::Value { unit, value });
    }
    result.timeseries = (1..=20).map(row).collect();
    result.assertions = [("delivery.p99<250ms", "11.4ms"), ("loss.silent==0", "0")]
        .map(|(expr, actual)| AssertionResult {
            expr: expr.to_owned(),
            ok: true,
            actual: actual.to_owned(),
        })
        .to_vec();
    result.server = Some(Server {
        pid: 4242,
        cpu_avg: 0.8,
        cpu_peak: 1.4,
        rss_peak_kib: 40_000,
        kib_per_conn: Some(14.8),
        rss_slope_kib_per_h: Some(120.0),
        fds_peak: 1031,
        threads_peak: 4,
        leaks: Vec::new(),
    });
    result.worst = vec![WorstConnection {
        conn: 812,
        received: 1300,
        p99_ms: 16.4,
        max_ms: 71.2,
    }];
    result
}

/// A run like [`passed`], but with three silent losses.
pub(crate) fn failed() -> RunResult {
    let mut result = passed();
    result.passed = false;
    result.assertions[1].ok = false;
    result.assertions[1].actual = "3".to_owned();
    result.metrics.insert(
        "loss.silent".to_owned(),
        Metric::Value {
            unit: Unit::Count,
            value: 3.0,
        },
    );
    result.failures = vec![Failure {
        expr: "loss.silent==0".to_owned(),
        evidence: vec!["conn 812 channel room:17 missed 4411..4413 at 00:31.220".to_owned()],
        replay: "loadtest run broadcast --seed 42 --only-conn 812".to_owned(),
    }];
    result
}

/// A stage with deliveries, and one that was too short to see.
pub(crate) fn stages() -> Vec<StageRow> {
    let delivery = Distribution {
        unit: Unit::Milliseconds,
        count: 1_500_000,
        p50: 1.25,
        p90: 2.0,
        p99: 4.1,
        p999: 8.0,
        p9999: 9.0,
        max: 9.0,
        mean: 1.4,
    };
    let none = Distribution {
        unit: Unit::Milliseconds,
        ..Distribution::default()
    };
    vec![
        StageRow {
            stage: "1k@30s".to_owned(),
            from_s: 0.0,
            to_s: 30.0,
            open: Some(1000),
            published: 3000,
            received: 1_500_000,
            delivery,
        },
        StageRow {
            stage: "0@1ms".to_owned(),
            from_s: 30.0,
            to_s: 30.001,
            delivery: none,
            ..StageRow::default()
        },
    ]
}

/// A run that measured nothing.
pub(crate) fn bare() -> RunResult {
    RunResult {
        schema_version: SCHEMA_VERSION,
        run: Run {
            id: "0badcafe".to_owned(),
            cmd: "loadtest run broadcast -c 1000 --seed 42".to_owned(),
            scenario: "broadcast".to_owned(),
            seed: 42,
            target: "127.0.0.1:3000".to_owned(),
            host: Host {
                os: "linux".to_owned(),
                arch: "x86_64".to_owned(),
                cores: 2,
                kernel: "6.12.0".to_owned(),
            },
            versions: [("loadtest".to_owned(), "0.1.0".to_owned())].into(),
            started_unix_ms: 1_767_225_600_000,
            duration_s: 20.0,
        },
        tester: Tester {
            cpu_avg: 0.5,
            cpu_peak: 0.7,
            send_lag_p99_ms: 0.3,
            loop_lag_p99_ms: 0.4,
        },
        ..RunResult::default()
    }
}

fn row(second: u32) -> Row {
    let busy = second > 5;
    Row {
        at_s: f64::from(second),
        open: u64::from(second * 200).min(1000),
        published: if busy { 10 } else { 0 },
        received: if busy { 10_000 } else { 0 },
        p50_ms: busy.then_some(1.9),
        p99_ms: busy.then_some(11.4),
        latency_bins: if busy {
            vec![(8, 500), (9, 8_000), (10, 1_400), (15, 100)]
        } else {
            Vec::new()
        },
        server_cpu: Some(0.8),
        server_rss_kib: Some(u64::from(20_000 + second * 1000)),
        server_fds: Some(1031),
        tester_cpu: 0.5,
    }
}

/// Adds a distribution of 10,000 values with a long tail, in units of `scale` microseconds.
pub(crate) fn add_distribution(result: &mut RunResult, name: &str, scale: u64) {
    let mut histogram =
        hdrhistogram::Histogram::<u64>::new_with_bounds(1, 120_000_000, 3).expect("bounds");
    for i in 0..10_000_u64 {
        let tail = 10_000 / (10_000 - i);
        histogram
            .record(scale * (10 + tail.min(700)))
            .expect("in bounds");
    }
    let ms = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
    result.metrics.insert(
        name.to_owned(),
        Metric::Distribution(Distribution {
            unit: Unit::Milliseconds,
            count: histogram.len(),
            p50: ms(0.5),
            p90: ms(0.9),
            p99: ms(0.99),
            p999: ms(0.999),
            p9999: ms(0.9999),
            max: histogram.max() as f64 / 1000.0,
            mean: histogram.mean() / 1000.0,
        }),
    );
    let mut bytes = Vec::new();
    V2Serializer::new()
        .serialize(&histogram, &mut bytes)
        .expect("writing to a Vec cannot fail");
    result.histograms.insert(
        name.to_owned(),
        Histogram {
            unit: "us".to_owned(),
            hdr_v2_base64: STANDARD.encode(bytes),
        },
    );
}
