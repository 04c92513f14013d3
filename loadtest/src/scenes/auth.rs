//! `loadtest run auth`: a storm of refreshes, revocations and tokens that expire, next to sockets that nothing may happen to.

use super::checks::Figures;
use super::message::Message;
use super::options::SceneOptions;
use super::publishing;
use super::revoking;
use super::scene::{Scene, Seat, is_admitted};
use crate::base::print;
use crate::base::tokens::{Claims, Tokens, unix_now};
use crate::measure::latency::Latency;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long the server may take to answer a refresh.
const REFRESH: Duration = Duration::from_secs(10);
/// How long after the answer to a revocation its connections may be open.
const REVOKED: Duration = Duration::from_secs(1);
/// How much later than at its end, with the leeway, a connection may be closed: many end together, and are closed in turn.
const EXPIRED: Duration = Duration::from_secs(5);
/// At most this many users are revoked, and this many tokens expire.
const MOST_REVOKED: u32 = 1000;
const MOST_EXPIRING: u32 = 1000;
/// How many revoked tokens are tried again.
const TRIED_AGAIN: usize = 50;
const ROUND_OF_REFRESHES: u64 = 2;

/// What a socket has heard.
#[derive(Default)]
struct Heard {
    asked_at: Option<Instant>,
    refresh: Option<Duration>,
    refused: bool,
    warned_at: Option<Instant>,
    events: u64,
    last: u64,
    wrong_order: u64,
}

fn hear(seat: &mut Seat<Heard>, message: &Message<'_>) {
    let heard = &mut seat.state;
    match message.kind {
        b"authenticated" => heard.refresh = heard.asked_at.map(|at| at.elapsed()),
        b"error" => heard.refused = true,
        b"event" if message.event == b"token_expiring" => {
            heard.warned_at.get_or_insert_with(Instant::now);
        }
        b"event" => {
            if let Some(number) = message.number {
                heard.events += 1;
                heard.wrong_order += u64::from(number <= heard.last);
                heard.last = number;
            }
        }
        _ => {}
    }
}

