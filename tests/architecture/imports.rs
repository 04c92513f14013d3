//! Which file imports which: `use` declarations and `crate::` paths, followed through the
//! re-exports of `mod.rs` files to the file that defines the name.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Source;

/// The files of one crate and what each imports from the others.
pub struct Imports {
    /// Module path, such as `hub::shard::link`, to the index of its file.
    modules: BTreeMap<String, usize>,
    /// For each file, the names that it re-exports from other files: name to path.
    reexports: Vec<BTreeMap<String, Vec<String>>>,
    /// For each file, the files it imports from, with a path that does so.
    edges: Vec<BTreeMap<usize, String>>,
}

/// One path of a `use` declaration, or one that is written out in code.
struct Used {
    path: Vec<String>,
    /// The name under which it is imported.
    name: String,
    is_reexport: bool,
}

impl Imports {
    pub fn of(sources: &[Source]) -> Self {
        let modules = sources.iter().enumerate();
        let modules: BTreeMap<String, usize> = modules
            .map(|(index, source)| (module_of(&source.path), index))
            .collect();
        let used: Vec<Vec<Used>> = sources
            .iter()
            .map(|source| used_by(source, &modules))
            .collect();
        let reexports = used.iter().map(|used| {
            let reexports = used.iter().filter(|used| used.is_reexport);
            reexports
                .map(|used| (used.name.clone(), used.path.clone()))
                .collect()
        });
        let mut imports = Self {
            modules,
            reexports: reexports.collect(),
            edges: Vec::new(),
        };
        for (index, used) in used.iter().enumerate() {
            let mut edges = BTreeMap::new();
            for used in used.iter().filter(|used| !used.is_reexport) {
                if let Some(target) = imports.resolve(&used.path, 0)
                    && target != index
                {
                    edges.entry(target).or_insert_with(|| used.path.join("::"));
                }
            }
            imports.edges.push(edges);
        }
        imports
    }

    /// The files that this one imports from, each with a path that does so.
    pub fn edges(&self, file: usize) -> &BTreeMap<usize, String> {
        &self.edges[file]
    }

    /// The file that defines what an absolute path names.
    fn resolve(&self, path: &[String], depth: usize) -> Option<usize> {
        let mut file = *self.modules.get("")?;
        let mut module = String::new();
        for (at, segment) in path.iter().enumerate() {
            let deeper = join(&module, segment);
            if let Some(&found) = self.modules.get(&deeper) {
                (file, module) = (found, deeper);
                continue;
            }
            let reexport = self.reexports[file].get(segment);
            // A glob, or a re-export of a re-export: a few steps, never a loop.
            if let Some(target) = reexport.filter(|_| depth < 8) {
                let whole: Vec<String> = target.iter().chain(&path[at + 1..]).cloned().collect();
                return self.resolve(&whole, depth + 1);
            }
            break;
        }
        Some(file)
    }

