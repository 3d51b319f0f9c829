//! A text as the Markdown that Altinn's server makes of it, with the markup of HTML and of whole blocks in it.

use std::ops::Range;

use markup5ever::data::NAMED_ENTITIES;
use unicode_general_category::{GeneralCategory as Category, get_general_category};

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

pub(super) fn is_dropped(c: char) -> bool {
    matches!(c, '`' | '\\')
}

pub(super) fn is_dropped_or_white(c: char) -> bool {
    c.is_whitespace() || is_dropped(c)
}

/// A text as the Markdown that the server makes of it, with the way back to the text's own bytes.
pub(super) struct Source {
    pub(super) chars: Vec<char>,
    /// The byte offset in the text of each character.
    at: Vec<usize>,
    /// The end of the text in bytes, without blanks.
    end: usize,
}

/// Stands for "no character" before and behind the text. U+0000 in the text itself is found before any use of it.
pub(super) const NONE: char = '\0';

impl Source {
    /// Makes the Markdown: drops backticks and backslashes, joins lines, trims, and escapes `*` and `_`.
    pub(super) fn new(text: &str) -> Self {
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

    pub(super) fn get(&self, at: usize) -> char {
        self.chars.get(at).copied().unwrap_or(NONE)
    }

    pub(super) fn before(&self, at: usize) -> char {
        at.checked_sub(1).map_or(NONE, |at| self.get(at))
    }

    pub(super) fn markup(&self, kind: MarkupKind, from: usize, to: usize) -> Markup {
        // Behind the last character the range ends with the text.
        let place = |at: usize| self.at.get(at).copied().unwrap_or(self.end);
        Markup {
            kind,
            range: place(from)..place(to),
        }
    }

    /// Finds tags and entities, as HTML5 reads them.
    pub(super) fn html(&self) -> Option<Markup> {
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

    pub(super) fn skip(&self, mut at: usize, wanted: impl Fn(char) -> bool) -> usize {
        while at < self.chars.len() && wanted(self.get(at)) {
            at += 1;
        }
        at
    }

    pub(super) fn skip_spaces(&self, at: usize) -> usize {
        self.skip(at, is_space)
    }

    pub(super) fn skip_blanks(&self, at: usize) -> usize {
        self.skip(at, |c| matches!(c, ' ' | '\t'))
    }

    /// Finds a block that begins with the text, which is one line by now.
    pub(super) fn block(&self) -> Option<Markup> {
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
    pub(super) fn label(&self, at: usize) -> Option<usize> {
        if self.get(at) != '[' {
            return None;
        }
        let end = self.skip(at + 1, |c| !matches!(c, '[' | ']'));
        let is_blank = self.skip(at + 1, char::is_whitespace) == end;
        (self.get(end) == ']' && !is_blank).then_some(end + 1)
    }

    /// The end of a link's target: it has no blanks, and parentheses in pairs.
    pub(super) fn target(&self, at: usize) -> Option<usize> {
        self.skip_paired(at, |at| ends_address(self.get(at)))
    }

    /// The place where a text `ends`, or a `)` before it that has no `(`; `None` when it ends within parentheses.
    pub(super) fn skip_paired(&self, mut at: usize, ends: impl Fn(usize) -> bool) -> Option<usize> {
        let mut open = 0;
        loop {
            match self.get(at) {
                '(' => open += 1,
                ')' if open == 0 => return Some(at),
                ')' => open -= 1,
                _ if ends(at) => return (open == 0).then_some(at),
                _ => {}
            }
            at += 1;
        }
    }

    /// The end of a link's title in quotes or parentheses.
    pub(super) fn title(&self, at: usize) -> Option<usize> {
        let close = match self.get(at) {
            '(' => ')',
            quote @ ('"' | '\'') => quote,
            _ => return None,
        };
        let end = self.skip(at + 1, |c| c != close);
        (end < self.chars.len()).then_some(end + 1)
    }
}

/// True for blanks and control characters, and so for [`NONE`].
pub(super) fn ends_address(c: char) -> bool {
    c == ' ' || c.is_control()
}

/// True for white space and for [`NONE`].
pub(super) fn is_space(c: char) -> bool {
    c == NONE || c.is_whitespace()
}

/// True for punctuation, for symbols and for [`NONE`].
pub(super) fn is_sign(c: char) -> bool {
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

pub(super) fn is_punctuation(c: char) -> bool {
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
