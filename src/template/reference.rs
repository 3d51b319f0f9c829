//! The filters, functions and tests that templates can use, and the reference page that is made of them.

use textwrap::{Options, WordSplitter};

use super::entry::Entry;
use super::names::did_you_mean;
use super::{builtins, dates, identifiers, numbers, texts};
use crate::diagnostic::nearest;

/// What kind of word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// After `|`.
    Filter,
    /// Before `(`.
    Function,
    /// After `is`.
    Test,
}

/// A part of the reference page.
type Section = (&'static str, Kind, &'static [Entry]);

/// Everything there is.
const SECTIONS: [Section; 9] = [
    ("Dates", Kind::Filter, dates::FILTERS),
    ("Dates", Kind::Function, dates::FUNCTIONS),
    ("Numbers and amounts", Kind::Filter, numbers::FILTERS),
    ("Numbers and amounts", Kind::Function, numbers::FUNCTIONS),
    (
        "Numbers that name somebody",
        Kind::Filter,
        identifiers::FILTERS,
    ),
    ("Texts", Kind::Filter, texts::FILTERS),
    ("Out of Tera", Kind::Filter, builtins::FILTERS),
    ("Out of Tera", Kind::Function, builtins::FUNCTIONS),
    ("Out of Tera", Kind::Test, builtins::TESTS),
];

/// The row that examples are about.
const EXAMPLE_ROW: [(&str, &str); 9] = [
    ("Navn", "Kåre Ødegård"),
    ("Språk", "nn"),
    ("Beløp", "1234.5"),
    ("Antall", "2"),
    ("Frist", "2026-12-15"),
    ("Orgnr", "991825827"),
    ("Konto", "12345678903"),
    ("Mobil", "+4791234567"),
    ("Tomt", ""),
];

/// What everybody has to know first.
const INTRODUCTION: &str = include_str!("reference.txt");

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Function => "function",
            Self::Test => "test",
        }
    }

    fn entries(self) -> impl Iterator<Item = &'static Entry> {
        let of_this = SECTIONS.iter().filter(move |(_, kind, _)| *kind == self);
        of_this.flat_map(|(_, _, entries)| *entries)
    }

    /// The one of this name.
    pub(super) fn find(self, name: &str) -> Option<&'static Entry> {
        self.entries().find(|entry| entry.name == name)
    }

    /// What to do about a name that there is not.
    pub(super) fn hint(self, name: &str) -> String {
        if name == "get_env" {
            return "templates see no environment: put the value into `variables` in the manifest"
                .to_owned();
        }
        let elsewhere = [Self::Filter, Self::Function, Self::Test]
            .into_iter()
            .find(|kind| *kind != self && kind.find(name).is_some());
        match (
            nearest(name, self.entries().map(|entry| entry.name)),
            elsewhere,
        ) {
            (_, Some(Self::Filter)) => format!("it is a filter: `{{{{ value | {name} }}}}`"),
            (_, Some(Self::Function)) => format!("it is a function: `{{{{ {name}() }}}}`"),
            (Some(near), _) => did_you_mean(near),
            _ => "`massebrev help templates` lists all there are".to_owned(),
        }
    }
}

/// The reference page of templates: what they see, and everything they can use, with examples.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\nThe examples below are about this row, and a letter in Bokmål:\n\n");
    for (header, value) in EXAMPLE_ROW {
        let value = if value.is_empty() { "(empty)" } else { value };
        let blanks = " ".repeat(8 - header.chars().count());
        page.extend(["  ", header, &blanks, value, "\n"]);
    }
    page.push_str("\nA no-break space is shown as \u{2423}.\n");
    let mut title = "";
    for (section, kind, entries) in SECTIONS {
        if section != title {
            page.extend(["\n", &section.to_uppercase(), "\n"]);
            title = section;
        }
        for entry in entries {
            describe(&mut page, kind, entry);
        }
    }
    page
}

fn describe(page: &mut String, kind: Kind, entry: &Entry) {
    let before = match kind {
        Kind::Filter => "| ",
        Kind::Function => "",
        Kind::Test => "is ",
    };
    page.extend(["\n", before, entry.call, "\n"]);
    let wrapped = Options::new(86).word_splitter(WordSplitter::NoHyphenation);
    for line in textwrap::wrap(entry.what, wrapped) {
        page.extend(["    ", &line, "\n"]);
    }
    for (template, text) in entry.examples {
        let text = text.replace('\u{A0}', "\u{2423}").replace('\n', "\u{21B5}");
        page.extend(["      ", template, "  \u{2192}  ", &text, "\n"]);
    }
}

/// How a filter, function or test of this name is called, with its arguments.
pub(super) fn call_of(name: &str) -> Option<&'static str> {
    let kinds = [Kind::Filter, Kind::Function, Kind::Test];
    let entry = kinds.into_iter().find_map(|kind| kind.find(name));
    entry.map(|entry| entry.call)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::templates::tests::Bench;
    use super::*;

    #[test]
    fn every_example_renders_to_what_is_said() {
        let headers = EXAMPLE_ROW.map(|(header, _)| header);
        let values = EXAMPLE_ROW.map(|(_, value)| value);
        for (_, kind, entries) in SECTIONS {
            for entry in entries {
                for (template, text) in entry.examples {
                    let mut bench = Bench::new(&headers, &json!({}), &[]);
                    let compiled = bench.templates.compile_text("/text", template);
                    let compiled = compiled.unwrap_or_else(|wrong| panic!("{template}: {wrong:?}"));
                    let scope = bench.scope(&values);
                    let rendered = bench.templates.render_text(&compiled, &scope);
                    assert_eq!(rendered.as_deref(), Ok(*text), "{template}");
                    let called = template.contains(entry.name);
                    assert!(
                        called,
                        "{template} is no example of {} {}",
                        kind.word(),
                        entry.name
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_is_there_twice_or_without_an_example() {
        let mut met = Vec::new();
        for (_, kind, entries) in SECTIONS {
            for entry in entries {
                assert!(!met.contains(&(kind.word(), entry.name)), "{}", entry.name);
                met.push((kind.word(), entry.name));
                assert!(
                    !entry.examples.is_empty() || entry.name == "throw",
                    "{}",
                    entry.name
                );
                assert!(
                    entry.call.starts_with(entry.name) && entry.what.ends_with('.'),
                    "{}",
                    entry.name
                );
            }
        }
    }

    #[test]
    fn the_page_fits_a_terminal() {
        for line in reference().lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }

    #[test]
    fn what_is_not_known_is_told_with_what_to_do() {
        for (kind, name, hint) in [
            (Kind::Filter, "uper", "did you mean `upper`?"),
            (Kind::Filter, "now", "it is a function: `{{ now() }}`"),
            (
                Kind::Function,
                "money",
                "it is a filter: `{{ value | money }}`",
            ),
            (
                Kind::Function,
                "xyz",
                "`massebrev help templates` lists all there are",
            ),
        ] {
            assert_eq!(kind.hint(name), hint);
        }
        assert!(Kind::Function.hint("get_env").contains("no environment"));
    }
}
