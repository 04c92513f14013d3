//! The scenarios: defaults for the flags, and assertions.

use crate::dialect::presets;
use crate::plan::cohort::Role;
use crate::plan::popularity::Popularity;
use crate::plan::run_plan::RunPlan;
use crate::verdict::assertion::Assertion;
use std::time::Duration;

/// A scenario, as `loadtest list` shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What it does, in one line.
    pub(crate) about: &'static str,
    pub(crate) defaults: Defaults,
    /// Assertions in addition to those of every run.
    asserts: &'static [&'static str],
    /// The server feature that it needs. Such a scenario cannot run yet.
    pub(crate) needs: Option<&'static str>,
}

/// The values of flags that are not given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults {
    pub(crate) connections: u32,
    /// Publications per second; 0 for none.
    pub(crate) rate: f64,
    pub(crate) channels: u32,
    /// Members per room; 0 for channels instead of rooms.
    pub(crate) members: u32,
    pub(crate) popularity: Popularity,
    pub(crate) size: u32,
    pub(crate) duration: Duration,
    /// Sockets per second that unsubscribe, close and reconnect.
    pub(crate) churn: f64,
    /// Sockets per second that are dropped.
    pub(crate) drops: f64,
    /// Dropped sockets resume from their positions.
    pub(crate) positions: bool,
    /// When all sockets drop.
    pub(crate) storm_at: Option<Duration>,
    /// Cohorts if no flag names any, and when their faults start.
    pub(crate) cohorts: &'static [(Role, f64)],
    pub(crate) turn_at: Duration,
}

const BASE: Defaults = Defaults {
    connections: 1000,
    rate: 100.0,
    channels: 10,
    members: 0,
    popularity: Popularity::Even,
    size: 256,
    duration: Duration::from_secs(30),
    churn: 0.0,
    drops: 0.0,
    positions: false,
    storm_at: None,
    cohorts: &[],
    turn_at: Duration::from_secs(2),
};

const fn runnable(
    name: &'static str,
    about: &'static str,
    defaults: Defaults,
    asserts: &'static [&'static str],
) -> Scenario {
    Scenario {
        name,
        about,
        defaults,
        asserts,
        needs: None,
    }
}

const fn unsupported(name: &'static str, about: &'static str, needs: &'static str) -> Scenario {
    Scenario {
        name,
        about,
        defaults: BASE,
        asserts: &[],
        needs: Some(needs),
    }
}

