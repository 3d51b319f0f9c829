//! Whether a text is what Altinn calls plain text: the same after it has been read as HTML and as Markdown.

/// What Altinn is expected to think of a text (the rule of codes 1002 and 1039).
///
/// Altinn drops backticks and backslashes, reads the rest as HTML and then as Markdown without lists, and refuses the text when anything but white space has
/// changed. The reasons are fragments that follow "it has".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainText {
    /// Nothing in it means anything in HTML or Markdown.
    Plain,
    /// Certainly refused, with the reason.
    NotPlain(&'static str),
    /// Probably refused, with the reason.
    Doubtful(&'static str),
}

/// Judges a text in one look at each byte, and a closer one only where a sign of HTML or Markdown stands.
pub fn plain_text(text: &str) -> PlainText {
    let signs = signs(text);
    if signs == 0 {
        return PlainText::Plain;
    }
    if text.contains(['`', '\\']) {
        return judge(&text.replace(['`', '\\'], ""), signs);
    }
    judge(text, signs)
}

/// The bytes without which no rule below can apply.
const SIGNS: &[u8; 16] = b"<&#=-*_~[^+\"${:|";

/// Which of the signs a text has, one bit for each.
fn signs(text: &str) -> u16 {
    text.bytes()
        .fold(0, |signs, byte| signs | BIT[usize::from(byte)])
}

/// The bit of every byte that is a sign.
const BIT: [u16; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < SIGNS.len() {
        table[SIGNS[at] as usize] = 1 << at;
        at += 1;
    }
    table
};

/// The bits of some signs.
const fn bits(signs: &[u8]) -> u16 {
    let (mut bits, mut at) = (0, 0);
    while at < signs.len() {
        bits |= BIT[signs[at] as usize];
        at += 1;
    }
    bits
}

/// A rule: the signs of which it needs one, what finds it, and the reason to give.
type Rule = (u16, fn(&str) -> bool, &'static str);

#[rustfmt::skip]
const CERTAIN: [Rule; 4] = [
    (bits(b"<"), has_html, "HTML"),
    (bits(b"&"), has_known_entity, "an HTML entity"),
    (bits(b"#"), starts_with_heading, "a Markdown heading"),
    (bits(b"["), has_link, "a Markdown link"),
];

#[rustfmt::skip]
const DOUBTFUL: [Rule; 9] = [
    (bits(b"&"), has_other_entity, "what looks like an HTML entity"),
    (bits(b"#"), has_later_heading, "a line that looks like a Markdown heading"),
    (bits(b"-=*_|:+"), has_ruled_line, "a line of signs that Markdown reads as a rule"),
    (bits(b"~:"), has_fence, "a line that begins a block in Markdown"),
    (bits(b"["), has_odd_link, "what looks like a Markdown link"),
    (bits(b"~^+=\""), has_emphasis, "signs that Markdown reads as emphasis"),
    (bits(b"$"), has_maths, "dollar signs that Markdown reads as a formula"),
    (bits(b"{"), has_attributes, "braces that Markdown reads as attributes"),
    (bits(b":_*"), has_autolink, "an address that Markdown changes"),
];

fn judge(text: &str, signs: u16) -> PlainText {
    let first = |rules: &[Rule]| {
        rules
            .iter()
            .find(|(needs, found, _)| needs & signs != 0 && found(text))
            .map(|(_, _, reason)| *reason)
    };
    if let Some(reason) = first(&CERTAIN) {
        return PlainText::NotPlain(reason);
    }
    first(&DOUBTFUL).map_or(PlainText::Plain, PlainText::Doubtful)
}

/// A tag, a comment or a declaration: `<` directly followed by a letter, `/`, `!` or `?`.
fn has_html(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| {
        pair[0] == b'<' && (pair[1].is_ascii_alphabetic() || matches!(pair[1], b'/' | b'!' | b'?'))
    })
}

/// What stands between a `&` and a `;` and could be the name of a character.
fn entities(text: &str) -> impl Iterator<Item = &str> {
    text.split('&')
        .skip(1)
        .filter_map(|after| Some(after.split_once(';')?.0))
}

fn has_known_entity(text: &str) -> bool {
    entities(text).any(|name| match name.as_bytes() {
        [b'#', b'x' | b'X', hex @ ..] => {
            (1..=6).contains(&hex.len()) && hex.iter().all(u8::is_ascii_hexdigit)
        }
        [b'#', digits @ ..] => {
            (1..=7).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
        }
        _ => KNOWN_ENTITIES.contains(&name),
    })
}

fn has_other_entity(text: &str) -> bool {
    entities(text).any(|name| {
        (2..=31).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// The entities that people and programs write; any other name is doubtful only.
const KNOWN_ENTITIES: [&str; 48] = [
    "amp", "lt", "gt", "quot", "nbsp", "shy", "aelig", "AElig", "oslash", "Oslash", "aring",
    "Aring", "auml", "Auml", "ouml", "Ouml", "uuml", "Uuml", "eacute", "Eacute", "egrave",
    "agrave", "ograve", "ocirc", "ntilde", "szlig", "ccedil", "sect", "para", "deg", "copy", "reg",
    "trade", "euro", "pound", "laquo", "raquo", "lsquo", "rsquo", "ldquo", "rdquo", "ndash",
    "mdash", "hellip", "middot", "bull", "times", "plusmn",
];

/// The rest of a line after one to six `#` that end or are followed by a blank.
fn heading(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    let ends = rest.is_empty() || rest.starts_with([' ', '\t']);
    ((1..=6).contains(&level) && ends).then_some(rest)
}

/// Only the first line is certain: what the reading as HTML leaves of later line breaks is not.
fn starts_with_heading(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default();
    let unindented = line.trim_start_matches(' ');
    line.len() - unindented.len() < 4
        && heading(unindented).is_some_and(|title| !title.trim().is_empty())
}

fn has_later_heading(text: &str) -> bool {
    text.contains('#')
        && text
            .lines()
            .any(|line| heading(line.trim_start()).is_some())
}

/// An underline, a thematic break or the second line of a table.
fn has_ruled_line(text: &str) -> bool {
    let rules = |byte| matches!(byte, b'-' | b'=' | b'*' | b'_' | b'|' | b':' | b'+' | b' ');
    text.lines().enumerate().any(|(number, line)| {
        let line = line.trim();
        if !line.bytes().all(rules) {
            return false;
        }
        let signs = line.bytes().filter(|byte| *byte != b' ').count();
        signs >= 3 || signs >= 1 && number > 0
    })
}

/// A fenced block or a container.
fn has_fence(text: &str) -> bool {
    text.lines()
        .map(str::trim_start)
        .any(|line| line.starts_with("~~~") || line.starts_with(":::"))
}

/// What stands between the parentheses of each `[text](…)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("](").filter_map(|(at, _)| {
        let label = &text[..at];
        let label = &label[label.rfind('[')? + 1..];
        if label.contains(']') {
            return None;
        }
        Some(text[at + 2..].split_once(')')?.0)
    })
}

fn has_link(text: &str) -> bool {
    links(text).any(|target| !target.contains(|c: char| c.is_whitespace() || c == '('))
}

/// A link whose target may be none, or a definition of a link, a footnote or an abbreviation.
fn has_odd_link(text: &str) -> bool {
    let defines = |line: &str| {
        let line = line.trim_start();
        line.trim_start_matches('*').starts_with('[') && line.contains("]:")
    };
    links(text).next().is_some() || text.lines().any(defines)
}

/// Subscript, superscript, strike-through, inserted, marked and cited text.
fn has_emphasis(text: &str) -> bool {
    ["~", "^", "++", "==", "\"\""].iter().any(|marker| {
        let mut opened = false;
        text.match_indices(marker).any(|(at, _)| {
            let closes = !text[..at].ends_with(|c: char| c.is_whitespace());
            if opened && closes {
                return true;
            }
            opened |= text[at + marker.len()..].starts_with(|c: char| !c.is_whitespace());
            false
        })
    })
}

/// `$x$`, where the first stands after and the second before a blank, punctuation or nothing.
fn has_maths(text: &str) -> bool {
    let separates =
        |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || c.is_ascii_punctuation());
    let blank = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let mut opened = false;
    text.match_indices('$').any(|(at, _)| {
        let (before, after) = (
            text[..at].chars().next_back(),
            text[at + 1..].chars().next(),
        );
        if opened && !blank(before) && separates(after) {
            return true;
        }
        opened |= separates(before) && !blank(after);
        false
    })
}

