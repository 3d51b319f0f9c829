//! Altinn's rule for plain text in titles and sender names (1002, 1039): reading the text as HTML and as Markdown changes nothing but white space.
//!
//! The server drops backticks and backslashes, reads the rest as HTML (`AngleSharp`), writes that as Markdown (`ReverseMarkdown`: all on one line, `*` and `_` escaped, `<` and `>`
//! as entities), reads it with every extension of Markdig but lists, and refuses the text when what comes out is not what went in. The same is done here, as far as
//! the first markup that would change the text; what stands behind that does not matter, so that no tree is needed.

use std::borrow::Cow;
use std::ops::Range;

use markup5ever::data::NAMED_ENTITIES;
use unicode_general_category::{GeneralCategory as Category, get_general_category};

/// Markup in a text that should be plain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Markup {
    pub kind: MarkupKind,
    /// The range in bytes of the markup with everything it encloses.
    pub range: Range<usize>,
}

/// The kinds of markup that change a text when it is read as HTML and Markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkupKind {
    /// `<b`, `</b`, `<!` or `<?`.
    Tag,
    /// `&name;`, `&#1;`, `&;`, or one of the 106 names that need no semicolon, such as `&reg`.
    Entity,
    /// U+0000 or U+FFFF.
    Character,
    /// `# x` at the beginning.
    Heading,
    /// `---` and nothing else.
    Rule,
    /// `~~~`, `:::`, `$$` or `^^` at the beginning: the line becomes part of a block.
    Block,
    /// `[x]: y` at the beginning.
    Definition,
    /// `[a](b)`.
    Link,
    /// `~a~`, `^a^`, `==a==`, `++a++`, `""a""` or `::a::`.
    Emphasis,
    /// `$a$`.
    Formula,
    /// `{a}`.
    Attributes,
    /// `mailto:`, `tel:`, or a web address with `_` or `*` in it.
    Address,
}

impl MarkupKind {
    /// The markup in words that follow "it has".
    pub fn reason(self) -> &'static str {
        match self {
            Self::Tag => "HTML",
            Self::Entity => "an HTML entity",
            Self::Character => "a character that HTML does not keep",
            Self::Heading => "a Markdown heading",
            Self::Rule => "a Markdown rule",
            Self::Block => "signs that begin a block in Markdown",
            Self::Definition => "the definition of a Markdown link",
            Self::Link => "a Markdown link",
            Self::Emphasis => "signs that Markdown reads as emphasis",
            Self::Formula => "dollar signs that Markdown reads as a formula",
            Self::Attributes => "braces that Markdown reads as attributes",
            Self::Address => "an address that Markdown changes",
        }
    }
}

/// Finds the first markup in a text; `None` when it is plain.
pub fn find_markup(text: &str) -> Option<Markup> {
    if !may_have_markup(text) {
        return None;
    }
    Source::new(text).find()
}

/// Removes the markup from a text, changing as little as possible: a blank here, a sign less there. A plain text stays as it is.
pub fn without_markup(text: &str) -> Cow<'_, str> {
    let Some(first) = find_markup(text) else {
        return Cow::Borrowed(text);
    };
    let mut plain = repair(text, &first);
    // A repair may reveal other markup behind it. The bound ends the loop even if two repairs ever undo each other.
    for _ in 0..text.len() {
        let Some(markup) = find_markup(&plain) else {
            return Cow::Owned(plain);
        };
        plain = repair(&plain, &markup);
    }
    // The last resort: without nearly all signs there is no markup.
    plain.retain(|c| !c.is_ascii_punctuation() || matches!(c, '.' | ',' | '-' | '(' | ')'));
    Cow::Owned(plain)
}

/// Repairs one piece of markup with the smallest change that makes it plain.
fn repair(text: &str, markup: &Markup) -> String {
    let (before, rest) = text.split_at(markup.range.start);
    let (found, after) = rest.split_at(markup.range.end - markup.range.start);
    let found = match markup.kind {
        MarkupKind::Tag => found.replacen('<', "< ", 1),
        MarkupKind::Entity => match decode(found) {
            Some(character) => character,
            // Not a known character: the `&` is meant as a sign, and blanks around it keep it one.
            None => {
                return format!(
                    "{} & {}",
                    before.trim_end(),
                    text[markup.range.start + 1..].trim_start()
                );
            }
        },
        MarkupKind::Heading | MarkupKind::Block => return [before, after.trim_start()].concat(),
        MarkupKind::Character => String::new(),
        MarkupKind::Rule => "–".to_owned(),
        MarkupKind::Definition => found.replace(':', " :"),
        MarkupKind::Link => found.replace("](", "] ("),
        MarkupKind::Emphasis => without_emphasis(found),
        // `$ 100 og $ 200` are two amounts; with the second written `$200` they are no formula.
        MarkupKind::Formula if after.trim_start().starts_with(char::is_alphanumeric) => {
            return [before, found, after.trim_start()].concat();
        }
        MarkupKind::Formula => found.trim_matches('$').to_owned(),
        MarkupKind::Attributes => found.replace('{', "(").replace('}', ")"),
        MarkupKind::Address if found.contains("://") || found.starts_with("www.") => {
            format!("«{found}»")
        }
        MarkupKind::Address => found.replacen(':', ": ", 1),
    };
    [before, &found, after].concat()
}