/// All scenarios, in the order of `loadtest list`.
pub(crate) const SCENARIOS: &[Scenario] = &[
    runnable(
        "smoke",
        "1,000 sockets, 10 channels, 100 publications per second, 30 s",
        BASE,
        &[],
    ),
    runnable(
        "idle",
        "opens sockets and keeps them open: heartbeats only",
        Defaults { rate: 0.0, ..BASE },
        &["server.kib_per_conn<=20KiB"],
    ),
    runnable(
        "broadcast",
        "all sockets subscribe to one channel",
        Defaults {
            channels: 1,
            rate: 20.0,
            ..BASE
        },
        &["delivery.p99<2s"],
    ),
    runnable(
        "rooms",
        "rooms of 50 members, two of whom publish; some rooms are busier than others",
        Defaults {
            members: 50,
            popularity: Popularity::Zipf(1.1),
            ..BASE
        },
        &["delivery.p99<2s"],
    ),
    runnable(
        "connect",
        "opens and closes sockets at the rate of --churn",
        Defaults {
            connections: 500,
            rate: 0.0,
            churn: 500.0,
            duration: Duration::from_secs(10),
            ..BASE
        },
        &["connect.ready.p99<1s", "churn.stuck==0"],
    ),
    runnable(
        "churn",
        "sockets disconnect and reconnect while events flow; nothing is lost in between",
        Defaults {
            churn: 50.0,
            ..BASE
        },
        &["churn.stuck==0", "churn.returned>=1"],
    ),
    runnable(
        "storm",
        "all sockets drop at once and reconnect",
        Defaults {
            rate: 50.0,
            storm_at: Some(Duration::from_secs(5)),
            ..BASE
        },
        &["storm.missing==0", "storm.t99<30s", "publish.ack.p99<5s"],
    ),
    runnable(
        "slow",
        "some sockets stop reading: the server evicts them (1013), and the others are not affected",
        Defaults {
            connections: 500,
            channels: 1,
            rate: 10.0,
            size: 8192,
            cohorts: &[(Role::Slow, 0.1)],
            turn_at: Duration::from_secs(8),
            ..BASE
        },
        &[
            "slow.survivors==0",
            "slow.miscoded==0",
            "slow.isolation<=1.5x",
            "server.evictions_uncounted==0",
        ],
    ),
    runnable(
        "heartbeat",
        "some sockets become unresponsive: the server closes them in time (4001), and no healthy ones",
        Defaults {
            connections: 500,
            rate: 10.0,
            cohorts: &[
                (Role::NoPong, 0.04),
                (Role::BlackHole, 0.04),
                (Role::HalfOpen, 0.04),
                (Role::HandshakeStall, 0.02),
                (Role::PongLate, 0.04),
            ],
            ..BASE
        },
        &[
            "heartbeat.survivors==0",
            "heartbeat.early==0",
            "heartbeat.late==0",
            "heartbeat.miscoded==0",
        ],
    ),
    runnable(
        "adversarial",
        "clients violate the protocol: the server answers correctly, and the others are not affected",
        Defaults {
            connections: 200,
            duration: Duration::from_secs(5),
            ..BASE
        },
        &["attacks.made>=10", "attacks.wrong==0"],
    ),
    runnable(
        "soak",
        "some churn for a long time: memory must not grow",
        Defaults {
            channels: 20,
            churn: 5.0,
            duration: Duration::from_secs(10 * 60),
            ..BASE
        },
        &["churn.stuck==0", "server.rss_slope<64MiB/h"],
    ),
    runnable(
        "find-max",
        "searches for the highest rate at which --slo passes and nothing is lost",
        Defaults {
            connections: 500,
            channels: 1,
            rate: 10.0,
            duration: Duration::from_secs(5),
            ..BASE
        },
        &[],
    ),
    runnable(
        "verify",
        "runs every correctness scenario, small, one after the other, in less than a minute",
        BASE,
        &[],
    ),
    runnable(
        "recovery",
        "sockets drop all the time and resume from their positions: nothing is lost",
        Defaults {
            connections: 5000,
            drops: 500.0,
            positions: true,
            rate: 50.0,
            ..BASE
        },
        &[
            "storm.missing==0",
            "recovery.recovered>=1",
            "recovery.refused==0",
            "recovery.wrong==0",
        ],
    ),
    runnable(
        "auth",
        "all sockets refresh their tokens at once, users are revoked, tokens expire; nothing happens to the others",
        Defaults {
            connections: 2000,
            rate: 50.0,
            duration: Duration::from_secs(10),
            ..BASE
        },
        &[
            "conns.ready=={conns}",
            "refresh.unanswered==0",
            "refresh.refused==0",
            "publish.errors==0",
            "loss.silent==0",
            "reorders==0",
            "revoked.errors==0",
            "revoked.survivors==0",
            "revoked.late==0",
            "revoked.miscoded==0",
            "revoked.admitted==0",
            "expired.survivors==0",
            "expired.early==0",
            "expired.miscoded==0",
            "expired.unwarned==0",
            "closes.unexpected==0",
        ],
    ),
    runnable(
        "presence",
        "users come and go, and watchers must know who is there; then all come at once",
        Defaults {
            duration: Duration::from_secs(15),
            ..BASE
        },
        &[
            "connect.errors==0",
            "presence.wrong==0",
            "presence.unfit==0",
            "presence.rest_difference==0",
            "presence.storm_wrong==0",
            "presence.storm_excess==0",
            "closes.unexpected==0",
        ],
    ),
    unsupported(
        "multinode",
        "publishers on one node, subscribers on another",
        "a broker between nodes",
    ),
];

