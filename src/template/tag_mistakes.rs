//! The detection of common mistakes in tags, which Tera would explain badly or silently misunderstand: constructs of Jinja, characters that come along
//! when text is pasted from a word processor, and comparisons that cannot work.

use std::collections::HashSet;

use super::error::{TemplateError, template_error};
use super::names::{Meaning, Names};
use super::reference::{arguments_of, call_of, name_of};
use super::token::{Kind, Tag, Token};
use crate::diagnostic::Source;
use crate::text::is_invisible;

/// The mistake for a sign that cannot be part of a tag and was probably pasted. Other mistakes in the tag may be consequences of it.
fn pasted(token: &Token) -> Option<TemplateError> {
    let sign = token.word();
    let (message, hint) = match sign.chars().next()? {
        '\u{2018}'..='\u{201F}' | '\u{2039}' | '\u{203A}' | '«' | '»' => (
            format!("the quotation mark `{sign}` does not begin or end a text in a tag"),
            "write straight quotation marks: `\"`",
        ),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => {
            (format!("`{sign}` is no minus sign in a tag"), "write `-`")
        }
        sign if is_invisible(sign) => (
            format!(
                "there is an invisible character (U+{:04X}) in the tag",
                u32::from(sign)
            ),
            "delete the tag, and type it again",
        ),
        _ => return None,
    };
    Some(mistake(token, message, hint))
}

/// Finds the mistakes in a tag.
pub(super) fn mistakes(tag: &Tag) -> Vec<TemplateError> {
    let tokens = tag.tokens.as_slice();
    if let Some(pasted) = tokens.iter().find_map(pasted) {
        return vec![pasted];
    }
    let [first, rest @ ..] = tokens else {
        return Vec::new();
    };
    let has = |word: &str| tokens.iter().any(|token| token.is(word));
    let no_tag = |name: &str| format!("there is no tag `{name}`");
    let mut found: Vec<_> = tokens.iter().filter_map(shows_all).collect();
    match tag.word() {
        "" if tag.is_statement => return found,
        "" | "if" | "elif" => found.extend(lone_equals(tag)),
        name @ ("elseif" | "elsif") => found.push(mistake(first, no_tag(name), "write `elif`")),
        "else" if rest.first().is_some_and(|token| token.is("if")) => {
            found.push(mistake(first, no_tag("else if"), "write `elif`"));
        }
        name @ ("macro" | "import" | "from" | "call" | "with" | "do") => {
            let hint = "this is Tera, not Jinja: what is used again and again is a `component`, or a file that is included";
            found.push(mistake(first, no_tag(name), hint));
        }
        _ => {}
    }
    // With `and` a lone text may be meant: `a == b and "ja" or "nei"` chooses between two texts.
    let compares = !tag.is_statement && (has("==") || has("!=")) && !has("and");
    if compares || matches!(tag.word(), "if" | "elif") {
        found.extend(lone_texts(tokens));
    }
    // The head of a component declares its arguments, where bare names are correct.
    if tag.word() != "component" {
        found.extend(positional_arguments(tokens));
        found.extend(unknown_arguments(tokens));
        found.extend(changed_recipient_name(tokens));
    }
    found
}

/// Refuses `__tera_context`, which prints every value of the row, identity numbers among them.
fn shows_all(token: &Token) -> Option<TemplateError> {
    let is_meant = token.kind == Kind::Name && token.text.starts_with("__tera");
    let message = format!(
        "`{}` shows everything there is, and is not allowed",
        token.text
    );
    is_meant.then(|| unexplained(token, message))
}

/// The tags that begin a section, which ends with the same word behind `end`.
const SECTIONS: [&str; 5] = ["if", "for", "filter", "block", "component"];