/// The character of an entity that ends in a semicolon; `None` for control characters and unknown names.
fn decode(entity: &str) -> Option<String> {
    let name = entity.strip_prefix('&')?.strip_suffix(';')?;
    let number = match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => digits.parse().ok()?,
        },
        None => NAMED_ENTITIES.get(&entity[1..])?.0,
    };
    let character = char::from_u32(number).filter(|c| !c.is_control() && *c != '\0')?;
    Some(character.to_string())
}

/// Removes `~` and `^`, and leaves single the signs that are emphasis only when they are doubled.
fn without_emphasis(found: &str) -> String {
    let sign = found.chars().next().unwrap_or_default();
    let inside = found.trim_matches(sign);
    match sign {
        '~' | '^' => inside.to_owned(),
        sign => format!("{sign}{inside}{sign}"),
    }
}

/// A cheap test in front of the real one, which most texts do not need: false only when there is certainly no markup.
fn may_have_markup(text: &str) -> bool {
    let signs = text
        .bytes()
        .fold(0, |signs, byte| signs | SIGNS[usize::from(byte)]);
    let has = |sign| signs & sign != 0;
    has(ALONE)
        || has(AT_BEGINNING) && begins_with_sign(text)
        || has(PAIRED) && has_pair(text)
        || has(COLON)
            && ["tel:", "mailto:"]
                .iter()
                .any(|scheme| text.contains(scheme))
        || has(ESCAPED) && ["://", "www."].iter().any(|scheme| text.contains(scheme))
}

/// Classes of bytes, as bits. One byte of this class is enough for a closer look; U+FFFF begins with EF.
const ALONE: u8 = 1;
/// Bytes that begin a block when they begin the text.
const AT_BEGINNING: u8 = 2;
/// Bytes of which two enclose something.
const PAIRED: u8 = 4;
/// The colon of `tel:` and `mailto:`.
const COLON: u8 = 8;
/// Bytes that `ReverseMarkdown` escapes, which changes web addresses.
const ESCAPED: u8 = 16;

/// The classes of each byte.
const SIGNS: [u8; 256] = {
    let mut table = [0; 256];
    let kinds: [(&[u8], u8); 5] = [
        (b"<&${[\0\xEF", ALONE),
        (b"#-~^:", AT_BEGINNING),
        (b"~^=+\":", PAIRED),
        (b":", COLON),
        (b"_*", ESCAPED),
    ];
    let mut kind = 0;
    while kind < kinds.len() {
        let (bytes, bit) = kinds[kind];
        let mut at = 0;
        while at < bytes.len() {
            table[bytes[at] as usize] |= bit;
            at += 1;
        }
        kind += 1;
    }
    table
};

fn begins_with_sign(text: &str) -> bool {
    text.trim_start_matches(is_dropped_or_white)
        .starts_with(['#', '-', '~', '^', ':'])
}

/// True when a sign of emphasis occurs often enough to enclose something.
fn has_pair(text: &str) -> bool {
    let twice = |sign: char| text.matches(sign).nth(1).is_some();
    ["==", "++", "\"\"", "::"].iter().any(|sign| text.contains(sign)) || twice('~') || twice('^')
        // Backticks and backslashes are dropped first, so that signs on both sides of one may form a pair.
        || text.contains(['`', '\\'])
}

fn is_dropped(c: char) -> bool {
    matches!(c, '`' | '\\')
}

fn is_dropped_or_white(c: char) -> bool {
    c.is_whitespace() || is_dropped(c)
}

/// A text as the Markdown that the server makes of it, with the way back to the text's own bytes.
struct Source {
    chars: Vec<char>,
    /// The byte offset in the text of each character.
    at: Vec<usize>,
    /// The end of the text in bytes, without blanks.
    end: usize,
}

