//! The rule about reply options (1035): absolute https addresses of at most 255 characters that .NET's `Uri.IsWellFormedUriString` accepts.
//!
//! That is not RFC 3986. .NET looks at each component by itself: it may be written in ASCII with percent codes, or with letters of the basic plane as they are, but not
//! both. When an address has a letter beyond ASCII, or a percent code of such a letter or of an unreserved character, .NET first decodes all codes but those of
//! reserved characters (dotnet/runtime#72632): `?a=K%C3%A5re%20N` is refused, though `?a=%20` alone is taken.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::Ipv6Addr;

use super::super::text::{excerpt, is_longer_than};
use super::finding::Findings;
use crate::correspondence::Correspondence;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LinkFault {
    Missing,
    Scheme,
    Host,
    Port,
    /// A blank, or a character that must be written with a percent code.
    Character(char),
    /// `%` without two hexadecimal digits.
    Percent,
    /// A percent code in a part that has letters beyond ASCII too, perhaps as codes.
    Mixed,
}

/// 1035: the links of all reply options.
pub(super) fn reply_options(letter: &Correspondence, list: &mut Findings) {
    for (index, option) in letter.reply_options.iter().enumerate() {
        let link = &option.link_url;
        let member = format_args!("correspondence.replyOptions[{index}].linkURL");
        if is_longer_than(link, 255) {
            list.error(1035, member)
                .message("the link of a reply option is too long")
                .length(link, 255);
        } else if let Err(fault) = check_link(link) {
            let (message, hint) = fault.words();
            let finding = list.error(1035, member).hint(hint);
            finding.message(&format!("the link of a reply option {message}"));
            match fault {
                LinkFault::Missing => finding,
                LinkFault::Character(c) if !c.is_whitespace() && !c.is_control() => {
                    finding.cause(format!("`{c}` in {}", excerpt(link)))
                }
                _ => finding.value(link),
            };
        }
    }
}

impl LinkFault {
    /// The end of a message that begins with "the link of a reply option", and a hint.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("is missing", EXAMPLE),
            Self::Scheme => ("does not begin with https://", EXAMPLE),
            Self::Host => ("has no valid host", EXAMPLE),
            Self::Port => (
                "has no valid port",
                "a port is a number of at most 65535: leave it out",
            ),
            Self::Character(c) if c.is_whitespace() || c.is_control() => {
                ("has blanks in it", EXAMPLE)
            }
            Self::Character(_) => (
                "has a character that it may not have",
                "write it as a percent code, `%7B` for `{`; in a template `{{ column }}` stands in two braces",
            ),
            Self::Percent => (
                "has a `%` without two hexadecimal digits",
                "write `%25` for the sign itself",
            ),
            Self::Mixed => (
                "has letters such as å, or their codes, beside other percent codes",
                "Altinn's server refuses the two in one part of a link: write the letters as they are and nothing in that part as a code, `+` for a blank in a query",
            ),
        }
    }
}

const EXAMPLE: &str = "write an address such as `https://example.no/svar`, with `%20` for a blank";

const SCHEME: &str = "https://";

/// Judges a link as .NET does. Most links are plain ASCII and take the short way, without decoding.
fn check_link(whole: &str) -> Result<(), LinkFault> {
    let link = whole.trim_end_matches([' ', '\t', '\r', '\n']);
    if link.is_empty() {
        return Err(LinkFault::Missing);
    }
    let rest = match link.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
        _ => return Err(LinkFault::Scheme),
    };
    let is_iri = is_iri(rest);
    // A defect of .NET: it counts the trailing blanks before it decodes and then cuts off too little, so that a blank remains.
    if is_iri && whole.len() > link.len() && decode_component(rest, true).len() < rest.len() {
        return Err(LinkFault::Character(' '));
    }
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    check_authority(authority, is_iri)?;
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    check_component(path, is_iri, false)?;
    check_component(query, is_iri, true)?;
    check_component(fragment, is_iri, false)
}