/// The first section of a template that is closed by the tag of another one, or else the last one that is never closed. Tera only says that the text ends.
pub(super) fn unclosed_section(tags: &[Tag], source: &Source) -> Option<TemplateError> {
    let mut open: Vec<&Token> = Vec::new();
    for tag in tags {
        let Some(first) = tag.tokens.first() else {
            continue;
        };
        let word = tag.word();
        let section = word.strip_prefix("end");
        if SECTIONS.contains(&word) {
            open.push(first);
        } else if let Some(section) = section.filter(|section| SECTIONS.contains(section)) {
            let Some(begin) = open.pop() else {
                let hint = "take it out, or write the tag that begins the section";
                return Some(mistake(first, format!("`{word}` closes nothing"), hint));
            };
            if begin.text != section {
                let (begin, line) = (&begin.text, source.position(begin.at.start).line);
                let message = format!("`{word}` stands where `end{begin}` belongs");
                let hint = format!("the `{begin}` on line {line} is open: close it first");
                return Some(mistake(first, message, &hint));
            }
        }
    }
    let begin = open.pop()?;
    let message = format!("this `{}` is never closed", begin.text);
    let hint = format!("write `{{% end{} %}}` where it ends", begin.text);
    Some(mistake(begin, message, &hint))
}

/// Finds comparisons of columns without a filter that cannot work, because the value of a column is text: `Beløp > 0`, `row["Antall"] == 1`. Texts are ordered letter
/// by letter (`9` comes after `10`, and `15.12.2026` before `2.1.2026`), and no text equals a number. `source` is the text of the template; the names in `assigned` are no
/// columns in it.
pub(super) fn wrong_comparisons(
    tag: &Tag,
    source: &str,
    names: &Names,
    assigned: &HashSet<&str>,
) -> Vec<TemplateError> {
    let is_column = |token: &Token| {
        let name = token.variable();
        name.is_some_and(|name| names.column_named(&name).is_some() && !assigned.contains(&*name))
    };
    let mut found = Vec::new();
    for (column, is_ordered, other) in comparisons(tag) {
        if !is_column(column) {
            continue;
        }
        let written = source.get(column.at.clone()).unwrap_or_default();
        if is_ordered {
            let message = format!(
                "`{written}` is a text, which is neither more nor less than a number or a date"
            );
            let hint = format!(
                "write `{written} | amount > 0` for numbers, and `{written} | date(form=\"iso\") < \"2026-12-31\"` for dates"
            );
            found.push(mistake(column, message, &hint));
        } else if other.is_some_and(|other| is_number_or_bool(other, names)) {
            let message =
                format!("`{written}` is a text, which never equals a number, nor true or false");
            let hint = format!(
                "write `{written} == \"1\"` for texts, and `{written} | amount == 1` for numbers"
            );
            found.push(mistake(column, message, &hint));
        }
    }
    found
}

/// The columns that a tag compares with texts, each with one text: `Språk == "nn"`, `Språk in ["nb", "nn"]`.
pub(super) fn compared_texts(
    tag: &Tag,
    names: &Names,
    assigned: &HashSet<&str>,
) -> Vec<(usize, String)> {
    let text = |(column, is_ordered, other): (&Token, bool, Option<&Token>)| {
        let text = other.filter(|other| other.kind == Kind::Text && !other.text.contains('\\'))?;
        let name = column
            .variable()
            .filter(|name| !assigned.contains(&**name))?;
        let column = names.find(&name).filter(|_| !is_ordered)?;
        Some((column, text.text.clone()))
    };
    comparisons(tag).into_iter().filter_map(text).collect()
}

/// The comparisons of a tag, from each side that is a name or a column of `row`: that side, if it is asked for an order (`<`, `>=`), and the other side, when that
/// is a single word, number or text.
fn comparisons(tag: &Tag) -> Vec<(&Token, bool, Option<&Token>)> {
    let mut found = Vec::new();
    let get = |at: usize| tag.tokens.get(at);
    let is = |at: usize, word| get(at).is_some_and(|token| token.is(word));
    // A tag that begins with `<` uses a component, which is no comparison.
    if is(0, "<") {
        return found;
    }
    let number = |at: usize| get(at).filter(|token| token.kind == Kind::Number);
    let constant =
        |at: usize| get(at).filter(|token| matches!(token.kind, Kind::Number | Kind::Text));
    for (at, token) in tag.tokens.iter().enumerate().skip(1) {
        let (is_ordered, next) = match token.word() {
            "<" | ">" | "<=" | ">=" => (true, at + 1),
            "==" | "!=" => (false, at + 1),
            "in" if is(at + 1, "[") => (false, at + 2),
            _ => continue,
        };
        let left = tag.value(at - 1);
        let right = tag.value(next).filter(|_| !is(next + 1, "|"));
        let negative = number(next + 1).filter(|_| is(next, "-"));
        let right_side = right.or(negative).or(constant(next));
        found.extend(left.map(|left| (left, is_ordered, right_side)));
        found.extend(right.map(|right| (right, is_ordered, left.or(constant(at - 1)))));
        // The further texts of a list.
        let rest = tag
            .tokens
            .iter()
            .skip(next + 1)
            .take_while(|token| !token.is("]"));
        let texts = rest.filter(|other| token.is("in") && other.kind == Kind::Text);
        if let Some(left) = left {
            found.extend(texts.map(|text| (left, is_ordered, Some(text))));
        }
    }
    found
}

