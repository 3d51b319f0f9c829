//! SHA-256 digests: of a letter, of a file, and of everything a mailing is made of.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use aws_lc_rs::digest::{self, Context, SHA256};

use crate::plain_file;

/// A SHA-256 digest, written as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    pub fn sha256(bytes: &[u8]) -> Self {
        digest::digest(&SHA256, bytes).into()
    }

    /// Its first eight bytes as a number: enough to notice a change, not to prove equality.
    pub fn short(self) -> u64 {
        self.0.first_chunk().copied().map_or(0, u64::from_be_bytes)
    }
}

/// Keeps the numbers that equal another one before them, sorted: of 3, 1, 3, 3 the last two. In place: there may be millions.
pub(super) fn keep_repeated(numbers: &mut Vec<u64>) {
    numbers.sort_unstable();
    let mut before = None;
    numbers.retain(|number| before.replace(*number) == Some(*number));
    numbers.shrink_to_fit();
}

/// Digests several parts so that their borders count: `ab` + `c` is not `a` + `bc`.
#[derive(Clone)]
pub(crate) struct Digester(Context);

impl Default for Digester {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Digester").finish_non_exhaustive()
    }
}

impl Digester {
    pub(crate) fn part(&mut self, bytes: &[u8]) -> &mut Self {
        // The length in front of each part marks its border.
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    pub(crate) fn finish(self) -> Digest {
        self.0.finish().into()
    }
}

/// Returns the digest and the length in bytes of a file, which is read once and never whole in memory.
pub(crate) fn digest_file(path: &Path) -> io::Result<(Digest, u64)> {
    let mut sha = Context::new(&SHA256);
    let length = read_in_pieces(path, |piece| sha.update(piece))?;
    Ok((sha.finish().into(), length))
}

/// Reads a file in pieces of 16 KiB, passes each to `take`, and returns the file's length in bytes.
pub(super) fn read_in_pieces(path: &Path, mut take: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut file = plain_file::open(path)?;
    // On the stack: a new buffer for each file costs as much as reading it.
    let mut piece = [0; 16 * 1024];
    let mut length = 0;
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(length);
        }
        take(&piece[..read]);
        length += read as u64;
    }
}

impl From<digest::Digest> for Digest {
    fn from(digest: digest::Digest) -> Self {
        // SHA-256 has 32 bytes.
        Self(digest.as_ref().try_into().unwrap_or_default())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "not a digest: expected `sha256:` and 64 hexadecimal digits".to_owned();
        // As a person copies it from a plan or a report: with the word `plan` in front of it, with the prefix, or bare.
        let text = text.trim();
        let text = text.strip_prefix("plan ").unwrap_or(text).trim_start();
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let pair = &digits[2 * at..2 * at + 2];
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_numbers_are_kept_in_order() {
        for (numbers, repeated) in [
            (vec![], vec![]),
            (vec![1], vec![]),
            (vec![2, 1, 2], vec![2]),
            (vec![3, 1, 3, 2, 1, 3, 4], vec![1, 3, 3]),
        ] {
            let mut kept = numbers.clone();
            keep_repeated(&mut kept);
            assert_eq!(kept, repeated, "{numbers:?}");
        }
    }

    #[test]
    fn a_digest_reads_back_as_it_is_written() {
        let digest = Digest::sha256(b"abc");
        let text = digest.to_string();
        assert!(text.starts_with("sha256:ba7816bf8f01cfea"), "{text}");
        assert_eq!(text.parse(), Ok(digest));
        for copied in [
            &text[7..],
            &format!("plan {text}\n"),
            &text.replace("ba", "BA"),
        ] {
            assert_eq!(copied.parse(), Ok(digest), "{copied}");
        }
        assert!("sha256:ba".parse::<Digest>().is_err());
        assert!(text.replace("ba", "+a").parse::<Digest>().is_err());
    }

    #[test]
    fn the_borders_of_parts_count() {
        let of = |parts: &[&[u8]]| {
            let mut digester = Digester::default();
            for part in parts {
                digester.part(part);
            }
            digester.finish()
        };
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_eq!(of(&[b"ab", b"c"]), of(&[b"ab", b"c"]));
    }
}
