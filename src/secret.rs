//! Masking of identity numbers and tokens before they reach a log, a journal, a report or an error; and reading of files with secrets.

use std::borrow::Cow;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;

use zeroize::Zeroizing;

use crate::plain_file;
use crate::text::is_unseen;

/// Masks every token in a text from another program or server, and every national identity number as [`redact`] does: `Bearer eyJhbGci…` becomes `Bearer *****`.
///
/// A token is any long word after `Bearer` or `Basic`, and any JWT, whole or in part, wherever it stands.
pub(crate) fn conceal(text: &str) -> Cow<'_, str> {
    let mut masked = String::new();
    let mut copied = 0;
    let mut after_scheme = false;
    let mut at = 0;
    // Word by word, each with the separator behind it, so that `at` counts every byte.
    for word in text.split_inclusive(|character: char| !is_token(character)) {
        let bare = word.trim_end_matches(|character: char| !is_token(character));
        let long = bare.len() >= SHORTEST_TOKEN;
        // A short word after `Bearer` is prose, as in "Bearer token expired". `eyJ` is the start of `{"` in base64url, with which a JWT begins.
        if long && (after_scheme || bare.contains("eyJ") || is_encoded_token(bare)) {
            masked.push_str(&text[copied..at]);
            masked.push_str("*****");
            copied = at + bare.len();
        }
        if !bare.is_empty() {
            after_scheme =
                bare.eq_ignore_ascii_case("bearer") || bare.eq_ignore_ascii_case("basic");
        }
        at += word.len();
    }
    if copied == 0 {
        return redact(text);
    }
    masked.push_str(&text[copied..]);
    Cow::Owned(redact(&masked).into_owned())
}

/// Masks all that may be a secret in the output of another program, whose secrets are not known: a line from the name of a password or token on, long words of
/// letters and digits, and the text from a PEM block on.
pub(crate) fn conceal_output(text: &str) -> String {
    let (text, _) = text.split_once("-----BEGIN").unwrap_or((text, ""));
    let lines: Vec<_> = text.lines().map(conceal_line).collect();
    lines.join("\n")
}

fn conceal_line(line: &str) -> String {
    let mut shown = String::new();
    // A sign belongs to the name before it, as in `password = x`.
    let line = line.replace(" =", "=").replace(" :", ":");
    for word in line.split_inclusive(char::is_whitespace) {
        let name = word.to_ascii_lowercase();
        let is_name = SECRET_NAMES.iter().any(|secret| name.contains(secret))
            && (name.starts_with('-') || name.contains(['=', ':']));
        let is_secret = |part: &str| {
            part.len() >= SHORTEST_PASSWORD
                && part.contains(|c: char| c.is_ascii_digit())
                && part.contains(|c: char| c.is_ascii_alphabetic())
        };
        let is_hidden = is_name || word.split(|c| !is_token(c)).any(is_secret);
        shown.push_str(if is_hidden { "***** " } else { word });
        // The value may have several words.
        if is_name {
            break;
        }
    }
    shown
}

/// True for base64 of a token: the three forms that `eyJ` takes by its position in a group of three bytes.
fn is_encoded_token(word: &str) -> bool {
    word.len() >= SHORTEST_JWK
        && ["ZXlK", "V5S", "leU"]
            .iter()
            .any(|code| word.contains(code))
}

/// True for a key, a token or an address with a password that stands where a name is expected. Such a name must not be shown.
pub(crate) fn is_secret(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    // `{` in base64, the start of a JWK, is `ew` or `ey`.
    let is_base64 = || text.starts_with("ew") || text.starts_with("ey");
    let has_password = || {
        let (_, rest) = text.split_once("://")?;
        rest.split(['/', '?', '#'])
            .next()
            .filter(|host| host.contains('@'))
    };
    text.starts_with('{')
        || text.contains("-----BEGIN ")
        || (text.len() >= SHORTEST_JWT && text.contains("eyJ"))
        || (text.len() >= SHORTEST_JWK && is_base64() && text.chars().all(is_token))
        || has_password().is_some()
}

/// Reads a file with a key, a certificate, a password or a token; the bytes are wiped from memory when dropped. Only plain files of at most 1 MB: a device has
/// no end, and a pipe may block for ever.
pub(crate) fn read_file(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = plain_file::open(path)?;
    // The capacity is reserved at once: a vector that grows leaves copies behind that are not wiped.
    let room = file.metadata()?.len().min(LARGEST_FILE) + 1;
    let room = usize::try_from(room).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than 1 MB",
        ));
    }
    Ok(bytes)
}

