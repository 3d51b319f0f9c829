//! The tokens of a template's tags: names, quoted texts, signs and numbers, with their places.

use std::ops::Range;

use super::ascii_names::identifier;

/// A word with its place, a range of bytes in the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) at: Range<usize>,
}

/// A mistake in a tag, with the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) at: Range<usize>,
    pub(super) message: String,
    pub(super) hint: String,
}

/// A token of a tag; signs and numbers have the offset of their first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Name(Word),
    /// A column of `row`, by the place of its key: `row["E-post"]`, `row.Navn` or `row?.Navn`.
    Column(Word),
    Quoted(Word),
    Sign(char, usize),
    Number(usize),
}

impl Token {
    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self, Self::Name(word) if word.text == name)
    }

    pub(super) fn is_sign(&self, sign: char) -> bool {
        matches!(self, Self::Sign(found, _) if *found == sign)
    }

    /// A variable, or a column of `row` under its ASCII name.
    pub(super) fn variable(&self) -> Option<Word> {
        match self {
            Self::Name(word) => Some(word.clone()),
            Self::Column(key) => Some(Word {
                text: identifier(&key.text),
                at: key.at.clone(),
            }),
            _ => None,
        }
    }

    pub(super) fn at(&self) -> Range<usize> {
        match self {
            Self::Name(word) | Self::Column(word) | Self::Quoted(word) => word.at.clone(),
            Self::Sign(sign, at) => *at..*at + sign.len_utf8(),
            Self::Number(at) => *at..*at + 1,
        }
    }
}

/// Joins the tokens of every column of `row` into one.
pub(super) fn join_columns(mut tokens: Vec<Token>) -> Vec<Token> {
    let mut at = 0;
    while at < tokens.len() {
        if let Some((key, length)) = column_of_row(&tokens, at) {
            tokens.splice(at..at + length, [Token::Column(key)]);
        }
        at += 1;
    }
    tokens
}

/// The key of the column of `row` that begins here, and the number of its tokens.
fn column_of_row(tokens: &[Token], at: usize) -> Option<(Word, usize)> {
    if !tokens.get(at)?.is_name("row") || is_field(tokens, at) {
        return None;
    }
    let optional = usize::from(tokens.get(at + 1)?.is_sign('?'));
    match tokens.get(at + 1 + optional..)? {
        [
            Token::Sign('[', _),
            Token::Quoted(key),
            Token::Sign(']', _),
            ..,
        ] if !key.text.contains('\\') => Some((key.clone(), 4 + optional)),
        [Token::Sign('.', _), Token::Name(key), ..] => Some((key.clone(), 3 + optional)),
        _ => None,
    }
}

/// True for the name of a field: after one dot or `?.`. After three dots it is a variable again (`...list`).
pub(super) fn is_field(tokens: &[Token], at: usize) -> bool {
    let is_dot = |back: &usize| {
        let at = at.checked_sub(*back);
        at.and_then(|at| tokens.get(at))
            .is_some_and(|token| token.is_sign('.'))
    };
    matches!((1..=3).take_while(is_dot).count(), 1 | 2)
}

/// True for a column of `row`, and for the name of a variable, as opposed to a field, filter, test or function.
pub(super) fn is_value(tokens: &[Token], at: usize) -> bool {
    let is = |at: Option<usize>, matches: fn(&Token) -> bool| {
        at.and_then(|at| tokens.get(at)).is_some_and(matches)
    };
    match tokens.get(at) {
        Some(Token::Column(_)) => true,
        Some(Token::Name(_)) => {
            !is_field(tokens, at)
                && !is(at.checked_sub(1), |before| {
                    before.is_sign('|') || before.is_name("is") || before.is_name("not")
                })
                && !is(at.checked_add(1), |after| after.is_sign('('))
        }
        _ => false,
    }
}
