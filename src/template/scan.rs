//! The scan of a template's tags before compilation. It collects the names in them, and rewrites these to ASCII, because Tera reads no others.
//!
//! It follows the lexer of Tera 2: text, `{{ }}`, `{% %}`, comments and raw blocks; strings in three kinds of quotes with backslashes.

use super::ascii_names::{ascii_letter, is_combining_mark};
use super::reference::writes_in_language;
use super::tag_mistakes::{self, Comparison};
use super::token::{Mistake, Token, Word, is_field, is_value, join_columns};

/// The result of a scan. Ranges are bytes of the text as written.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The text with ASCII names in its tags. Each character is replaced by one, so that lines and columns in Tera's errors stay right.
    pub(super) text: String,
    /// The text outside of the tags, with `x` in place of every value; `None` when it is blank.
    pub(super) own_text: Option<String>,
    pub(super) has_tags: bool,
    /// All names in order, except those after a dot and `row` with a column.
    pub(super) names: Vec<Word>,
    /// The names that the template itself assigns: by `set`, `for`, or as arguments of components.
    pub(super) assigned: Vec<String>,
    /// The names that components take from the place of their use: `@Navn`.
    pub(super) implicit: Vec<String>,
    /// True when a filter writes in the letter's language.
    pub(super) language: bool,
    /// The columns that are read through the map `row`, as `row["E-post"]` or `row.Navn`.
    pub(super) columns: Vec<Word>,
    /// True when the whole map is used, for example in a loop.
    pub(super) whole_row: bool,
    /// The files that are included or extended, with repetitions.
    pub(super) files: Vec<Word>,
    /// The name, when the whole template is `{{ name }}` and nothing else.
    pub(super) only: Option<String>,
    /// The names whose values are shown unconditionally.
    pub(super) shown: Vec<Word>,
    pub(super) comparisons: Vec<Comparison>,
    /// The mistakes that Tera would explain badly or silently misunderstand.
    pub(super) mistakes: Vec<Mistake>,
}

/// Scans a template. One with an unclosed tag is scanned to its end; compiling it reports the error.
pub(super) fn scan(text: &str) -> Scan {
    let mut scanner = Scanner {
        all: text,
        at: 0,
        own_text: String::new(),
        has_own_text: false,
        found: Scan::default(),
        guards: Vec::new(),
    };
    scanner.found.text.reserve(text.len());
    while scanner.scan_next() {}
    Scan {
        own_text: scanner.has_own_text.then_some(scanner.own_text),
        ..scanner.found
    }
}

