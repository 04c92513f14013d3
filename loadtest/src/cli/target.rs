//! The target of a run: its addresses, its dialect, and what cannot be asserted about it.

use super::flags::Flags;
use super::scenario::Scenario;
use crate::base::target::Target;
use crate::base::tokens::Tokens;
use crate::dialect::hub_dialect::Dialect;
use crate::dialect::presets;
use crate::dialect::target_file::Via;
use crate::plan::stages::Stages;
use crate::result::run_result::Skipped;
use crate::sockets::run_state::Credentials;
use crate::verdict::assertion::Assertion;
use std::fmt::Write;

/// A target, as the flags and its file say.
pub(crate) struct ResolvedTarget {
    pub(crate) ws: Target,
    pub(crate) api: Target,
    pub(crate) dialect: Option<Dialect>,
    pub(crate) credentials: Credentials,
}

/// Scenarios that make sense for any hub.
const FOR_ANY_HUB: [&str; 6] = ["smoke", "idle", "broadcast", "storm", "slow", "find-max"];

/// Resolves the target of a run.
///
/// # Errors
/// What is wrong with the flags or the target file, as text for the user.
pub(crate) fn resolve(scenario: &Scenario, flags: &Flags) -> Result<ResolvedTarget, String> {
    let parse_time = |text: &str| {
        humantime::parse_duration(text).map_err(|error| format!("heartbeat.every: {error}"))
    };
    let token = flags.token.as_deref().unwrap_or_default();
    let dialect = match presets::find(&flags.target)? {
        Some(file) => Some(
            Dialect::new(file, token, parse_time)
                .map_err(|error| format!("{}: {error}", flags.target))?,
        ),
        None => None,
    };
    if let Some(dialect) = &dialect {
        fits(scenario, flags, dialect)?;
    }
    let file = dialect.as_ref().map(|dialect| &dialect.file);
    let url = match (&flags.url, file) {
        (Some(url), _) => match &dialect {
            Some(dialect) => dialect.url(url),
            None => url.clone(),
        },
        (None, None) => flags.wavecast_url().to_owned(),
        (None, Some(file)) => file
            .url
            .clone()
            .ok_or("give the address of the target with --url")?,
    };
    let is_stream = dialect.as_ref().is_some_and(Dialect::is_event_stream);
    let scheme = if is_stream { "http" } else { "ws" };
    let ws = Target::resolve(&url, scheme, flags.tls_ca.as_deref())?;
    let api = flags.api.clone();
    // An address on the command line is that of the whole hub.
    let api = api.or_else(|| file.filter(|_| flags.url.is_none())?.api.clone());
    let api = api.unwrap_or_else(|| ws.api_url());
    let api = Target::resolve(&api, "http", flags.tls_ca.as_deref())?;
    Ok(ResolvedTarget {
        credentials: credentials(flags, dialect.as_ref())?,
        ws,
        api,
        dialect,
    })
}

fn fits(scenario: &Scenario, flags: &Flags, dialect: &Dialect) -> Result<(), String> {
    let name = &dialect.file.name;
    if !FOR_ANY_HUB.contains(&scenario.name) {
        return Err(format!(
            "{} needs the protocol of Wavecast; with {name} there are {}",
            scenario.name,
            FOR_ANY_HUB.join(", ")
        ));
    }
    if flags.faults.churn.is_some() || flags.faults.drops.is_some() || flags.faults.positions {
        return Err(format!(
            "--churn, --drops and --positions need the protocol of Wavecast, not that of {name}"
        ));
    }
    if scenario.name == "storm" && dialect.file.subscribed.is_none() {
        return Err(format!(
            "{name} does not confirm subscriptions, so what a returning socket is owed is unknown"
        ));
    }
    let stages = flags.stages.as_ref().filter(|own| own.set_connections());
    if stages.is_some() && dialect.file.subscribed.is_none() {
        return Err(format!(
            "{name} does not confirm subscriptions, so --stages cannot open sockets while events flow"
        ));
    }
    if stages.is_some_and(Stages::close_sockets) {
        return Err(format!(
            "--stages that close sockets need the protocol of Wavecast, not that of {name}"
        ));
    }
    let path_names_channel =
        |url: &Option<String>| url.as_ref().is_some_and(|url| url.contains("{{channel}}"));
    let in_url = path_names_channel(&flags.url) || path_names_channel(&dialect.file.url);
    if (in_url || dialect.file.one_channel) && flags.subs_per_conn > 1 {
        return Err(format!("a socket of {name} has one subscription"));
    }
    if dialect.file.one_channel && flags.channels.is_some_and(|channels| channels > 1) {
        return Err(format!(
            "{name} has one channel, which every socket receives"
        ));
    }
    Ok(())
}

