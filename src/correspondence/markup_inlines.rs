//! The search for inline markup: links, addresses, emphasis, formulas and attributes.

use super::markup_source::{
    Markup, MarkupKind, NONE, Source, ends_address, is_punctuation, is_sign, is_space,
};

/// A run of one sign that may open or close emphasis.
struct Delimiter {
    sign: char,
    count: usize,
    at: usize,
    opens: bool,
    closes: bool,
}

/// The search for inline markup, in one pass over the line.
pub(super) struct Inlines<'a> {
    source: &'a Source,
    delimiters: Vec<Delimiter>,
    /// The positions of `[` that may still begin a link.
    brackets: Vec<usize>,
}

impl<'a> Inlines<'a> {
    /// Finds the first inline markup; emphasis comes last, because its closing sign decides and other markup may hide signs from it.
    pub(super) fn find(source: &'a Source) -> Option<Markup> {
        let mut inlines = Self {
            source,
            delimiters: Vec::new(),
            brackets: Vec::new(),
        };
        let mut at = 0;
        while at < source.chars.len() {
            let found = match source.get(at) {
                // The backslashes left are ReverseMarkdown's escapes: the next character is text.
                '\\' => {
                    at += 2;
                    continue;
                }
                'h' | 'f' | 'm' | 't' | 'w' => match inlines.autolink(at) {
                    Some(end) if inlines.keeps_address(at, end) => {
                        at = end;
                        continue;
                    }
                    Some(end) => Some(source.markup(MarkupKind::Address, at, end)),
                    None => None,
                },
                '{' => inlines
                    .attributes(at)
                    .map(|end| source.markup(MarkupKind::Attributes, at, end)),
                '$' => inlines
                    .formula(at)
                    .map(|end| source.markup(MarkupKind::Formula, at, end)),
                '[' => {
                    inlines.brackets.push(at);
                    None
                }
                ']' => inlines.link(at),
                sign @ ('~' | '^' | '=' | '+' | '"' | ':') => {
                    at = inlines.delimiter(sign, at);
                    continue;
                }
                _ => None,
            };
            if found.is_some() {
                return found;
            }
            at += 1;
        }
        inlines.emphasis()
    }

    /// Records a run of signs that may open or close emphasis; returns its end.
    fn delimiter(&mut self, sign: char, at: usize) -> usize {
        let end = self.source.skip(at, |c| c == sign);
        let count = end - at;
        // `~` and `^` are sub- and superscript when they are single.
        let least = if matches!(sign, '~' | '^') { 1 } else { 2 };
        let (opens, closes) = flanks(self.source.before(at), self.source.get(end), sign != '"');
        if count >= least && (opens || closes) {
            self.delimiters.push(Delimiter {
                sign,
                count,
                at,
                opens,
                closes,
            });
        }
        end
    }

    /// Finds the first closing delimiter with an opening one before it.
    fn emphasis(&self) -> Option<Markup> {
        self.delimiters
            .iter()
            .enumerate()
            .find_map(|(index, close)| {
                if !close.closes {
                    return None;
                }
                let open = self.delimiters[..index].iter().rev().find(|open| {
                    // CommonMark's rule of three: runs that could both open and close do not match when their lengths add up to a multiple of 3.
                    let odd = (close.opens || open.closes)
                        && open.count != close.count
                        && (open.count + close.count) % 3 == 0
                        && (open.count % 3 != 0 || close.count % 3 != 0);
                    open.sign == close.sign && open.opens && !odd
                })?;
                Some(
                    self.source
                        .markup(MarkupKind::Emphasis, open.at, close.at + close.count),
                )
            })
    }

    /// The end of the formula that begins at `at`.
    fn formula(&self, at: usize) -> Option<usize> {
        let source = self.source;
        let before = source.before(at);
        if before == '$' {
            return None;
        }
        let open = 1 + usize::from(source.get(at + 1) == '$');
        let inside = at + open;
        // The server looks at single UTF-16 units here: half an emoji is no sign.
        let separates = |c: char| is_space(c) || c <= '\u{ffff}' && is_sign(c);
        if !separates(before) {
            return None;
        }
        let blank_after_open = is_space(source.get(inside));
        let mut here = source.skip_blanks(inside);
        while here < source.chars.len() {
            let end = source.skip(here, |c| c == '$');
            if end - here >= open {
                let (last, next) = (source.before(here), source.get(end));
                let last = if here == inside { '$' } else { last };
                let fits = separates(next) && blank_after_open == is_space(last);
                return fits.then_some(end);
            }
            here = end.max(here + 1);
        }
        None
    }