/// The state of a scan.
struct Scanner<'a> {
    all: &'a str,
    at: usize,
    own_text: String,
    has_own_text: bool,
    found: Scan,
    /// The names in the conditions of every open `if`.
    guards: Vec<Vec<String>>,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.all.get(self.at..).unwrap_or_default()
    }

    /// Copies the next `bytes` unchanged.
    fn copy(&mut self, bytes: usize) {
        let rest = self.rest();
        let piece = rest.get(..bytes).unwrap_or(rest);
        self.found.text.push_str(piece);
        self.at += piece.len();
    }

    /// Copies the next `bytes`, which are no tag.
    fn copy_own_text(&mut self, bytes: usize) {
        let own = self.rest().get(..bytes).unwrap_or_default();
        self.has_own_text |= !own.trim().is_empty();
        self.own_text.push_str(own);
        self.copy(bytes);
    }

    /// Scans the text up to the next tag, and that tag; false at the end.
    fn scan_next(&mut self) -> bool {
        let rest = self.rest();
        let marker = rest
            .as_bytes()
            .windows(2)
            .position(|pair| matches!(pair, b"{{" | b"{%" | b"{#"));
        let Some(marker) = marker else {
            self.copy_own_text(rest.len());
            return false;
        };
        self.copy_own_text(marker);
        self.found.has_tags = true;
        let begins = self.at;
        let rest = self.rest();
        let trims = rest.as_bytes().get(2) == Some(&b'-');
        let opening = if trims { 3 } else { 2 };
        if rest.starts_with("{#") {
            let length = rest.get(opening..).and_then(|rest| rest.find("#}"));
            self.copy(length.map_or(rest.len(), |length| opening + length + 2));
            return true;
        }
        if let Some(length) = raw_block(rest, opening) {
            self.copy(length);
            return true;
        }
        self.copy(opening);
        if rest.starts_with("{{") {
            self.own_text.push('x');
            let tokens = self.tag("}}");
            let is_whole = begins == 0 && self.at == self.all.len();
            // A tag that trims blanks (`{{-`) changes the value and is no plain copy.
            if let [Token::Name(name)] = tokens.as_slice()
                && is_whole
                && !trims
                && !self.all.ends_with("-}}")
            {
                self.found.only = Some(name.text.clone());
            }
            self.note_names(&tokens);
            self.note_shown(&tokens);
            let mistakes = tag_mistakes::in_expression(&tokens);
            self.found.mistakes.extend(mistakes);
        } else {
            let tokens = self.tag("%}");
            self.note_names(&tokens);
            self.note_statement(&tokens);
            let mistakes = tag_mistakes::in_statement(&tokens);
            self.found.mistakes.extend(mistakes);
        }
        true
    }

    /// Scans a tag to its end, and returns its tokens.
    fn tag(&mut self, end: &str) -> Vec<Token> {
        let mut tokens = Vec::new();
        loop {
            let rest = self.rest();
            let blank = rest.len()
                - rest
                    .trim_start_matches(|c: char| c.is_ascii_whitespace())
                    .len();
            self.copy(blank);
            let rest = self.rest();
            if rest.is_empty() {
                return join_columns(tokens);
            }
            let after_dash = rest.strip_prefix('-').unwrap_or(rest);
            if after_dash.starts_with(end) {
                self.copy(rest.len() - after_dash.len() + end.len());
                return join_columns(tokens);
            }
            tokens.extend(self.token());
        }
    }

    fn token(&mut self) -> Option<Token> {
        let (rest, start) = (self.rest(), self.at);
        let first = rest.chars().next()?;
        if matches!(first, '"' | '\'' | '`') {
            self.copy(quoted(rest, first));
            // The range without the quotes; a string that is not closed has none at its end.
            let at = start + 1..(self.at - 1).max(start + 1);
            let text = self.all.get(at.clone()).unwrap_or_default().to_owned();
            return Some(Token::Quoted(Word { text, at }));
        }
        if first.is_ascii_digit() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
            self.copy(digits.unwrap_or(rest.len()));
            return Some(Token::Number(start));
        }
        if ascii_letter(first).is_none() {
            if first.is_whitespace() {
                // Pasted text often has no-break spaces; Tera accepts ASCII blanks only.
                self.found.text.push(' ');
                self.at += first.len_utf8();
                return None;
            }
            self.copy(first.len_utf8());
            return Some(Token::Sign(first, start));
        }
        let length = rest.find(|c| ascii_letter(c).is_none() && !is_combining_mark(c));
        let written = rest.get(..length.unwrap_or(rest.len()))?;
        let text: String = written.chars().filter_map(ascii_letter).collect();
        self.found.text.push_str(&text);
        // Combining accents have no ASCII letter; blanks in their place keep Tera's columns right.
        let accents = written.chars().filter(|c| is_combining_mark(*c)).count();
        self.found.text.extend(std::iter::repeat_n(' ', accents));
        self.at += written.len();
        let at = start..self.at;
        Some(Token::Name(Word { text, at }))
    }

    /// Records the names in a tag, its columns of `row`, and a filter that writes in the letter's language.
    fn note_names(&mut self, tokens: &[Token]) {
        self.found
            .comparisons
            .extend(tag_mistakes::comparisons(tokens));
        for (at, token) in tokens.iter().enumerate() {
            let name = match token {
                Token::Name(name) if !is_field(tokens, at) => name,
                Token::Column(key) => {
                    self.found.columns.push(key.clone());
                    continue;
                }
                _ => continue,
            };
            self.found.names.push(name.clone());
            let before = at.checked_sub(1).and_then(|at| tokens.get(at));
            let follows = |sign| before.is_some_and(|before| before.is_sign(sign));
            if follows('|') {
                self.found.language |= writes_in_language(&name.text);
            } else if follows('@') {
                self.found.implicit.push(name.text.clone());
            } else if name.text == "row" {
                self.found.whole_row = true;
            }
        }
    }

    /// Records the names that a `{% %}` tag assigns, its files, and its conditions.
    fn note_statement(&mut self, tokens: &[Token]) {
        let Some(Token::Name(tag)) = tokens.first() else {
            return;
        };
        let rest = tokens.get(1..).unwrap_or_default();
        let names = |tokens: &[Token]| -> Vec<String> {
            let names = tokens.iter().filter_map(name_of);
            names.map(str::to_owned).collect()
        };
        match tag.text.as_str() {
            "include" | "extends" => {
                if let Some(Token::Quoted(file)) = rest.first() {
                    self.found.files.push(file.clone());
                }
            }
            "set" | "set_global" => {
                let target = rest.get(..1).unwrap_or_default();
                self.found.assigned.extend(names(target));
            }
            "for" => {
                let end = rest.iter().position(|token| token.is_name("in"));
                let targets = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                self.found.assigned.extend(names(targets));
            }
            "component" => self.found.assigned.extend(names(rest)),
            "filter" => {
                let filter = rest.first().and_then(name_of);
                self.found.language |= filter.is_some_and(writes_in_language);
            }
            // Inside a condition its names are not shown unconditionally.
            "if" => self.guards.push(variables(rest).collect()),
            "elif" => {
                if let Some(guards) = self.guards.last_mut() {
                    guards.extend(variables(rest));
                }
            }
            "endif" => {
                self.guards.pop();
            }
            _ => {}
        }
    }

    /// Records the names whose values a `{{ }}` tag shows unconditionally: no names in a condition, in this tag or around it, and no arguments.
    fn note_shown(&mut self, tokens: &[Token]) {
        let decides = |token: &Token| match token {
            Token::Name(name) => matches!(
                name.text.as_str(),
                "if" | "else" | "or" | "and" | "not" | "is" | "in" | "for" | "default"
            ),
            Token::Sign(sign, _) => matches!(sign, '=' | '<' | '>' | '!'),
            _ => false,
        };
        // A tag with a condition or a default decides itself what an empty value means.
        if tokens.iter().any(decides) {
            return;
        }
        let mut depth = 0_usize;
        for (at, token) in tokens.iter().enumerate() {
            match token {
                Token::Sign('(' | '[' | '{', _) => depth += 1,
                Token::Sign(')' | ']' | '}', _) => depth = depth.saturating_sub(1),
                _ if depth == 0 && is_value(tokens, at) => {
                    let guards = &self.guards;
                    let is_guarded =
                        |shown: &Word| guards.iter().flatten().any(|name| *name == shown.text);
                    self.found
                        .shown
                        .extend(token.variable().filter(|shown| !is_guarded(shown)));
                }
                _ => {}
            }
        }
    }
}

