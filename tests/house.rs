//! The house: who may import whom, as the title page in `src/lib.rs` says; names that mean one thing,
//! files and functions that fit the eye.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenTree;
use syn::visit::Visit;

/// In the order in which they are read.
const CHAPTERS: [&str; 9] = [
    "numbers",
    "memory",
    "server",
    "protocol",
    "cooperative",
    "sessions",
    "lab",
    "lecture",
    "lessons",
];

/// What puts the chapters together.
const PUT_TOGETHER: [&str; 6] = ["server", "client", "cli", "commands", "lib", "main"];

/// A file that is no test, with its tests at its end.
const MAX_LINES_OF_FILE: usize = 400;

/// From `fn` to the closing brace.
const MAX_LINES_OF_FUNCTION: usize = 40;

/// The rooms that a room may import beside itself.
fn may_import(room: &str) -> BTreeSet<&'static str> {
    let everything = CHAPTERS.iter().copied().chain(["common", "commands", "client", "cli"]);
    if PUT_TOGETHER.contains(&room) {
        return everything.collect();
    }
    match CHAPTERS.iter().position(|chapter| *chapter == room) {
        None => BTreeSet::new(),
        Some(0 | 1) => BTreeSet::from(["common"]),
        Some(at) => {
            // The lab draws from real servers, by the library.
            let library = (room == "lab").then_some("client");
            let earlier = CHAPTERS[..at].iter().copied();
            earlier.chain(["common", "commands"]).chain(library).collect()
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The rooms that a source names by `crate::room`, but for comments and tests.
fn named(source: &str) -> BTreeSet<String> {
    let lines = source.lines().take_while(|line| line.trim() != "#[cfg(test)]");
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    let rooms = code.flat_map(|line| line.split("crate::").skip(1));
    let room = |rest: &str| {
        rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_string)
    };
    rooms.filter_map(room).collect()
}

/// What a source of that room imports and may not.
fn forbidden(room: &str, source: &str) -> Vec<String> {
    let allowed = may_import(room);
    let is_wrong = |name: &String| name != room && !allowed.contains(name.as_str());
    named(source).into_iter().filter(is_wrong).collect()
}

/// Each source that is no test, by its path in `src`.
fn sources() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let is_test = |name: &str| ["_tests.rs", "/tests.rs"].iter().any(|end| name.ends_with(end));
    let mut found = Vec::new();
    for path in files(&src) {
        let name = path.strip_prefix(&src).unwrap().to_str().unwrap().to_string();
        if !is_test(&name) {
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

#[test]
fn who_may_import_whom() {
    let mut wrong = Vec::new();
    for (name, source) in sources() {
        let room = name.split('/').next().unwrap().trim_end_matches(".rs");
        let names = forbidden(room, &source);
        wrong.extend(names.into_iter().map(|room| format!("{name} imports {room}")));
    }
    assert_eq!(wrong, [""; 0], "a chapter imports a later one");
}

#[test]
fn an_import_of_a_later_chapter_is_seen() {
    assert_eq!(forbidden("numbers", "use crate::memory::buddy::Buddy;\n"), ["memory"]);
    assert_eq!(forbidden("common", "    crate::numbers::draw::take();\n"), ["numbers"]);
    assert_eq!(forbidden("sessions", "use crate::lab::record;\n"), ["lab"]);
    let fine = "//! [`crate::lab`]\nuse crate::common::id;\nuse crate::sessions::words;\n#[cfg(test)]\nuse crate::lab;\n";
    assert_eq!(forbidden("sessions", fine), [""; 0]);
}

/// What a source defines.
#[derive(Default)]
struct Defined {
    /// Structs, enums, traits, aliases, and the messages of rows.
    types: Vec<String>,
    /// Functions, and how many lines each has.
    functions: Vec<(String, usize)>,
}

impl Defined {
    fn of(source: &str) -> Self {
        let mut defined = Self::default();
        defined.visit_file(&syn::parse_file(source).unwrap());
        defined
    }

    fn add(&mut self, name: &proc_macro2::Ident, block: &syn::Block) {
        let end = block.brace_token.span.close().end().line;
        self.functions.push((name.to_string(), end - name.span().start().line + 1));
    }
}

impl<'ast> Visit<'ast> for Defined {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let name = match item {
            syn::Item::Mod(module) if module.attrs.iter().any(|a| a.path().is_ident("cfg")) => {
                return;
            }
            syn::Item::Struct(item) => Some(&item.ident),
            syn::Item::Enum(item) => Some(&item.ident),
            syn::Item::Trait(item) => Some(&item.ident),
            syn::Item::Type(item) => Some(&item.ident),
            _ => None,
        };
        self.types.extend(name.map(ToString::to_string));
        syn::visit::visit_item(self, item);
    }

    fn visit_item_macro(&mut self, row: &'ast syn::ItemMacro) {
        let rows = ["command", "reply", "message", "choice", "words"];
        if rows.iter().any(|name| row.mac.path.is_ident(name)) {
            let mut words = row.mac.tokens.clone().into_iter().filter_map(|token| match token {
                TokenTree::Ident(word) => Some(word.to_string()),
                _ => None,
            });
            self.types.extend(words.next());
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig.ident, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig.ident, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig.ident, block);
        }
    }
}

#[test]
fn a_type_name_means_one_thing() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, source) in sources() {
        for name in Defined::of(&source).types {
            places.entry(name).or_default().push(file.clone());
        }
    }
    assert!(places.len() > 300, "{} types", places.len());
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

