//! How `--stages` is written.

use crate::base::units::{parse_count, parse_rate};
use crate::plan::stages::{Stage, Stages};

/// More stages are a mistake.
const MAX_STAGES: usize = 100;
/// The most sockets; also the limit of `--connections`.
const MAX_CONNECTIONS: u32 = 1_000_000;

/// Parses `1k@30s,10k@2m`, `100/s@30s` or `1k+100/s@30s`.
pub(super) fn parse_stages(text: &str) -> Result<Stages, String> {
    let stages: Vec<Stage> = text.split(',').map(parse_stage).collect::<Result<_, _>>()?;
    if stages.len() > MAX_STAGES {
        return Err(format!("more than {MAX_STAGES} stages"));
    }
    let stages = Stages::new(stages);
    if stages.duration().is_zero() {
        return Err("all stages together take no time".to_owned());
    }
    if stages.set_connections() && stages.most_connections() == 0 {
        return Err("no stage opens a socket".to_owned());
    }
    Ok(stages)
}

fn parse_stage(text: &str) -> Result<Stage, String> {
    let text = text.trim();
    let (target, time) = text.split_once('@').ok_or_else(|| {
        format!("`{text}` is not a stage (examples: 1k@30s, 500/s@1m, 1k+500/s@1m)")
    })?;
    let mut stage = Stage {
        text: text.to_owned(),
        connections: None,
        rate: None,
        time: humantime::parse_duration(time).map_err(|error| format!("`{text}`: {error}"))?,
    };
    for part in target.split('+') {
        let is_new = if part.contains('/') {
            stage.rate.replace(rate(part)?).is_none()
        } else {
            stage.connections.replace(connections(part)?).is_none()
        };
        if !is_new {
            return Err(format!("`{text}` has two targets of a kind"));
        }
    }
    Ok(stage)
}

fn connections(text: &str) -> Result<u32, String> {
    match parse_count(text)? {
        count if count <= MAX_CONNECTIONS => Ok(count),
        _ => Err(format!("`{text}` is more than {MAX_CONNECTIONS} sockets")),
    }
}

/// A rate that may be 0.
fn rate(text: &str) -> Result<f64, String> {
    let is_zero = matches!(text, "0/s" | "0/m" | "0/h");
    if is_zero { Ok(0.0) } else { parse_rate(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn reads_sockets_and_rates() {
        let stages = parse_stages("1k@30s, 10k+200/s@2m,0@0s,0/s@1h").expect("valid");
        assert_eq!(stages.text(), "1k@30s,10k+200/s@2m,0@0s,0/s@1h");
        assert_eq!(stages.duration(), Duration::from_secs(30 + 120 + 3600));
        assert_eq!(stages.most_connections(), 10_000);
        assert!((stages.highest_rate() - 200.0).abs() < 1e-9);
        let rates = parse_stages("60/m@10s").expect("valid");
        assert!(rates.set_rates() && !rates.set_connections());
    }

    #[test]
    fn says_what_is_wrong_with_a_stage() {
        for (text, why) in [
            ("", "`` is not a stage"),
            ("1k", "`1k` is not a stage"),
            ("1k@30s,", "`` is not a stage"),
            ("ten@30s", "`ten` is not a number"),
            ("1k@soon", "`1k@soon`"),
            ("-5@30s", "`-5`"),
            ("1k@-5s", "`1k@-5s`"),
            ("1k+2k@30s", "two targets of a kind"),
            ("5/d@30s", "the unit of a rate"),
            ("20/s+30/s@1s", "two targets of a kind"),
            ("1k@0s", "take no time"),
            ("0@30s", "no stage opens a socket"),
            ("2m@30s", "more than 1000000 sockets"),
        ] {
            let error = parse_stages(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
        let many = vec!["1@1s"; MAX_STAGES + 1].join(",");
        assert!(parse_stages(&many).is_err());
    }
}