/// `{#id}`, `{.class}`, `{key=value}` or `{}`; a doubled brace such as in `{{recipientName}}` is none.
fn has_attributes(text: &str) -> bool {
    text.match_indices('{').any(|(at, _)| {
        let after = &text[at + 1..];
        if text[..at].ends_with('{') || after.starts_with('{') {
            return false;
        }
        after.split_once('}').is_some_and(|(inner, _)| {
            let inner = inner.trim();
            inner.is_empty() || inner.starts_with(['#', '.']) || inner.contains('=')
        })
    })
}

/// `mailto:` and `tel:` addresses, and web addresses with `_` or `*` in them.
fn has_autolink(text: &str) -> bool {
    let after = |word: &str, scheme: &str| {
        let (before, after) = word.split_once(scheme)?;
        (!before.ends_with(char::is_alphanumeric)).then_some(!after.is_empty())
    };
    text.split_whitespace()
        .filter(|word| word.contains([':', '_', '*']))
        .any(|word| {
            let is_web = word.contains("://") || word.contains("www.");
            is_web && word.contains(['_', '*'])
                || word.contains('@') && after(word, "mailto:") == Some(true)
                || after(word, "tel:") == Some(true)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_titles_are_plain() {
        for text in [
            "",
            "Vedtak om skatt for 2026",
            "Svar: frist 1. desember, kl. 12:00 – «viktig»",
            "a < b og 3 > 2, <3",
            "Skatt & avgift",
            "AT&T; nei",
            "Sak #404, #404 igjen",
            "#404",
            "####### sju",
            "- punkt",
            "1. punkt",
            "> sitat",
            "[vedlegg] alene",
            "*x* _x_ __x__ **x** `x` \\*",
            "100 $",
            "$5 til $10",
            "ca. ~5 til ~10",
            "C++ og C++",
            "2^8",
            "{{recipientName}}, du har et brev",
            "https://example.no/a?b=c#d",
            "hotel:5 Tel: 22 00 00 00",
            "Navn: \"x\" og \"y\"",
            "10-12 = feil",
            "første linje\nandre linje",
            "a [1] (2)",
        ] {
            assert_eq!(plain_text(text), PlainText::Plain, "{text}");
        }
    }

    #[test]
    fn markup_is_certainly_refused() {
        for text in [
            "<h1>test</h1>",
            "# test",
            "   ###### test",
            "a<b",
            "a </ b",
            "<!-- x -->",
            "<?xml",
            "<https://example.no>",
            "Skatt &amp; avgift",
            "bl&aring;b&aelig;r",
            "&#229;",
            "&#xE5;",
            "se [her](https://example.no)",
            "![logo](a.png)",
            "[tom]()",
            "`<`b>",
            "\\# test",
        ] {
            assert!(
                matches!(plain_text(text), PlainText::NotPlain(_)),
                "{text}: {:?}",
                plain_text(text)
            );
        }
    }

    #[test]
    fn what_markdown_probably_changes_is_doubtful() {
        for text in [
            "&hearts;",
            "tittel\n# mer",
            "    # innrykk",
            "#",
            "tittel\n===",
            "tittel\n-",
            "---",
            "* * *",
            "a | b\n--|--",
            "~~~ kode",
            "::: boks",
            "[a](b c)",
            "[1]: https://example.no",
            "*[EU]: union",
            "~~x~~",
            "H~2~O",
            "x^2^",
            "++ny++",
            "==merket==",
            "\"\"sitat\"\"",
            "prisen er $x$.",
            "tittel {#id}",
            "tittel {.klasse}",
            "tittel {a=b}",
            "tittel {}",
            "mailto:post@example.no",
            "(tel:22000000)",
            "https://example.no/a_b",
            "www.example.no/*",
        ] {
            assert!(
                matches!(plain_text(text), PlainText::Doubtful(_)),
                "{text}: {:?}",
                plain_text(text)
            );
        }
    }
}