/// True for a number, `true` or `false`, and for a variable with such a value.
fn is_number_or_bool(token: &Token, names: &Names) -> bool {
    if token.kind == Kind::Number || matches!(token.word(), "true" | "True" | "false" | "False") {
        return true;
    }
    let name = names
        .find(token.word())
        .and_then(|name| names.all.get(name));
    name.is_some_and(|name| match &name.meaning {
        Meaning::Variable(value) => value.is_number() || value.is_boolean(),
        Meaning::RowNumber => true,
        _ => false,
    })
}

/// Finds a single `=` meant as a comparison: `Språk = "nn"`. Inside brackets it assigns an argument and is correct.
fn lone_equals(tag: &Tag) -> Option<TemplateError> {
    // A tag with `/` uses a component, whose arguments are written with `=`.
    if tag.tokens.iter().any(|token| token.is("/")) {
        return None;
    }
    let (_, equals) = tag.outside_brackets().find(|(_, token)| token.is("="))?;
    let message = "`=` does not compare".to_owned();
    Some(mistake(equals, message, "write `==`"))
}

/// Finds texts that are compared with nothing and so are always true: `Språk == "nn" or "en"`.
fn lone_texts(tokens: &[Token]) -> impl Iterator<Item = TemplateError> {
    let word = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map(Token::word);
    let lone = tokens.iter().enumerate().filter(move |(at, token)| {
        let follows = matches!(word(at.checked_sub(1)), Some("or" | "and"));
        let ends = matches!(word(Some(at + 1)), None | Some("or" | "and" | "else" | ")"));
        token.kind == Kind::Text && follows && ends
    });
    lone.map(|(_, token)| {
        let message = format!("the text \"{}\" is compared with nothing, so that it is always true", token.text);
        let hint = "compare each: `Språk == \"nn\" or Språk == \"en\"`, or write `Språk in [\"nn\", \"en\"]`";
        mistake(token, message, hint)
    })
}

/// Finds arguments without names, such as `default("x")`. Tera knows named ones only.
fn positional_arguments(tokens: &[Token]) -> impl Iterator<Item = TemplateError> {
    const WORDS: [&str; 8] = ["if", "elif", "else", "and", "or", "not", "in", "is"];
    tokens.windows(3).enumerate().filter_map(|(at, three)| {
        let [name, open, first] = three else {
            return None;
        };
        let is_call = matches!(name.kind, Kind::Name | Kind::Filter)
            && open.is("(")
            && !WORDS.contains(&name.text.as_str());
        let has_name =
            first.kind == Kind::Name && tokens.get(at + 3).is_some_and(|token| token.is("="));
        (is_call && first.kind != Kind::Sign && !has_name).then(|| {
            let message = format!("the arguments of `{}` have names", name.text);
            let hint = match call_of(&name.text) {
                Some(call) => format!("it is written `{call}`"),
                None => format!("write `{}(name=value)`", name.text),
            };
            mistake(first, message, &hint)
        })
    })
}

