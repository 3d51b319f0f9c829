//! What a template speaks of, read off its tags before it is compiled, and the same text with names in ASCII and with what keeps it from going on for ever.
//!
//! Follows the lexer of Tera 2: text, `{{ }}`, `{% %}`, comments and raw blocks; strings in three kinds of quotes with backslashes.

use std::ops::Range;

use super::letters::{ascii_letter, is_combining_mark};
use super::names::KEYWORDS;
use super::reference::Kind;

/// How many words and signs a tag may have: what one expression makes of values with a limit has a limit too.
const TAG_LIMIT: usize = 1000;

/// The function that counts how often loops go round, and the filter that counts what is kept under a name. Nobody can write them: only what is on the
/// reference page may be written.
pub(super) const ROUND: &str = "__round";
pub(super) const KEPT: &str = "__kept";

/// A template that has been looked through. Ranges are bytes of the text as it was written.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The text with the names in its tags in ASCII, one character for one, and with what is inserted.
    pub(super) text: String,
    /// What is inserted in `text`: where, and how many bytes.
    pub(super) inserted: Vec<(usize, usize)>,
    /// How many words and signs its tags have.
    pub(super) weight: u64,
    /// How many bytes the longest text in quotes has.
    pub(super) longest: usize,
    /// The filters, functions and tests.
    pub(super) calls: Vec<(Kind, Spoken)>,
    /// What letters do not take of the template language: where, and what it is.
    pub(super) refused: Vec<(Range<usize>, Refused)>,
    /// Whether there is anything but text.
    pub(super) has_tags: bool,
    /// Every name, in order, except those after a dot.
    pub(super) names: Vec<Spoken>,
    /// How `row` is used.
    pub(super) row: Vec<RowUse>,
    /// The files that are included, each as often as it is.
    pub(super) files: Vec<Spoken>,
    /// The name, when the whole template is one `{{ name }}` and nothing else.
    pub(super) only: Option<String>,
}

/// A word and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spoken {
    pub(super) word: String,
    pub(super) at: Range<usize>,
}

/// A use of `row`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RowUse {
    /// `row["E-post"]` or `row.Navn`: one column.
    Column(Spoken),
    /// Anything else: all columns.
    Whole,
}

/// What letters do not take of the template language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// A tag.
    Tag(&'static str),
    /// `set` without `=`.
    SetWithBody,
    /// `for` inside a list.
    ForInList,
    /// A tag with too many words.
    LongTag,
}

/// Tags that letters do not take: what they make has no limit that could be counted.
const REFUSED: [&str; 5] = ["extends", "block", "component", "filter", "<"];

/// Looks a template through. A template that does not close what it opens is read as far as it goes; compiling it says what is wrong.
pub(super) fn scan(text: &str) -> Scan {
    let mut scanner = Scanner {
        all: text,
        at: 0,
        found: Scan::default(),
    };
    scanner.found.text.reserve(text.len());
    while scanner.piece() {}
    scanner.found
}

struct Scanner<'a> {
    all: &'a str,
    at: usize,
    found: Scan,
}

