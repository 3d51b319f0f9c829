//! Decoding: from bytes to text. A manifest is UTF-8; other encodings are named in the error, because editors use them without asking.

use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{Place, Problem, Source};

/// Returns the text without a byte order mark, or the problem with its encoding.
pub(super) fn decode(path: &Path, bytes: Vec<u8>) -> Result<Source, Box<Problem>> {
    let file = || Place::File(path.to_owned());
    // Before UTF-8: without a mark, UTF-16 of plain ASCII is valid UTF-8 with zero bytes.
    if is_utf16(&bytes) {
        return Err(Box::new(
            Problem::error(file(), "the file is UTF-16").with_hint("save it as UTF-8"),
        ));
    }
    match String::from_utf8(bytes) {
        Ok(text) => {
            let text = text
                .strip_prefix('\u{feff}')
                .map(str::to_owned)
                .unwrap_or(text);
            Ok(Source::new(path, text))
        }
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            Err(Box::new(not_utf8(path, &bytes, at)))
        }
    }
}

fn is_utf16(bytes: &[u8]) -> bool {
    let marked = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    // A manifest begins with an ASCII character: beside it, UTF-16 has a zero byte.
    let wide = matches!(bytes, [0, first, ..] | [first, 0, ..] if *first != 0);
    marked || wide
}

/// The problem for text that is not UTF-8, at its first wrong byte `at`.
fn not_utf8(path: &Path, bytes: &[u8], at: usize) -> Problem {
    let start = bytes[..at]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1);
    let before = String::from_utf8_lossy(&bytes[..at]).into_owned();
    let rest = String::from_utf8_lossy(&bytes[at..]).into_owned();
    // The source shown is the text with U+FFFD for the wrong bytes; the first of them is marked.
    let span = before.len()..before.len() + '\u{fffd}'.len_utf8();
    let place = Place::Source {
        source: Arc::new(Source::new(path, before + &rest)),
        span,
    };
    let byte = bytes.get(at).copied().unwrap_or_default();
    let column = at - start + 1;
    let in_windows_1252 = match byte {
        0xA0..=0xFF => format!(", which is `{}` in Windows-1252", char::from(byte)),
        _ => String::new(),
    };
    Problem::error(place, "the file is not UTF-8")
        .with_cause(format!(
            "byte {column} of the line is {byte:02X}{in_windows_1252}"
        ))
        .with_hint("save it as UTF-8")
}
