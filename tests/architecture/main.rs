//! The rules of ARCHITECTURE.md that the compiler does not enforce: which file may import which,
//! where a third-party crate may be named, which calls are banned. Reads source text.

// `pub` marks what a module offers to the others.
#![allow(unreachable_pub)]

mod imports;
mod rules;
mod source;

use std::collections::BTreeSet;
use std::fs;

use self::imports::Imports;
use self::rules::{BANNED, CRATES, Crate, MAX_LINES, NOT_IN_THE_HUB, SERVER};
use self::source::{Source, after, files_below, report, repository};

fn floor(rules: &Crate, source: &Source) -> Option<u8> {
    let mut floors = rules.floors.iter();
    let found = floors.find(|(part, _)| *part == source.part());
    found.map(|&(_, floor)| floor)
}

#[test]
fn every_file_has_a_floor_and_every_floor_a_file() {
    for rules in CRATES {
        let sources = Source::read_all(rules.folder);
        let outside = sources
            .iter()
            .filter(|source| floor(rules, source).is_none())
            .map(|source| source.path.clone());
        report("not on a floor", &outside.collect::<Vec<_>>());
        let empty = rules.floors.iter().map(|(part, _)| *part).filter(|part| {
            let mut parts = sources.iter().map(Source::part);
            !parts.any(|other| other == *part)
        });
        report(
            "a floor without a file",
            &empty.map(str::to_owned).collect::<Vec<_>>(),
        );
    }
}

#[test]
fn a_file_imports_only_from_its_own_part_and_from_lower_floors() {
    for rules in CRATES {
        let sources = Source::read_all(rules.folder);
        let imports = Imports::of(&sources);
        let mut broken = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            for (&target, path) in imports.edges(index) {
                let other = &sources[target];
                let allowed =
                    source.part() == other.part() || floor(rules, other) < floor(rules, source);
                if !allowed {
                    broken.push(format!("{} imports {path} of {}", source.path, other.path));
                }
            }
        }
        report("imports from its own floor or a higher one", &broken);
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for rules in CRATES {
        let sources = Source::read_all(rules.folder);
        let imports = Imports::of(&sources);
        let circles = imports.circles().into_iter().map(|circle| {
            let ties = circle.iter().flat_map(|&from| {
                let inside = imports
                    .edges(from)
                    .iter()
                    .filter(|(to, _)| circle.contains(to));
                let names = inside.map(move |(_, path)| (from, path));
                names.map(|(from, path)| format!("{} -> {path}", sources[from].path))
            });
            ties.collect::<Vec<_>>().join(", ")
        });
        report("a circle of files", &circles.collect::<Vec<_>>());
    }
}

#[test]
fn the_front_is_not_imported_by_name_from_the_root() {
    let mut broken = Vec::new();
    for source in Source::read_all(SERVER.folder) {
        for (number, line) in source.code() {
            for rest in after(line, "crate::") {
                let hides_the_floor = rest.starts_with(['{', '*', ';']);
                let is_a_type = rest.starts_with(char::is_uppercase);
                if hides_the_floor || is_a_type {
                    broken.push(format!("{}:{number}: {}", source.path, line.trim()));
                }
            }
        }
    }
    report("name the module, so that the floor can be seen", &broken);
}

#[test]
fn a_third_party_crate_is_named_only_where_it_belongs() {
    for rules in CRATES {
        let mut broken = Vec::new();
        for source in Source::read_all(rules.folder) {
            for (number, line) in source.production_code() {
                for (name, places) in rules.third_party {
                    // `http::` below a `use crate::http;` is the floor, not the crate.
                    let is_a_part = rules.floors.iter().any(|(part, _)| part == name)
                        && source.text.contains(&format!("use crate::{name}"));
                    let named = after(line, &format!("{name}::")).next().is_some();
                    if named && !is_a_part && !source.is_at(places) {
                        broken.push(format!("{}:{number}: {}", source.path, line.trim()));
                    }
                }
            }
        }
        report("a third-party crate outside of its place", &broken);
    }
}

#[test]
fn every_dependency_is_listed_and_every_listed_place_is_used() {
    for rules in CRATES {
        let manifest = fs::read_to_string(repository().join(rules.manifest)).expect("a manifest");
        let mut is_inside = false;
        let dependencies: BTreeSet<String> = manifest
            .lines()
            .filter(|line| {
                if line.starts_with('[') {
                    let of_a_target = line.starts_with("[target.");
                    is_inside = *line == "[dependencies]"
                        || of_a_target && line.ends_with("'.dependencies]");
                    return false;
                }
                is_inside && !line.starts_with('#')
            })
            .filter_map(|line| line.split_once(" =").or_else(|| line.split_once('.')))
            .map(|(name, _)| name.replace('-', "_"))
            .collect();
        let named = rules.third_party.iter().map(|(name, _)| (*name).to_owned());
        assert_eq!(dependencies, named.collect(), "{}", rules.manifest);

        let sources = Source::read_all(rules.folder);
        let mut unused = Vec::new();
        for (name, places) in rules.third_party {
            for place in *places {
                let mut inside = sources.iter().filter(|source| source.is_at(&[place]));
                let path = format!("{name}::");
                let is_used =
                    inside.any(|source| source.code().any(|(_, line)| line.contains(&path)));
                if !is_used {
                    unused.push(format!("{name} in {place}"));
                }
            }
        }
        report("a place that does not name the crate", &unused);
    }
}

