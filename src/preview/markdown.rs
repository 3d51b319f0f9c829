//! Markdown and HTML as they may be shown: no script, nothing remote, no page of their own.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{
    CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream,
    html::push_html,
};

use super::mask::masked;

/// Said when a letter has HTML in its Markdown.
const RAW_HTML: &str =
    "The letter has HTML in its Markdown. It is left out here, and Altinn may leave it out too.";

/// Said when a letter has pictures.
const IMAGES: &str =
    "The letter has pictures. They are not shown here, and Altinn may not show them either.";

/// Said when a letter has links that lead nowhere a reader should go.
const LINKS: &str =
    "The letter has links that are neither web nor e-mail addresses. They are shown as text.";

/// A text that may be put on a page as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// Sanitised HTML.
    pub(super) html: String,
    /// What was left out, said in sentences.
    pub(super) notes: Vec<&'static str>,
}

/// Deeper than any letter: what stands deeper is shown at this depth.
const DEPTH: usize = 20;

/// What is read as Markdown: `CommonMark` with tables and strikethrough.
pub(super) fn events(source: &str) -> impl Iterator<Item = Event<'_>> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut depth = 0;
    let shallow = Parser::new_ext(source, options).filter(move |event| match event {
        Event::Start(_) => {
            depth += 1;
            depth <= DEPTH
        }
        Event::End(_) => {
            depth -= 1;
            depth < DEPTH
        }
        _ => true,
    });
    TextMergeStream::new(shallow)
}

/// Where a link leads, when a reader may follow it.
pub(super) fn target(kind: LinkType, url: &str) -> Option<String> {
    let url = match kind {
        LinkType::Email => format!("mailto:{url}"),
        _ => url.to_owned(),
    };
    let allowed = |scheme: &str| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    ["https://", "http://", "mailto:"]
        .into_iter()
        .any(allowed)
        .then_some(url)
}

/// A letter's body as its reader sees it. Links show where they lead.
pub(super) fn letter(source: &str) -> Shown {
    let mut safe = Safe::default();
    let mut shown = Vec::new();
    for event in events(source) {
        safe.take(event, &mut shown);
    }
    let mut html = String::with_capacity(source.len() * 2);
    push_html(&mut html, shown.into_iter());
    Shown {
        html: LETTER.clean(&html).to_string(),
        notes: safe.notes,
    }
}

/// The body of an HTML e-mail: without pictures, styles and scripts.
pub(super) fn mail(source: &str) -> Shown {
    Shown {
        html: MAIL.clean(&masked(source)).to_string(),
        notes: vec!["An e-mail in HTML: its pictures and styles are not shown here."],
    }
}

/// Makes events harmless, one after the other.
#[derive(Debug, Default)]
struct Safe<'a> {
    /// The links that are open: where they lead, and whether a reader may go there.
    links: Vec<(String, bool)>,
    /// The text of the link that is open.
    text: String,
    /// The pictures that are open: their addresses, and what they say for themselves.
    images: Vec<(CowStr<'a>, String)>,
    notes: Vec<&'static str>,
}