/// The names in a condition; columns of `row` by their ASCII names.
fn variables(tokens: &[Token]) -> impl Iterator<Item = String> {
    let words = tokens.iter().filter_map(Token::variable);
    words.map(|word| word.text)
}

fn name_of(token: &Token) -> Option<&str> {
    match token {
        Token::Name(name) => Some(&name.text),
        _ => None,
    }
}

/// The length of a raw block, when one begins here. A block without an end continues to the end of the text.
fn raw_block(text: &str, opening: usize) -> Option<usize> {
    if !text.starts_with("{%") {
        return None;
    }
    let mut at = opening + word_tag(text.get(opening..)?, "raw")?;
    while let Some(next) = text.get(at..)?.find("{%") {
        at += next + 2;
        if let Some(length) = word_tag(text.get(at..)?, "endraw") {
            return Some(at + length);
        }
    }
    Some(text.len())
}

/// The length of the rest of a tag that consists of one word, such as ` word -%}`.
fn word_tag(text: &str, word: &str) -> Option<usize> {
    let blank = |c: char| c.is_ascii_whitespace();
    let rest = text.strip_prefix('-').unwrap_or(text);
    let rest = rest.trim_start_matches(blank).strip_prefix(word)?;
    let rest = rest.trim_start_matches(blank);
    let rest = rest.strip_prefix('-').unwrap_or(rest).strip_prefix("%}")?;
    Some(text.len() - rest.len())
}

