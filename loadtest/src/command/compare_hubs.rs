//! `loadtest compare HUB HUB …`: the same load on several hubs, in turns, and one page about it.

use crate::base::exit::Exit;
use crate::base::print;
use crate::cli::args::HubFlags;
use crate::cli::flags::Flags;
use crate::cli::scenario::Scenario;
use crate::cli::setup;
use crate::report::hub_runs::HubRuns;
use crate::report::hubs_page::page;
use crate::run::display::DisplayFlags;
use crate::run::execute;
use crate::run::options::RunOptions;
use crate::run::signals;
use crate::verdict::run_record::CutShort;
use std::fs;

/// A hub as the command line names it: `centrifugo@ws://127.0.0.1:8000/connection/websocket`.
struct Hub<'a> {
    target: &'a str,
    url: Option<&'a str>,
}

impl<'a> Hub<'a> {
    fn parse(text: &'a str) -> Self {
        match text.split_once('@') {
            Some((target, url)) => Self {
                target,
                url: Some(url),
            },
            None => Self {
                target: text,
                url: None,
            },
        }
    }
}

/// Runs the load on each hub, as often as asked, and writes the page. The worst outcome decides the exit code.
pub(crate) fn run(names: &[String], own: &HubFlags, flags: &Flags) -> Result<Exit, String> {
    let scenario = Scenario::find(&own.scenario)?;
    if flags.url.is_some() || flags.target != "wavecast" {
        return Err("give each hub as TARGET@URL, without --url and --target".to_owned());
    }
    let as_html = match own.page.extension().and_then(|end| end.to_str()) {
        Some("html") => true,
        Some("md") => false,
        _ => return Err("the name of --page must end with .html or .md".to_owned()),
    };
    let hubs: Vec<Hub<'_>> = names.iter().map(|name| Hub::parse(name)).collect();
    let mut flags = flags.clone();
    // Random choices are the same for all.
    let seed = *flags.seed.get_or_insert(1);
    flags.display = DisplayFlags::lines();
    let one_channel = |hub: &Hub<'_>| hub.target == "ws";
    if hubs.iter().any(one_channel) {
        flags.channels.get_or_insert(1);
    }
    let options = |hub: &Hub<'_>| -> Result<RunOptions, String> {
        let mut flags = flags.clone();
        hub.target.clone_into(&mut flags.target);
        flags.url = hub.url.map(str::to_owned);
        let mut options = setup::options(scenario, flags)?;
        options.judging.cmd = setup::hub_command(&own.scenario, hub.target, hub.url);
        Ok(options)
    };
    let all: Vec<RunOptions> = hubs.iter().map(options).collect::<Result<_, _>>()?;
    let load = load(&all, own.runs, seed)?;
    let interrupts = signals::listen().map_err(|error| error.to_string())?;
    let mut results: Vec<HubRuns> = all
        .iter()
        .map(|options| HubRuns {
            name: name_among(options, &all),
            runs: Vec::new(),
        })
        .collect();
    let mut worst = Exit::Pass;
    for run in 0..own.runs as usize {
        for turn in 0..hubs.len() {
            // Each run begins with another hub.
            let nth = (turn + run) % hubs.len();
            let options = options(&hubs[nth])?;
            let (result, cut_short) = match execute::execute(options, interrupts.clone()) {
                Ok(finished) => finished,
                Err(exit) => return Ok(exit),
            };
            if cut_short == Some(CutShort::Interrupted) {
                return Ok(Exit::Interrupted);
            }
            worst = match (result.passed && cut_short.is_none(), result.valid) {
                (false, _) => Exit::Fail,
                (true, false) if worst == Exit::Pass && !flags.allow_taint => Exit::Tainted,
                (true, _) => worst,
            };
            results[nth].runs.push(result);
        }
    }
    let page = page(&results, &load, &setup::repeat_command());
    let text = if as_html {
        page.html()
    } else {
        page.markdown()
    };
    let path = own.page.display();
    fs::write(&own.page, text).map_err(|error| format!("{path}: {error}"))?;
    print::out_line(&format!("\nwrote {path}"));
    Ok(worst)
}

/// The name of a hub, with its address if it is not the only one of that name.
fn name_among(options: &RunOptions, all: &[RunOptions]) -> String {
    let name = |options: &RunOptions| {
        let dialect = options.dialect.as_ref();
        dialect.map_or_else(|| "Wavecast".to_owned(), |own| own.file.name.clone())
    };
    let own = name(options);
    if all.iter().filter(|other| name(other) == own).count() > 1 {
        format!("{own} {}", options.ws.host)
    } else {
        own
    }
}

/// What every run does, in one sentence. It must be the same for all hubs.
fn load(all: &[RunOptions], runs: u32, seed: u64) -> Result<String, String> {
    let described: Vec<String> = all
        .iter()
        .map(|options| {
            let plan = &options.plan;
            format!(
                "{} sockets with {} each on {}, {} publications per second{} of {} bytes from {} for {:?}{}",
                plan.sockets(),
                match plan.subs_per_conn {
                    1 => "one subscription".to_owned(),
                    count => format!("{count} subscriptions"),
                },
                plan.topics(),
                plan.rate,
                if plan.arrivals.is_even() { "" } else { " at random (Poisson)" },
                plan.payload_bytes,
                match plan.publishers {
                    1 => "one publisher".to_owned(),
                    count => format!("{count} publishers"),
                },
                plan.duration,
                if plan.stages.are_none() {
                    String::new()
                } else {
                    format!(", in stages {}", plan.stages.text())
                },
            )
        })
        .collect();
    let first = described.first().ok_or("name at least two hubs")?;
    if let Some(other) = described.iter().find(|other| *other != first) {
        return Err(format!("the load is not the same: {first}; {other}"));
    }
    Ok(format!(
        "The same load on each: {first}. Runs per hub: {runs}, seed {seed}."
    ))
}