impl<'a> Safe<'a> {
    fn take(&mut self, event: Event<'a>, shown: &mut Vec<Event<'a>>) {
        match event {
            Event::Html(_) | Event::InlineHtml(_) => self.note(RAW_HTML),
            Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => {}
            Event::Start(Tag::Image { dest_url, .. }) => {
                self.images.push((dest_url, String::new()));
            }
            Event::End(TagEnd::Image) => self.end_image(shown),
            event if !self.images.is_empty() => self.inside_image(&event),
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                ..
            }) => {
                self.start_link(link_type, &dest_url, shown);
            }
            Event::End(TagEnd::Link) => self.end_link(shown),
            Event::Start(Tag::Heading { level, .. }) => {
                let (id, classes, attrs) = (None, Vec::new(), Vec::new());
                shown.push(Event::Start(Tag::Heading {
                    level: lower(level),
                    id,
                    classes,
                    attrs,
                }));
            }
            Event::End(TagEnd::Heading(level)) => {
                shown.push(Event::End(TagEnd::Heading(lower(level))));
            }
            Event::Text(text) => {
                self.text.push_str(&text);
                shown.push(Event::Text(masked(&text).into_owned().into()));
            }
            Event::Code(text) => {
                self.text.push_str(&text);
                shown.push(Event::Code(masked(&text).into_owned().into()));
            }
            event => shown.push(event),
        }
    }

    fn start_link(&mut self, kind: LinkType, url: &str, shown: &mut Vec<Event<'a>>) {
        self.text.clear();
        let target = target(kind, url);
        if let Some(target) = &target {
            shown.push(Event::Start(Tag::Link {
                link_type: LinkType::Inline,
                dest_url: masked(target).into_owned().into(),
                title: "".into(),
                id: "".into(),
            }));
        } else {
            self.note(LINKS);
        }
        let may_go = target.is_some();
        self.links
            .push((target.unwrap_or_else(|| url.to_owned()), may_go));
    }

    fn end_link(&mut self, shown: &mut Vec<Event<'a>>) {
        let Some((target, may_go)) = self.links.pop() else {
            return;
        };
        if may_go {
            shown.push(Event::End(TagEnd::Link));
        }
        if self.text != target && format!("mailto:{}", self.text) != target {
            aside(&format!("({target})"), shown);
        }
    }

    fn inside_image(&mut self, event: &Event<'a>) {
        if let (Event::Text(text) | Event::Code(text), Some((_, said))) =
            (event, self.images.last_mut())
        {
            said.push_str(text);
        }
    }

    fn end_image(&mut self, shown: &mut Vec<Event<'a>>) {
        let Some((url, said)) = self.images.pop() else {
            return;
        };
        self.note(IMAGES);
        let comma = if said.is_empty() { "" } else { ", " };
        aside(&format!("[picture: {said}{comma}{url}]"), shown);
    }

    fn note(&mut self, note: &'static str) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// Text beside what the letter itself says.
fn aside(text: &str, shown: &mut Vec<Event<'_>>) {
    shown.push(Event::InlineHtml(" <span class=\"aside\">".into()));
    shown.push(Event::Text(masked(text).into_owned().into()));
    shown.push(Event::InlineHtml("</span>".into()));
}

/// The page's own headings stand above those of a letter.
fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H4,
        HeadingLevel::H2 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}

/// What the letter's own Markdown becomes, and nothing else. It is cleaned all the same: the parser is not trusted alone.
static LETTER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = cleaner();
    builder
        .tags(HashSet::from([
            "a",
            "blockquote",
            "br",
            "code",
            "del",
            "em",
            "h4",
            "h5",
            "h6",
            "hr",
            "li",
            "ol",
            "p",
            "pre",
            "span",
            "strong",
            "table",
            "tbody",
            "td",
            "th",
            "thead",
            "tr",
            "ul",
        ]))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href"])),
            ("ol", HashSet::from(["start"])),
            ("td", HashSet::from(["style"])),
            ("th", HashSet::from(["style"])),
        ]))
        .filter_style_properties(HashSet::from(["text-align"]))
        .allowed_classes(HashMap::from([("span", HashSet::from(["aside"]))]));
    builder
});

/// What e-mail programs show of an HTML body, without what is loaded from elsewhere and what would leave its frame.
static MAIL: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = cleaner();
    builder
        .tags(HashSet::from([
            "a",
            "b",
            "blockquote",
            "br",
            "center",
            "code",
            "div",
            "em",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "i",
            "li",
            "ol",
            "p",
            "pre",
            "s",
            "small",
            "span",
            "strong",
            "sub",
            "sup",
            "table",
            "tbody",
            "td",
            "tfoot",
            "th",
            "thead",
            "tr",
            "u",
            "ul",
        ]))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href"])),
            ("ol", HashSet::from(["start"])),
            ("td", HashSet::from(["colspan", "rowspan"])),
            ("th", HashSet::from(["colspan", "rowspan"])),
        ]));
    builder
});

fn cleaner() -> Builder<'static> {
    let mut builder = Builder::default();
    builder
        .generic_attributes(HashSet::new())
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer"));
    builder
}

#[cfg(test)]
mod tests {
    use super::{letter, mail};

    #[test]
    fn markdown_is_shown_as_it_reads() {
        let shown =
            letter("# A\n\nDear **Ane**,\n\n* one\n* ~~two~~\n\n| a | b |\n|:--|--:|\n| 1 | 2 |\n");
        assert_eq!(
            shown.html.replace('\n', ""),
            "<h4>A</h4><p>Dear <strong>Ane</strong>,</p><ul><li>one</li><li><del>two</del></li></ul><table><thead><tr><th style=\"text-align:left\">a</th>\
             <th style=\"text-align:right\">b</th></tr></thead><tbody><tr><td style=\"text-align:left\">1</td><td style=\"text-align:right\">2</td></tr></tbody></table>"
        );
        assert!(shown.notes.is_empty());
    }

