//! What readers get of a letter, beside what was written: previews, remarks on the letter's text, and values that look like Markdown.

use super::support::Project;

/// A mailing of one row with this body and this name.
fn mailing(body: &str, name: &str) -> Project {
    let project = Project::small();
    project.write("letter.md", body);
    project.replace(
        "mailing.yaml",
        "\"Dear {{ name }}, case {{ case }} is open.\"",
        "{ file: letter.md }",
    );
    let name = name.replace('"', "\"\"");
    project.write(
        "recipients.csv",
        format!("org,name,case\n991825827,\"{name}\",1\n"),
    );
    project
}

/// The body of the letter as `render --text` draws it.
fn drawn(project: &Project) -> String {
    let run = project.run(&["render", "mailing.yaml", "--text"]).ends(0);
    let text = run.stdout();
    let (_, after) = text.split_once("\nTitle        Hello\n").unwrap();
    let body = after.split("\nLink  ").next().unwrap();
    let body = body.split("\nNote  ").next().unwrap();
    let lines: Vec<_> = body.lines().map(str::trim).collect();
    lines.join("\n").trim().to_owned()
}

/// Bodies that Altinn's own server and inbox were given, and the words that readers saw.
#[test]
fn a_preview_has_the_words_that_readers_get() {
    for (body, seen) in [
        (
            "1986\\. var året for {{ name }} {{ case }}",
            "1. var året for Ola 1",
        ),
        ("\\# 4 {{ name }} {{ case }}", "4 Ola 1\n-------"),
        (
            "{{ name }} {{ case }}\n\n- [ ] a\n- [x] b",
            "Ola 1\n\n* a\n* b",
        ),
        (
            "{{ name }} {{ case }}\n\n<div>x</div>\ny\n\nz",
            "Ola 1\n\nx y\n\nz",
        ),
        (
            "{{ name }} {{ case }}\n\n<ul><li>a</li><li>b</li></ul>",
            "Ola 1\n\n* a\n* b",
        ),
        (
            "{{ name }} {{ case }}\n\n<table><tr><th>a</th></tr><tr><td>1</td></tr></table>",
            "Ola 1\n\na\n1",
        ),
        (
            "{{ name }} {{ case }}\n\n::: tip\nHusk\n:::",
            "Ola 1\n\nHusk",
        ),
        (
            "*[NAV]: Arbeids- og\n\nNAV {{ name }} {{ case }}",
            "NAV Ola 1",
        ),
        (
            "Refnr {A12} {{ name }} {{ case }} {% raw %}{#s1}{% endraw %}",
            "Refnr Ola 1",
        ),
        ("---\na: b\n---\n{{ name }} {{ case }}", "Ola 1"),
        ("Pris $5$ {{ name }} {{ case }}", "Pris (5) Ola 1"),
        ("![logo](https://x.no/l.png) {{ name }} {{ case }}", "Ola 1"),
        (
            "Tall^2^ og H~2~O {{ name }} {{ case }}",
            "Tall^2^ og H2O Ola 1",
        ),
        (
            "{{ name }} {{ case }}[^1]\n\n[^1]: Teksten.",
            "Ola 11\n\nFootnotes\n---------\n\n1. Teksten.",
        ),
        (
            "Ring [22 00](tel:2200), {{ name }} {{ case }}",
            "Ring 22 00, Ola 1 tel:2200",
        ),
        (
            "Term\n:   Forklaring\n\n{{ name }} {{ case }}",
            "* Term\n* Forklaring\n\nOla 1",
        ),
        (
            "Med hilsen\nOslo\n\n{{ name }} {{ case }}",
            "Med hilsen Oslo\n\nOla 1",
        ),
        (
            "Med hilsen\\\nOslo\n\n{{ name }} {{ case }}",
            "Med hilsen\nOslo\n\nOla 1",
        ),
    ] {
        assert_eq!(drawn(&mailing(body, "Ola")), seen, "{body}");
    }
}

#[test]
fn values_reach_the_reader_as_they_stand_in_their_column() {
    for value in [
        "# 4 AS",
        "1. Nord AS",
        "A. Hansen AS",
        "- strek",
        "{.klasse}",
        "==m==",
        "$5$",
        "~~x~~",
        "[x](https://y.no)",
        "*a* _b_",
        "&copy;",
        "C:\\#",
        "a|b",
        "\"\"x\"\"",
        "std::vec::Vec",
        "m^2^",
        "<b>x</b>",
        "`kode`",
        "{#id}",
        "> sitat",
    ] {
        let project = mailing("{{ name }}\n\nHei {{ name }}, sak {{ case }}.", value);
        assert_eq!(
            drawn(&project),
            format!("{value}\n\nHei {value}, sak 1."),
            "{value}"
        );
    }
}

#[test]
fn a_value_that_looks_like_markdown_is_named_with_row_and_column() {
    for (value, is_named) in [
        ("# 4 AS", true),
        ("1. Nord AS", true),
        ("- strek", true),
        ("[x](https://y.no)", true),
        ("~~x~~", true),
        ("Nord 1. AS", false),
        ("Hansen & Sønn", false),
    ] {
        let run = mailing("{{ name }}\n\nSak {{ case }}.", value)
            .run(&["validate", "mailing.yaml"])
            .ends(0);
        let said = run.stdout() + &run.stderr();
        let names = said.contains("Markdown takes for") && said.contains("name");
        assert_eq!(names, is_named, "{value}: {said}");
    }
}

#[test]
fn the_letters_own_text_is_told_once_at_its_line() {
    let project = mailing(
        "Hei {{ name }}\n\nSak {{ case }} ![logo](https://x.no/l.png)\n\nKontonummer: 1234.56.78903\nKID: 0001",
        "Ola",
    );
    let rows = "991825827,Ola,1\n991825827,Kari,2\n991825827,Per,3\n";
    project.write("recipients.csv", format!("org,name,case\n{rows}"));
    let run = project.run(&["validate", "mailing.yaml"]).ends(0);
    let said = run.stdout() + &run.stderr();
    assert_eq!(said.matches("neither this picture").count(), 1, "{said}");
    assert_eq!(said.matches("run together").count(), 1, "{said}");
    assert!(said.contains("letter.md:3:"), "{said}");
    assert!(said.contains("letter.md:5:"), "{said}");
}

#[test]
fn struck_through_text_is_an_error_that_the_manifest_lets_through() {
    let project = mailing(
        "Hei {{ name }}, sak {{ case }}.\n\n~~1. mai~~ 1. juni",
        "Ola",
    );
    let run = project.run(&["validate", "mailing.yaml"]).ends(2);
    let said = run.stdout() + &run.stderr();
    assert!(said.contains("letter.md:3:1"), "{said}");
    assert!(said.contains("allow: [struckThrough]"), "{said}");
    project.replace("mailing.yaml", "send:\n", "allow: [struckThrough]\nsend:\n");
    project.run(&["validate", "mailing.yaml"]).ends(0);
}