/// Finds arguments that a filter, function or test does not have, such as `money(decimal=0)`. Tera ignores them.
fn unknown_arguments(tokens: &[Token]) -> Vec<TemplateError> {
    let mut found = Vec::new();
    // The open brackets, each with the call that it belongs to.
    let mut open: Vec<Option<&'static str>> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let is_named = tokens.get(at + 1).is_some_and(|next| next.is("="));
        match token.word() {
            "(" => open.push(before.and_then(|name| call_of(&name.text))),
            "[" | "?[" | "{" => open.push(None),
            ")" | "]" | "}" => _ = open.pop(),
            name if is_named && !name.is_empty() => {
                let Some(call) = open.last().copied().flatten() else {
                    continue;
                };
                if arguments_of(call).all(|known| known != name) {
                    let message = format!("`{}` does not know `{name}`", name_of(call));
                    found.push(mistake(token, message, &format!("it is written `{call}`")));
                }
            }
            _ => {}
        }
    }
    found
}

/// Finds changes to `recipientName`: its value is the placeholder that Altinn replaces, and `{{Recipientname}}` would reach the reader as it is.
fn changed_recipient_name(tokens: &[Token]) -> Option<TemplateError> {
    let next = |at: usize| tokens.get(at).map(|token| token.text.as_str());
    let (_, name) = tokens.iter().enumerate().find(|(at, token)| {
        let is_filtered = next(at + 1) == Some("|") && next(at + 2) != Some("safe");
        let is_joined = [Some(at + 1), at.checked_sub(1)]
            .into_iter()
            .flatten()
            .any(|beside| next(beside) == Some("~"));
        token.is("recipientName") && (is_filtered || is_joined)
    })?;
    let message =
        "Altinn writes the recipient's name later, so that nothing can be done with it here"
            .to_owned();
    Some(mistake(
        name,
        message,
        "write `{{ recipientName }}` alone, with the text around it outside of the tag",
    ))
}

/// A mistake at a token.
fn mistake(token: &Token, message: String, hint: &str) -> TemplateError {
    unexplained(token, message).with_hint(hint)
}

fn unexplained(token: &Token, message: String) -> TemplateError {
    let mut error = template_error(message);
    error.place.span = token.at.clone();
    error
}

#[cfg(test)]
mod tests {
    use super::super::scan::scan;
    use super::{Kind, Source, TemplateError, comparisons};

    fn mistakes(text: &str) -> Vec<TemplateError> {
        scan(text).tags.iter().flat_map(super::mistakes).collect()
    }

    #[test]
    fn habits_are_told_with_what_to_write() {
        for (text, place, hint) in [
            (
                "{% if a %}{% elseif b %}{% endif %}",
                "elseif",
                "write `elif`",
            ),
            (
                "{% if a %}{% else if b %}{% endif %}",
                "else",
                "write `elif`",
            ),
            (
                "{{ a | default('x') }}",
                "x",
                "it is written `default(value=, boolean=false)`",
            ),
            (
                "{{ range(3) }}",
                "3",
                "it is written `range(start=0, end=, step_by=1)`",
            ),
            (
                "{% if a is starting_with(b) %}{% endif %}",
                "b",
                "it is written `starting_with(pat=)`",
            ),
            ("{% if a = 'b' %}{% endif %}", "=", "write `==`"),
            (
                "{{ recipientName | title }}",
                "recipientName",
                "write `{{ recipientName }}` alone, with the text around it outside of the tag",
            ),
            (
                "{{ 'Hei ' ~ recipientName }}",
                "recipientName",
                "write `{{ recipientName }}` alone, with the text around it outside of the tag",
            ),
            (
                "{{ a | replace(from='(', to='b') | join(separator=', ') }}",
                "separator",
                "it is written `join(sep=\"\")`",
            ),
            (
                "{% filter trim(pattern='x') %}{% endfilter %}",
                "pattern",
                "it is written `trim(pat=…)`",
            ),
            ("{{ “a” }}", "“", "write straight quotation marks: `\"`"),
            ("{{ 1 – 2 }}", "–", "write `-`"),
            (
                "{{ a\u{200B} }}",
                "\u{200B}",
                "delete the tag, and type it again",
            ),
            (
                "{% macro f(a) %}",
                "macro",
                "this is Tera, not Jinja: what is used again and again is a `component`, or a file that is included",
            ),
        ] {
            let found = mistakes(text);
            assert!(!found.is_empty(), "{text}");
            assert_eq!(&text[found[0].place.span.clone()], place, "{text}");
            assert_eq!(found[0].hint.as_deref(), Some(hint));
        }
    }