/// The largest file, in bytes. Bundles of certificates have some hundred thousand.
const LARGEST_FILE: u64 = 1_000_000;
/// The shortest signed token, in characters.
const SHORTEST_JWT: usize = 30;
/// The shortest key in base64, in characters.
const SHORTEST_JWK: usize = 100;
/// The shortest token after `Bearer`, in characters; shorter ones are words.
const SHORTEST_TOKEN: usize = 16;
/// The shortest word of letters and digits, in characters, that is masked in a program's output; shorter ones are codes and versions.
const SHORTEST_PASSWORD: usize = 12;
/// Words in the names of secrets.
const SECRET_NAMES: [&str; 8] = [
    "passw",
    "passord",
    "pwd",
    "token",
    "secret",
    "key",
    "credential",
    "auth",
];

/// True for the characters of base64 in both its alphabets, and for the dots between a JWT's parts.
fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_.+/=~".contains(character)
}

/// Masks every national identity number in a text: `07827199405` becomes `078271*****`.
///
/// A number is exactly eleven digits of any script in a row, also written as six and five, or in pairs and five, with up to three blanks or signs between. The control
/// digits need not fit: a mistyped number still points at a person.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    redact_if(text, |_| true)
}

/// The groups of digits that an identity number is written in: `07827199405`, `078271 99405`, `07 82 71 99405`.
const GROUPS: [&[usize]; 3] = [&[11], &[6, 5], &[2, 2, 2, 5]];

