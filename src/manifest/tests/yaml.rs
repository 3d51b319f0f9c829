//! What a file is before it is a manifest.

use super::*;

#[test]
fn broken_yaml_is_shown_at_its_place() {
    says(
        with("\"Mva-melding for {{ Navn }}\"", "Frist: i dag"),
        r"
error: this is not YAML
  --> mailing.yaml:17:24
   |
17 |     messageTitle: Frist: i dag
   |                        ^
   |
   = cause: mapping values are not allowed in this context
   = hint: a text with `: ` in it needs quotes; or the line is indented too far

1 error",
    );
}

#[test]
fn a_template_without_quotes_is_called_that() {
    says(
        with("\"{{ Språk }}\"", "{{ Språk }}")
            .replace("\"Mva-melding for {{ Navn }}\"", "{{ Navn }} æ"),
        r"
error: a template without quotes
  --> mailing.yaml:16:15
   |
16 |     language: {{ Språk }}
   |               ^^^^^^^^^^^
   |
   = hint: write '{{ Språk }}'

error: a template without quotes
  --> mailing.yaml:17:19
   |
17 |     messageTitle: {{ Navn }} æ
   |                   ^^^^^^^^^^
   |
   = hint: write '{{ Navn }}'

2 errors",
    );
}

#[test]
fn a_duplicate_key_names_the_first() {
    says(
        with("send:\n", "send:\n  rate: 1/s\n"),
        r"
error: `rate` is there twice
  --> mailing.yaml:26:3
   |
26 |   rate: 120/min
   |   ^^^^
   |
   = hint: keep one of them; the first is on line 25

1 error",
    );
}

#[test]
fn columns_count_characters() {
    let said = refused(with(
        "{ deadline: 2026-12-15 }",
        "{ 🎉å: \"blå 🎉\", x: .inf }",
    ));
    assert!(said.contains("--> mailing.yaml:10:30\n"), "{said}");
    assert!(
        said.contains("infinity and not-a-number have no place here"),
        "{said}"
    );
    assert!(said.ends_with("\n1 error\n"), "{said}");
}

#[test]
fn line_breaks_of_windows_and_byte_order_marks_change_nothing() {
    let bad = with("language:", "langauge:");
    let expected = refused(&bad);
    assert_eq!(refused(bad.replace('\n', "\r\n")), expected);
    assert_eq!(refused(format!("\u{feff}{bad}")), expected);
    assert!(load(GOOD.replace('\n', "\r\n")).is_ok());
}

#[test]
fn other_encodings_are_named() {
    let said = refused(b"\xff\xfev\0");
    assert!(
        said.contains("the file is UTF-16") && said.contains("save it as UTF-8"),
        "{said}"
    );
    says(
        b"version: 1\nmailing: for\xe5r",
        "
error: the file is not UTF-8
 --> mailing.yaml:2:13
  |
2 | mailing: for\u{fffd}r
  |             ^
  |
  = cause: byte 13 of the line is E5, which is `å` in Windows-1252
  = hint: save it as UTF-8

1 error",
    );
}

#[test]
fn merged_members_are_where_they_are_written() {
    let text = with(
        "{ deadline: 2026-12-15 }",
        "\n  common: &common { rate: 1/s, canary: 3 }\n  list: [&other { canary: 9 }]",
    );
    let good = text.replacen(
        "send:\n  rate: 120/min",
        "send:\n  <<: [*common, *other]",
        1,
    );
    let loaded = load(&good).unwrap();
    assert_eq!(loaded.manifest.send.canary, 3);
    let canary = loaded.positions.value("/send/canary").unwrap();
    assert_eq!(canary.start, good.find("3 }").unwrap());

    let said = refused(good.replace("1/s", "1/day"));
    assert!(
        said.contains("mailing.yaml:11:27\n") && said.contains("`rate` must be a rate"),
        "{said}"
    );
    let said = refused(text.replacen("send:\n", "send:\n  <<: 3\n", 1));
    assert!(
        said.contains("`<<` takes a mapping") && said.ends_with("\n1 error\n"),
        "{said}"
    );
}

