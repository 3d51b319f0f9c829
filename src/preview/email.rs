//! The sanitised HTML body of an e-mail: without scripts, remote content and styles.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use super::mask::masked;

/// Sanitises the body of an HTML e-mail, and masks identity numbers in it.
pub(super) fn html(source: &str) -> String {
    EMAIL.clean(&masked(source)).to_string()
}

/// Elements that e-mail programs show and that load nothing.
const ELEMENTS: &str = "a b blockquote br center code div em h1 h2 h3 h4 h5 h6 hr i li ol p pre s small span strong sub sup table tbody td tfoot th thead tr u ul";

/// The allowed elements and attributes: those that e-mail programs show, except content that is loaded from elsewhere or could leave its frame.
static EMAIL: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .generic_attributes(HashSet::new())
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        // A relative link would lead into the user's own folder.
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer"))
        .tags(ELEMENTS.split(' ').collect())
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href"])),
            ("ol", HashSet::from(["start"])),
            ("td", HashSet::from(["colspan", "rowspan"])),
            ("th", HashSet::from(["colspan", "rowspan"])),
        ]));
    builder
});

#[cfg(test)]
mod tests {
    use super::html;
    use crate::markdown::{delivered, inbox};

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
            "&amp;lt;script&amp;gt;alert(1)",
            "<svg><style><img src=x onerror=alert(1)></style></svg>",
            "| <img src=x> | b |\n|--|--|\n| `<iframe>` | <form> |",
        ] {
            let letter = inbox::html(&delivered(source), &|text| text.into());
            for shown in [letter, html(source)] {
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
                    assert!(!shown.contains(danger), "{source}: {shown}");
                }
                assert_no_handlers(&shown);
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
        for sign in [
            ">", "* ", "\\- ", "[", "**a", "`", "![", "<b>", "|", "- 1. ", "<div>",
        ] {
            let source = format!("{}x", sign.repeat(2_000 / sign.len()));
            let letter = inbox::html(&delivered(&source), &|text| text.into());
            assert!(letter.len() < 2_000_000, "{sign}");
        }
        for tag in ["<div>", "<b>", "<a href=x>", "<table><tr><td>", "<ul><li>"] {
            assert!(
                html(&tag.repeat(2_000 / tag.len())).len() < 2_000_000,
                "{tag}"
            );
        }
    }

    #[test]
    fn an_email_keeps_its_tables_and_links_and_nothing_of_its_own_looks() {
        let shown = html(
            "<body onload=x><p style=\"position:fixed\" class=\"a\" id=\"b\">Hei <a href=\"https://example.no\" target=_top>her</a>",
        );
        assert_eq!(
            shown,
            "<p>Hei <a href=\"https://example.no\" rel=\"noopener noreferrer\">her</a></p>"
        );
        assert!(!html("<p>07827199405</p>").contains("99405"));
    }
}
