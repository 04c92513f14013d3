//! `loadtest run auth` and `loadtest run presence`.

use crate::base::exit::Exit;
use crate::base::print;
use crate::cli::flags::Flags;
use crate::cli::scenario::Scenario;
use crate::cli::setup;
use crate::result::run_result::Run;
use crate::run::preflight;
use crate::scenes::checks::Figures;
use crate::scenes::options::SceneOptions;
use crate::scenes::{auth, presence};
use std::rc::Rc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::runtime::{Builder, LocalOptions};

/// Runs a scripted scenario. Ctrl-C ends it without a report.
///
/// # Errors
/// What is wrong with the flags.
pub(crate) fn run(scenario: &Scenario, flags: &Flags) -> Result<Exit, String> {
    let outputs = flags.outputs.clone();
    let (options, asserted, run) = setup::scene_options(scenario, flags)?;
    if let Err(error) =
        preflight::check_scene(&options.ws, &options.api, options.connections, flags.yes)
    {
        print::err_line(&format!("loadtest: {error}"));
        return Ok(Exit::Setup);
    }
    print::out_line(&format!(
        "loadtest {}  {}  {} sockets  {:?}  run {:08x}",
        scenario.name, options.ws.host, options.connections, options.duration, options.run
    ));
    let (began, limit) = (Instant::now(), flags.limit_time);
    let figures = match perform(scenario.name, options, limit) {
        Ok(figures) => figures,
        Err(error) => {
            print::err_line(&format!("loadtest: {error}"));
            return Ok(Exit::Setup);
        }
    };
    let started = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let run = Run {
        started_unix_ms: started.saturating_sub(began.elapsed()).as_millis() as u64,
        duration_s: began.elapsed().as_secs_f64(),
        ..run
    };
    Ok(figures.conclude(&asserted, run, &outputs))
}

fn perform(
    name: &str,
    options: SceneOptions,
    limit: std::time::Duration,
) -> Result<Figures, String> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .map_err(|error| error.to_string())?;
    let options = Rc::new(options);
    runtime.block_on(async {
        let scene = async {
            match name {
                "auth" => auth::run(options).await,
                _ => presence::run(options).await,
            }
        };
        tokio::time::timeout(limit, scene)
            .await
            .map_err(|_| "the run took longer than --limit-time".to_owned())?
    })
}