    #[test]
    fn a_section_that_is_not_closed_is_named() {
        for (text, found) in [
            ("{% if a %}{% for b in [1] %}{% endfor %}{% endif %}", None),
            (
                "{% if a %}\n{% if b %}\n{% endif %}",
                Some(("if", 3, "this `if` is never closed")),
            ),
            (
                "{% for a in [1] %}{% endif %}",
                Some(("endif", 21, "`endif` stands where `endfor` belongs")),
            ),
            (
                "a {% endif %}",
                Some(("endif", 5, "`endif` closes nothing")),
            ),
            ("{% raw %}{% if a %}{% endraw %}", None),
        ] {
            let error = super::unclosed_section(&scan(text).tags, &Source::new("", text));
            let error = error.map(|error| {
                let at = error.place.span;
                (text[at.clone()].to_owned(), at.start, error.message)
            });
            let found = found.map(|(word, at, message)| (word.to_owned(), at, message.to_owned()));
            assert_eq!(error, found, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_compared_with_nothing_is_told() {
        for text in [
            "{% if a == 'nn' or 'en' %}{% endif %}",
            "{% if a %}{% elif b or 'en' or c %}{% endif %}",
            "{{ a == 'nn' or 'en' }}",
        ] {
            let found = mistakes(text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(&text[found[0].place.span.clone()], "en");
        }
    }

    #[test]
    fn what_is_right_is_let_alone() {
        for text in [
            "{% if a == 'nn' or a == 'en' %}{% endif %}",
            "{% if a in ['nn', 'en'] or (b != 'x') %}{% endif %}",
            "{{ a or 'ukjent' }}{{ a | default(value='x') }}{{ now() }}{{ recipientName }}",
            "{{ a == 'b' and 'ja' or 'nei' }}{{ 'a' if b == 'c' else 'd' }}{{ <Sum value={a} unit=\"kr\" /> }}",
            "{% component Sum(value, unit=\"kr\") %}{% endcomponent %}{% <Box title=\"x\"> %}{% </Box> %}",
            "{% set x = a %}{{ {\"a\": 1} }}{{ f(x=y == z) }}{% if (a) and not (b) %}{% endif %}",
        ] {
            assert_eq!(mistakes(text), [], "{text}");
        }
    }

    #[test]
    fn comparisons_of_plain_values_are_found() {
        for (text, found) in [
            ("{% if Beløp > 0 %}{% endif %}", vec!["Belop > number"]),
            (
                "{{ 0 <= row[\"A b\"] }}{{ a < b }}",
                vec!["A_b > number", "a > b", "b > a"],
            ),
            (
                "{% if a == 1 or -1 != b or c == -2 %}{% endif %}",
                vec!["a = number", "b = number", "c = number"],
            ),
            (
                "{% if row.A == 1 and not row['B'] < 2 %}{% endif %}",
                vec!["A = number", "B > number"],
            ),
            (
                "{% if a == true and b == 'x' and c in [1] %}{% endif %}",
                vec!["a = true", "true = a", "b = `x`", "c = number"],
            ),
            (
                "{% if a in ['x', 'y'] or 'z' == b %}{% endif %}",
                vec!["a = `x`", "a = `y`", "b = `z`"],
            ),
            ("{% if a | amount > 0 and 0 < b | int %}{% endif %}", vec![]),
            (
                "{% if sum(of=[a]) > 0 %}{% endif %}{{ <Sum a={b} /> }}",
                vec![],
            ),
        ] {
            let tags = scan(text).tags;
            let words: Vec<_> = tags
                .iter()
                .flat_map(comparisons)
                .map(|(one, is_ordered, other)| {
                    let one = one.variable().unwrap();
                    let sign = if is_ordered { '>' } else { '=' };
                    let other = other.map_or("?".to_owned(), |other| match other.kind {
                        Kind::Number => "number".to_owned(),
                        Kind::Text => format!("`{}`", other.text),
                        _ => other.word().to_owned(),
                    });
                    format!("{one} {sign} {other}")
                })
                .collect();
            assert_eq!(words, found, "{text}");
        }
    }
}
