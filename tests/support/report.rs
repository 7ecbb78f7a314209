//! Tables of the papers that a test generates: checked, or written with LEASEBOX_WRITE=1.

/// Checks that the table which `test` writes stands in a paper as it is.
pub fn stands(paper: &str, test: &str, table: &str) {
    let begin = format!("<!-- {test} writes this table -->\n");
    let end = "<!-- to here -->\n";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(paper);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(&begin).expect("the paper has no place for the table");
    let (stands, after) = rest.split_once(end).expect("the table in the paper has no end");
    if std::env::var_os("LEASEBOX_WRITE").is_some() {
        std::fs::write(path, [before, &begin, table, end, after].concat()).unwrap();
    } else {
        assert_eq!(stands, table, "write it with LEASEBOX_WRITE=1");
    }
}
