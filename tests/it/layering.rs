//! The layers of `src/` (see `.github/ARCHITECTURE.md`), the homes of outside packages (see `Cargo.toml`), and imports without circles.
//!
//! Whole files are parsed; only what is compiled for tests is left out. A name is followed through `pub use` to the file that defines it,
//! so that a re-export hides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use syn::visit::{self, Visit};

/// Modules by layer; `sandbox` stands beside them.
const LAYERS: &[&[&str]] = &[
    &[
        "correspondence",
        "diagnostic",
        "markdown",
        "plain_file",
        "secret",
        "text",
    ],
    &["manifest", "recipients", "template", "http"],
    &["plan", "altinn", "maskinporten", "journal"],
    &["send", "report", "preview", "starter"],
];

/// Modules that may use another of their own layer.
const SIDEWAYS: &[(&str, &str)] = &[
    ("altinn", "maskinporten"),
    ("correspondence", "diagnostic"),
    ("correspondence", "secret"),
    ("correspondence", "text"),
    ("diagnostic", "secret"),
    ("diagnostic", "text"),
    ("markdown", "diagnostic"),
    ("markdown", "text"),
    ("secret", "plain_file"),
    ("secret", "text"),
];

/// Where an outside package may be used. What is not listed may be used everywhere.
const HOMES: &[(&str, &[&str])] = &[
    ("annotate_snippets", &["diagnostic"]),
    ("ammonia", &["markdown", "preview"]),
    ("anstream", &["cli"]),
    ("aws_lc_rs", &["http", "maskinporten", "plan", "sandbox"]),
    ("axum", &["sandbox"]),
    ("bytes", &["altinn", "plan"]),
    ("base64", &["maskinporten", "sandbox"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("csv", &["diagnostic", "report"]),
    ("comrak", &["markdown", "preview", "template"]),
    ("futures", &["http", "journal", "sandbox", "send"]),
    ("encoding_rs", &["recipients"]),
    ("encoding_rs_io", &["recipients"]),
    ("memchr", &["recipients"]),
    ("oem_cp", &["recipients"]),
    ("unicode_normalization", &["diagnostic"]),
    ("fastrand", &["send"]),
    ("httpdate", &["http"]),
    ("hyper_util", &["http"]),
    ("indicatif", &["cli"]),
    ("jsonschema", &["manifest"]),
    ("jsonwebtoken", &["maskinporten", "sandbox"]),
    ("markup5ever", &["correspondence"]),
    ("p12_keystore", &["maskinporten"]),
    ("rust_decimal", &["template"]),
    ("pkcs1", &["maskinporten", "sandbox"]),
    ("pkcs8", &["maskinporten", "sandbox"]),
    ("md5", &["plan", "sandbox"]),
    ("rayon", &["plan"]),
    ("reqwest", &["altinn", "http", "maskinporten"]),
    ("rlibphonenumber", &["correspondence"]),
    ("rusqlite", &["journal"]),
    ("process_wrap", &["maskinporten"]),
    ("saphyr_parser", &["manifest"]),
    ("schemars", &["correspondence", "manifest"]),
    ("serde_path_to_error", &["template"]),
    ("serde_yaml", &["manifest"]),
    ("secrecy", &["cli", "maskinporten"]),
    ("similar", &["plan"]),
    ("strsim", &["diagnostic"]),
    ("tera", &["template", "report", "preview", "sandbox"]),
    ("tokio", &["cli", "http", "maskinporten", "sandbox", "send"]),
    ("tracing_subscriber", &["cli"]),
    ("unicode_general_category", &["correspondence"]),
    ("textwrap", &["preview", "template"]),
    ("x509_cert", &["maskinporten", "sandbox"]),
    ("zeroize", &["cli", "maskinporten", "secret"]),
];

/// Files of one module that use each other in a circle still.
const CIRCLES: &[&[&str]] = &[];

#[test]
fn modules_use_lower_layers_only() {
    let tree = Tree::read();
    let mut wrong = BTreeSet::new();
    for (file, used) in tree.uses() {
        let (from, to) = (file[0].as_str(), used[0].as_str());
        if !may_use(from, to) {
            wrong.insert(format!(
                "{} uses crate::{}",
                file.join("::"),
                used.join("::")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", join(&wrong));
}

#[test]
fn outside_packages_stay_in_their_homes() {
    let tree = Tree::read();
    let mut wrong = BTreeSet::new();
    let mut met = BTreeSet::new();
    for file in tree.files.values() {
        for (package, homes) in HOMES {
            if !file.packages.contains(*package) {
                continue;
            }
            met.insert(*package);
            let module = file.path[0].as_str();
            if !homes.contains(&module) {
                wrong.insert(format!(
                    "{} uses {package}, whose home is {}",
                    file.name(),
                    homes.join(", ")
                ));
            }
        }
    }
    for (package, _) in HOMES {
        if !met.contains(package) {
            wrong.insert(format!("{package} is used nowhere"));
        }
    }
    assert!(wrong.is_empty(), "{}", join(&wrong));
}

#[test]
fn files_of_a_module_do_not_use_each_other_in_circles() {
    let tree = Tree::read();
    let mut arrows: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
    // The files of modules, and those of the folders in them.
    for depth in [2, 3] {
        for (from, to) in tree.uses() {
            // A folder counts as one with the file that declares it.
            let (from, to) = (unit(&from, depth), unit(&to, depth));
            let are_together = from.len() == depth && to.len() == depth;
            if are_together && from[..depth - 1] == to[..depth - 1] && from != to {
                arrows.entry(from).or_default().insert(to);
            }
        }
    }
    let wrong: BTreeSet<String> = circles(&arrows)
        .into_iter()
        .filter(|circle| {
            let circle: BTreeSet<&str> = circle.iter().map(String::as_str).collect();
            !CIRCLES
                .iter()
                .any(|known| known.iter().copied().collect::<BTreeSet<_>>() == circle)
        })
        .map(|circle| circle.join(" <-> "))
        .collect();
    assert!(wrong.is_empty(), "{}", join(&wrong));
}

#[test]
fn files_say_what_they_hold_and_mod_rs_is_a_table_of_contents() {
    let mut wrong = BTreeSet::new();
    for file in Tree::read().files.values() {
        if !file.text.starts_with("//!") {
            wrong.insert(format!("{} does not say what it holds", file.name()));
        }
        let is_contents = file.source.ends_with("mod.rs") && file.path != ["cli"];
        if is_contents && file.defines {
            wrong.insert(format!("{} defines something", file.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", join(&wrong));
}

#[test]
fn every_module_has_a_layer() {
    let known: BTreeSet<&str> = LAYERS
        .iter()
        .flat_map(|layer| layer.iter().copied())
        .chain(["cli", "sandbox", "main", "crate"])
        .collect();
    let modules: BTreeSet<String> = Tree::read()
        .files
        .keys()
        .map(|path| path[0].clone())
        .collect();
    assert!(modules.len() > 8, "found only {modules:?}");
    for module in modules {
        assert!(known.contains(module.as_str()), "src/{module} has no layer");
    }
}

fn may_use(from: &str, to: &str) -> bool {
    let layer = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    match (from, to) {
        _ if from == to => true,
        // The binary's own modules; `main.rs` and `lib.rs` name everything.
        ("cli" | "main" | "crate", _) => true,
        ("sandbox", to) => layer(to) == Some(0),
        (_, "sandbox" | "cli") => false,
        (from, to) => layer(to) < layer(from) || SIDEWAYS.contains(&(from, to)),
    }
}

/// The file that stands for `path` at a depth: at 2 `cli::send::proof` belongs to `cli::send`.
fn unit(path: &[String], depth: usize) -> Vec<String> {
    path.iter().take(depth).cloned().collect()
}

fn join(lines: &BTreeSet<String>) -> String {
    lines
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Sets of files each of which reaches all the others.
fn circles(arrows: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> BTreeSet<Vec<String>> {
    let reach = |from: &Vec<String>| {
        let mut reached = BTreeSet::new();
        let mut open = vec![from.clone()];
        while let Some(next) = open.pop() {
            for to in arrows.get(&next).into_iter().flatten() {
                if reached.insert(to.clone()) {
                    open.push(to.clone());
                }
            }
        }
        reached
    };
    let all: BTreeMap<_, _> = arrows
        .keys()
        .map(|from| (from.clone(), reach(from)))
        .collect();
    all.iter()
        .filter(|(from, reached)| reached.contains(*from))
        .map(|(from, reached)| {
            reached
                .iter()
                .filter(|other| all.get(*other).is_some_and(|back| back.contains(from)))
                .map(|path| path.join("::"))
                .collect()
        })
        .collect()
}

/// The source files by their module path; `lib.rs` is `crate`.
struct Tree {
    files: BTreeMap<Vec<String>, File>,
}

struct File {
    source: PathBuf,
    path: Vec<String>,
    text: String,
    /// Whether it has items of its own, beside modules and imports.
    defines: bool,
    /// Full paths of what it names within the package.
    paths: BTreeSet<Vec<String>>,
    /// First names of other paths: outside packages among them.
    packages: BTreeSet<String>,
    /// What it passes on under a name of its own, with the full path.
    exports: BTreeMap<String, Vec<String>>,
}

impl File {
    fn name(&self) -> String {
        self.source.display().to_string()
    }
}

impl Tree {
    fn read() -> &'static Self {
        static TREE: OnceLock<Tree> = OnceLock::new();
        TREE.get_or_init(Self::parse)
    }

    fn parse() -> Self {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut sources = Vec::new();
        walk(&src, &mut sources);
        let mut files = BTreeMap::new();
        for source in sources {
            let path = module_path(source.strip_prefix(&src).unwrap());
            if path.iter().any(|part| part == "tests") {
                continue;
            }
            let text = fs::read_to_string(&source).unwrap();
            let syntax = syn::parse_file(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", source.display()));
            let mut names = Names::new(&path);
            names.visit_file(&syntax);
            let defines = syntax
                .items
                .iter()
                .any(|item| !matches!(item, syn::Item::Mod(_) | syn::Item::Use(_)));
            let Names {
                paths,
                packages,
                exports,
                ..
            } = names;
            files.insert(
                path.clone(),
                File {
                    source,
                    path,
                    text,
                    defines,
                    paths,
                    packages,
                    exports,
                },
            );
        }
        Self { files }
    }

    /// Which file uses which: the file that is named, and the one that defines what is named.
    fn uses(&self) -> BTreeSet<(Vec<String>, Vec<String>)> {
        let mut uses = BTreeSet::new();
        for file in self.files.values() {
            for path in &file.paths {
                for used in self.passed_through(path) {
                    uses.insert((file.path.clone(), used));
                }
            }
        }
        uses
    }

    /// The files a path leads through, by re-exports too.
    fn passed_through(&self, path: &[String]) -> Vec<Vec<String>> {
        let mut passed = Vec::new();
        let mut path = path.to_vec();
        // A re-export leads to another file each time; no chain is longer.
        for _ in 0..self.files.len() {
            let Some(length) = (1..=path.len())
                .rev()
                .find(|length| self.files.contains_key(&path[..*length]))
            else {
                return passed;
            };
            let file = &self.files[&path[..length]];
            passed.push(file.path.clone());
            let Some(target) = path.get(length).and_then(|name| file.exports.get(name)) else {
                return passed;
            };
            path = target.iter().chain(&path[length + 1..]).cloned().collect();
        }
        passed
    }
}

/// `plan/pass.rs` is `plan::pass`, `plan/mod.rs` is `plan`.
fn module_path(inside: &Path) -> Vec<String> {
    let mut path: Vec<String> = inside
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    if path == ["lib"] {
        path = vec!["crate".to_owned()];
    }
    path
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Collects the paths that a file names.
struct Names {
    module: Vec<String>,
    paths: BTreeSet<Vec<String>>,
    packages: BTreeSet<String>,
    exports: BTreeMap<String, Vec<String>>,
}

impl Names {
    fn new(module: &[String]) -> Self {
        Self {
            module: module.to_vec(),
            paths: BTreeSet::new(),
            packages: BTreeSet::new(),
            exports: BTreeMap::new(),
        }
    }

    /// The full path within the package; `None` for one that begins elsewhere.
    fn full(&self, path: &[String]) -> Option<Vec<String>> {
        let first = path.first()?;
        let (mut full, rest) = match first.as_str() {
            // The binary names the library by the package's name.
            "crate" | "massebrev" => (Vec::new(), &path[1..]),
            "self" => (self.module.clone(), &path[1..]),
            "super" => {
                let up = path.iter().take_while(|part| *part == "super").count();
                let kept = self.module.len().saturating_sub(up);
                (self.module[..kept].to_vec(), &path[up..])
            }
            _ => return None,
        };
        full.extend(rest.iter().cloned());
        (!full.is_empty()).then_some(full)
    }

    fn note(&mut self, path: &[String]) {
        match self.full(path) {
            Some(full) => {
                self.paths.insert(full);
            }
            None => self.packages.extend(path.first().cloned()),
        }
    }

    fn note_use(&mut self, tree: &syn::UseTree, before: &mut Vec<String>, passed_on: bool) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.note_use(&path.tree, before, passed_on);
                before.pop();
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.note_use(tree, before, passed_on);
                }
            }
            syn::UseTree::Name(name) => self.note_leaf(&name.ident, &name.ident, before, passed_on),
            syn::UseTree::Rename(rename) => {
                self.note_leaf(&rename.ident, &rename.rename, before, passed_on);
            }
            syn::UseTree::Glob(_) => self.note(before),
        }
    }

    fn note_leaf(
        &mut self,
        name: &syn::Ident,
        own: &syn::Ident,
        before: &[String],
        passed_on: bool,
    ) {
        let mut path = before.to_vec();
        if name != "self" {
            path.push(name.to_string());
        }
        // `pub use pass::Deliveries` in a `mod.rs` names a file of its own.
        let is_relative =
            passed_on && !["crate", "super", "self", "massebrev"].contains(&path[0].as_str());
        if is_relative {
            path.insert(0, "self".to_owned());
        }
        if passed_on && let Some(full) = self.full(&path) {
            self.exports.insert(own.to_string(), full.clone());
            // A table of contents uses nothing of its own module.
            if full.first() == self.module.first() {
                return;
            }
        }
        self.note(&path);
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_for_tests(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let passed_on = !matches!(item.vis, syn::Visibility::Inherited);
        self.note_use(&item.tree, &mut Vec::new(), passed_on);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let path: Vec<String> = path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect();
            self.note(&path);
        }
        visit::visit_path(self, path);
    }

    /// What stands in a macro is not parsed; its paths are found by their colons.
    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        let tokens = mac.tokens.to_string();
        let words: Vec<&str> = tokens.split_whitespace().collect();
        let mut at = 0;
        while at < words.len() {
            let mut path = vec![words[at].to_owned()];
            while words.get(at + 1) == Some(&"::") && at + 2 < words.len() {
                path.push(words[at + 2].to_owned());
                at += 2;
            }
            at += 1;
            if path.len() > 1 {
                self.note(&path);
            }
        }
        visit::visit_macro(self, mac);
    }
}

fn is_for_tests(item: &syn::Item) -> bool {
    let attributes = match item {
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Const(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|path| path.is_ident("test"))
    })
}
