//! The page that names tests, `docs/promises.md`: each test is there.

mod support;

use support::sources;

/// The names in one column of a page's tables that no test has. The first column is 0.
fn missing(page: &str, column: usize, sources: &str) -> Vec<String> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").nth(column));
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let is_test = |name: &str| sources.contains(&format!("fn {name}("));
    names.filter(|name| !is_test(name)).map(str::to_string).collect()
}

#[test]
fn each_promise_names_tests_that_there_are() {
    let (all, page) = (sources(), include_str!("../docs/promises.md"));
    assert_eq!(missing(page, 1, &all), [""; 0]);
    let chapters = page.split("\n## ").skip(1);
    assert_eq!(
        chapters.map(|chapter| chapter.matches("| `").count() > 0).collect::<Vec<_>>(),
        [true; 6]
    );
    assert_eq!(missing("| x | `a`, `b` |\n", 1, "fn a() {}"), ["b"]);
}