/// True when .NET treats the address as an IRI and decodes percent codes before it judges the components.
fn is_iri(rest: &str) -> bool {
    let is_decoded = |(at, _)| {
        code(&rest.as_bytes()[at..]).is_none_or(|byte| {
            !byte.is_ascii()
                || byte.is_ascii_alphanumeric()
                || matches!(byte, b'-' | b'.' | b'_' | b'~')
        })
    };
    !rest.is_ascii() || rest.match_indices('%').any(is_decoded)
}

/// The byte that a `%` stands for; `None` for one without two hexadecimal digits.
fn code(bytes: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    u8::try_from(digit(1)? * 16 + digit(2)?).ok()
}

/// Judges user, host and port. An IPv6 host is judged by its own form only; any other authority is also a component.
fn check_authority(authority: &str, is_iri: bool) -> Result<(), LinkFault> {
    let (user, host_and_port) = authority.split_once('@').unwrap_or(("", authority));
    check_component(user, is_iri, false)?;
    // An IPv6 address has colons of its own.
    let (host, port) = match host_and_port.rfind(']') {
        Some(end) => host_and_port.split_at(end + 1),
        None => host_and_port.split_at(host_and_port.find(':').unwrap_or(host_and_port.len())),
    };
    let is_ipv6 = host.starts_with('[');
    let is_host = if is_ipv6 {
        is_ipv6_host(host)
    } else {
        is_dns_name(host) || is_unc_name(host)
    };
    if !is_host {
        return Err(LinkFault::Host);
    }
    check_port(port)?;
    if is_ipv6 {
        return Ok(());
    }
    check_component(authority, is_iri, false)
}

/// Judges what follows the host: nothing, or `:` and a number of at most 65535.
fn check_port(port: &str) -> Result<(), LinkFault> {
    if port.is_empty() {
        return Ok(());
    }
    let digits = port.strip_prefix(':').ok_or(LinkFault::Host)?;
    // Leading zeros do not count, and an empty port is allowed.
    let number = digits.trim_start_matches('0');
    let fits = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (number.is_empty() || number.parse::<u16>().is_ok());
    fits.then_some(()).ok_or(LinkFault::Port)
}

/// True for an IPv6 address in brackets, with a zone or a prefix length as .NET accepts them.
fn is_ipv6_host(host: &str) -> bool {
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    address.is_some_and(|address| {
        let (address, zone) = address.split_once('%').unwrap_or((address, ""));
        let (address, length) = address.split_once('/').unwrap_or((address, "0"));
        address.parse::<Ipv6Addr>().is_ok()
            && length.parse::<u8>().is_ok_and(|bits| bits <= 128)
            && !zone.contains(['[', ']'])
    })
}

/// True for a DNS name: labels of at most 63 octets as .NET counts them, each beginning with a letter or a digit; one dot may end the name.
fn is_dns_name(host: &str) -> bool {
    const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];
    let beyond = |c: char| c >= '\u{a0}';
    let name = host.strip_suffix(DOTS).unwrap_or(host);
    !name.is_empty()
        && name.split(DOTS).all(|label| {
            let octets: usize = label
                .chars()
                .map(|c| c.len_utf16() * (1 + usize::from(c > '\u{ff}')))
                .sum();
            // Room for `xn--`, which the encoded label will have.
            let prefix = if label.contains(beyond) { 4 } else { 0 };
            (1..=63).contains(&(octets + prefix))
                && label.starts_with(|c: char| c.is_ascii_alphanumeric() || beyond(c))
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || beyond(c))
        })
}

/// True for a name of Windows networks (UNC), which .NET accepts for any scheme: labels may be longer, and the first may begin with `-` or `_`.
fn is_unc_name(host: &str) -> bool {
    let is_sign = |c: char| matches!(c, '-' | '_');
    let fits = |c: char| c.is_alphabetic() || c.is_ascii_digit() || is_sign(c);
    let mut labels = host.strip_suffix('.').unwrap_or(host).split('.');
    labels.next().is_some_and(|first| {
        first.chars().all(fits) && first.contains(|c: char| !c.is_ascii_digit())
    }) && labels
        .all(|label| !label.is_empty() && !label.starts_with(is_sign) && label.chars().all(fits))
}