    /// Groups of files with circular imports.
    pub fn circles(&self) -> Vec<Vec<usize>> {
        let reachable: Vec<BTreeSet<usize>> = (0..self.edges.len())
            .map(|start| {
                let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
                while let Some(file) = open.pop() {
                    for &next in self.edges[file].keys() {
                        if seen.insert(next) {
                            open.push(next);
                        }
                    }
                }
                seen
            })
            .collect();
        let mut circles = BTreeSet::new();
        for (file, reached) in reachable.iter().enumerate() {
            if reached.contains(&file) {
                let mut circle: Vec<usize> = reached
                    .iter()
                    .copied()
                    .filter(|&other| reachable[other].contains(&file))
                    .collect();
                circle.sort_unstable();
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }
}

fn join(module: &str, segment: &str) -> String {
    if module.is_empty() {
        segment.to_owned()
    } else {
        format!("{module}::{segment}")
    }
}

/// `hub/shard/mod.rs` is `hub::shard`; `lib.rs` and `main.rs` are the root.
fn module_of(path: &str) -> String {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "lib" => String::new(),
        "main" => "main".to_owned(),
        _ => path.replace('/', "::"),
    }
}

fn used_by(source: &Source, modules: &BTreeMap<String, usize>) -> Vec<Used> {
    let code: String = source.code().flat_map(|(_, line)| [line, "\n"]).collect();
    let tests = code.find("mod tests {").unwrap_or(code.len());
    let mut used = Vec::new();
    let mut rest = code.as_str();
    let mut without_uses = String::new();
    while let Some(at) = find_use(rest) {
        let head = rest[..at].lines().next_back().unwrap_or_default().trim();
        let is_reexport = head.starts_with("pub");
        let body = &rest[at + "use ".len()..];
        let end = body.find(';').unwrap_or(body.len());
        let mut paths = Vec::new();
        expand(&body[..end], &mut Vec::new(), &mut paths);
        let mut here = module_of(&source.path);
        if code.len() - rest.len() + at > tests {
            // `super` is the file itself there.
            here = join(&here, "tests");
        }
        used.extend(paths.into_iter().filter_map(|(path, name)| {
            let path = absolute(&path, &here, modules)?;
            Some(Used {
                path,
                name,
                is_reexport,
            })
        }));
        without_uses.push_str(&rest[..at]);
        rest = &body[end..];
    }
    without_uses.push_str(rest);
    for (at, _) in without_uses.match_indices("crate::") {
        // `pub(in crate::…)` is a visibility.
        if without_uses[..at].ends_with("in ") {
            continue;
        }
        let path: String = without_uses[at + "crate::".len()..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':'))
            .collect();
        let path: Vec<String> = path
            .split("::")
            .filter(|segment| !segment.is_empty())
            .map(str::to_owned)
            .collect();
        used.push(Used {
            name: path.last().cloned().unwrap_or_default(),
            path,
            is_reexport: false,
        });
    }
    used
}

/// Where the next `use` declaration begins.
fn find_use(code: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = code[from..].find("use ") {
        let at = from + found;
        let line = code[..at].lines().next_back().unwrap_or_default();
        let line = if code[..at].ends_with('\n') { "" } else { line };
        let head = line.trim();
        let is_visibility = head == "pub" || head.starts_with("pub(") && head.ends_with(')');
        if head.is_empty() || is_visibility {
            return Some(at);
        }
        from = at + 4;
    }
    None
}

/// Flattens `a::{b, c::{d, self}}` into paths, each with the name it is imported under.
fn expand(tree: &str, prefix: &mut Vec<String>, out: &mut Vec<(Vec<String>, String)>) {
    let tree = tree.trim();
    if let Some((head, group)) = tree.split_once('{') {
        let segments = head.split("::").map(str::trim).filter(|s| !s.is_empty());
        let depth = prefix.len();
        prefix.extend(segments.map(str::to_owned));
        let group = group.trim_end().strip_suffix('}').unwrap_or(group);
        for item in split_top_level(group) {
            expand(item, prefix, out);
        }
        prefix.truncate(depth);
        return;
    }
    let (path, alias) = match tree.split_once(" as ") {
        Some((path, alias)) => (path, Some(alias.trim().to_owned())),
        None => (tree, None),
    };
    let mut whole = prefix.clone();
    let segments = path.split("::").map(str::trim);
    whole.extend(
        segments
            .filter(|s| !s.is_empty() && *s != "*")
            .map(str::to_owned),
    );
    if whole.last().is_some_and(|last| last == "self") && whole.len() > 1 {
        whole.pop();
    }
    let name = alias.or_else(|| whole.last().cloned()).unwrap_or_default();
    if !name.is_empty() {
        out.push((whole, name));
    }
}

fn split_top_level(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&group[start..]);
    items.retain(|item| !item.trim().is_empty());
    items
}

/// A path from the crate's root, or none if it names another crate.
fn absolute(path: &[String], here: &str, modules: &BTreeMap<String, usize>) -> Option<Vec<String>> {
    let mut module: Vec<String> = here
        .split("::")
        .filter(|segment| !segment.is_empty())
        .map(str::to_owned)
        .collect();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => {
            module.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|segment| segment == "super") {
                module.pop();
                rest = &rest[1..];
            }
        }
        first if modules.contains_key(&join(here, first)) => {}
        _ => return None,
    }
    module.extend(rest.iter().cloned());
    Some(module)
}