#[test]
fn the_hub_names_no_encoding_and_no_message() {
    let mut broken = Vec::new();
    for source in Source::read_all(SERVER.folder) {
        if source.part() != "hub" {
            continue;
        }
        // The unit tests of the outbox have a dialect of their own.
        for (number, line) in source.production_code() {
            for word in NOT_IN_THE_HUB {
                if line.contains(word) {
                    broken.push(format!("{}:{number}: {word}", source.path));
                }
            }
        }
    }
    report("what the hub says comes from its dialect", &broken);
}

#[test]
fn the_node_is_the_only_way_into_the_hub() {
    let mut broken = Vec::new();
    for source in Source::read_all(SERVER.folder) {
        // The server assembles the two.
        if matches!(source.part(), "hub" | "node" | "server") {
            continue;
        }
        for (number, line) in source.code() {
            if line.contains(".hub()") || line.contains("Hub::") {
                broken.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    report("ask the node", &broken);
}

#[test]
fn nothing_waits_in_the_registry_and_no_guard_leaves_it() {
    let sources = Source::read_all(SERVER.folder);
    let registry = sources
        .iter()
        .find(|source| source.path == "hub/registry.rs");
    let mut broken = Vec::new();
    for (number, line) in registry.expect("the registry").code() {
        let waits = ["await", "async", "block_on"]
            .iter()
            .any(|word| line.contains(word));
        let signature = line.contains("fn ") || line.contains("->");
        let guards = ["Ref<", "RefMut<", "RefMulti<", "Entry<", "Iter<", "mapref"];
        let guard = guards.iter().any(|guard| line.contains(guard));
        if waits || (signature && guard) {
            broken.push(format!("hub/registry.rs:{number}: {}", line.trim()));
        }
    }
    report("a map guard would live across a wait", &broken);
}

#[test]
fn a_route_of_the_api_is_added_together_with_its_scope() {
    let mut broken = Vec::new();
    for source in Source::read_all(SERVER.folder) {
        let is_outside = source.part() != "http" || source.path == "http/api/router.rs";
        for (number, line) in source.production_code() {
            let adds = [".route(", ".route_service(", ".nest(", "Router::new("];
            let words = adds.iter().filter(|word| line.contains(*word));
            // `ApiRouter` takes no route without a scope.
            if !is_outside && words.count() > 0 {
                broken.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    report("a route without a scope", &broken);
}

#[test]
fn banned_code_does_not_occur() {
    for rules in CRATES {
        let mut broken = Vec::new();
        for source in Source::read_all(rules.folder) {
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
}

#[test]
fn the_lowest_floors_know_neither_tasks_nor_time() {
    let mut broken = Vec::new();
    for source in Source::read_all(SERVER.folder) {
        if floor(&SERVER, &source) >= Some(10) && source.part() != "dialect" {
            continue;
        }
        for (number, line) in source.production_code() {
            let names = ["tokio", "Instant", "SystemTime::now", "async ", ".await"];
            if names.iter().any(|name| line.contains(name)) {
                broken.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    report("time and tasks are passed in from above", &broken);
}

#[test]
fn every_file_begins_with_a_module_comment() {
    for rules in CRATES {
        let silent = Source::read_all(rules.folder)
            .into_iter()
            .filter(|source| !source.is_test() && !source.text.starts_with("//!"));
        let silent: Vec<String> = silent.map(|source| source.path).collect();
        report("no doc comment on top", &silent);
    }
}

#[test]
fn files_stay_short_tests_too() {
    let folders = [
        "src",
        "tests",
        "benches",
        "examples",
        "loadtest",
        "clients/js",
    ];
    let mut long = Vec::new();
    for folder in folders {
        let extensions = ["rs", "js", "mjs", "ts"];
        for path in files_below(&repository().join(folder), &extensions) {
            let is_vendored = path.components().any(|part| part.as_os_str() == "uplot");
            let lines = fs::read_to_string(&path).expect("UTF-8").lines().count();
            if lines > MAX_LINES && !is_vendored {
                long.push(format!("{lines} {}", path.display()));
            }
        }
    }
    report("longer than 400 lines", &long);
}