fn check_component(written: &str, is_iri: bool, is_query: bool) -> Result<(), LinkFault> {
    check_decoded(written, is_iri, is_query).map_err(|fault| match fault {
        // The character was written as a code, which .NET decoded because of another letter in the component.
        LinkFault::Character(c) if !written.contains(c) => LinkFault::Mixed,
        fault => fault,
    })
}

/// Judges the characters of a component after decoding, where .NET decodes.
fn check_decoded(text: &str, is_iri: bool, is_query: bool) -> Result<(), LinkFault> {
    let text = if is_iri {
        decode_component(text, is_query)
    } else {
        Cow::Borrowed(text)
    };
    let (mut unescaped, mut has_codes, mut has_letters) = (None, false, false);
    for (at, c) in text.char_indices() {
        match c {
            // .NET sees the halves of a surrogate pair, which are no letters by themselves.
            '\\' | '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{10000}'.. => {
                return Err(LinkFault::Character(c));
            }
            '\u{a0}'.. => has_letters = true,
            '%' => {
                if code(&text.as_bytes()[at..]).is_none() {
                    return Err(LinkFault::Percent);
                }
                has_codes = true;
            }
            ' ' | '"' | '<' | '>' | '[' | ']' | '^' | '`' => return Err(LinkFault::Character(c)),
            // .NET lets these pass beside letters beyond ASCII.
            '#' | '{' | '|' | '}' => unescaped = Some(c),
            _ => {}
        }
    }
    match unescaped {
        Some(c) if !has_letters => Err(LinkFault::Character(c)),
        _ if has_codes && (has_letters || unescaped.is_some()) => Err(LinkFault::Mixed),
        _ => Ok(()),
    }
}

/// Decodes a component's percent codes, except those of reserved and control characters, and encodes characters that are no letters of an IRI.
fn decode_component(text: &str, is_query: bool) -> Cow<'_, str> {
    if text.is_ascii() && !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c != '%' {
            let is_letter = c.is_ascii() || is_iri_letter(c, is_query);
            push(c, !is_letter, &mut decoded);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        // Neighbouring codes are decoded together: a character beyond ASCII has several.
        let runs = rest.as_bytes().chunks(3);
        let bytes: Vec<u8> = runs
            .map_while(|run| code(run).filter(|_| run[0] == b'%'))
            .collect();
        if bytes.is_empty() {
            decoded.push('%');
            rest = &rest[1..];
            continue;
        }
        push_codes(&bytes, is_query, &mut decoded);
        rest = &rest[3 * bytes.len()..];
    }
    Cow::Owned(decoded)
}

/// Appends a run of bytes that were written as codes: decoded where .NET decodes them, else as codes again.
fn push_codes(bytes: &[u8], is_query: bool, out: &mut String) {
    // Codes that are not UTF-8 stay as they are.
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let stays = if c.is_ascii() {
                c.is_ascii_control() || "%\\:/?#[]@!$&'()*+,;=".contains(c)
            } else {
                !is_iri_letter(c, is_query)
            };
            push(c, stays, out);
        }
        chunk
            .invalid()
            .iter()
            .for_each(|byte| push_code(*byte, out));
    }
}

/// Appends a character, as a code for each of its bytes if it is `encoded`.
fn push(c: char, encoded: bool, out: &mut String) {
    if !encoded {
        return out.push(c);
    }
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        push_code(byte, out);
    }
}

fn push_code(byte: u8, out: &mut String) {
    // Writing to a text cannot fail.
    let _ = write!(out, "%{byte:02X}");
}

