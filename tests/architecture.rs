//! The rules of ARCHITECTURE.md that the compiler does not hold: who may import whom, where
//! a third-party crate may be named, what may never be written. Reads source text.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The floor of each part. A file imports only from lower floors.
const FLOORS: &[(&str, u8)] = &[
    ("protocol", 0),
    ("wire", 0),
    ("history", 1),
    ("hub", 2),
    ("node", 3),
    ("session", 4),
    ("transport", 5),
    ("http", 6),
    ("config", 7),
    ("server", 7),
    ("handles", 7),
    ("telemetry", 7),
];

/// Peers that may import each other all the same.
const PEERS: &[(&str, &str)] = &[
    // The server is put together here.
    ("server", "config"),
    ("server", "handles"),
    // One error for all that an application calls.
    ("handles", "server"),
];

/// Where each third-party crate may be named: files, and folders that end in `/`.
const THIRD_PARTY: &[(&str, &[&str])] = &[
    (
        "axum",
        &[
            "transport/upgrade.rs",
            "transport/sse/",
            "http/",
            "server.rs",
            "run.rs",
        ],
    ),
    (
        "base64",
        &["wire/accept_key.rs", "transport/sse/positions.rs"],
    ),
    ("bytes", &["transport/", "server.rs"]),
    ("bytesize", &["cli.rs", "config_file.rs"]),
    ("clap", &["cli.rs"]),
    ("dashmap", &["hub/registry.rs"]),
    ("futures_util", &["hub/", "transport/connection.rs"]),
    ("http", &["wire/"]),
    (
        "humantime",
        &[
            "protocol/event.rs",
            "http/connections.rs",
            "cli.rs",
            "config_file.rs",
        ],
    ),
    ("hyper", &["transport/", "http/serve.rs"]),
    ("hyper_util", &["transport/", "http/serve.rs"]),
    ("parking_lot", &["hub/", "transport/sse/handover.rs"]),
    ("quick_cache", &["node/remembered.rs"]),
    ("rustix", &["run.rs"]),
    (
        "serde",
        &["protocol/", "http/", "server.rs", "config_file.rs"],
    ),
    ("serde_json", &["protocol/"]),
    ("sha1", &["wire/accept_key.rs"]),
    ("simd_json", &["protocol/"]),
    ("simdutf8", &["wire/"]),
    ("slab", &["hub/shard/"]),
    ("socket2", &["transport/socket.rs", "hub/link.rs"]),
    (
        "thiserror",
        &[
            "protocol/",
            "wire/",
            "hub/",
            "node/",
            "config.rs",
            "server.rs",
        ],
    ),
    (
        "tokio",
        &[
            "hub/",
            "node/",
            "transport/",
            "http/",
            "server.rs",
            "run.rs",
        ],
    ),
    (
        "tokio_util",
        &[
            "hub/",
            "node/",
            "transport/",
            "http/",
            "server.rs",
            "run.rs",
        ],
    ),
    ("toml", &["config_file.rs"]),
    ("tower_http", &["run.rs"]),
    ("tower_service", &["http/serve.rs"]),
    (
        "tracing",
        &["transport/connection.rs", "http/serve.rs", "run.rs"],
    ),
    ("tracing_subscriber", &["telemetry.rs"]),
    (
        "uuid",
        &[
            "protocol/",
            "hub/",
            "node/",
            "http/",
            "handles.rs",
            "server.rs",
        ],
    ),
    ("wildmatch", &["hub/rules.rs"]),
];

const MAX_LINES: usize = 400;

/// One file of `src/`.
struct Source {
    /// Below `src/`.
    path: String,
    text: String,
}

impl Source {
    fn read_all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (mut folders, mut sources) = (vec![root.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let below = path.strip_prefix(&root).expect("below src");
                    sources.push(Self {
                        path: below.to_str().expect("UTF-8").to_owned(),
                        text: fs::read_to_string(&path).expect("UTF-8"),
                    });
                }
            }
        }
        assert!(sources.len() > 40, "the sources are elsewhere");
        sources.sort_by(|one, other| one.path.cmp(&other.path));
        sources
    }

    /// The part of the library, or none: `main`, `run` and `cli` are the binary's.
    fn part(&self) -> Option<(&str, u8)> {
        let name = self.path.split(['/', '.']).next()?;
        let mut floors = FLOORS.iter().copied();
        floors.find(|&(part, _)| part == name)
    }

    /// Lines of code in production, with their numbers: without comments and tests.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.path.ends_with("tests.rs");
        let lines = self.text.lines().enumerate();
        lines
            .take_while(move |(_, line)| !is_test && line.trim() != "#[cfg(test)]")
            .map(|(index, line)| {
                // A string that holds `//`, such as an address, has nothing behind it that counts.
                (index + 1, line.split("//").next().unwrap_or_default())
            })
    }

    fn is_at(&self, places: &[&str]) -> bool {
        places.iter().any(|place| {
            self.path == *place || place.ends_with('/') && self.path.starts_with(place)
        })
    }
}

/// What follows each `word` that stands alone in `line`.
fn after<'a>(line: &'a str, word: &str) -> impl Iterator<Item = &'a str> {
    line.match_indices(word).filter_map(move |(at, _)| {
        let before = line[..at].chars().next_back();
        let in_a_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        (!before.is_some_and(in_a_word)).then(|| &line[at + word.len()..])
    })
}

