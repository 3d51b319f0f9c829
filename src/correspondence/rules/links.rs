//! The rule about reply options (1035): absolute https addresses.

use super::super::text::is_longer_than;
use super::finding::{Finding, Member};
use crate::correspondence::Correspondence;

/// 1035: every link is a well-formed absolute https address of at most 255 characters.
pub(super) fn reply_options(letter: &Correspondence, found: &mut Vec<Finding>) {
    for (index, option) in letter.reply_options.iter().enumerate() {
        let link = &option.link_url;
        let member = Member::inside("correspondence.replyOptions", index, "linkURL");
        if is_longer_than(link, 255) {
            let message = "the link of a reply option is too long";
            found.push(Finding::error(1035, member, message).with_length(link, 255));
            continue;
        }
        let finding = match judge(link) {
            Link::WellFormed => continue,
            Link::Refused(message) => Finding::error(1035, member, message),
            Link::Doubtful(message) => Finding::warning(1035, member, message),
        };
        let finding = if link.is_empty() {
            finding
        } else {
            finding.with_value(link)
        };
        found.push(finding.with_hint(
            "write an address such as `https://example.no/svar`, with `%20` for a blank",
        ));
    }
}

enum Link {
    WellFormed,
    Refused(&'static str),
    Doubtful(&'static str),
}

fn judge(link: &str) -> Link {
    const SCHEME: &str = "https://";
    let trimmed = link.trim();
    if trimmed.is_empty() {
        return Link::Refused("the link of a reply option is missing");
    }
    let rest = match trimmed.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
        _ => return Link::Refused("the link of a reply option does not begin with https://"),
    };
    if rest.is_empty() || rest.starts_with(['/', '?', '#']) {
        return Link::Refused("the link of a reply option has no host");
    }
    if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Link::Refused("the link of a reply option has blanks in it");
    }
    if trimmed.len() != link.len() {
        return Link::Doubtful("the link of a reply option has blanks around it");
    }
    let odd = |c| matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    if rest.contains(odd) || rest.contains('%') && has_bare_percent(rest) {
        return Link::Doubtful("the link of a reply option may not be well-formed");
    }
    Link::WellFormed
}

/// A `%` that is not followed by two hexadecimal digits.
fn has_bare_percent(text: &str) -> bool {
    text.split('%').skip(1).any(|after| {
        !after
            .as_bytes()
            .first_chunk::<2>()
            .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample::found;

    fn linked(link: &str) -> Vec<String> {
        found(json!({ "correspondence": { "replyOptions": [{ "linkURL": link }] } }))
    }

    #[test]
    fn https_addresses_are_taken() {
        let longest = format!("https://example.no/{}", "a".repeat(236));
        let emojis = format!("https://example.no/{}", "\u{1F600}".repeat(118));
        for link in [
            "https://example.no",
            "HTTPS://example.no/svar?sak=1&x=[2]#%C3%A5",
            "https://user@localhost:8443/",
            "https://blåbær.no/æøå",
            &longest,
            &emojis,
        ] {
            assert_eq!(linked(link), [""; 0], "{link}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let too_long = format!("https://example.no/{}", "a".repeat(237));
        let emojis = format!("https://example.no/{}", "\u{1F600}".repeat(119));
        for link in [
            "",
            " ",
            "example.no",
            "http://example.no",
            "https:example.no",
            "https://",
            "https:///svar",
            "https://?x",
            "https://example.no/en side",
            "ftp://example.no",
            "æøåæøåæøå",
            &too_long,
            &emojis,
        ] {
            let expected = ["error 1035 correspondence.replyOptions[0].linkURL"];
            assert_eq!(linked(link), expected, "{link}");
        }
    }

    #[test]
    fn what_dotnet_may_refuse_gets_a_warning() {
        for link in [
            " https://example.no",
            "https://example.no/{id}",
            "https://example.no/100%",
            "https://example.no/%2",
            "https://example.no/a|b",
        ] {
            let expected = ["warning 1035 correspondence.replyOptions[0].linkURL"];
            assert_eq!(linked(link), expected, "{link}");
        }
    }
}
