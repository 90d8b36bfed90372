//! docs/contribute/asvs.md names the tests and files that show that a requirement is met, and these exist.

use std::collections::BTreeSet;
use std::path::Path;

/// The root folder of the repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn read(path: &str) -> String {
    let file = Path::new(ROOT).join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A requirement with the cell of the document that names its tests and files.
struct Requirement {
    id: String,
    shown_by: String,
}

fn requirements(document: &str) -> Vec<Requirement> {
    let rows = document.lines().filter(|line| line.starts_with("| v5.0.0-")).map(|line| {
        let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
        let [id, _, _, shown_by] = cells.as_slice() else { panic!("four cells: {line}") };
        Requirement { id: (*id).to_owned(), shown_by: (*shown_by).to_owned() }
    });
    rows.collect()
}

/// Returns the path of a file that the document names.
fn path_of(name: &str) -> String {
    match name.rsplit_once('.') {
        _ if name.contains('/') => name.to_owned(),
        Some((_, "rs")) => format!("server/tests/it/{name}"),
        Some((_, "ts")) => format!("end2end/tests/{name}"),
        _ => name.to_owned(),
    }
}

/// Returns true if a text between backticks names a test of that file.
fn is_test_name(name: &str, file: &str) -> bool {
    if file.contains(".spec.") {
        return name.contains(' ');
    }
    name.matches('_').count() >= 2
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Returns the number of files and tests that a cell names. Panics if one is missing.
fn check(requirement: &Requirement) -> (usize, usize) {
    let (mut files, mut tests, mut current) = (0, 0, (String::new(), String::new()));
    for quoted in requirement.shown_by.split('`').skip(1).step_by(2) {
        let end = quoted.rsplit_once('.').map(|(_, end)| end);
        if matches!(end, Some("rs" | "ts" | "md" | "yml" | "toml")) && !quoted.contains(' ') {
            let path = path_of(quoted);
            // Quotation marks in a title may be escaped.
            let source = read(&path).replace('\\', "");
            current = (path, source);
            files += 1;
        } else if is_test_name(quoted, &current.0) {
            let (path, source) = &current;
            let exists = if path.contains(".spec.") {
                source.contains(quoted)
            } else {
                source.contains(&format!("fn {quoted}("))
            };
            assert!(exists, "{}: {path} has no test {quoted}", requirement.id);
            tests += 1;
        }
    }
    (files, tests)
}

#[test]
fn every_test_that_the_document_names_exists() {
    let document = read("docs/contribute/asvs.md");
    assert!(!document.contains("TODO"), "nothing is left to be filled in");
    let requirements = requirements(&document);
    let ids: BTreeSet<&str> = requirements.iter().map(|requirement| requirement.id.as_str()).collect();
    assert_eq!((requirements.len(), ids.len()), (70, 70), "level 1 has 70 requirements, each once");
    let (mut shown, mut not_applicable, mut open) = (0, 0, 0);
    for requirement in &requirements {
        let (files, tests) = check(requirement);
        let cell = &requirement.shown_by;
        if cell.starts_with("open: ") {
            open += 1;
        } else if cell.starts_with("does not apply: ") {
            not_applicable += 1;
        } else {
            shown += 1;
            assert!(tests > 0 || files > 0, "{}: nothing shows it: {cell}", requirement.id);
        }
    }
    let count = format!("Count: {shown} shown, {not_applicable} do not apply, {open} open.");
    assert!(document.contains(&count), "docs/contribute/asvs.md should say {count:?}");
}