/// What stands in a tag.
#[derive(Debug, PartialEq)]
enum Token {
    Name(Spoken),
    Quoted(Spoken),
    Sign(char),
    Number,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.all.get(self.at..).unwrap_or_default()
    }

    /// Takes over the next `bytes` as they are.
    fn copy(&mut self, bytes: usize) {
        let rest = self.rest();
        let piece = rest.get(..bytes).unwrap_or(rest);
        self.found.text.push_str(piece);
        self.at += piece.len();
    }

    /// Text up to the next tag, and that tag. Says whether to go on.
    fn piece(&mut self) -> bool {
        let rest = self.rest();
        let marker = rest
            .as_bytes()
            .windows(2)
            .position(|pair| matches!(pair, b"{{" | b"{%" | b"{#"));
        let Some(marker) = marker else {
            self.copy(rest.len());
            return false;
        };
        self.copy(marker);
        self.found.has_tags = true;
        let whole = self.at == 0;
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
            let tokens = self.tag("}}");
            let ends = self.at == self.all.len() && !trims && !self.all.ends_with("-}}");
            if let [Token::Name(name)] = tokens.as_slice()
                && whole
                && ends
            {
                self.found.only = Some(name.word.clone());
            }
            self.note(&tokens);
        } else {
            let begins = self.at - opening;
            let tokens = self.tag("%}");
            if let [Token::Name(tag), Token::Quoted(file), ..] = tokens.as_slice()
                && tag.word == "include"
            {
                self.found.files.push(file.clone());
            }
            self.refuse(begins, &tokens);
            self.note(&tokens);
            if is_tag(&tokens, "for") {
                // What comes after the tag stays trimmed, if it was.
                let trims = self.found.text.ends_with("-%}");
                self.insert(&format!(
                    "{{{{ {ROUND}() {}}}}}",
                    if trims { "-" } else { "" }
                ));
            }
        }
        true
    }

    /// Everything up to and with the end of a tag.
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
                return tokens;
            }
            let after_dash = rest.strip_prefix('-').unwrap_or(rest);
            if after_dash.starts_with(end) {
                if end == "%}" && is_set(&tokens) {
                    self.insert(&format!(")|{KEPT} "));
                }
                self.copy(rest.len() - after_dash.len() + end.len());
                return tokens;
            }
            tokens.extend(self.token());
            if end == "%}" && tokens.len() == 3 && is_set(&tokens) {
                self.insert("(");
            }
        }
    }

    /// Puts something into the text that was not written.
    fn insert(&mut self, text: &str) {
        self.found
            .inserted
            .push((self.found.text.len(), text.len()));
        self.found.text.push_str(text);
    }

    /// Remembers a tag that is not taken.
    fn refuse(&mut self, begins: usize, tokens: &[Token]) {
        let (word, at) = match tokens.first() {
            Some(Token::Name(name)) => (name.word.as_str(), name.at.clone()),
            Some(Token::Sign('<')) => ("<", begins..self.at),
            _ => return,
        };
        if let Some(refused) = REFUSED.into_iter().find(|refused| *refused == word) {
            self.found.refused.push((at, Refused::Tag(refused)));
        } else if matches!(word, "set" | "set_global") && !is_set(tokens) {
            self.found.refused.push((at, Refused::SetWithBody));
        }
    }

    fn token(&mut self) -> Option<Token> {
        let (rest, start) = (self.rest(), self.at);
        let first = rest.chars().next()?;
        if matches!(first, '"' | '\'' | '`') {
            self.copy(quoted(rest, first));
            let at = start + 1..(self.at - 1).max(start + 1);
            let word = self.all.get(at.clone()).unwrap_or_default().to_owned();
            return Some(Token::Quoted(Spoken { word, at }));
        }
        if first.is_ascii_digit() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
            self.copy(digits.unwrap_or(rest.len()));
            return Some(Token::Number);
        }
        if ascii_letter(first).is_none() {
            self.copy(first.len_utf8());
            return Some(Token::Sign(first));
        }
        let length = rest.find(|c| ascii_letter(c).is_none() && !is_combining_mark(c));
        let written = rest.get(..length.unwrap_or(rest.len()))?;
        let word: String = written.chars().filter_map(ascii_letter).collect();
        self.found.text.push_str(&word);
        self.at += written.len();
        let at = start..self.at;
        Some(Token::Name(Spoken { word, at }))
    }

    /// Remembers the names in a tag, what it calls, and how `row` is used in it.
    fn note(&mut self, tokens: &[Token]) {
        self.found.weight += tokens.len() as u64 + 1;
        let quoted = tokens.iter().map(|token| match token {
            Token::Quoted(text) => text.word.len(),
            _ => 0,
        });
        self.found.longest = quoted.fold(self.found.longest, usize::max);
        if let (true, Some(Token::Name(last) | Token::Quoted(last))) = (
            tokens.len() > TAG_LIMIT,
            tokens
                .iter()
                .rfind(|token| matches!(token, Token::Name(_) | Token::Quoted(_))),
        ) {
            self.found.refused.push((last.at.clone(), Refused::LongTag));
        }
        let sign = |at: usize, sign| tokens.get(at) == Some(&Token::Sign(sign));
        for (at, token) in tokens.iter().enumerate() {
            let Token::Name(name) = token else { continue };
            // After a dot it is a field; after three it is a name again (`...list`).
            let dots = (1..=3)
                .take_while(|back| at >= *back && sign(at - back, '.'))
                .count();
            if matches!(dots, 1 | 2) {
                continue;
            }
            self.found.names.push(name.clone());
            if name.word == "for" && at > 0 {
                self.found
                    .refused
                    .push((name.at.clone(), Refused::ForInList));
            }
            let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
            let is = |token: Option<&Token>, word: &str| matches!(token, Some(Token::Name(name)) if name.word == word);
            let kind = if at > 0 && sign(at - 1, '|') {
                Some(Kind::Filter)
            } else if is(before(1), "is") && name.word != "not"
                || is(before(2), "is") && is(before(1), "not")
            {
                Some(Kind::Test)
            } else {
                let is_word = KEYWORDS.contains(&name.word.as_str()) || name.word == "elif";
                (sign(at + 1, '(') && !is_word).then_some(Kind::Function)
            };
            self.found
                .calls
                .extend(kind.map(|kind| (kind, name.clone())));
            if name.word == "row" {
                let next = at + 1 + usize::from(sign(at + 1, '?'));
                self.found.row.push(match tokens.get(next..) {
                    Some([Token::Sign('['), Token::Quoted(key), Token::Sign(']'), ..])
                        if !key.word.contains('\\') =>
                    {
                        RowUse::Column(key.clone())
                    }
                    Some([Token::Sign('.'), Token::Name(key), ..]) => RowUse::Column(key.clone()),
                    _ => RowUse::Whole,
                });
            }
        }
    }
}