impl Scenario {
    /// The scenario of that name.
    pub(crate) fn find(name: &str) -> Result<&'static Self, String> {
        SCENARIOS
            .iter()
            .find(|scenario| scenario.name == name)
            .ok_or_else(|| format!("there is no scenario `{name}`; `loadtest list` shows them all"))
    }

    /// Its own assertions, if it scripts each of so many sockets. `spread` is how far apart warnings must be, in seconds.
    pub(crate) fn scripted_assertions(
        &self,
        connections: u32,
        spread: Option<f64>,
    ) -> Vec<Assertion> {
        let spread = spread.map(|seconds| format!("expired.warning_spread>={seconds}"));
        let own = self
            .asserts
            .iter()
            .map(|expr| expr.replace("{conns}", &connections.to_string()));
        own.chain(spread.filter(|_| self.name == "auth"))
            .map(|expr| expr.parse().expect("a constant expression is valid"))
            .collect()
    }

    /// Its default assertions.
    pub(crate) fn assertions(&self, plan: &RunPlan) -> Vec<Assertion> {
        const EVERY: &[&str] = &[
            "conns.ready=={conns}",
            "connect.errors==0",
            "closes.unexpected==0",
            "publish.errors==0",
            "publish.unsent==0",
            "loss.silent==0",
            "gaps.excess==0",
            "dups==0",
            "reorders==0",
            "foreign==0",
            "malformed==0",
            "errors==0",
        ];
        const STEADY: &[&str] = &["books.difference==0"];
        // Responses to publications count subscribers. Rooms have no such responses, but announcements.
        const CHANNELS: &[&str] = &["subscribers.mismatch==0"];
        const ROOMS: &[&str] = &["announcements.difference==0"];
        // With stages, sockets leave in any scenario.
        const LEAVING: &[&str] = &["churn.stuck==0"];
        let steady = if plan.expects_all() { STEADY } else { &[] };
        let leaving = if plan.stages.close_sockets() {
            LEAVING
        } else {
            &[]
        };
        let counted = match (plan.is_steady(), plan.rooms) {
            (false, _) => &[],
            (true, false) => CHANNELS,
            (true, true) => ROOMS,
        };
        // Assertions about the server only apply if it is watched.
        EVERY
            .iter()
            .chain(counted)
            .chain(steady)
            .chain(leaving)
            .chain(self.asserts)
            .chain(&["server.leaks==0"])
            .map(|expr| {
                expr.replace("{conns}", &plan.ready_sockets().to_string())
                    .parse()
                    .expect("a constant expression is valid")
            })
            .collect()
    }
}

/// The text of `loadtest list`.
pub(crate) fn list() -> String {
    let mut lines = Vec::new();
    for scenario in SCENARIOS {
        lines.push(format!("{:<12} {}", scenario.name, scenario.about));
        match scenario.needs {
            Some(needs) => lines.push(format!("{:12}   needs a server feature: {needs}", "")),
            None if scenario.asserts.is_empty() => {}
            None => lines.push(format!("{:12}   {}", "", scenario.asserts.join("  "))),
        }
    }
    lines.push(String::new());
    let always = [
        "Every run also asserts that nothing is lost silently, duplicated, reordered or misdirected, that no",
        "socket closes unexpectedly, and that the server releases everything at the end.",
    ];
    lines.extend(always.map(str::to_owned));
    lines.push(String::new());
    let targets: Vec<&str> = presets::names().collect();
    lines.push(format!("Targets: wavecast, {}", targets.join(", ")));
    lines.push(String::new());
    lines.join("\n")
}