    /// The end of `{…}` with nothing but attributes inside.
    fn attributes(&self, at: usize) -> Option<usize> {
        let source = self.source;
        if source.before(at) == '{' {
            return None;
        }
        let starts = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':');
        let mut at = at + 1;
        loop {
            match source.get(at) {
                NONE => return None,
                '}' => return Some(at + 1),
                '#' | '.' => {
                    let end = source.skip(at + 1, |c| c != '}' && !is_space(c));
                    // Markdig refuses a name of one letter, but accepts an empty one.
                    if end == at + 2 {
                        return None;
                    }
                    at = end;
                }
                c if is_space(c) => at += 1,
                c if starts(c) => {
                    let end = source.skip(at, |c| {
                        c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-')
                    });
                    let spaced = matches!(source.get(end), ' ' | '\t');
                    at = source.skip_spaces(end);
                    let next = source.get(at);
                    if spaced && (matches!(next, '.' | '#') || starts(next)) || next == '}' {
                        continue;
                    }
                    if next != '=' {
                        return None;
                    }
                    at = source.skip_spaces(at + 1);
                    let quote = source.get(at);
                    if matches!(quote, '\'' | '"') {
                        at = source.skip(at + 1, |c| c != quote) + 1;
                    } else {
                        let end = source.skip(at, |c| c != '}' && !is_space(c));
                        if end == at {
                            return None;
                        }
                        at = end;
                    }
                    if at > source.chars.len() {
                        return None;
                    }
                }
                _ => return None,
            }
        }
    }

    /// Finds the inline link that ends its label at `at`.
    fn link(&mut self, at: usize) -> Option<Markup> {
        let source = self.source;
        let open = *self.brackets.last()?;
        if source.get(at + 1) == '('
            && let Some(end) = self.inline_link(at + 1)
        {
            return Some(source.markup(MarkupKind::Link, open, end));
        }
        // No reference is defined in a line of text; `[a][b]` leaves its first bracket open, as in Markdig.
        let is_reference = source.get(at + 1) == '[' && source.label(at + 1).is_some();
        if !is_reference {
            self.brackets.pop();
        }
        None
    }

    /// The end of `(target "title")`.
    fn inline_link(&self, at: usize) -> Option<usize> {
        let source = self.source;
        let end = source.target(source.skip_spaces(at + 1))?;
        let rest = source.skip_spaces(end);
        if source.get(rest) == ')' {
            return Some(rest + 1);
        }
        if rest == end {
            return None;
        }
        let rest = source.skip_spaces(source.title(rest)?);
        (source.get(rest) == ')').then_some(rest + 1)
    }

    /// True when the address comes out as it went in: a web address without escapes. `mailto:` and `tel:` are dropped from the text.
    fn keeps_address(&self, at: usize, end: usize) -> bool {
        !matches!(self.source.get(at), 'm' | 't') && !self.source.chars[at..end].contains(&'\\')
    }

    /// The end of an address that becomes a link by itself, as Markdig's autolinks do.
    fn autolink(&self, at: usize) -> Option<usize> {
        let source = self.source;
        let before = source.before(at);
        if !(is_space(before) || matches!(before, '*' | '_' | '~' | '(')) {
            return None;
        }
        // Within brackets Markdig makes no link of an address.
        if !self.brackets.is_empty() {
            return None;
        }
        let scheme = ["http://", "https://", "ftp://", "mailto:", "tel:", "www."]
            .into_iter()
            .find(|scheme| {
                scheme
                    .chars()
                    .enumerate()
                    .all(|(index, c)| source.get(at + index) == c)
            })?;
        // Signs that may close emphasis are not a part of the address.
        let mut end = self.address_end(at)?;
        while end > at
            && self
                .delimiters
                .iter()
                .any(|one| one.sign == source.get(end - 1))
        {
            end -= 1;
        }
        let length = scheme.len();
        let domain = match scheme {
            "tel:" => return (end - at > "tel".len()).then_some(end),
            "mailto:" => {
                let sign = source.skip(at, |c| c != '@');
                if sign >= end || sign == at + length {
                    return None;
                }
                sign + 1
            }
            _ => at + length,
        };
        (end >= domain && is_domain(&source.chars[domain..end])).then_some(end)
    }

    /// The end of an address before its domain is judged: a blank, an angle bracket, an entity, or a sign at the end of a sentence.
    fn address_end(&self, at: usize) -> Option<usize> {
        let source = self.source;
        source.skip_paired(at, |at| match source.get(at) {
            '<' | '>' => true,
            '&' => self.is_entity_like(at),
            '?' | '!' | '.' | ',' | ':' | '*' | '_' | '~' => ends_address(source.get(at + 1)),
            c => ends_address(c),
        })
    }

    fn is_entity_like(&self, at: usize) -> bool {
        let end = self.source.skip(at + 1, |c| c.is_ascii_alphanumeric());
        end > at + 1 && self.source.get(at + 1).is_ascii_alphabetic() && self.source.get(end) == ';'
    }
}

/// True for at least two labels, none of them empty but perhaps the last, and no sign in them.
fn is_domain(address: &[char]) -> bool {
    let (mut labels, mut has_letters) = (1, false);
    for c in address {
        match c {
            '.' if !has_letters => return false,
            '.' => {
                labels += 1;
                has_letters = false;
                continue;
            }
            '/' | '?' | '#' | ':' => break,
            '-' => {}
            c if is_space(*c) || *c <= '\u{ffff}' && is_punctuation(*c) => return false,
            _ => {}
        }
        has_letters = true;
    }
    labels > 1 && has_letters
}

/// Returns whether a run of signs between two characters can open, and can close, emphasis. `within_words` is true for signs that may do so inside a word.
fn flanks(before: char, after: char, within_words: bool) -> (bool, bool) {
    let (space_before, space_after) = (is_space(before), is_space(after));
    let (sign_before, sign_after) = (is_sign(before), is_sign(after));
    // Markdig's exceptions to CommonMark.
    let excepted = |c| matches!(c, '−' | '-' | '†' | '‡');
    let opens = !space_after && (!sign_after || excepted(after) || space_before || sign_before);
    let closes = !space_before && (!sign_before || excepted(before) || space_after || sign_after);
    if within_words {
        return (opens, closes);
    }
    (
        opens && (!closes || sign_before),
        closes && (!opens || sign_after),
    )
}
