//! Tables of REPORT.md that a test generates: checked, or written with LEASEBOX_WRITE=1.

/// Checks that the table which `test` writes stands in REPORT.md as it is.
pub fn stands(test: &str, table: &str) {
    let begin = format!("<!-- {test} writes this table -->\n");
    let end = "<!-- to here -->\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/REPORT.md");
    let report = std::fs::read_to_string(path).unwrap();
    let (before, rest) = report.split_once(&begin).expect("REPORT.md has no place for the table");
    let (stands, after) = rest.split_once(end).expect("the table in REPORT.md has no end");
    if std::env::var_os("LEASEBOX_WRITE").is_some() {
        std::fs::write(path, [before, &begin, table, end, after].concat()).unwrap();
    } else {
        assert_eq!(stands, table, "write it with LEASEBOX_WRITE=1");
    }
}
