//! The markup that a text should not have.

use std::ops::Range;

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
