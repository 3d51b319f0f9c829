//! However many threads check the rows: what is found is the same, in the same order.

use crate::support::Project;

/// Rows choose their text and have files of their own; some do not apply.
const MANIFEST: &str = r#"
version: 1
mailing: threads
environment: tt02
recipients: { file: rows.csv, key: case, recipient: "{{ org }}", where: "{{ wanted }}" }
correspondence:
  resourceId: r
  sendersReference: "{{ case }}"
  content:
    language: nb
    messageTitle: "{{ title }}"
    messageBody: { file: "{{ text }}.md" }
    attachments:
      - { file: terms.pdf, sendersReference: terms }
      - { when: "{{ own != '' }}", file: "{{ own }}", sendersReference: own }
"#;

const HEADER: &str = "org,case,wanted,title,text,own,amount,nothing\n";

/// A mailing of so many rows, of which the last are written by `row`.
fn project(rows: usize, row: impl Fn(usize) -> String) -> Project {
    let project = Project::new();
    project.write("mailing.yaml", MANIFEST);
    project.write("a.md", "To {{ org }} about {{ case }}");
    project.write("b.md", "{{ amount | money }}");
    project.write("terms.pdf", "%PDF-1.4 terms");
    project.write("1.pdf", "%PDF-1.4 one");
    project.write("2.pdf", "%PDF-1.4 two");
    let rows: String = (1..=rows).map(row).collect();
    project.write("rows.csv", format!("{HEADER}{rows}"));
    project
}

const VALIDATE: [&str; 3] = ["validate", "mailing.yaml", "--all"];

/// Errors after which rows are no longer checked.
const PROBLEM_LIMIT: usize = 10_000;

/// What the program prints with one thread; the same as with several.
fn same_with_all(project: &mut Project, arguments: &[&str]) -> String {
    let found = ["1", "2", "5"].map(|threads| {
        project.set_env("RAYON_NUM_THREADS", threads);
        project.run(arguments).to_string()
    });
    let [alone, two, five] = found;
    assert!(alone == two && two == five);
    alone
}

/// A row without fault; every tenth does not apply, and some have a file of their own.
fn good(row: usize) -> String {
    let (wanted, own) = (!row.is_multiple_of(10), ["", "1.pdf", "2.pdf"][row % 3]);
    let (case, text) = (format!("{row:06}"), ["a", "b"][usize::from(row > 700)]);
    format!("991825827,{case},{wanted},Title,{text},{own},12.50,\n")
}

#[test]
fn any_number_of_threads_finds_the_same_letters() {
    let mut project = project(900, good);
    let found = same_with_all(&mut project, &VALIDATE);
    assert!(found.contains("810 letters"), "{}", &found[..2000]);
    assert!(found.contains("a column that nothing uses"));
    let letters = same_with_all(&mut project, &["render", "mailing.yaml"]);
    assert_eq!(letters.matches("\"row\":").count(), 810);
}

#[test]
fn any_number_of_threads_finds_the_same_problems() {
    let mut project = project(1200, |row| match row % 97 {
        1 => format!("99182582,{row:06},true,Title,a,,1,\n"),
        2 => format!("991825827,{row:06},true,Title,missing,,1,\n"),
        3 => format!("991825827,{row:06},true,{},a,,1,\n", "x".repeat(300)),
        4 => "991825827,too,few\n".to_owned(),
        5 => format!("991825827,{row:06},perhaps,Title,a,,1,\n"),
        6 => format!("991825827,{row:06},true,Title,a,gone.pdf,1,\n"),
        7 => format!("991825827,{row:06},true,# Title,b,,9.1E+8,\n"),
        8 => format!("991825827,{:06},true,Title,a,,1,\n", row - 5),
        // Longer than what is looked at in one go.
        9 => format!("991825827,{row:06},true,{},b,,1,\n", "x".repeat(300_000)),
        _ => good(row),
    });
    let found = same_with_all(&mut project, &VALIDATE);
    for what in ["another row has the same key", "is not there", "perhaps"] {
        assert!(found.contains(what), "{what}");
    }
}

#[test]
fn any_number_of_threads_stops_at_the_same_row() {
    let rows = PROBLEM_LIMIT + 3000;
    // What only later rows use is not known to be used.
    let mut project = project(rows, |row| {
        let text = ["a", "b"][usize::from(row > PROBLEM_LIMIT + 20)];
        let amount = ["12", "9.1E+8"][usize::from(row.is_multiple_of(50))];
        format!("991825827,{row:06},true,# Title {row},{text},,{amount},\n")
    });
    let found = same_with_all(&mut project, &VALIDATE);
    assert!(found.contains(&format!("({PROBLEM_LIMIT} rows, first at line 2)")));
    assert!(found.contains("stopped looking after 10000 errors"));
    assert!(found.contains("scientific notation"));
    assert!(!found.contains("that nothing uses"));
}