    #[test]
    fn links_show_where_they_lead() {
        for (source, html) in [
            (
                "[here](https://example.no/a?b=1&c=2)",
                "<a href=\"https://example.no/a?b=1&amp;c=2\" rel=\"noopener noreferrer\">here</a> <span class=\"aside\">(https://example.no/a?b=1&amp;c=2)</span>",
            ),
            (
                "<https://example.no>",
                "<a href=\"https://example.no\" rel=\"noopener noreferrer\">https://example.no</a>",
            ),
            (
                "<post@example.no>",
                "<a href=\"mailto:post@example.no\" rel=\"noopener noreferrer\">post@example.no</a>",
            ),
            (
                "[x](javascript:alert(1))",
                "x <span class=\"aside\">(javascript:alert(1))</span>",
            ),
            (
                "[x](JaVaScRiPt:alert(1)) [y](data:text/html,a) [z](/a)",
                "x <span class=\"aside\">(JaVaScRiPt:alert(1))</span> y <span class=\"aside\">(data:text/html,a)</span> z <span class=\"aside\">(/a)</span>",
            ),
        ] {
            assert_eq!(letter(source).html, format!("<p>{html}</p>\n"));
        }
    }

    #[test]
    fn nothing_runs_and_nothing_is_loaded() {
        for source in [
            "<script>alert(1)</script>",
            "a <b onclick=\"x()\">b</b> <img src=x onerror=alert(1)> c",
            "![a](http://example.no/x.png \"t\")",
            "[![a](https://example.no/x.png)](javascript:x)",
            "![<img src=x onerror=alert(1)>](http://example.no)",
            "</style></div></main><style>*{}</style>",
            "[a](https://example.no \"\\\" onmouseover=x\")",
            "[a](<https://example.no/\" onmouseover=\"x>)",
            "`<script>`\n\n    <script>\n\n```\"><script>\nx\n```",
            "&lt;script&gt;alert(1)&lt;/script&gt; &#60;img src=x&#62;",
            "<svg><style><img src=x onerror=alert(1)></style></svg>",
            "| <img src=x> | b |\n|--|--|\n| `<iframe>` | <form> |",
        ] {
            for shown in [letter(source), mail(source)] {
                let html = shown.html;
                for danger in [
                    "<script",
                    "<img",
                    "<svg",
                    "<style",
                    "<iframe",
                    "<form",
                    "src=\"",
                    "</div></main>",
                    "<b onclick",
                ] {
                    assert!(!html.contains(danger), "{source}: {html}");
                }
                assert_no_handlers(&html);
            }
        }
    }

    /// No tag has an attribute that begins with `on`.
    fn assert_no_handlers(html: &str) {
        for tag in html
            .split('<')
            .skip(1)
            .filter_map(|rest| rest.split_once('>'))
        {
            let quoted = tag.0.split('"').step_by(2).collect::<String>();
            assert!(!quoted.contains(" on"), "{html}");
        }
    }

    #[test]
    fn depth_without_end_breaks_nothing() {
        for sign in [">", "* ", "[", "**a", "`", "![", "<b>", "|", "- 1. "] {
            let source = format!("{}x", sign.repeat(30_000 / sign.len()));
            assert!(letter(&source).html.len() < 2_000_000, "{sign}");
        }
        for tag in ["<div>", "<b>", "<a href=x>", "<table><tr><td>", "<ul><li>"] {
            assert!(
                mail(&tag.repeat(10_000 / tag.len())).html.len() < 2_000_000,
                "{tag}"
            );
        }
    }

    #[test]
    fn what_is_left_out_is_said() {
        let notes = |source| letter(source).notes.len();
        assert_eq!(notes("a <b>b</b> <i>c</i>"), 1);
        assert_eq!(notes("<div>\na\n</div>\n\n![](http://a) [b](ftp://c)"), 3);
        assert!(
            letter("![Map](http://a)")
                .html
                .contains("[picture: Map, http://a]")
        );
    }

    #[test]
    fn persons_are_masked_in_text_code_and_links() {
        let shown = letter("07827199405 `07827199405` [a](https://b.no/07827199405)");
        assert!(!shown.html.contains("99405"), "{}", shown.html);
        assert_eq!(shown.html.matches("078271*****").count(), 4);
        assert!(!mail("<p>07827199405</p>").html.contains("99405"));
    }

    #[test]
    fn a_mail_keeps_its_tables_and_links_and_nothing_of_its_own_looks() {
        let html = mail("<body onload=x><p style=\"position:fixed\" class=\"a\" id=\"b\">Hei <a href=\"https://example.no\" target=_top>her</a>").html;
        assert_eq!(
            html,
            "<p>Hei <a href=\"https://example.no\" rel=\"noopener noreferrer\">her</a></p>"
        );
    }
}
