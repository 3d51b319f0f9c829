//! The tokens of a template's tags: names, quoted texts, signs and numbers, with their places.

use std::ops::Range;

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

    pub(super) fn at(&self) -> Range<usize> {
        match self {
            Self::Name(word) | Self::Quoted(word) => word.at.clone(),
            Self::Sign(sign, at) => *at..*at + sign.len_utf8(),
            Self::Number(at) => *at..*at + 1,
        }
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

/// True for the name of a variable, as opposed to a field, filter, test or function.
pub(super) fn is_value(tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    let after = tokens.get(at + 1);
    !is_field(tokens, at)
        && !before
            .is_some_and(|token| token.is_sign('|') || token.is_name("is") || token.is_name("not"))
        && !after.is_some_and(|token| token.is_sign('('))
}