/// Stands for "no character" before and behind the text. U+0000 in the text itself is found before any use of it.
const NONE: char = '\0';

impl Source {
    /// Makes the Markdown: drops backticks and backslashes, joins lines, trims, and escapes `*` and `_`.
    fn new(text: &str) -> Self {
        let trimmed = text.trim_end_matches(is_dropped_or_white);
        let mut source = Self {
            chars: Vec::with_capacity(trimmed.len()),
            at: Vec::with_capacity(trimmed.len()),
            end: trimmed.len(),
        };
        for (at, c) in trimmed.char_indices() {
            match c {
                c if is_dropped(c) => {}
                ' ' | '\t' | '\n' | '\r' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                    // HTML joins lines to one, so that there is no markup of later lines.
                    if !source.chars.is_empty() {
                        source.push(if c == '\t' { c } else { ' ' }, at);
                    }
                }
                '*' | '_' => {
                    source.push('\\', at);
                    source.push(c, at);
                }
                c => source.push(c, at),
            }
        }
        source
    }

    fn push(&mut self, c: char, at: usize) {
        self.chars.push(c);
        self.at.push(at);
    }

    fn get(&self, at: usize) -> char {
        self.chars.get(at).copied().unwrap_or(NONE)
    }

    fn before(&self, at: usize) -> char {
        at.checked_sub(1).map_or(NONE, |at| self.get(at))
    }

    fn markup(&self, kind: MarkupKind, from: usize, to: usize) -> Markup {
        // Behind the last character the range ends with the text.
        let place = |at: usize| self.at.get(at).copied().unwrap_or(self.end);
        Markup {
            kind,
            range: place(from)..place(to),
        }
    }

    /// Searches in the server's order: HTML first, then blocks, then inlines.
    fn find(&self) -> Option<Markup> {
        self.html()
            .or_else(|| self.block())
            .or_else(|| Inlines::new(self).find())
    }

    /// Finds tags and entities, as HTML5 reads them.
    fn html(&self) -> Option<Markup> {
        (0..self.chars.len()).find_map(|at| match self.get(at) {
            '\0' | '\u{FFFF}' => Some(self.markup(MarkupKind::Character, at, at + 1)),
            '<' if self.begins_tag(at) => Some(self.markup(MarkupKind::Tag, at, at + 2)),
            '&' => self
                .entity(at)
                .map(|end| self.markup(MarkupKind::Entity, at, end)),
            _ => None,
        })
    }

    /// True when the `<` at `at` begins a tag, a comment or an instruction; any other is text.
    fn begins_tag(&self, at: usize) -> bool {
        match self.get(at + 1) {
            '/' => at + 2 < self.chars.len(),
            c => c.is_ascii_alphabetic() || matches!(c, '!' | '?'),
        }
    }

    /// The end of the entity that begins at `at`; `None` when there is none.
    fn entity(&self, at: usize) -> Option<usize> {
        match (self.get(at + 1), self.get(at + 2)) {
            (';', _) => return Some(at + 2),
            ('#', 'x' | 'X') => {
                let end = self.skip(at + 3, |c| c.is_ascii_hexdigit());
                return (end > at + 3).then(|| end + usize::from(self.get(end) == ';'));
            }
            ('#', _) => {
                let end = self.skip(at + 2, |c| c.is_ascii_digit());
                return (end > at + 2).then(|| end + usize::from(self.get(end) == ';'));
            }
            _ => {}
        }
        // The longest name has 32 characters with its semicolon. The longest known name counts, as `&notin;` before `&not`.
        let mut name = String::with_capacity(32);
        let mut found = None;
        for end in at + 1..at + 33 {
            let c = self.get(end);
            if !c.is_ascii_alphanumeric() && c != ';' {
                break;
            }
            name.push(c);
            // The map also has every prefix of a name, with 0 for the character.
            match NAMED_ENTITIES.get(name.as_str()) {
                None => break,
                Some((0, _)) => {}
                Some(_) => found = Some(end + 1),
            }
        }
        found
    }

    fn skip(&self, mut at: usize, wanted: impl Fn(char) -> bool) -> usize {
        while at < self.chars.len() && wanted(self.get(at)) {
            at += 1;
        }
        at
    }

    fn skip_spaces(&self, at: usize) -> usize {
        self.skip(at, is_space)
    }

    fn skip_blanks(&self, at: usize) -> usize {
        self.skip(at, |c| matches!(c, ' ' | '\t'))
    }

    /// Finds a block that begins with the text, which is one line by now.
    fn block(&self) -> Option<Markup> {
        let first = self.get(0);
        let run = self.skip(0, |c| c == first);
        let blank_after = matches!(self.get(run), ' ' | '\t' | NONE);
        let kind = match first {
            '#' if run <= 6 && blank_after => MarkupKind::Heading,
            '-' if self.is_rule() => MarkupKind::Rule,
            '~' | ':' if run >= 3 => MarkupKind::Block,
            '^' if run >= 2 => MarkupKind::Block,
            '$' if run == 2 && self.skip_blanks(2) == self.chars.len() => MarkupKind::Block,
            '[' => return self.definition(),
            _ => return None,
        };
        Some(self.markup(kind, 0, run))
    }

    fn is_rule(&self) -> bool {
        let dashes = self.chars.iter().filter(|c| **c == '-').count();
        dashes >= 3 && self.chars.iter().all(|c| matches!(c, '-' | ' ' | '\t'))
    }

    /// Finds the definition of a link, `[label]: target "title"` and nothing more, or of a footnote.
    fn definition(&self) -> Option<Markup> {
        let label = self.label(0)?;
        if self.get(label) != ':' {
            return None;
        }
        let whole = Some(self.markup(MarkupKind::Definition, 0, label + 1));
        if self.get(1) == '^' {
            return whole;
        }
        let target = self.skip_spaces(label + 1);
        let end = self.target(target)?;
        if end == target {
            return None;
        }
        let rest = self.skip_spaces(end);
        if rest == self.chars.len() {
            return whole;
        }
        let title = self.title(rest)?;
        (rest > end && self.skip_blanks(title) == self.chars.len()).then_some(whole)?
    }

    /// The end of `[label]`, which must not be blank nor contain brackets; `None` when there is none.
    fn label(&self, at: usize) -> Option<usize> {
        if self.get(at) != '[' {
            return None;
        }
        let mut blank = true;
        let mut at = at + 1;
        loop {
            match self.get(at) {
                NONE | '[' => return None,
                ']' => return (!blank).then_some(at + 1),
                '\\' => {
                    blank = false;
                    at += 1;
                }
                c => blank &= c.is_whitespace(),
            }
            at += 1;
        }
    }

    /// The end of a link's target: it has no blanks, and parentheses in pairs.
    fn target(&self, mut at: usize) -> Option<usize> {
        let mut open = 0;
        loop {
            match self.get(at) {
                '(' => open += 1,
                ')' if open == 0 => return Some(at),
                ')' => open -= 1,
                '\\' => at += 1,
                c if c == ' ' || c.is_control() => return (open == 0).then_some(at),
                _ => {}
            }
            at += 1;
        }
    }

    /// The end of a link's title in quotes or parentheses.
    fn title(&self, at: usize) -> Option<usize> {
        let close = match self.get(at) {
            '(' => ')',
            quote @ ('"' | '\'') => quote,
            _ => return None,
        };
        let end = self.skip(at + 1, |c| c != close);
        (end < self.chars.len()).then_some(end + 1)
    }
}