/// Whether a tag begins with this word.
fn is_tag(tokens: &[Token], word: &str) -> bool {
    matches!(tokens.first(), Some(Token::Name(name)) if name.word == word)
}

/// Whether a tag keeps a value under a name.
fn is_set(tokens: &[Token]) -> bool {
    (is_tag(tokens, "set") || is_tag(tokens, "set_global"))
        && tokens.get(2) == Some(&Token::Sign('='))
}

/// The length of a whole raw block, when one begins here. One without an end goes to the end of the text.
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

/// The length of the rest of a tag that consists of one word: ` word -%}`.
fn word_tag(text: &str, word: &str) -> Option<usize> {
    let blank = |c: char| c.is_ascii_whitespace();
    let rest = text.strip_prefix('-').unwrap_or(text);
    let rest = rest.trim_start_matches(blank).strip_prefix(word)?;
    let rest = rest.trim_start_matches(blank);
    let rest = rest.strip_prefix('-').unwrap_or(rest).strip_prefix("%}")?;
    Some(text.len() - rest.len())
}

/// The length of a string with its quotes; up to the end when it is not closed.
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
        scan(text).names.into_iter().map(|name| name.word).collect()
    }

    #[test]
    fn letters_are_mapped_in_names_and_nowhere_else() {
        for (written, mapped) in [
            ("Kjære {{ Språk }}, åå", "Kjære {{ Sprak }}, åå"),
            (
                "{% if Beløp == \"Språk å\" %}ø{% endif %}",
                "{% if Belop == \"Språk å\" %}ø{% endif %}",
            ),
            ("{{ 'å \\' å' ~ `å` ~ å }}", "{{ 'å \\' å' ~ `å` ~ a }}"),
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
        assert_eq!(scan.names.len(), 1);
        assert_eq!(scan.names[0].word, "Sprak");
        assert_eq!(&text[scan.names[0].at.clone()], "Språk");
        assert_eq!(
            names("{{ a.b.c | f(x=y) }} {% for i in [...list] %}"),
            ["a", "f", "x", "y", "for", "i", "in", "list"]
        );
        assert!(!super::scan("no tags } here {").has_tags);
    }

    #[test]
    fn the_columns_behind_row_are_found() {
        let uses = |text| scan(text).row;
        let column = |word: &str, at| {
            RowUse::Column(Spoken {
                word: word.to_owned(),
                at,
            })
        };
        assert_eq!(uses("{{ row[\"E-post\"] }}"), [column("E-post", 8..14)]);
        assert_eq!(uses("{{ row?.Språk }}"), [column("Sprak", 8..14)]);
        assert_eq!(uses("{{ row[name] }}"), [RowUse::Whole]);
        assert_eq!(uses("{% for k, v in row %}"), [RowUse::Whole]);
        assert_eq!(uses("{{ a.row }}"), []);
    }

    #[test]
    fn files_are_found() {
        let scan = scan("{%- include 'a.md' %}{% include \"b/å.md\" -%}{% include 'a.md' %}");
        let files: Vec<_> = scan.files.iter().map(|file| file.word.as_str()).collect();
        assert_eq!(files, ["a.md", "b/å.md", "a.md"]);
    }

    #[test]
    fn loops_and_kept_values_are_counted() {
        for (written, counted) in [
            (
                "{% for x in [1] %} {{ x }}{% endfor %}",
                "{% for x in [1] %}{{ __round() }} {{ x }}{% endfor %}",
            ),
            (
                "{%- for å, b in c -%} x",
                "{%- for a, b in c -%}{{ __round() -}} x",
            ),
            ("{% set x = a ~ b %}", "{% set x =( a ~ b )|__kept %}"),
            ("{% set_global x=a-%} y", "{% set_global x=(a)|__kept -%} y"),
            ("{% if a == b %}{{ f(x=1) }}", "{% if a == b %}{{ f(x=1) }}"),
        ] {
            let scan = scan(written);
            assert_eq!(scan.text, counted);
            let inserted: usize = scan.inserted.iter().map(|(_, length)| length).sum();
            assert_eq!(counted.chars().count() - inserted, written.chars().count());
        }
    }

    #[test]
    fn what_is_called_is_found() {
        let calls = |text| -> Vec<_> {
            let calls = scan(text).calls;
            calls
                .into_iter()
                .map(|(kind, name)| (kind, name.word))
                .collect()
        };
        let call = |kind, word: &str| (kind, word.to_owned());
        assert_eq!(
            calls(
                "{% if (a) and not (b is not odd) or c is even(x=now()) %}{{ d|upper | money(decimals=f (y=1)) }}"
            ),
            [
                call(Kind::Test, "odd"),
                call(Kind::Test, "even"),
                call(Kind::Function, "now"),
                call(Kind::Filter, "upper"),
                call(Kind::Filter, "money"),
                call(Kind::Function, "f"),
            ]
        );
        assert_eq!(
            calls("{{ '| x' ~ a.f }}{# | x #}{% raw %}{{ a | x }}{% endraw %}"),
            []
        );
    }

    #[test]
    fn what_is_not_taken_is_found() {
        for (text, refused) in [
            ("{% extends 'a' %}", Refused::Tag("extends")),
            ("{%- block a -%}", Refused::Tag("block")),
            ("{% component A() %}", Refused::Tag("component")),
            ("{% <A> %}", Refused::Tag("<")),
            ("{% filter upper %}", Refused::Tag("filter")),
            ("{% set x %}", Refused::SetWithBody),
            ("{% set x | upper %}", Refused::SetWithBody),
            ("{{ [x for x in y] }}", Refused::ForInList),
        ] {
            let found = scan(text).refused;
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].1, refused);
        }
        let long = format!("{{{{ [{}] }}}}", "a,".repeat(600));
        assert_eq!(scan(&long).refused[0].1, Refused::LongTag);
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
