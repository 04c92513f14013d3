//! Merging flags, environment variables and file into one configuration.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;

use super::file::File;
use super::given::Given;
use super::origin::Origin;
use super::problem::Problem;
use super::rules::Rule;
use super::tls::Further;
use super::tokens::TokenLists;
use super::variables::{CONFIG, Variables};
use crate::config::edge::EdgeConfig;
use crate::config::error::ConfigError;
use crate::config::settings::by_key;
use crate::config::tokens::TokensConfig;
use crate::config::values::is_contents;
use crate::transport::tls::CertificateFiles;
use crate::wire::TrustedProxies;

/// The command line's part of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    /// The path of the configuration file.
    pub(crate) config: Option<String>,
    pub(crate) given: Vec<Given>,
    /// Problems with the flags themselves.
    pub(crate) problems: Vec<Problem>,
}

/// A configuration that was loaded, with the problems found in it.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Usable only if there are no problems.
    pub(crate) config: EdgeConfig,
    /// The path of the configuration file, if there is one.
    pub(crate) file: Option<String>,
    /// The number of rules.
    pub(crate) rules: usize,
    pub(crate) problems: Vec<Problem>,
    /// What is probably a mistake, but harmless.
    pub(crate) warnings: Vec<Problem>,
    /// The settings that were given a value.
    given: HashMap<&'static str, Source>,
}

/// A setting's value as it was written, and where it comes from.
#[derive(Debug)]
struct Source {
    written: String,
    origin: Origin,
    /// Whether the value could be parsed.
    is_valid: bool,
}