/// A run of one sign that may open or close emphasis.
struct Delimiter {
    sign: char,
    count: usize,
    at: usize,
    opens: bool,
    closes: bool,
}

/// The search for inline markup, in one pass over the line.
struct Inlines<'a> {
    source: &'a Source,
    delimiters: Vec<Delimiter>,
    /// The positions of `[` that may still begin a link.
    brackets: Vec<usize>,
}

impl<'a> Inlines<'a> {
    fn new(source: &'a Source) -> Self {
        Self {
            source,
            delimiters: Vec::new(),
            brackets: Vec::new(),
        }
    }

    /// Finds the first inline markup; emphasis comes last, because its closing sign decides and other markup may hide signs from it.
    fn find(mut self) -> Option<Markup> {
        let source = self.source;
        let mut at = 0;
        while at < source.chars.len() {
            let found = match source.get(at) {
                // The backslashes left are ReverseMarkdown's escapes: the next character is text.
                '\\' => {
                    at += 2;
                    continue;
                }
                'h' | 'f' | 'm' | 't' | 'w' => match self.autolink(at) {
                    Some(end) if self.keeps_address(at, end) => {
                        at = end;
                        continue;
                    }
                    Some(end) => Some(source.markup(MarkupKind::Address, at, end)),
                    None => None,
                },
                '{' => self
                    .attributes(at)
                    .map(|end| source.markup(MarkupKind::Attributes, at, end)),
                '$' => self
                    .formula(at)
                    .map(|end| source.markup(MarkupKind::Formula, at, end)),
                '[' => {
                    self.brackets.push(at);
                    None
                }
                ']' => self.link(at),
                sign @ ('~' | '^' | '=' | '+' | '"' | ':') => {
                    at = self.delimiter(sign, at);
                    continue;
                }
                _ => None,
            };
            if found.is_some() {
                return found;
            }
            at += 1;
        }
        self.emphasis()
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
    fn address_end(&self, mut at: usize) -> Option<usize> {
        let source = self.source;
        let ends = |c: char| c == ' ' || c.is_control() || c == '<' || c == '>';
        let mut open = 0;
        loop {
            let c = source.get(at);
            match c {
                '(' => open += 1,
                ')' if open == 0 => return Some(at),
                ')' => open -= 1,
                _ => {}
            }
            let next = source.get(at + 1);
            let trailing = matches!(c, '?' | '!' | '.' | ',' | ':' | '*' | '_' | '~');
            if ends(c)
                || c == '&' && self.is_entity_like(at)
                || trailing && (ends(next) && !matches!(next, '>' | '<'))
            {
                return (open == 0).then_some(at);
            }
            at += 1;
        }
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

/// True for white space and for [`NONE`].
fn is_space(c: char) -> bool {
    matches!(
        c,
        NONE | '\t'..='\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// True for punctuation, for symbols and for [`NONE`].
fn is_sign(c: char) -> bool {
    if c.is_ascii() {
        return c == NONE || c.is_ascii_punctuation();
    }
    is_punctuation(c)
        || matches!(
            get_general_category(c),
            Category::MathSymbol
                | Category::CurrencySymbol
                | Category::ModifierSymbol
                | Category::OtherSymbol
        )
}

fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_punctuation();
    }
    matches!(
        get_general_category(c),
        Category::ConnectorPunctuation
            | Category::DashPunctuation
            | Category::OpenPunctuation
            | Category::ClosePunctuation
            | Category::InitialPunctuation
            | Category::FinalPunctuation
            | Category::OtherPunctuation
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Verdicts of Altinn's own server: `ok` or 1002, a tab, and the title as JSON.
    const TITLES: &str = include_str!("verdicts/titles.txt");

    fn titles() -> impl Iterator<Item = (bool, String)> {
        TITLES.lines().map(|line| {
            let (verdict, title) = line.split_once('\t').unwrap();
            (verdict == "ok", serde_json::from_str(title).unwrap())
        })
    }

    #[test]
    fn titles_are_judged_as_altinns_own_server_judges_them() {
        for (accepted, title) in titles() {
            let markup = find_markup(&title);
            assert_eq!(markup.is_none(), accepted, "{title:?}: {markup:?}");
        }
    }

    #[test]
    fn what_is_found_lies_in_the_text() {
        for (_, title) in titles() {
            if let Some(markup) = find_markup(&title) {
                assert!(
                    title.get(markup.range.clone()).is_some(),
                    "{title:?}: {markup:?}"
                );
            }
        }
    }

    #[test]
    fn without_markup_a_text_is_plain_and_a_plain_one_stays() {
        for (accepted, title) in titles() {
            let plain = without_markup(&title);
            assert_eq!(find_markup(&plain), None, "{title:?}: {plain:?}");
            assert_eq!(accepted, matches!(plain, Cow::Borrowed(_)), "{title:?}");
        }
    }

    #[test]
    fn little_is_changed_to_make_a_text_plain() {
        for (text, plain) in [
            ("LØNN&REGNSKAP AS", "LØNN & REGNSKAP AS"),
            ("Bank &center", "Bank & center"),
            ("Skatt &amp; avgift", "Skatt & avgift"),
            ("bl&aring;b&#230;r", "blåbær"),
            ("a<b", "a< b"),
            ("{Navn} AS", "(Navn) AS"),
            ("# Vedtak", "Vedtak"),
            ("---", "–"),
            ("::: tips", "tips"),
            ("[x]: y", "[x] : y"),
            ("se [her](https://x.no)", "se [her] (https://x.no)"),
            ("~~gammel~~ ny", "gammel ny"),
            ("H~2~O og m^2^", "H2O og m2"),
            ("==a==", "=a="),
            ("std::vec::Vec", "std:vec:Vec"),
            ("\"\"x\"\"", "\"x\""),
            ("$5,-$", "5,-"),
            ("$ 100 og $ 200", "$ 100 og $200"),
            ("mailto:post@x.no", "mailto: post@x.no"),
            ("ring tel:123", "ring tel: 123"),
            ("https://x.no/a_b", "«https://x.no/a_b»"),
            ("a\0b", "ab"),
        ] {
            assert_eq!(without_markup(text), plain);
        }
    }
}