pub(super) fn credentials(flags: &Flags, dialect: Option<&Dialect>) -> Result<Credentials, String> {
    let token = flags.token.clone().unwrap_or_default();
    let mut lines = String::new();
    for header in &flags.headers {
        line(&mut lines, header)?;
    }
    let mut api = lines.clone();
    if let Some(key) = &flags.identity.api_key {
        line(&mut api, &format!("Authorization: Bearer {key}"))?;
    }
    if !token.is_empty() && !dialect.is_some_and(Dialect::places_token) {
        line(&mut lines, &format!("Authorization: Bearer {token}"))?;
    }
    // The API of Wavecast takes keys and no tokens.
    let has_key = flags.identity.api_key.is_some();
    let mut publish_headers = if has_key { api } else { lines.clone() };
    let mut upgrade_headers = lines;
    if let Some(dialect) = dialect {
        for header in &dialect.file.headers {
            line(&mut upgrade_headers, &header.replace("{{token}}", &token))?;
        }
        if let Some(protocol) = &dialect.file.subprotocol {
            line(
                &mut upgrade_headers,
                &format!("Sec-WebSocket-Protocol: {protocol}"),
            )?;
        }
        for header in &dialect.file.publish.headers {
            line(&mut publish_headers, &header.replace("{{token}}", &token))?;
        }
    }
    Ok(Credentials {
        upgrade_headers,
        publish_headers,
        token,
        tokens: Tokens::None,
    })
}

fn line(lines: &mut String, header: &str) -> Result<(), String> {
    let (name, value) = header.split_once(':').ok_or_else(|| {
        format!("`{header}` is not a header (example: Origin: https://example.com)")
    })?;
    if header.chars().any(char::is_control) || name.trim().is_empty() {
        return Err(format!("`{header}` is not a header"));
    }
    let _ = write!(lines, "{}: {}\r\n", name.trim(), value.trim());
    Ok(())
}

/// Removes the assertions that make no sense for this target, and says why.
pub(crate) fn switch_off(dialect: &Dialect, assertions: &mut Vec<Assertion>) -> Vec<Skipped> {
    let file = &dialect.file;
    let mut reasons = vec![
        (
            "gaps.",
            format!("{} announces no gaps, so every loss is silent", file.name),
        ),
        (
            "slow.miscoded",
            format!("{} has close codes of its own", file.name),
        ),
        (
            "server.evictions_uncounted",
            format!("the statistics of {} are not known", file.name),
        ),
    ];
    if dialect.subscribers.is_none() {
        let why = format!(
            "{} does not count the subscribers in its replies",
            file.name
        );
        reasons.push(("subscribers.", why));
    }
    let mut skipped = Vec::new();
    assertions.retain(|assertion| {
        let reason = reasons
            .iter()
            .find(|(prefix, _)| assertion.subject().starts_with(prefix));
        if let Some((_, reason)) = reason {
            skipped.push(Skipped {
                expr: assertion.expr().to_owned(),
                reason: reason.clone(),
            });
        }
        reason.is_none()
    });
    let mut also = |expr: &str, reason: String| {
        skipped.push(Skipped {
            expr: expr.to_owned(),
            reason,
        });
    };
    if file.publish.via == Via::Socket && file.publish.accepted.is_none() {
        also(
            "publish.ack",
            format!(
                "{} does not acknowledge: a publication counts as accepted once it is written",
                file.name
            ),
        );
    }
    if file.subscribed.is_none() {
        also(
            "connect.ready",
            format!(
                "{} does not confirm subscriptions: a socket counts as ready once it is connected",
                file.name
            ),
        );
    }
    also(
        "recovery, close codes, kept memory",
        "the tester knows those of Wavecast only".to_owned(),
    );
    skipped
}