/// True for `ucschar`, and in a query for `iprivate`, of RFC 3987, section 2.2.
fn is_iri_letter(c: char, is_query: bool) -> bool {
    match c {
        '\u{a0}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{ffef}' => true,
        '\u{e000}'..='\u{f8ff}' => is_query,
        '\u{e0000}'..='\u{e0fff}' => false,
        '\u{f0000}'.. => is_query && u32::from(c) & 0xffff < 0xfffe,
        c => u32::from(c) & 0xffff < 0xfffe && c > '\u{ffff}',
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample::found;
    use super::*;

    fn linked(link: &str) -> Vec<String> {
        found(json!({ "correspondence": { "replyOptions": [{ "linkURL": link }] } }))
    }

    /// Verdicts of Altinn's own server: `ok` or 1035, a tab, and the link as JSON.
    const LINKS: &str = include_str!("../verdicts/links.txt");

    #[test]
    fn links_are_judged_as_altinns_own_server_judges_them() {
        for line in LINKS.lines() {
            let (verdict, link) = line.split_once('\t').unwrap();
            let link: String = serde_json::from_str(link).unwrap();
            let found = check_link(&link);
            assert_eq!(found.is_ok(), verdict == "ok", "{link:?}: {found:?}");
        }
    }

    #[test]
    fn codes_and_letters_do_not_go_together() {
        for (link, taken) in [
            ("https://x.no/?a=%20", true),
            ("https://x.no/?a=K%C3%A5re", true),
            ("https://x.no/?a=Kåre", true),
            ("https://x.no/?a=K%C3%A5re%20N", false),
            ("https://x.no/?a=Kåre%20N", false),
            ("https://x.no/?a=K%C3%A5re+N", true),
            ("https://x.no/%20?a=%C3%A5", false),
            ("https://x.no/a%2Fb", true),
            ("https://x.no/å%2Fb", false),
            ("https://x.no/å?a=%2F", true),
            // Codes of unreserved letters set the decoding going as well.
            ("https://x.no/%41%22", false),
            ("https://x.no/%22", true),
            ("https://x.no/å{x}", true),
            ("https://x.no/å<x>", false),
            ("https://x.no/\u{1F600}", false),
        ] {
            assert_eq!(check_link(link).is_ok(), taken, "{link}");
        }
    }

    #[test]
    fn a_blank_that_was_written_as_a_code_is_not_called_a_blank() {
        let fault = |link| check_link(link).unwrap_err();
        assert_eq!(fault("https://x.no/?a=K%C3%A5re%20N"), LinkFault::Mixed);
        assert_eq!(
            fault("https://x.no/?a=K%C3%A5re N"),
            LinkFault::Character(' ')
        );
    }

    #[test]
    fn hosts_are_dns_names_or_windows_names_or_addresses() {
        let label = "a".repeat(64);
        for (host, taken) in [
            ("[2001:db8::1]:8443", true),
            ("[::1]x", false),
            ("[1:2]", false),
            ("x_y.no", true),
            ("-x.no", true),
            ("x.-y", false),
            ("1.2", true),
            ("-1", true),
            (".no", false),
            ("x..no", false),
            ("x.no.", true),
            (label.as_str(), true),
            ("user:pw@x.no", true),
            ("a@b@x.no", false),
            ("x.no:065535", true),
            ("x.no:65536", false),
            ("x.no:", true),
        ] {
            assert_eq!(
                check_link(&format!("https://{host}/")).is_ok(),
                taken,
                "{host}"
            );
        }
    }

    #[test]
    fn a_link_is_no_longer_than_255_characters() {
        let link = |count| format!("https://example.no/{}", "å".repeat(count));
        assert_eq!(linked(&link(236)), [""; 0]);
        let expected = ["error 1035 correspondence.replyOptions[0].linkURL"];
        for link in [link(237), String::new(), "http://example.no".to_owned()] {
            assert_eq!(linked(&link), expected, "{link}");
        }
    }
}