#[test]
fn files_and_functions_fit_the_eye() {
    let mut long = Vec::new();
    for (file, source) in sources() {
        let lines = source.lines().count();
        long.extend((lines > MAX_LINES_OF_FILE).then(|| format!("{file}: {lines} lines")));
        for (name, lines) in Defined::of(&source).functions {
            let is_long = lines > MAX_LINES_OF_FUNCTION;
            long.extend(is_long.then(|| format!("{file}: {name}, {lines} lines")));
        }
    }
    assert_eq!(long, [""; 0]);
}

#[test]
fn types_and_functions_are_seen() {
    let source = "struct A;\ncommand! {\n    /// B.\n    0x01 \"b ID\" @ \"GET /b\" B -> C { id: u8 }\n}\n\
                  impl A {\n    fn long(\n        &self,\n    ) -> u8 {\n        1\n    }\n}\n\
                  #[cfg(test)]\nmod tests {\n    struct D;\n}\n";
    let defined = Defined::of(source);
    assert_eq!(defined.types, ["A", "B"]);
    assert_eq!(defined.functions, [("long".to_string(), 5)]);
}

/// What the title page says of each chapter: its name, its lines, and the minutes to read it.
fn table_of_chapters() -> Vec<(String, usize, usize)> {
    let page = include_str!("../src/lib.rs");
    let rows = page.lines().filter_map(|line| line.strip_prefix("//! | ")).filter_map(|row| {
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        let [_, _, first, lines, minutes] = cells[..] else { return None };
        let name = first.strip_prefix("[`")?.split('`').next()?;
        Some((name.to_string(), lines.parse().ok()?, minutes.parse().ok()?))
    });
    rows.collect()
}

#[test]
fn the_title_page_says_how_long_each_chapter_is() {
    let sources = sources();
    let table = table_of_chapters();
    assert_eq!(table.iter().map(|row| &*row.0).collect::<Vec<_>>(), CHAPTERS);
    for (chapter, said, minutes) in table {
        let of_chapter =
            sources.iter().filter(|(file, _)| file.starts_with(&format!("{chapter}/")));
        let lines = |source: &String| source.lines().take_while(|l| *l != "#[cfg(test)]").count();
        let lines: usize = of_chapter.map(|(_, source)| lines(source)).sum();
        assert!(lines.abs_diff(said) * 20 <= lines, "{chapter} has {lines} lines, not {said}");
        // 60 lines a minute, a third of them comments.
        assert!((lines / 60).abs_diff(minutes) <= 5, "{chapter}: {} minutes", lines / 60);
    }
}