#[test]
fn tags_documents_tabs_and_odd_keys_are_refused() {
    for (old, new, expected) in [
        ("tt02", "!env ENV", "YAML tags mean nothing here"),
        ("send:\n", "---\nsend:\n", "a second document begins here"),
        (
            "  file: recipients.csv",
            "\tfile: recipients.csv",
            "a tab in the indentation",
        ),
        (
            "  rate: 120/min",
            "  ? [a]\n  : b",
            "a mapping or list stands where a key should be",
        ),
        (
            "tt02",
            "\"a\u{1}\"",
            "the character U+0001 cannot stand in YAML",
        ),
        (
            "tt02",
            "*bold*",
            "a text that begins with `*` or `&` needs quotes",
        ),
        (
            "tt02",
            "\"tt02",
            "a quotation mark is opened here and never closed",
        ),
        (
            "  rate: 120/min",
            "  canary: 99999999999999999999999",
            "the number is too large",
        ),
        (
            "version: 1",
            "version: 1\n$schema: x",
            "write `# yaml-language-server: $schema=…` on the first line",
        ),
        (
            "{ deadline: 2026-12-15 }",
            "{ deadline: }",
            "`deadline` must have a value",
        ),
    ] {
        let said = refused(with(old, new));
        assert!(
            said.contains(expected) && said.contains("--> mailing.yaml:"),
            "{new}: {said}"
        );
    }
    assert!(load(with("tt02", "!!str tt02")).is_ok());
}

#[test]
fn nothing_is_not_a_manifest() {
    for text in ["", "# only a comment\n", "---\n"] {
        says(
            text,
            "error: the manifest is empty\n --> mailing.yaml\n  = hint: begin with `version: 1`\n\n1 error",
        );
    }
    assert!(refused("- a\n").contains("the manifest must be a mapping"));
}

#[test]
fn a_place_within_a_text_is_found() {
    let text = with(
        "messageBody: { file: \"letter.{{ Språk }}.md\" }",
        "messageBody: |\n\n      Hei æ {{ Nvn }}\n\n        Hilsen {{ X }}",
    );
    let loaded = load(text.replace('\n', "\r\n")).unwrap();
    let at = |pointer: &str, line, column| {
        let Place::Source { source, span } = loaded.place_within(pointer, line, column) else {
            panic!("no place in the source");
        };
        source.text()[span.start..].to_owned()
    };
    assert!(at("/correspondence/content/messageBody", 2, 10).starts_with("Nvn }}"));
    assert!(at("/correspondence/content/messageBody", 4, 13).starts_with("X }}"));
    assert!(at("/correspondence/content/messageTitle", 1, 20).starts_with("Navn }}"));
    assert!(at("/correspondence/content/messageTitle", 9, 1).starts_with("\"Mva"));
    assert!(at("/correspondence/content/nothing/0", 1, 1).starts_with("content:"));
}

#[test]
fn a_long_line_is_cut() {
    let long = "Hei på deg. ".repeat(3000);
    let said = refused(with(
        "{ file: \"letter.{{ Språk }}.md\" }",
        &format!("[\"{long}\"]"),
    ));
    assert!(
        said.contains("messageBody: [\"Hei") && said.len() < 1000,
        "{}",
        said.len()
    );
}

#[test]
fn a_tab_is_named_at_its_own_line() {
    for (old, new, at) in [
        (
            "  resourceId: skd-mva-varsel\n  senders",
            "  resourceId: skd-mva-varsel\n\tsenders",
            "mailing.yaml:13:1",
        ),
        (
            "    language: \"{{ Språk }}\"\n    messageTitle",
            "    language: \"{{ Språk }}\"\n   \tmessageTitle",
            "mailing.yaml:17:4",
        ),
        (
            "content:\n    language",
            "content:\n\tlanguage",
            "mailing.yaml:16:1",
        ),
    ] {
        let text = refused(with(old, new));
        assert!(text.contains("a tab in the indentation"), "{text}");
        assert!(text.contains(at), "{at}: {text}");
    }
}

#[test]
fn a_no_break_space_in_the_indentation_is_named() {
    let blanks = "\u{a0}\u{a0}\u{a0}\u{a0}messageTitle";
    let text = refused(with("    messageTitle", blanks));
    assert!(
        text.contains("U+00A0") && text.contains("mailing.yaml:17:1"),
        "{text}"
    );
    // A whole level of them is a key of its own.
    let text = refused(with("mailing: vat", "\u{a0}mailing: vat"));
    assert!(text.contains("U+00A0"), "{text}");
}

#[test]
fn rows_in_the_place_of_a_manifest_are_told_apart() {
    let text = refused("Saksnummer;Navn\n1;Ane\n");
    assert!(text.contains("recipients.file"), "{text}");
}
