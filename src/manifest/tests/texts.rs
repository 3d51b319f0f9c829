//! Texts that YAML cuts or joins.

use super::*;

/// The errors and warnings of a manifest that is good otherwise.
fn found(text: &str) -> (String, String) {
    match load(text) {
        Ok(loaded) => (
            String::new(),
            render_all(&loaded.warnings, Style::default()),
        ),
        Err(problems) => (render_all(&problems, Style::default()), String::new()),
    }
}

const TITLE: &str = "\"Mva-melding for {{ Navn }}\"";

#[test]
fn a_comment_that_cuts_a_title_is_an_error() {
    says(
        with(TITLE, "Vedtak i sak #{{ Saksnummer }}"),
        r#"
error: ` #` begins a comment: the text ends before it
  --> mailing.yaml:17:32
   |
17 |     messageTitle: Vedtak i sak #{{ Saksnummer }}
   |                                ^^^^^^^^^^^^^^^^^
   |
   = cause: the text is `Vedtak i sak`
   = hint: quote the text, if this belongs to it: "Vedtak i sak #{{ Saksnummer }}"; put a comment on a line of its own, if it does not

1 error"#,
    );
    let (errors, _) = found(&with(TITLE, "Vedtak #12"));
    assert!(errors.contains("begins a comment"), "{errors}");
}

#[test]
fn a_comment_that_may_cut_a_text_is_warned_of_and_others_are_not() {
    for text in [
        with(TITLE, "Vedtak # 12 i saken"),
        with("{ deadline: 2026-12-15 }", "\n  ref: sak #12"),
    ] {
        let (errors, warnings) = found(&text);
        assert_eq!(errors, "");
        assert!(warnings.contains("begins a comment"), "{warnings}");
    }
    for text in [
        with(
            "resourceId: skd-mva-varsel",
            "resourceId: skd-mva-varsel  # vår",
        ),
        with(
            "isConfirmationNeeded: \"{{ Frist }}\"",
            "isConfirmationNeeded: true #ja",
        ),
        with(TITLE, "\"Vedtak i sak #{{ Saksnummer }}\""),
        with("  rate: 120/min", "  rate: 120/min # {{ ikke mer }}"),
    ] {
        assert_eq!(found(&text), (String::new(), String::new()), "{text}");
    }
}

#[test]
fn lines_of_markdown_that_yaml_joins_are_warned_of() {
    let body = |text: &str| with("{ file: \"letter.{{ Språk }}.md\" }", text);
    let (errors, warnings) = found(&body(">\n      Hei\n      - ett\n      - to"));
    assert_eq!(errors, "");
    assert!(warnings.contains("mailing.yaml:20:7"), "{warnings}");
    assert!(
        warnings.contains("joined to the one above it"),
        "{warnings}"
    );
    for joined in [
        "Hei\n      1. ett",
        "\"Hei\n      # Tittel\"",
        ">-\n      Hei\n      | a | b |",
    ] {
        let (_, warnings) = found(&body(joined));
        assert!(warnings.contains("joined"), "{joined}: {warnings}");
    }
    for kept in [
        "|\n      Hei\n      - ett\n      - to",
        ">\n      Hei\n\n      - ett",
        ">\n      Hei\n      og hei",
        "Hei - ett",
    ] {
        assert_eq!(found(&body(kept)), (String::new(), String::new()), "{kept}");
    }
}

#[test]
fn a_line_break_at_the_end_of_a_title_is_an_error() {
    for sign in [">", "|"] {
        let (errors, _) = found(&with(TITLE, &format!("{sign}\n      Vedtak i saken")));
        assert!(
            errors.contains("`messageTitle` ends with a line break"),
            "{errors}"
        );
        assert!(
            errors.contains(&format!("write `{sign}-` instead of `{sign}`")),
            "{errors}"
        );
        let kept = with(TITLE, &format!("{sign}-\n      Vedtak i saken"));
        assert_eq!(found(&kept), (String::new(), String::new()));
    }
    let body = with("{ file: \"letter.{{ Språk }}.md\" }", "|\n      Hei");
    assert_eq!(found(&body), (String::new(), String::new()));
}

#[test]
fn typographic_quotation_marks_are_named() {
    let (_, warnings) = found(&with(TITLE, "”Vedtak”"));
    assert!(warnings.contains("typographic"), "{warnings}");
    let (errors, _) = found(&with(TITLE, "”Vedtak: {{ Navn }}”"));
    assert!(errors.contains("typographic"), "{errors}");
    assert_eq!(
        found(&with(TITLE, "«Vedtak»")),
        (String::new(), String::new())
    );
}
