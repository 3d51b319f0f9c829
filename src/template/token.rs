//! The tags of a template and their tokens: names, quoted texts, signs and numbers, with their places.

use std::borrow::Cow;
use std::ops::Range;

use super::ascii_names::identifier;
use super::reference::writes_in_language;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The name of a variable, function or test, or a word such as `if`.
    Name,
    /// A name after a dot.
    Field,
    /// A name after `|`.
    Filter,
    /// A variable that a component takes from the place of its use: `@Navn`.
    Implicit,
    /// A column of `row`, by its key: `row["E-post"]`, `row.Navn` or `row?.Navn`.
    Column,
    /// A text in quotes, without them.
    Text,
    Number,
    Sign,
}

/// A token of a tag. Its text is ASCII for names; its place is a range of bytes in the template as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) at: Range<usize>,
}

impl Token {
    /// The name or sign; empty for other tokens.
    pub(super) fn word(&self) -> &str {
        match self.kind {
            Kind::Name | Kind::Sign => &self.text,
            _ => "",
        }
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.word() == word
    }

    /// A variable, or a column of `row` under its ASCII name.
    pub(super) fn variable(&self) -> Option<Cow<'_, str>> {
        match self.kind {
            Kind::Name => Some(Cow::Borrowed(&self.text)),
            Kind::Column => Some(Cow::Owned(identifier(&self.text))),
            _ => None,
        }
    }
}

/// A tag: `{{ }}`, or a statement, `{% %}`. Comments and raw blocks are statements without tokens.
#[derive(Debug, Default)]
pub(super) struct Tag {
    pub(super) is_statement: bool,
    /// Its place as a range of bytes in the template as written.
    pub(super) at: Range<usize>,
    pub(super) tokens: Vec<Token>,
}

impl Tag {
    /// Adds a token. The tokens of a column of `row` become one.
    pub(super) fn push(&mut self, token: Token) {
        self.tokens.push(token);
        let (length, key) = match self.tokens.as_slice() {
            [.., row, _, key] if row.is("row") && key.kind == Kind::Field => (3, key.clone()),
            [.., row, open, key, close]
                if row.is("row")
                    && (open.is("[") || open.is("?["))
                    && (key.kind == Kind::Text && !key.text.contains('\\'))
                    && close.is("]") =>
            {
                (4, key.clone())
            }
            _ => return,
        };
        self.tokens.truncate(self.tokens.len() - length);
        self.tokens.push(Token {
            kind: Kind::Column,
            ..key
        });
    }

    /// The first word of a statement; else empty.
    pub(super) fn word(&self) -> &str {
        let first = self.tokens.first().filter(|_| self.is_statement);
        let first = first.filter(|first| first.kind == Kind::Name);
        first.map_or("", Token::word)
    }

    fn rest(&self) -> &[Token] {
        self.tokens.get(1..).unwrap_or_default()
    }

    /// The file that the tag includes or extends.
    pub(super) fn file(&self) -> Option<&Token> {
        let file = self.rest().first()?;
        (matches!(self.word(), "include" | "extends") && file.kind == Kind::Text).then_some(file)
    }

    /// The names that the tag assigns: by `set`, `for`, or as arguments of a component.
    pub(super) fn assigned(&self) -> impl Iterator<Item = &str> {
        let targets = match self.word() {
            "set" | "set_global" => self.rest().get(..1),
            "for" => self.rest().split(|token| token.is("in")).next(),
            "component" => Some(self.rest()),
            _ => None,
        };
        let targets = targets.unwrap_or_default().iter();
        targets
            .filter(|token| matches!(token.kind, Kind::Name | Kind::Implicit))
            .map(|token| token.text.as_str())
    }

    /// True when a filter in it writes in the letter's language.
    pub(super) fn writes_in_language(&self) -> bool {
        let section = usize::from(self.word() == "filter");
        let filters = self
            .tokens
            .iter()
            .filter(|token| token.kind == Kind::Filter);
        let mut filters = filters.chain(self.rest().iter().take(section));
        filters.any(|filter| writes_in_language(&filter.text))
    }

    /// The tokens outside of brackets, with their indexes.
    pub(super) fn outside_brackets(&self) -> impl Iterator<Item = (usize, &Token)> {
        let mut depth = 0_usize;
        self.tokens.iter().enumerate().filter(move |(_, token)| {
            match token.word() {
                "(" | "[" | "?[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        })
    }

    /// The token at an index, if it is a column of `row` or the name of a variable, as opposed to a field, filter, test or function.
    pub(super) fn value(&self, at: usize) -> Option<&Token> {
        let token = self.tokens.get(at)?;
        let is = |at: Option<usize>, words: &[&str]| {
            let token = at.and_then(|at| self.tokens.get(at));
            token.is_some_and(|token| words.contains(&token.word()))
        };
        let is_value = match token.kind {
            Kind::Column => true,
            Kind::Name => !is(at.checked_sub(1), &["is", "not"]) && !is(Some(at + 1), &["("]),
            _ => false,
        };
        is_value.then_some(token)
    }
}

/// The tokens whose values the tags show unconditionally: no names in a condition, in the tag or around it, and no arguments.
pub(super) fn shown(tags: &[Tag]) -> Vec<&Token> {
    let mut shown = Vec::new();
    // The names in the conditions of every open `if`.
    let mut guards: Vec<Vec<Cow<'_, str>>> = Vec::new();
    for tag in tags {
        let names = tag.rest().iter().filter_map(Token::variable);
        match tag.word() {
            "if" => guards.push(names.collect()),
            "elif" => {
                if let Some(guards) = guards.last_mut() {
                    guards.extend(names);
                }
            }
            "endif" => {
                guards.pop();
            }
            _ if !tag.is_statement => shown.extend(values_shown(tag).filter(|token| {
                let name = token.variable();
                !guards
                    .iter()
                    .flatten()
                    .any(|guard| Some(guard) == name.as_ref())
            })),
            _ => {}
        }
    }
    shown
}

/// The values that a `{{ }}` tag shows. One with a condition or a default decides itself what an empty value means.
fn values_shown(tag: &Tag) -> impl Iterator<Item = &Token> {
    const DECIDES: [&str; 16] = [
        "if", "else", "or", "and", "not", "is", "in", "for", "=", "==", "!=", "<", "<=", ">", ">=",
        "!",
    ];
    let decides = |token: &Token| {
        let is_default = token.kind == Kind::Filter && token.text == "default";
        is_default || DECIDES.contains(&token.word())
    };
    let shows = !tag.tokens.iter().any(decides);
    let outside = tag.outside_brackets().filter(move |_| shows);
    outside.filter_map(|(at, _)| tag.value(at))
}