impl Loaded {
    /// Merges the sources: a flag overrides a variable, which overrides the file, which
    /// overrides the default. Collects all problems. The value of a variable that a flag
    /// overrides is not checked.
    pub(crate) fn load(
        flags: Flags,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Self {
        let variables = Variables::read(environment);
        let mut loaded = Self {
            warnings: variables.warnings,
            ..Self::default()
        };

        let by_flag = flags.config.map(|path| ("--config", path));
        let by_variable = variables.config.map(|path| (CONFIG, path));
        let file = match by_flag.or(by_variable) {
            Some((named_by, path)) => loaded.read_file(named_by, path),
            None => File::default(),
        };
        loaded.problems.extend(file.problems);
        loaded.warnings.extend(file.api_keys.warnings);
        loaded.config.api_keys = file.api_keys.keys;
        for given in file.given {
            loaded.set(given);
        }
        for given in variables.given {
            let key = given.setting.key;
            if !flags.given.iter().any(|flag| flag.setting.key == key) {
                loaded.set(given);
            }
        }
        loaded.problems.extend(flags.problems);
        for given in flags.given {
            let key = given.setting.key;
            match loaded.given.get(key) {
                Some(Source { origin, .. }) if matches!(origin, Origin::Flag(_)) => {
                    let message = format!("{key} was already set by {origin}");
                    let problem = Problem::new(given.origin, message);
                    loaded.problems.push(problem);
                }
                _ => loaded.set(given),
            }
        }
        loaded.config.anonymous = file.anonymous;
        loaded.apply_proxies();
        loaded.check_together(&file.rules);
        loaded.apply_rules(&file.rules);
        loaded.apply_tokens(file.tokens);
        loaded.apply_tls(file.certificates);
        loaded.apply_limits(file.has_limits);
        // The sort is stable: within one origin, problems stay in the order of discovery.
        let in_order = |problem: &Problem| problem.origin().rank();
        loaded.problems.sort_by_key(in_order);
        loaded
    }

    /// The number of settings that were given a value.
    pub(crate) fn settings(&self) -> usize {
        self.given.len()
    }

    /// Adds a problem with the value of a setting, unless that value already has one.
    pub(crate) fn refuse(&mut self, key: &'static str, message: String) {
        if self.is_valid(key) {
            let problem = Problem::of_value(self.origin(key), key, message);
            self.problems.push(problem);
        }
    }

    fn read_file(&mut self, named_by: &str, path: String) -> File {
        let read = std::fs::read(&path);
        let text = read.and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not UTF-8"))
        });
        let file = match text {
            Ok(text) => File::read(&path, &text),
            Err(error) => {
                let origin = match named_by {
                    CONFIG => Origin::Variable(named_by.to_owned()),
                    flag => Origin::Flag(flag.to_owned()),
                };
                let message = if path.is_empty() {
                    "needs the path of a file".to_owned()
                } else if is_contents(&path) {
                    "needs a path, not the text of the file".to_owned()
                } else {
                    format!("cannot read {path}: {error}")
                };
                File {
                    problems: vec![Problem::new(origin, message)],
                    ..File::default()
                }
            }
        };
        self.file = Some(path);
        file
    }

    fn set(&mut self, given: Given) {
        let (setting, raw) = (given.setting, given.raw);
        let value = setting.kind.read(&raw);
        let source = Source {
            written: raw.bare(),
            origin: given.origin.clone(),
            is_valid: value.is_ok(),
        };
        self.given.insert(setting.key, source);
        match value {
            Ok(value) => (setting.set)(&mut self.config, value),
            Err(message) => {
                let problem = Problem::of_value(given.origin, setting.key, message);
                self.problems.push(problem);
            }
        }
    }

    /// Finds values that contradict each other.
    fn check_together(&mut self, rules: &[Rule]) {
        let server = &self.config.server;
        let mut problems = server.problems_without_topics();
        let history = &self.config.history;
        let has_history = |rule: &&Rule| rule.options(history).history.is_some();
        let with_history: Vec<&Rule> = rules.iter().filter(has_history).collect();
        let inherits = |rule: &&Rule| rule.history_bytes().is_none();
        // The default limits fit every size: a publication that is larger is just not kept.
        let is_chosen = ["history.messages", "history.bytes"]
            .iter()
            .any(|key| self.given.contains_key(key));
        if history.is_on() && is_chosen || with_history.iter().any(inherits) {
            let bytes = history.when_on().max_bytes;
            problems.extend(server.must_hold_a_message("history.bytes", bytes));
        }
        if history.is_on() || !with_history.is_empty() {
            problems.extend(server.must_hold_a_message("history.total", server.history.total));
        }
        for own in with_history.iter().filter_map(|rule| rule.history_bytes()) {
            let problem = server.must_hold_a_message("history.bytes", own.bytes);
            if let Some(ConfigError::Mismatch {
                relation, other, ..
            }) = problem
                && self.is_valid(other)
            {
                let message = self.comparison(&own.written, &relation, other);
                let problem = Problem::of_value(own.origin.clone(), &own.path, message);
                self.problems.push(problem);
            }
        }
        for problem in problems {
            self.explain(&problem);
        }
    }

    /// Adds a problem of the server's configuration, with the origins of its values.
    fn explain(&mut self, problem: &ConfigError) {
        match problem {
            ConfigError::TooSmall { key, least } => {
                self.refuse(key, format!("must be at least {least}"));
            }
            ConfigError::TooLarge { key, most } => {
                self.refuse(key, format!("must be at most {most}"));
            }
            ConfigError::Missing { key, needed } => self.refuse(key, format!("needs {needed}")),
            ConfigError::Mismatch {
                key,
                relation,
                other,
                ..
            } => {
                if !self.is_valid(key) || !self.is_valid(other) {
                    return;
                }
                // Reported where a value was set, not at a default.
                if self.given.contains_key(key) || !self.given.contains_key(other) {
                    let message = self.comparison(self.written(key), relation, other);
                    self.refuse(key, message);
                } else {
                    let inverse = relation.inverse();
                    let message = self.comparison(self.written(other), &inverse, key);
                    self.refuse(other, message);
                }
            }
        }
    }

    fn comparison(&self, value: &str, relation: &impl fmt::Display, other: &str) -> String {
        let (other_value, origin) = (self.written(other), self.origin(other));
        format!("{value} {relation} {other} ({other_value}, {origin})")
    }

    fn apply_rules(&mut self, rules: &[Rule]) {
        let history = &self.config.history;
        // A name is matched against the rules of its kind, in the order of the file.
        let topics = rules.iter().fold(history.rules(), |topics, rule| {
            topics.with(rule.kind, rule.pattern.as_str(), rule.options(history))
        });
        for rule in rules {
            self.config.access.push(rule.access());
        }
        self.config.server.topics = topics;
        self.rules = rules.len();
    }

    fn apply_tokens(&mut self, lists: TokenLists) {
        if lists.has_entries {
            self.config.tokens = Some(TokensConfig {
                keys: lists.keys,
                sets: lists.sets,
                ..self.config.token_settings.clone()
            });
            return;
        }
        let of_settings = self
            .given
            .iter()
            .filter(|(key, _)| key.starts_with("tokens."));
        let of_settings = of_settings.map(|(_, source)| source.origin.clone());
        let first = of_settings.min_by_key(Origin::rank);
        if let Some(origin) = lists.section.or(first) {
            let message =
                "no token can be verified without a key; add [[tokens.keys]] or [[tokens.jwks]]";
            self.problems
                .push(Problem::of_value(origin, "tokens", message));
        }
    }

    fn apply_proxies(&mut self) {
        let networks = self.config.trusted_proxies.iter().map(String::as_str);
        // Each was checked when it was read.
        self.config.server.trusted_proxies = TrustedProxies::new(networks).unwrap_or_default();
    }

    fn apply_limits(&mut self, has_section: bool) {
        let is_of_limits = |key: &&str| {
            // These two are older than the rates, and their flags turn nothing else on.
            let is_of_topics = matches!(*key, "limits.topics" | "limits.topics_per_client");
            key.starts_with("limits.") && !is_of_topics
        };
        let has_rates =
            has_section || !self.config.is_open() || self.given.keys().any(is_of_limits);
        let EdgeConfig { limits, server, .. } = &mut self.config;
        limits.apply(has_rates, &mut server.limits);
        if has_rates {
            let doubts = limits.doubts(server.limits.topics_per_client, server.max_message_size);
            for (key, message) in doubts {
                let warning = Problem::of_value(self.origin(key), key, message);
                self.warnings.push(warning);
            }
        }
    }

    fn apply_tls(&mut self, further: Vec<Further>) {
        // What is wrong with them has been said.
        if !self.is_valid("tls.cert") || !self.is_valid("tls.key") {
            return;
        }
        let tls = &self.config.tls;
        let (cert, key) = (tls.cert.clone(), tls.key.clone());
        let read = match (cert.is_empty(), key.is_empty()) {
            (true, true) => Ok(None),
            (false, true) => Err(("tls.cert", "needs `tls.key` too".to_owned())),
            (true, false) => Err(("tls.key", "needs `tls.cert` too".to_owned())),
            (false, false) => {
                let files = CertificateFiles { cert, key };
                let read = files.read().map(|certificate| Some((files, certificate)));
                read.map_err(|problem| {
                    let key = if problem.is_key {
                        "tls.key"
                    } else {
                        "tls.cert"
                    };
                    (key, problem.message)
                })
            }
        };
        match read {
            Ok(first) => {
                let all = first.into_iter().chain(further);
                let tls = &mut self.config.tls;
                (tls.files, tls.certificates) = all.unzip();
            }
            Err((key, message)) => return self.refuse(key, message),
        }
        // The file of `config init` gives the defaults, and no certificate.
        let of_settings = ["tls.min_version", "tls.handshake_threads"];
        let given = of_settings.into_iter().find(|key| {
            let default = by_key(key).map(|setting| setting.default);
            default != Some(self.written(key))
        });
        if let Some(key) = given.filter(|_| !self.config.tls.is_on()) {
            self.refuse(
                key,
                "needs a certificate: set `tls.cert` and `tls.key`".to_owned(),
            );
        }
    }

    /// The number of keys and key sets that tokens are verified with.
    pub(crate) fn token_keys(&self) -> usize {
        let tokens = self.config.tokens.as_ref();
        tokens.map_or(0, |tokens| tokens.keys.len() + tokens.sets.len())
    }

    fn is_valid(&self, key: &str) -> bool {
        self.given.get(key).is_none_or(|source| source.is_valid)
    }

    fn origin(&self, key: &str) -> Origin {
        let source = self.given.get(key);
        source.map_or(Origin::Default, |source| source.origin.clone())
    }

    fn written(&self, key: &str) -> &str {
        match self.given.get(key) {
            Some(source) => &source.written,
            None => by_key(key).map_or("", |setting| setting.default),
        }
    }
}