fn report(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn every_file_has_a_floor() {
    let binary = ["main.rs", "run.rs", "cli.rs", "config_file.rs"];
    let outside = Source::read_all()
        .into_iter()
        .filter(|source| source.part().is_none() && source.path != "lib.rs")
        .map(|source| source.path)
        .filter(|path| !binary.contains(&path.as_str()));
    report("not on a floor", &outside.collect::<Vec<_>>());
}

#[test]
fn a_file_imports_only_from_lower_floors() {
    let mut broken = Vec::new();
    for source in Source::read_all() {
        let Some((part, floor)) = source.part() else {
            continue;
        };
        for (number, line) in source.code() {
            for rest in after(line, "crate::") {
                let name: String = rest
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                let other = FLOORS.iter().find(|(other, _)| *other == name);
                let allowed = match other {
                    Some(&(other, _)) if other == part => true,
                    Some(&(other, above)) => above < floor || PEERS.contains(&(part, other)),
                    // `use crate::{…}` or a name from the root would hide the floor.
                    None => false,
                };
                if !allowed {
                    broken.push(format!("{}:{number}: {}", source.path, line.trim()));
                }
            }
        }
    }
    report("imports from its own floor or a higher one", &broken);
}

#[test]
fn no_file_reaches_the_root_through_super() {
    let mut broken = Vec::new();
    for source in Source::read_all() {
        let depth = source.path.matches('/').count();
        let levels = depth + usize::from(!source.path.ends_with("mod.rs"));
        let chain = "super::".repeat(levels.max(1));
        for (number, line) in source.code() {
            if source.part().is_some() && after(line, &chain).next().is_some() {
                broken.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    report("write `crate::`, so that the floor can be seen", &broken);
}

#[test]
fn a_third_party_crate_is_named_only_where_it_belongs() {
    let mut broken = Vec::new();
    for source in Source::read_all() {
        for (number, line) in source.code() {
            for (name, places) in THIRD_PARTY {
                let named = after(line, &format!("{name}::")).next().is_some();
                // `crate::http` is a floor, `use http::…` beside it is the crate.
                let is_floor = *name == "http" && matches!(source.path.as_str(), "server.rs");
                if named && !is_floor && !source.is_at(places) {
                    broken.push(format!("{}:{number}: {}", source.path, line.trim()));
                }
            }
        }
    }
    report("a third-party crate outside of its place", &broken);
}

#[test]
fn every_dependency_has_its_place() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("a manifest");
    let dependencies: BTreeSet<String> = manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" =").or_else(|| line.split_once('.')))
        .map(|(name, _)| name.replace('-', "_"))
        .collect();
    let named = THIRD_PARTY.iter().map(|(name, _)| (*name).to_owned());
    assert_eq!(dependencies, named.collect());
}

#[test]
fn nothing_waits_in_the_registry_and_no_guard_leaves_it() {
    let sources = Source::read_all();
    let registry = sources
        .iter()
        .find(|source| source.path == "hub/registry.rs");
    let mut broken = Vec::new();
    for (number, line) in registry.expect("the registry").code() {
        let waits = ["await", "async", "block_on"]
            .iter()
            .any(|word| line.contains(word));
        let signature = line.contains("fn ") || line.contains("->");
        let guard = ["Ref<", "RefMut<", "RefMulti<", "Entry<", "Iter<", "mapref"]
            .iter()
            .any(|guard| line.contains(guard));
        if waits || (signature && guard) {
            broken.push(format!("hub/registry.rs:{number}: {}", line.trim()));
        }
    }
    report("a map guard would live across a wait", &broken);
}

#[test]
fn what_is_banned_is_not_written() {
    const BANNED: &[&str] = &[
        "unsafe {",
        "unsafe fn",
        "unsafe impl",
        "unbounded",
        "tokio::spawn",
        "task::spawn(",
        "thread::sleep",
        "std::sync::mpsc",
        "todo!",
        "unimplemented!",
        "dbg!",
    ];
    let mut broken = Vec::new();
    for source in Source::read_all() {
        for (number, line) in source.code() {
            for word in BANNED {
                if line.contains(word) {
                    broken.push(format!("{}:{number}: {word}", source.path));
                }
            }
        }
    }
    report("banned", &broken);
}

#[test]
fn files_stay_short_and_say_what_they_are() {
    let mut sources = Source::read_all();
    let silent = sources.iter().filter(|source| {
        let is_test = source.path.ends_with("tests.rs");
        !is_test && !source.text.starts_with("//!")
    });
    let silent: Vec<String> = silent.map(|source| source.path.clone()).collect();
    report("no doc comment on top", &silent);

    sources.sort_by_key(|source| std::cmp::Reverse(source.text.lines().count()));
    let longest = sources.iter().take(5);
    let longest = longest.map(|source| format!("{} {}", source.text.lines().count(), source.path));
    let longest = longest.collect::<Vec<_>>().join("\n  ");
    let lines = sources[0].text.lines().count();
    assert!(
        lines <= MAX_LINES,
        "longer than {MAX_LINES} lines; the longest are\n  {longest}"
    );
}

#[test]
fn the_lowest_floors_know_neither_tasks_nor_time() {
    let mut broken = Vec::new();
    for source in Source::read_all() {
        if !matches!(source.part(), Some((_, 0))) {
            continue;
        }
        for (number, line) in source.code() {
            let names = ["tokio", "Instant", "SystemTime::now", "async ", ".await"];
            if names.iter().any(|name| line.contains(name)) {
                broken.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    report("time and tasks are passed in from above", &broken);
}