/// The length of a string with its quotes, or up to the end when it is not closed.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if letter == quote {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        scan(text).names.into_iter().map(|name| name.text).collect()
    }

    fn texts(words: &[Word]) -> Vec<&str> {
        words.iter().map(|word| word.text.as_str()).collect()
    }

    #[test]
    fn a_templates_own_text_is_known() {
        for (text, own) in [
            ("{{ a }}", None),
            (" {% if a %}{{ a }}{% endif %}\n", None),
            ("Hei {{ a }}{{ b }}, {# c #}du", Some("Hei xx, du")),
            ("{% if a %}ja{% else %}nei{% endif %}", Some("janei")),
            ("{{ '}}' }}!", Some("x!")),
            ("+47", Some("+47")),
        ] {
            assert_eq!(scan(text).own_text.as_deref(), own, "{text}");
        }
    }

    #[test]
    fn names_become_ascii_where_they_are_names() {
        for (written, mapped) in [
            ("Språk {{ Språk }} å", "Språk {{ Sprak }} å"),
            ("{{ Spra\u{30A}k }}x", "{{ Sprak  }}x"),
            ("{{ a\u{A0}~\u{202F}b }}", "{{ a ~ b }}"),
            (
                "{% if a == \"Språk\" %}{{ 'å' ~ `ø` }}{% endif %}",
                "{% if a == \"Språk\" %}{{ 'å' ~ `ø` }}{% endif %}",
            ),
            ("{{ \"\\\"å\" ~ Å }}", "{{ \"\\\"å\" ~ A }}"),
            ("{# Språk #}{{ Å }}", "{# Språk #}{{ A }}"),
            (
                "{% raw %}{{ Språk }}{% endraw %}{{ Å }}",
                "{% raw %}{{ Språk }}{% endraw %}{{ A }}",
            ),
            (
                "{%- raw -%}{{ å {% if å %}{%- endraw -%}{{ Å }}",
                "{%- raw -%}{{ å {% if å %}{%- endraw -%}{{ A }}",
            ),
            ("{{- Språk -}} å", "{{- Sprak -}} å"),
            ("{{ Спрос }}", "{{ Спрос }}"),
            ("{{ å", "{{ a"),
            ("{{ \"å", "{{ \"å"),
            ("{# å", "{# å"),
            ("{% raw %} å", "{% raw %} å"),
        ] {
            assert_eq!(scan(written).text, mapped, "{written}");
            assert_eq!(scan(written).text.chars().count(), written.chars().count());
        }
    }

    #[test]
    fn names_are_found_with_their_places() {
        let text = "å {{ Språk }}";
        let scan = scan(text);
        assert_eq!(texts(&scan.names), ["Sprak"]);
        assert_eq!(&text[scan.names[0].at.clone()], "Språk");
        assert_eq!(
            names("{{ a.b.c | f(x=y) }} {% for i in [...list] %}"),
            ["a", "f", "x", "y", "for", "i", "in", "list"]
        );
        assert!(!super::scan("no tags } here {").has_tags);
    }

    #[test]
    fn the_columns_behind_row_are_found() {
        for (text, columns, whole_row) in [
            ("{{ row[\"E-post\"] }}", vec![("E-post", 8..14)], false),
            ("{{ row?.Språk }}", vec![("Sprak", 8..14)], false),
            ("{{ row[name] }}", vec![], true),
            ("{% for k, v in row %}", vec![], true),
            ("{{ a.row }}{{ a.row.b }}", vec![], false),
        ] {
            let found = scan(text);
            let words = found.columns.iter();
            let words: Vec<_> = words
                .map(|key| (key.text.as_str(), key.at.clone()))
                .collect();
            assert_eq!((words, found.whole_row), (columns, whole_row), "{text}");
        }
    }

    #[test]
    fn files_and_assigned_names_are_found() {
        let found = scan("{%- include 'a.md' %}{% extends \"b/å.md\" -%}{% include 'a.md' %}");
        assert_eq!(texts(&found.files), ["a.md", "b/å.md", "a.md"]);
        let found = scan(
            "{% set x = a | upper %}{% for k, v in m %}{% endfor %}{% filter lower %}{{ b | x(y=c | z) }}\
            {% component Sum(value, unit=\"kr\") %}{% endcomponent %}",
        );
        assert_eq!(found.assigned, ["x", "k", "v", "Sum", "value", "unit"]);
    }

    #[test]
    fn filters_that_write_in_the_letters_language_are_found() {
        for (text, language) in [
            ("{{ a | date }}", true),
            ("{{ b | x(y=c | money) }}", true),
            ("{% filter number %}1{% endfilter %}", true),
            ("{% set x = a | upper %}{{ date }}", false),
        ] {
            assert_eq!(scan(text).language, language, "{text}");
        }
    }

    #[test]
    fn what_is_shown_whether_it_is_empty_or_not_is_found() {
        for (text, shown) in [
            ("Hei {{ Navn }},", vec!["Navn"]),
            (
                "{{ Fornavn ~ \" \" ~ row[\"E-post\"] | upper }}",
                vec!["Fornavn", "E_post"],
            ),
            ("{{ Navn | default(value=\"x\", boolean=true) }}", vec![]),
            ("{{ Navn or \"x\" }}{{ a if a != \"\" else b }}", vec![]),
            (
                "{% if Navn != '' %}{{ Navn }}{{ Sak }}{% endif %}{{ Navn }}",
                vec!["Sak", "Navn"],
            ),
            (
                "{% if row['E-post'] %}x{% else %}{{ E_post }}{% endif %}",
                vec![],
            ),
            ("{{ sum(of=[Beløp]) }}{{ a.b }}", vec!["a"]),
            ("{% set x = Navn %}{# {{ Navn }} #}", vec![]),
        ] {
            assert_eq!(texts(&scan(text).shown), shown, "{text}");
        }
    }

    #[test]
    fn a_template_of_one_name_is_recognised() {
        assert_eq!(scan("{{ Språk }}").only.as_deref(), Some("Sprak"));
        for text in [
            "{{ a }} ",
            " {{ a }}",
            "{{- a }}",
            "{{ a -}}",
            "{{ a.b }}",
            "{{ a }}{{ b }}",
            "{% a %}",
        ] {
            assert_eq!(scan(text).only, None, "{text}");
        }
    }
}