/// Masks the numbers in a text that have the form of a national identity number, and are one by `is_person`, which gets them as they are written.
pub(crate) fn redact_if(text: &str, is_person: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let mut masked = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = text[at..].find(is_digit) {
        let start = at + found;
        let rest = &text[start..];
        let Some(hidden) = GROUPS.iter().find_map(|groups| last_five(rest, groups)) else {
            // Other runs are skipped whole: eleven digits out of twelve are no identity number.
            at = start + digits(rest).1;
            continue;
        };
        at = start + hidden.end;
        if is_person(&text[start..at]) {
            masked.push_str(&text[copied..start + hidden.start]);
            masked.push_str("*****");
            copied = at;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(&text[copied..]);
    Cow::Owned(masked)
}

/// The range of the last five digits of a number in these groups, with which the text begins.
fn last_five(text: &str, groups: &[usize]) -> Option<Range<usize>> {
    let mut at = 0;
    for group in groups {
        if at > 0 {
            at += separator(&text[at..])?;
        }
        let (count, length) = digits(&text[at..]);
        if count != *group {
            return None;
        }
        at += length;
    }
    let digits = text[..at].char_indices().rev();
    let (start, _) = digits.filter(|(_, c)| is_digit(*c)).nth(4)?;
    Some(start..at)
}

/// True for digits of any script.
fn is_digit(c: char) -> bool {
    // Letters below U+0660, the first digit that is not ASCII, need no table: this runs for every text of every letter.
    c.is_ascii_digit() || (c >= '\u{660}' && c.is_numeric())
}

/// The number of digits that a text begins with, and their length in bytes.
fn digits(text: &str) -> (usize, usize) {
    let digits = text.chars().take_while(|c| is_digit(*c));
    digits.fold((0, 0), |(count, length), c| {
        (count + 1, length + c.len_utf8())
    })
}

/// The length in bytes of the one to three blanks or signs that a text begins with, as people put them between the groups of a number.
fn separator(text: &str) -> Option<usize> {
    let is_separator = |c: &char| {
        is_unseen(*c)
            || matches!(
                c,
                '.' | '-' | '/' | ':' | '\u{2010}'..='\u{2015}' | '\u{2212}'
            )
    };
    let signs = text.chars().take(3).take_while(is_separator);
    Some(signs.map(char::len_utf8).sum()).filter(|length| *length > 0)
}

#[cfg(test)]
mod tests {
    use super::{conceal, conceal_output, is_secret, read_file, redact};

    #[test]
    fn only_plain_files_of_a_sane_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, vec![b'a'; 1_000_000]).unwrap();
        assert_eq!(read_file(&path).unwrap().len(), 1_000_000);
        std::fs::write(&path, vec![b'a'; 1_000_001]).unwrap();
        let refused = |path: &std::path::Path| read_file(path).unwrap_err().to_string();
        assert_eq!(refused(&path), "it is larger than 1 MB");
        assert_eq!(refused(folder.path()), "it is not a plain file");
        #[cfg(unix)]
        assert_eq!(
            refused(std::path::Path::new("/dev/zero")),
            "it is not a plain file"
        );
    }

    #[test]
    fn what_cannot_be_a_name_is_known() {
        for secret in [
            r#"{"kty": "RSA"}"#,
            r#" "{\"kty\": \"RSA\"}""#,
            "-----BEGIN PRIVATE KEY-----\n",
            "eyJhbGciOiJSUzI1NiJ9.eyJzY29wZSI6ImEifQ.c2lnbmF0dXJl",
            "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzY29wZSI6ImEifQ",
            "https://user:word@altinn.example/",
            "\"https://word@altinn.example:xx",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        assert!(is_secret(&format!("ewogICJrdHkiO{}", "A".repeat(100))));
        for name in [
            "",
            "keys/maskinporten.jwk.json",
            "ewald/eyvind.pem",
            "3b30b8b8-b4f1-436a-864f-7b3c4748cf73",
            "https://altinn.example/a@b",
            "/home/{user}/key.json",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn tokens_are_masked_wherever_they_stand() {
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJzY29wZSI6ImEifQ.c2lnbmF0dXJl";
        for (text, expected) in [
            (format!("denied: Bearer {token}."), "denied: Bearer *****"),
            (
                format!("{{\"got\":\"{token}\",\"n\":1}}"),
                "{\"got\":\"*****\",\"n\":1}",
            ),
            (format!("assertion={token}&x=1"), "*****&x=1"),
            (
                "authorization: bearer 0123456789abcdef!".to_owned(),
                "authorization: bearer *****!",
            ),
            ("Basic dXNlcjpwYXNzd29yZA== å".to_owned(), "Basic ***** å"),
            (
                format!("{token} 07827199405 {token}"),
                "***** 078271***** *****",
            ),
        ] {
            assert_eq!(conceal(&text), expected);
        }
        for prefix in ["", "a", "ab", "abc"] {
            use base64::Engine as _;
            let text = format!("{prefix}{token}{token}");
            let encoded = base64::engine::general_purpose::STANDARD.encode(text);
            assert_eq!(conceal(&format!("got {encoded}!")), "got *****!");
        }
        for text in [
            "",
            "bearer of this letter",
            "Basic authentication",
            "eyJ",
            "æøå 991825827",
        ] {
            assert_eq!(conceal(text), text);
        }
    }

    #[test]
    fn whatever_may_be_a_secret_is_masked_in_the_output_of_programs() {
        for (text, shown) in [
            (
                "+ curl -H 'X-Vault-Token: hvs.short' http://x/\n+ exit 1",
                "+ curl -H ***** \n+ exit 1",
            ),
            (
                "+ curl hvs.CAESIJabcdef0123456789 || true",
                "+ curl ***** || true",
            ),
            (
                "failed for svc:Hunter2Passord@vault x, password=short x",
                "failed for ***** ",
            ),
            (
                "no\n-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----\nmore",
                "no",
            ),
            (r#"{"client_secret": "two words", "a": 1}"#, "***** "),
            ("set VAULT_TOKEN = abc", "set ***** "),
            ("az login --password abc -u me", "az login ***** "),
            ("Passordet: blåbær", "***** "),
        ] {
            assert_eq!(conceal_output(text), shown);
        }
        for text in [
            "",
            "the token has expired: log in first",
            "HTTP/1.1 403 Forbidden from vault.example.no",
            "key not found in folder prod at 127.0.0.1:8200 (line 12)",
        ] {
            assert_eq!(conceal_output(text), text);
        }
    }

    #[test]
    fn identity_numbers_are_masked_wherever_they_stand() {
        assert_eq!(redact("07827199405"), "078271*****");
        assert_eq!(
            redact("not found: urn:altinn:person:identifier-no:07827199405,26818099001."),
            "not found: urn:altinn:person:identifier-no:078271*****,268180*****."
        );
        assert_eq!(
            redact("fnr 078271 99405, æ 078271-99405"),
            "fnr 078271 *****, æ 078271-*****"
        );
        for written in [
            "078271\u{a0}99405",
            "078271  99405",
            "078271.99405",
            "078271/99405",
            "078271 - 99405",
            "078271:99405",
            "078271\u{2013}99405",
            "07 82 71 99405",
            "07.82.71-99405",
            "\u{ff10}\u{ff17}827199405",
            "\u{660}\u{667}\u{668}\u{662}\u{667}\u{661}\u{669}\u{669}\u{664}\u{660}\u{665}",
        ] {
            assert!(redact(written).ends_with("*****"), "{written}");
        }
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "",
            "991825827",
            "2026/00001",
            "123456789012",
            "078271 994051",
            "+4791234567",
            "å",
        ] {
            assert_eq!(redact(text), text);
        }
    }
}
