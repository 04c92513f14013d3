//! The scenarios: what each sets where no flag says otherwise, and what it asserts.

use crate::assertion::Assertion;
use crate::plan::Plan;
use std::time::Duration;

/// One line of `loadtest list`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) about: &'static str,
    pub(crate) defaults: Defaults,
    /// Beside those every run has; `{conns}` stands for the sockets that are opened.
    asserts: &'static [&'static str],
    /// What the server has to learn first; such a scenario does not run.
    pub(crate) needs: Option<&'static str>,
}

/// What a flag is when it is not given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults {
    pub(crate) connections: u32,
    /// Publications a second; 0 for none.
    pub(crate) rate: f64,
    pub(crate) channels: u32,
    pub(crate) size: u32,
    pub(crate) duration: Duration,
}

const MILD: Defaults = Defaults {
    connections: 1000,
    rate: 100.0,
    channels: 10,
    size: 256,
    duration: Duration::from_secs(30),
};

const fn runs(
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

const fn waits(name: &'static str, about: &'static str, needs: &'static str) -> Scenario {
    Scenario {
        name,
        about,
        defaults: MILD,
        asserts: &[],
        needs: Some(needs),
    }
}

/// All of them, in the order of `loadtest list`.
pub(crate) const SCENARIOS: &[Scenario] = &[
    runs(
        "smoke",
        "1,000 sockets, 10 channels, 100 publications a second, 30 s",
        MILD,
        &[],
    ),
    runs(
        "idle",
        "opens sockets and holds them: heartbeats only",
        Defaults { rate: 0.0, ..MILD },
        &["server.kib_per_conn<=20KiB"],
    ),
    runs(
        "broadcast",
        "one channel, everyone subscribes to it",
        Defaults {
            channels: 1,
            rate: 20.0,
            ..MILD
        },
        &["delivery.p99<2s"],
    ),
    waits(
        "recovery",
        "forced drops while publishing, replay since an offset",
        "replay of missed events since an offset",
    ),
    waits(
        "presence",
        "who is here, under churn",
        "presence of a channel or room",
    ),
    waits(
        "multinode",
        "publishers on one node, subscribers on another",
        "several nodes over a broker",
    ),
];

impl Scenario {
    /// The scenario of that name.
    pub(crate) fn find(name: &str) -> Result<&'static Self, String> {
        SCENARIOS
            .iter()
            .find(|scenario| scenario.name == name)
            .ok_or_else(|| format!("there is no scenario `{name}` (see: loadtest list)"))
    }

    /// Its default assertions.
    pub(crate) fn assertions(&self, plan: &Plan) -> Vec<Assertion> {
        const EVERY: &[&str] = &[
            "conns.ready=={conns}",
            "connect.errors==0",
            "closes.unexpected==0",
            "publish.errors==0",
            "publish.unsent==0",
            "loss.silent==0",
            "dups==0",
            "reorders==0",
            "foreign==0",
            "malformed==0",
            "errors==0",
        ];
        const STEADY: &[&str] = &["subscribers.mismatch==0", "books.difference==0"];
        let steady = if plan.is_steady() { STEADY } else { &[] };
        // The watched server's: not asserted when it is not watched.
        EVERY
            .iter()
            .chain(steady)
            .chain(self.asserts)
            .chain(&["server.leaks==0"])
            .map(|expr| {
                expr.replace("{conns}", &plan.sockets().to_string())
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
    lines.push(
        "Every run also asserts exact books: no silent loss, duplicate, reorder, foreign message"
            .to_owned(),
    );
    lines.push("or unexpected close, and that the server gives everything back.".to_owned());
    lines.push(String::new());
    lines.join("\n")
}
