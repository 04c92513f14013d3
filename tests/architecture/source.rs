//! Source files as text.

use std::fs;
use std::path::{Path, PathBuf};

/// One `.rs` file of a crate.
pub struct Source {
    /// Path below the crate's source folder, such as `hub/shard/link.rs`.
    pub path: String,
    pub text: String,
}

impl Source {
    /// Every `.rs` file below a folder of this repository, in the order of their paths.
    pub fn read_all(folder: &str) -> Vec<Self> {
        let root = repository().join(folder);
        let mut sources: Vec<Self> = files_below(&root, &["rs"])
            .into_iter()
            .map(|path| {
                let below = path.strip_prefix(&root).expect("below the root");
                Self {
                    path: below.to_str().expect("UTF-8").to_owned(),
                    text: fs::read_to_string(&path).expect("UTF-8"),
                }
            })
            .collect();
        assert!(!sources.is_empty(), "nothing is in {folder}");
        sources.sort_by(|one, other| one.path.cmp(&other.path));
        sources
    }

    /// The first part of the path: the folder, or the file without its extension.
    pub fn part(&self) -> &str {
        let end = self.path.find(['/', '.']).unwrap_or(self.path.len());
        &self.path[..end]
    }

    /// Whether the file holds nothing but tests.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs")
    }

    /// The lines of code with their numbers, comments left out. Test modules are included.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, without_comment(line)))
    }

    /// The lines of code outside of the file's test module.
    pub fn production_code(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.is_test();
        self.code()
            .take_while(move |(_, line)| !is_test && line.trim() != "#[cfg(test)]")
    }

    /// Whether the file is one of `places`: files, and folders that end in `/`.
    pub fn is_at(&self, places: &[&str]) -> bool {
        places.iter().any(|place| {
            self.path == *place || place.ends_with('/') && self.path.starts_with(place)
        })
    }
}

/// The line up to a comment. `//` inside a string, such as in an address, is not one.
fn without_comment(line: &str) -> &str {
    let (mut in_string, mut escaped, mut previous) = (false, false, ' ');
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' if previous != '\'' => in_string = !in_string,
            '/' if !in_string && previous == '/' => return &line[..at - 1],
            _ => {}
        }
        previous = c;
    }
    line
}

/// What follows each `word` in `line` that is not the end of a longer path or word.
pub fn after<'a>(line: &'a str, word: &str) -> impl Iterator<Item = &'a str> {
    line.match_indices(word).filter_map(move |(at, _)| {
        let before = line[..at].chars().next_back();
        let in_a_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        (!before.is_some_and(in_a_word)).then(|| &line[at + word.len()..])
    })
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files below a folder whose extension is one of these; generated folders are left out.
pub fn files_below(root: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str());
            if path.is_dir() {
                if !matches!(name, Some("node_modules" | "dist" | "target")) {
                    folders.push(path);
                }
            } else if path
                .extension()
                .and_then(|extension| extension.to_str())
                .is_some_and(|extension| extensions.contains(&extension))
            {
                files.push(path);
            }
        }
    }
    files
}

/// Fails with every place that breaks a rule.
pub fn report(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}
