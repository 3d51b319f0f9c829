//! The check for placeholders as other systems write them, which would be sent as they stand: `«Navn»`, `{Navn}`, `%Navn%`.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use super::Mailing;
use super::mailing::place_in_template;
use super::report_builder::ReportBuilder;
use crate::correspondence::NOTIFICATION_KEYWORDS;
use crate::diagnostic::{Problem, Source, as_seen};
use crate::template::{column_expression, without_tags};
use crate::text::{pointer_token, with_code_points};

/// The signs that other systems write before and after a name. Where one sign begins with another, the longer stands first.
const SIGNS: [(&str, &str); 15] = [
    ("\u{ab}", "\u{bb}"),
    ("<<", ">>"),
    ("((", "))"),
    ("*|", "|*"),
    ("${", "}"),
    ("#{", "}"),
    ("@{", "}"),
    ("{", "}"),
    ("[[", "]]"),
    ("[", "]"),
    ("%", "%"),
    ("$", "$"),
    ("#", "#"),
    ("@@", "@@"),
    ("<", ">"),
];
/// The most bytes between two signs: without a limit, every single sign would be searched to the end of the text.
const LONGEST_NAME: usize = 100;

impl Mailing {
    /// Reports column names between signs of other systems, in the manifest and in every template file that was read.
    pub(super) fn find_placeholders(&self, report: &mut ReportBuilder<'_>) {
        // Only signs around the name of a column are reported: `[se vedlegg]` is prose.
        let names: Vec<String> = self
            .headers()
            .iter()
            .map(|header| name_as_seen(header))
            .collect();
        for member in ["correspondence", "variables"] {
            if let Some(value) = self.loaded.value.get(member) {
                self.check_manifest(&format!("/{member}"), value, &names, report);
            }
        }
        for file in self.templates.files_read() {
            if let Some(source) = self.templates.source(&file) {
                self.check_text("", &source, &names, report);
            }
        }
    }

    fn check_manifest(
        &self,
        pointer: &str,
        value: &Value,
        names: &[String],
        report: &mut ReportBuilder<'_>,
    ) {
        match value {
            Value::String(text) => {
                let source = Arc::new(Source::new("", text));
                self.check_text(pointer, &source, names, report);
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.check_manifest(&format!("{pointer}/{at}"), item, names, report);
                }
            }
            Value::Object(members) => {
                for (key, member) in members {
                    let pointer = format!("{pointer}/{}", pointer_token(key));
                    self.check_manifest(&pointer, member, names, report);
                }
            }
            _ => {}
        }
    }

    /// Reports the placeholders, and the first character that turns a text around, in a template file, or in the text of the manifest at `pointer`.
    fn check_text(
        &self,
        pointer: &str,
        source: &Arc<Source>,
        names: &[String],
        report: &mut ReportBuilder<'_>,
    ) {
        if let Some((at, mark)) = source.text().char_indices().find(|(_, c)| turns(*c)) {
            let span = at..at + mark.len_utf8();
            let place = place_in_template(&self.loaded, pointer, source, &span);
            let message =
                "a character turns the direction of the text: readers see it in another order";
            report.push(
                Problem::warning(place, message)
                    .with_cause(with_code_points(&mark.to_string(), turns))
                    .with_hint("take it out"),
            );
        }
        for (at, column) in placeholders(source.text(), names) {
            let place = place_in_template(&self.loaded, pointer, source, &at);
            let message = format!(
                "`{}` is a placeholder of another system: it would be sent as it stands",
                &source.text()[at]
            );
            let header = &self.headers()[column];
            // An error and not a warning: with a column's name between the signs, hardly anything else can be meant.
            report.push(
                Problem::error(place, message)
                    .with_hint(format!("write `{{{{ {} }}}}`", column_expression(header))),
            );
        }
    }
}

/// True for characters that override or embed a direction of writing.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A column's name in the form in which names are compared: `Saks_nummer` is `saksnummer`.
fn name_as_seen(name: &str) -> String {
    as_seen(name).replace(['_', '-', ' ', '.'], "")
}

/// Finds the placeholders in a text, outside of Tera's tags and comments: the range of each in bytes, and the index of its column.
fn placeholders(text: &str, names: &[String]) -> Vec<(Range<usize>, usize)> {
    // `{{ Navn }}` must not be found as `{Navn}` within braces.
    let text = without_tags(text);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some((length, column)) = placeholder(rest, names) {
            found.push((at..at + length, column));
            at += length;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    found
}

/// The length of a placeholder that begins here, and its column.
fn placeholder(text: &str, names: &[String]) -> Option<(usize, usize)> {
    SIGNS.iter().find_map(|(open, close)| {
        let inside = text.strip_prefix(open)?;
        let length = inside
            .find(close)
            .filter(|length| *length <= LONGEST_NAME)?;
        let name = name_as_seen(inside.get(..length)?);
        let column = names
            .iter()
            .position(|known| *known == name && !name.is_empty())?;
        let after = inside.get(length + close.len()..)?;
        // `[Navn](https://…)` is a link of Markdown, and `$recipientName$` a keyword of Altinn.
        let is_link = *open == "[" && after.starts_with(['(', '[', ':']);
        let is_keyword = |known: &&str| known.eq_ignore_ascii_case(&name);
        let is_altinns = *open == "$" && NOTIFICATION_KEYWORDS.iter().any(is_keyword);
        // `<br>` is HTML, and `[x]` a ticked box: short names are not trusted.
        let is_short = name.chars().count() < if *open == "<" { 4 } else { 2 };
        // `5 % rente, 3 %` is prose, `%rente%` a placeholder.
        let is_prose = matches!(*open, "%" | "$" | "#") && inside.starts_with(' ');
        (!is_link && !is_altinns && !is_prose && !is_short)
            .then_some((open.len() + length + close.len(), column))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let names: Vec<_> = ["Navn", "Saksnummer", "E-post", "sendersName"]
            .map(name_as_seen)
            .to_vec();
        placeholders(text, &names)
            .into_iter()
            .map(|(at, _)| &text[at])
            .collect()
    }

    #[test]
    fn columns_between_signs_of_other_systems_are_found() {
        for sign in [
            "«Navn»",
            "« navn »",
            "((Navn))",
            "{Navn}",
            "%Navn%",
            "*|NAVN|*",
            "[Navn]",
            "[[Navn]]",
            "${Navn}",
            "$navn$",
            "<<Navn>>",
            "<Navn>",
            "#navn#",
            "{Saks_nummer}",
            "{e_post}",
        ] {
            assert_eq!(found(&format!("Hei {sign},\n{{{{ Navn }}}}")), [sign]);
        }
        assert_eq!(found("«Navn» og {Saksnummer}"), ["«Navn»", "{Saksnummer}"]);
    }

    #[test]
    fn other_words_between_signs_are_text() {
        for text in [
            "{{ Navn }}",
            "{% if Navn %}",
            "{# Navn #}",
            "{{ {'Navn': 1}['Navn'] }}",
            "[Navn](https://example.no)",
            "[x]",
            "«Vedtak»",
            "$sendersName$",
            "5 % Navn %",
            "(Navn)",
            "Navn",
            "{ }",
            "%%",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }
}
