//! `loadtest run verify`: runs every correctness scenario, small, one after the other.

use crate::base::exit::Exit;
use crate::base::print;
use crate::base::target::Target;
use crate::cli::flags::Flags;
use crate::cli::scenario::Scenario;
use crate::cli::setup;
use crate::run::execute;
use crate::run::signals;
use crate::wire::client_frame;
use crate::wire::probe_client::ProbeClient;
use crate::wire::server_frame::ServerFrame;
use crate::wire::server_message::{ServerMessage, messages};
use crossbeam_channel::Receiver;
use std::io;
use std::time::{Duration, Instant};

/// Scenario, sockets, publications per second, and duration in seconds; 0 for as long as it needs.
type Step = (&'static str, u32, f64, u64);

const STEPS: [Step; 5] = [
    ("smoke", 300, 100.0, 3),
    ("churn", 200, 100.0, 4),
    ("storm", 300, 50.0, 4),
    ("adversarial", 100, 50.0, 3),
    ("slow", 60, 40.0, 9),
];
const HEARTBEAT: Step = ("heartbeat", 200, 20.0, 0);
const RECOVERY: Step = ("recovery", 200, 50.0, 4);
/// The heartbeat scenario is skipped if it takes longer than this.
const LONGEST_HEARTBEAT: Duration = Duration::from_secs(6);
/// Payload size of the slow scenario: so large that a socket that does not read is evicted before a short pong timeout ends it.
const SLOW_SIZE: u32 = 32 * 1024;
/// Defaults of the recovery scenario: sockets to drop per second, and how long they stay disconnected.
const DROPS: f64 = 100.0;
const AWAY: Duration = Duration::from_millis(500);
/// How long to wait for the server to say whether it has positions.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Runs the scenarios and returns the worst exit code. Latencies are shown, but not asserted.
pub(crate) fn run(flags: &Flags) -> Result<Exit, String> {
    let begin = Instant::now();
    let interrupts = signals::listen().map_err(|error| error.to_string())?;
    let mut outcomes: Vec<(&str, Exit)> = Vec::new();
    let mut skipped = Vec::new();
    for step in STEPS.into_iter().chain([HEARTBEAT, RECOVERY]) {
        let skip_reason = match step {
            HEARTBEAT => why_heartbeat_is_skipped(flags)?,
            RECOVERY => why_recovery_is_skipped(flags)?,
            _ => None,
        };
        if let Some(skip_reason) = skip_reason {
            skipped.push((step.0, skip_reason));
            continue;
        }
        let exit = run_step(step, flags, &interrupts)?;
        outcomes.push((step.0, exit));
        // After an interrupt, or if the server is not ready, there is no point in going on.
        if matches!(exit, Exit::Interrupted | Exit::Setup) {
            break;
        }
    }
    print::out_line(&format!("\nverify in {:.0?}", begin.elapsed()));
    for (name, exit) in &outcomes {
        print::out_line(&format!("  {name:<12}  {exit:?}"));
    }
    for (name, skip_reason) in skipped {
        print::out_line(&format!("  {name:<12}  skipped: {skip_reason}"));
    }
    let worst = outcomes
        .iter()
        .map(|(_, exit)| *exit)
        .max_by_key(|exit| exit.code());
    Ok(worst.unwrap_or(Exit::Internal))
}

fn run_step(step: Step, flags: &Flags, interrupts: &Receiver<()>) -> Result<Exit, String> {
    let (name, connections, rate, seconds) = step;
    let mut flags = flags.clone();
    flags.connections.get_or_insert(connections);
    flags.rate.get_or_insert(rate);
    if seconds > 0 {
        flags.duration = Some(Duration::from_secs(seconds));
    }
    if name == "slow" {
        flags.size.get_or_insert(SLOW_SIZE);
    }
    if step == RECOVERY {
        flags.faults.drops.get_or_insert(DROPS);
        if flags.faults.reconnect.is_zero() {
            flags.faults.reconnect = AWAY;
        }
    }
    flags.faults.soon();
    flags.allow_taint = true;
    let mut options = setup::options(Scenario::find(name)?, flags)?;
    let asserted = &mut options.judging.default_assertions;
    asserted.retain(|assertion| !assertion.is_about_time());
    Ok(execute::run_one_of_several(options, interrupts.clone()))
}

/// Why the heartbeat scenario is skipped, if it is.
fn why_heartbeat_is_skipped(flags: &Flags) -> Result<Option<String>, String> {
    let url = match &flags.api {
        Some(api) => api.clone(),
        None => target(flags)?.api_url(),
    };
    let api = Target::resolve(&url, "http", flags.tls_ca.as_deref())?;
    let may_ask = flags.yes || api.is_loopback();
    let longest = flags.faults.heartbeat(may_ask.then_some(&api)).longest();
    let fix = "run the server with --ping-interval 1s --pong-timeout 3s";
    Ok((longest > LONGEST_HEARTBEAT).then(|| fix.to_owned()))
}

fn target(flags: &Flags) -> Result<Target, String> {
    Target::resolve(flags.wavecast_url(), "ws", flags.tls_ca.as_deref())
}

/// Why the recovery scenario is skipped, if it is.
fn why_recovery_is_skipped(flags: &Flags) -> Result<Option<String>, String> {
    Ok(match has_positions(&target(flags)?) {
        Ok(true) => None,
        Ok(false) => Some("run the server with --history 100000".to_owned()),
        Err(error) => Some(format!(
            "cannot find out whether the server has positions: {error}"
        )),
    })
}

/// Whether the server has positions: whether a subscription that asks for them gets one.
fn has_positions(target: &Target) -> io::Result<bool> {
    let mut client = ProbeClient::connect(target, "", TIMEOUT)?;
    let mut frame = Vec::new();
    let command = br#"{"type":"subscribe","channel":"lt.00000000.0","positions":true}"#;
    client_frame::encode(&mut frame, client_frame::TEXT, command, 1);
    client.send(&frame)?;
    client.find(|frame| {
        let mut answer = None;
        if let ServerFrame::Text(text) = frame {
            messages(text, |message| match message {
                ServerMessage::Subscribed(_, position) => answer = Some(position.offset.is_some()),
                ServerMessage::Error(_) => answer = Some(false),
                _ => {}
            });
        }
        answer
    })
}
