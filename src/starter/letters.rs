//! The letters and texts of a starter, in the languages that its rows need.

use super::columns::{Columns, Key, Language};
use super::value_counts::LANGUAGES;
use crate::template::column_expression;

/// A text in each language, in the order `nb`, `nn`, `en`.
pub(super) type Texts = [&'static str; 3];

/// A template tag that renders the value of a column.
pub(super) fn tag(header: &str) -> String {
    format!("{{{{ {} }}}}", column_expression(header))
}

/// A template that renders `filled` in the rows that have a value in the column, and `empty` in the others.
pub(super) fn if_filled(header: &str, filled: &str, empty: &str) -> String {
    let expression = column_expression(header);
    let empty = match empty {
        "" => String::new(),
        empty => format!("{{% else %}}{empty}"),
    };
    format!("{{% if {expression} %}}{filled}{empty}{{% endif %}}")
}

/// The letters in the languages that are needed, as file name and text.
pub(super) fn letters(columns: &Columns) -> Vec<(String, String)> {
    let needed = columns.language.map_or_else(|| vec![0], Language::needed);
    let named = |at: usize| format!("letter.{}.md", LANGUAGES[at]);
    let needed = needed.into_iter();
    needed.map(|at| (named(at), letter(columns, at))).collect()
}

/// A template that renders the text in the letter's language.
pub(super) fn by_language(columns: &Columns, texts: Texts) -> String {
    let Some(language) = columns.language else {
        return texts[0].to_owned();
    };
    let needed = language.needed().into_iter();
    let mut needed: Vec<_> = needed.map(|at| (LANGUAGES[at], texts[at])).collect();
    // Equal texts of neighbouring languages need no condition.
    needed.dedup_by_key(|(_, text)| *text);
    let mut template = String::new();
    let expression = column_expression(columns.header(language.column));
    // The first language becomes the `else`, so that a row with an unknown language gets a text too.
    for (language, text) in needed.iter().skip(1).rev() {
        let word = if template.is_empty() { "if" } else { "elif" };
        let question = format!("{{% {word} {expression} == '{language}' %}}");
        template.extend([question.as_str(), text]);
    }
    let (_, last) = needed.first().copied().unwrap_or_default();
    if template.is_empty() {
        return last.to_owned();
    }
    format!("{template}{{% else %}}{last}{{% endif %}}")
}

pub(super) fn language(columns: &Columns) -> String {
    match columns.language {
        None => "nb".to_owned(),
        Some(Language { column, blanks, .. }) => {
            let header = columns.header(column);
            if blanks {
                if_filled(header, &tag(header), "nb")
            } else {
                tag(header)
            }
        }
    }
}

fn letter(columns: &Columns, language: usize) -> String {
    let pick = |texts: Texts| texts.get(language).copied().unwrap_or_default();
    let comment = pick([
        "{#- Markdown. Felt fra mottakerfila står i doble krøllparenteser. Denne linja er en kommentar. -#}",
        "{#- Markdown. Felt frå mottakarfila står i doble krøllparentesar. Denne linja er ein kommentar. -#}",
        "{#- Markdown. Columns of the recipients file stand in double braces. This line is a comment. -#}",
    ]);
    let name: Vec<_> = columns
        .name
        .iter()
        .map(|column| tag(columns.header(*column)))
        .collect();
    // Altinn replaces this by the name in its register.
    let name = if name.is_empty() {
        "{{ recipientName }}".to_owned()
    } else {
        name.join(" ")
    };
    let greeting = pick(["Hei", "Hei", "Dear"]);
    let received = pick([
        "Vi har mottatt søknaden din",
        "Vi har fått søknaden din",
        "We have received your application",
    ]);
    let case = match columns.key {
        Key::Column { column, .. } => format!(
            " {} **{}**",
            pick(["i sak", "i sak", "in case"]),
            tag(columns.header(column))
        ),
        Key::Recipient | Key::None => String::new(),
    };
    let rest = pick([
        "Du trenger ikke gjøre noe nå: Vi skriver igjen når saken er avgjort.\n\nVennlig hilsen\\\nEksempeletaten",
        "Du treng ikkje gjere noko no: Vi skriv att når saka er avgjord.\n\nVenleg helsing\\\nEksempeletaten",
        "You need not do anything now: we write again when the case has been decided.\n\nKind regards,\\\nthe Example Agency",
    ]);
    format!("{comment}\n{greeting} {name},\n\n{received}{case}.\n\n{rest}\n")
}

#[cfg(test)]
mod tests {
    use super::super::rows;
    use super::*;

    #[test]
    fn a_text_asks_for_the_language_only_when_there_are_several() {
        let mut columns = rows::columns();
        let texts = ["brev", "brev", "letter"];
        assert_eq!(
            by_language(&columns, texts),
            "{% if language == 'en' %}letter{% else %}brev{% endif %}"
        );
        assert_eq!(
            by_language(&columns, ["a", "b", "c"]),
            "{% if language == 'en' %}c{% elif language == 'nn' %}b{% else %}a{% endif %}"
        );
        let mut language = columns.language.unwrap();
        language.present = [false, true, false];
        columns.language = Some(language);
        assert_eq!(by_language(&columns, ["a", "b", "c"]), "b");
        language.blanks = true;
        columns.language = Some(language);
        assert_eq!(
            by_language(&columns, ["a", "b", "c"]),
            "{% if language == 'nn' %}b{% else %}a{% endif %}"
        );
        columns.language = None;
        assert_eq!(by_language(&columns, ["a", "b", "c"]), "a");
    }
}
