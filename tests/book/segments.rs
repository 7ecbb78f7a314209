//! A source, cut into segments: each line of a file belongs to one of them.

use proc_macro2::TokenTree;
use syn::spanned::Spanned;

/// A part of a source: an item, a method, or what stands at the head of the file.
#[derive(Debug, PartialEq)]
pub struct Segment {
    pub name: String,
    /// The first line and the one behind the last, counted from 0.
    pub lines: (usize, usize),
}

/// Cuts a source into segments that cover all of its lines, in their order. `essay` has the `//!`
/// lines, `imports` the `use` and `mod` lines, `tests` the tests. A method is named `Type::method`;
/// what stands before its `impl` belongs to the first one.
pub fn segments(source: &str) -> Vec<Segment> {
    let file = syn::parse_file(source).unwrap();
    let is_essay = |line: &&str| line.starts_with("//!") || line.is_empty();
    let essay = source.lines().take_while(is_essay).count();
    let mut ends = vec![("essay".to_string(), essay)];
    for item in &file.items {
        let end = item.span().end().line;
        match item {
            syn::Item::Use(_) => ends.push(("imports".into(), end)),
            syn::Item::Mod(module) if module.ident == "tests" => ends.push(("tests".into(), end)),
            syn::Item::Mod(_) => ends.push(("imports".into(), end)),
            syn::Item::Impl(of) => ends.extend(methods(of, end)),
            item => ends.push((name(item), end)),
        }
    }
    let mut segments: Vec<Segment> = Vec::new();
    for (name, end) in ends {
        let begin = segments.last().map_or(0, |before| before.lines.1);
        match segments.last_mut().filter(|before| before.name == name) {
            Some(before) => before.lines.1 = end,
            None => segments.push(Segment { name, lines: (begin, end) }),
        }
    }
    segments.retain(|segment| segment.lines.0 < segment.lines.1);
    segments
}

/// Cuts the head of a source into parts, each with its name and its text without `//!`. A part begins
/// where a paragraph begins with words in bold, which are its name; the part before the first one is
/// `intro`. The tables of the files
/// and of the words are parts of their own, `files` and `words`.
pub fn parts(source: &str) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    let (mut is_code, mut is_new) = (false, true);
    // A page has a heading of its own, in the place of that of a chapter.
    let is_heading = |line: &&str| line.starts_with("//! # ") || *line == "//!";
    let head = source.lines().take_while(|line| line.starts_with("//!")).skip_while(is_heading);
    for line in head.map(|line| line[3..].strip_prefix(' ').unwrap_or(&line[3..])) {
        let bold = line.strip_prefix("**").and_then(|rest| rest.split_once("**"));
        let name = match bold {
            Some((name, _)) => Some(name.trim_end_matches(['.', '?', ':'])),
            None if line.starts_with("| file |") => Some("files"),
            None if line.starts_with("| word |") => Some("words"),
            None if parts.is_empty() => Some("intro"),
            None => None,
        };
        match (name.filter(|_| is_new && !is_code), parts.last_mut()) {
            (Some(name), _) => parts.push((name.into(), line.into())),
            (None, Some((_, text))) => *text += &format!("\n{line}"),
            (None, None) => {}
        }
        is_code ^= line.starts_with("```");
        is_new = line.is_empty();
    }
    parts.into_iter().map(|(name, text)| (name, text.trim_end().to_string())).collect()
}

/// The methods of an `impl` with their last lines; the last one ends with the `impl`.
fn methods(of: &syn::ItemImpl, end: usize) -> Vec<(String, usize)> {
    let of_type = name_of_type(&of.self_ty);
    let mut ends: Vec<(String, usize)> = Vec::new();
    for item in &of.items {
        if let syn::ImplItem::Fn(method) = item {
            ends.push((format!("{of_type}::{}", method.sig.ident), method.span().end().line));
        }
    }
    match ends.last_mut() {
        Some((_, last)) => *last = end,
        None => ends.push((of_type, end)),
    }
    ends
}

fn name_of_type(of: &syn::Type) -> String {
    match of {
        syn::Type::Path(path) => path.path.segments.last().unwrap().ident.to_string(),
        syn::Type::Reference(reference) => name_of_type(&reference.elem),
        _ => "impl".into(),
    }
}

fn name(item: &syn::Item) -> String {
    match item {
        syn::Item::Const(item) => item.ident.to_string(),
        syn::Item::Static(item) => item.ident.to_string(),
        syn::Item::Struct(item) => item.ident.to_string(),
        syn::Item::Enum(item) => item.ident.to_string(),
        syn::Item::Fn(item) => item.sig.ident.to_string(),
        syn::Item::Trait(item) => item.ident.to_string(),
        syn::Item::Type(item) => item.ident.to_string(),
        // `command! { /// … 0x01 "draw N" Draw -> Drawn { … } }`: the name of its type.
        syn::Item::Macro(item) => {
            let is_type = |tree: TokenTree| match tree {
                TokenTree::Ident(ident) => {
                    Some(ident.to_string()).filter(|name| name.starts_with(char::is_uppercase))
                }
                _ => None,
            };
            let of_type = item.mac.tokens.clone().into_iter().find_map(is_type);
            of_type.unwrap_or_else(|| "macro".into())
        }
        _ => panic!("this kind of item has no name here; add it"),
    }
}

#[test]
fn segments_cover_a_source() {
    let source = "//! Head.\n\nuse a::b;\nuse c;\n\n/// A.\nstruct A;\n\n// Why.\nimpl A {\n    fn f() {}\n\n    \
                  /// G.\n    fn g() {\n    }\n}\n\n#[cfg(test)]\nmod tests {}\n";
    let found = segments(source);
    let shown: Vec<(&str, usize, usize)> =
        found.iter().map(|s| (s.name.as_str(), s.lines.0, s.lines.1)).collect();
    assert_eq!(
        shown,
        [
            ("essay", 0, 2),
            ("imports", 2, 4),
            ("A", 4, 7),
            ("A::f", 7, 11),
            ("A::g", 11, 16),
            ("tests", 16, 19)
        ]
    );
}

#[test]
fn parts_cover_a_head() {
    let source = "//! # A\n//!\n//! First.\n//!\n//! ```text\n//!\n//! **b**\n//! ```\n//!\n//! **Lock** none.\n//! \
                  **Source** x.\n//!\n//! More.\n//!\n//! | file | contents |\n\nuse a;\n";
    let part = |name: &str, text: &str| (name.to_string(), text.to_string());
    let expected = [
        part("intro", "First.\n\n```text\n\n**b**\n```"),
        part("Lock", "**Lock** none.\n**Source** x.\n\nMore."),
        part("files", "| file | contents |"),
    ];
    assert_eq!(parts(source), expected);
}