/// Runs the scenario.
///
/// # Errors
/// The run cannot start.
pub(crate) async fn run(options: Rc<SceneOptions>) -> Result<Figures, String> {
    let Tokens::Signed(signer) = options.tokens.clone() else {
        return Err("auth needs tokens that expire when it wants\n  fix: give the secret of the server's HS256 key with --token-secret-file".to_owned());
    };
    let mut figures = Figures::default();
    let mut scene: Scene<Heard> = Scene::new(&options);
    let subscribe = format!(
        r#"{{"type":"subscribe","channel":"{}"}}"#,
        options.channel()
    );
    let steady = options.connections as usize;
    scene
        .open(options.connections, Claims::default(), &subscribe, hear)
        .await;
    scene
        .until(options.connect_timeout, |seats| {
            seats.iter().all(|seat| seat.is_ready)
        })
        .await;
    let ready = scene
        .seats
        .borrow()
        .iter()
        .filter(|seat| seat.is_ready)
        .count();
    figures.count("conns.ready", ready);
    figures.count("connect.errors", steady - ready);
    for (error, count) in scene.errors.borrow().iter() {
        figures.notes.push(format!("{count} sockets: {error}"));
    }
    if ready == 0 {
        return Err(format!(
            "no socket could connect and subscribe: {}",
            figures.notes.join("; ")
        ));
    }

    print::err_line(&format!(
        "{ready} sockets are ready; all refresh their tokens"
    ));
    let publishing = publishing::start(&options).map_err(|error| error.to_string())?;
    sleep(options.duration / 4).await;
    let claims = Claims {
        id: ROUND_OF_REFRESHES,
        ..Claims::default()
    };
    for number in 0..steady {
        let seat = &mut scene.seats.borrow_mut()[number];
        let token = signer.token(&seat.user, &claims);
        seat.state.asked_at = Some(Instant::now());
        seat.send(&format!(r#"{{"type":"auth","token":"{token}","id":1}}"#));
    }
    let is_answered = |seat: &Seat<Heard>| {
        seat.state.refresh.is_some() || seat.state.refused || seat.closed.is_some()
    };
    scene
        .until(REFRESH, |seats| seats.iter().all(is_answered))
        .await;
    scene
        .until(options.duration + REFRESH, |_| !publishing.is_empty())
        .await;
    let published = publishing.try_recv().unwrap_or_default();
    scene
        .until(options.drain, |seats| {
            seats
                .iter()
                .all(|seat| seat.state.events >= published.accepted)
        })
        .await;
    refreshes(&mut figures, &scene.seats.borrow(), &published);

    let revoked = options.connections.div_ceil(2).min(MOST_REVOKED) as usize;
    print::err_line(&format!("revoking {revoked} users"));
    let users = scene.seats.borrow()[..revoked]
        .iter()
        .map(|seat| seat.user.clone())
        .collect();
    let revoking = revoking::start(&options, users).map_err(|error| error.to_string())?;
    scene.until(REFRESH * 6, |_| !revoking.is_empty()).await;
    let revocations = revoking.try_recv().unwrap_or_default();
    scene
        .until(REVOKED * 2, |seats| {
            seats[..revoked].iter().all(|seat| seat.closed.is_some())
        })
        .await;
    let mut late = 0;
    {
        let seats = scene.seats.borrow();
        let (mut closed, mut miscoded) = (0, 0);
        for (seat, answered) in seats[..revoked].iter().zip(&revocations.answered) {
            let Some((code, at)) = seat.closed else {
                continue;
            };
            closed += 1;
            miscoded += usize::from(code != 4004);
            late += usize::from(at > *answered + REVOKED);
        }
        figures.count("revoked.survivors", revoked - closed);
        figures.count("revoked.miscoded", miscoded);
        figures.count("revoked.late", late);
        figures.count("revoked.errors", revocations.errors);
        figures.notes.extend(revocations.error.clone());
    }
    let mut admitted = 0;
    for number in 0..revoked.min(TRIED_AGAIN) {
        let token = scene.seats.borrow()[number].token.clone();
        admitted += usize::from(is_admitted(&options, number, &token).await);
    }
    figures.count("revoked.admitted", admitted);

    expire(&options, &mut scene, &mut figures, &subscribe).await;
    let others = scene.seats.borrow()[revoked..steady]
        .iter()
        .filter(|seat| seat.closed.is_some())
        .count();
    figures.count("closes.unexpected", others);
    scene.close().await;
    revocations.take_back(&options);
    Ok(figures)
}

fn refreshes(figures: &mut Figures, seats: &[Seat<Heard>], published: &publishing::Published) {
    let mut latency = Latency::default();
    let (mut refused, mut missing, mut reorders) = (0, 0, 0);
    for seat in seats.iter().filter(|seat| seat.is_ready) {
        if let Some(took) = seat.state.refresh {
            latency.record_ns(took.as_nanos() as u64);
        }
        refused += usize::from(seat.state.refused);
        missing += published.accepted.saturating_sub(seat.state.events) as usize;
        reorders += seat.state.wrong_order as usize;
    }
    let answered = latency.count() as usize;
    figures.count(
        "refresh.unanswered",
        seats.iter().filter(|seat| seat.is_ready).count() - answered,
    );
    figures.count("refresh.refused", refused);
    figures.latency("refresh", &latency);
    figures.count("publish.accepted", published.accepted as usize);
    figures.count("publish.errors", published.errors as usize);
    figures.notes.extend(published.error.clone());
    figures.count("loss.silent", missing);
    figures.count("reorders", reorders);
}

/// Opens sockets whose tokens all end in the same second, and sees how they are warned and closed.
async fn expire(
    options: &Rc<SceneOptions>,
    scene: &mut Scene<Heard>,
    figures: &mut Figures,
    subscribe: &str,
) {
    let count = options.connections.div_ceil(4).min(MOST_EXPIRING);
    let timing = &options.timing;
    let opening = Duration::from_secs_f64(f64::from(count) / options.connect_rate);
    let end = unix_now() + (timing.token_life + opening).as_secs().max(2);
    print::err_line(&format!("{count} tokens end at once"));
    let began = Instant::now();
    // The end is a whole second, and this moment is anywhere in one.
    let ends_at = began + Duration::from_secs(end - unix_now());
    let claims = Claims {
        expires: Some(end),
        id: 0,
    };
    let first = scene.open(count, claims, subscribe, hear).await;
    let limit = (ends_at + timing.leeway + EXPIRED).saturating_duration_since(Instant::now());
    scene
        .until(limit, |seats| {
            seats[first..].iter().all(|seat| seat.closed.is_some())
        })
        .await;
    let seats = scene.seats.borrow();
    let expiring = &seats[first..];
    let closed = || expiring.iter().filter_map(|seat| seat.closed);
    let second = Duration::from_secs(1);
    figures.count("expired.survivors", expiring.len() - closed().count());
    figures.count(
        "expired.miscoded",
        closed().filter(|(code, _)| *code != 4003).count(),
    );
    figures.count(
        "expired.early",
        closed().filter(|(_, at)| *at + second < ends_at).count(),
    );
    let warnings: Vec<Instant> = expiring
        .iter()
        .filter_map(|seat| seat.state.warned_at)
        .collect();
    figures.count("expired.unwarned", expiring.len() - warnings.len());
    let spread = match (warnings.iter().min(), warnings.iter().max()) {
        (Some(first), Some(last)) => last.duration_since(*first),
        _ => Duration::ZERO,
    };
    figures.seconds("expired.warning_spread", spread.as_secs_f64());
}
