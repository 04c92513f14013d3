//! Distributions in the file formats of `HdrHistogram`: percentile tables (`.hgrm`) and a V2 log (`.hlog`).

use super::error::ReportError;
use super::escape::file_name;
use crate::result::metric::Histogram as Stored;
use crate::result::run_result::RunResult;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};
use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

/// The files hold milliseconds.
const US_PER_MS: f64 = 1000.0;

/// Decodes a histogram of a result. Its values are microseconds.
pub(crate) fn decode(name: &str, stored: &Stored) -> Result<Histogram<u64>, ReportError> {
    let failed = |cause: String| ReportError::Histogram {
        name: name.to_owned(),
        cause,
    };
    let bytes = STANDARD
        .decode(&stored.hdr_v2_base64)
        .map_err(|error| failed(error.to_string()))?;
    Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|error| failed(error.to_string()))
}

/// The percentile curve: pairs of `1/(1-q)` and the value in milliseconds, five steps per halving of `1-q`.
pub(crate) fn curve(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    histogram
        .iter_quantiles(5)
        .filter(|step| step.quantile_iterated_to() < 1.0)
        .map(|step| {
            (
                1.0 / (1.0 - step.quantile_iterated_to()),
                step.value_iterated_to() as f64 / US_PER_MS,
            )
        })
        .collect()
}

/// The percentile table that the `HdrHistogram` plotter reads, in milliseconds.
pub(crate) fn percentiles(result: &RunResult, name: &str) -> Result<String, ReportError> {
    let histogram = decode(name, &result.histograms[name])?;
    let mut text = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let mut below = 0;
    for step in histogram.iter_quantiles(5) {
        below += step.count_since_last_iteration();
        let (value, quantile) = (
            step.value_iterated_to() as f64 / US_PER_MS,
            step.quantile_iterated_to(),
        );
        let _ = write!(text, "{value:12.3} {quantile:.12} {below:10}");
        // The last line has no fourth column, which would be infinite.
        let _ = if quantile < 1.0 {
            writeln!(text, " {:14.2}", 1.0 / (1.0 - quantile))
        } else {
            writeln!(text)
        };
    }
    let _ = writeln!(
        text,
        "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]\n#[Max     = {:12.3}, Total count    = {:12}]\n#[Buckets = {:12}, SubBuckets     = {:12}]",
        histogram.mean() / US_PER_MS,
        histogram.stdev() / US_PER_MS,
        histogram.max() as f64 / US_PER_MS,
        histogram.len(),
        histogram.buckets(),
        2048,
    );
    Ok(text)
}

/// A log with one interval per distribution, tagged with its name.
pub(crate) fn log(result: &RunResult) -> Result<String, ReportError> {
    let failed = |name: &str, cause: String| ReportError::Histogram {
        name: name.to_owned(),
        cause,
    };
    let (mut bytes, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut builder = IntervalLogWriterBuilder::new();
    let start = UNIX_EPOCH + Duration::from_millis(result.run.started_unix_ms);
    let mut writer = builder
        .add_comment("[Histogram log format version 1.3]")
        .add_comment("loadtest; values are microseconds, the maximum milliseconds")
        .with_max_value_divisor(US_PER_MS)
        .with_start_time(start)
        .with_base_time(start)
        .begin_log_with(&mut bytes, &mut serializer)
        .map_err(|error| failed("the log", error.to_string()))?;
    for (name, stored) in &result.histograms {
        let histogram = decode(name, stored)?;
        let tag = file_name(name);
        writer
            .write_histogram(
                &histogram,
                Duration::ZERO,
                Duration::from_secs_f64(result.run.duration_s.max(0.0)),
                Tag::new(&tag),
            )
            .map_err(|error| failed(name, format!("{error:?}")))?;
    }
    Ok(String::from_utf8(bytes).expect("the log is ASCII"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    #[test]
    fn writes_the_table_the_plotter_reads() {
        let text = percentiles(&sample::passed(), "delivery").expect("decodes");
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some("       Value     Percentile TotalCount 1/(1-Percentile)")
        );
        let first: Vec<&str> = lines.nth(1).expect("a row").split_whitespace().collect();
        assert_eq!((first.len(), first[1]), (4, "0.000000000000"));
        let last = text.lines().rev().nth(3).expect("a row");
        assert!(last.contains("1.000000000000"), "{last}");
        assert!(text.contains("Total count    ="), "{text}");
    }

    #[test]
    fn writes_a_log_that_decodes_to_the_same_histograms() {
        let result = sample::passed();
        let text = log(&result).expect("encodes");
        let mut read = Vec::new();
        for entry in IntervalLogIterator::new(text.as_bytes()) {
            if let LogEntry::Interval(interval) = entry.expect("parses") {
                assert!(interval.encoded_histogram().starts_with("HISTF"));
                let bytes = STANDARD
                    .decode(interval.encoded_histogram())
                    .expect("base64");
                let histogram: Histogram<u64> = Deserializer::new()
                    .deserialize(&mut bytes.as_slice())
                    .expect("V2");
                read.push((
                    interval.tag().expect("tagged").as_str().to_owned(),
                    histogram,
                ));
            }
        }
        assert_eq!(read.len(), result.histograms.len());
        for (name, histogram) in read {
            assert_eq!(
                histogram,
                decode(&name, &result.histograms[&name]).expect("V2")
            );
        }
    }

    #[test]
    fn has_a_curve_that_never_falls() {
        let result = sample::passed();
        let points = curve(&decode("delivery", &result.histograms["delivery"]).expect("V2"));
        assert!(points.len() > 20);
        assert!(points.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1));
    }
}
