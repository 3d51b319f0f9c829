//! Which encoding a file is in, and the file as UTF-8.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};

/// How much is read at a time, in bytes.
pub(super) const CHUNK: usize = 1 << 16;

/// A file as a stream of UTF-8, without a byte order mark. Files in UTF-8 come through as they are, so that a wrong byte can be told of.
pub(super) type Decoded = DecodeReaderBytes<File, Vec<u8>>;

/// What the beginning of a file says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileStart {
    /// Nothing at all.
    Empty,
    /// A workbook as a spreadsheet program saves it, not text.
    Workbook,
    /// Text with a byte order mark.
    Marked(&'static Encoding),
    /// UTF-16 without a mark: every second byte is zero.
    Utf16WithoutMark(&'static Encoding),
    /// Text that does not say what it is.
    Unmarked,
}

/// Looks at the first bytes.
pub(super) fn file_start(file: &mut File) -> io::Result<FileStart> {
    let mut start = Vec::with_capacity(CHUNK);
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(CHUNK as u64).read_to_end(&mut start)?;
    if start.is_empty() {
        return Ok(FileStart::Empty);
    }
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"\xD0\xCF\x11\xE0") {
        return Ok(FileStart::Workbook);
    }
    if let Some((encoding, _)) = Encoding::for_bom(&start) {
        return Ok(FileStart::Marked(encoding));
    }
    Ok(utf16_by_zeros(&start).map_or(FileStart::Unmarked, FileStart::Utf16WithoutMark))
}

/// UTF-16 by its zeros: the upper half of nearly every European letter is zero, the lower half never is.
fn utf16_by_zeros(start: &[u8]) -> Option<&'static Encoding> {
    let (mut first, mut second) = (0, 0);
    for pair in start.as_chunks::<2>().0 {
        first += usize::from(pair[0] == 0);
        second += usize::from(pair[1] == 0);
    }
    let pairs = start.len() / 2;
    let (many, few) = (pairs / 2, pairs / 10);
    if second > many && first <= few {
        Some(UTF_16LE)
    } else if first > many && second <= few {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// The encoding of text without a mark, from all of its bytes; `None` when it is none of those that are found out.
///
/// A prefix is not enough: a list of organisations may well be ASCII for a megabyte before the first `Ø`.
pub(super) fn detect_without_mark(file: &mut File) -> io::Result<Option<&'static Encoding>> {
    file.seek(SeekFrom::Start(0))?;
    let evidence = Utf8Evidence::read(file)?;
    Ok(
        if evidence.wrong == 0 || evidence.letters > evidence.wrong {
            // A UTF-8 file with a few broken places stays UTF-8: its rows say where.
            Some(UTF_8)
        } else if evidence.undefined > 0 {
            None
        } else {
            Some(WINDOWS_1252)
        },
    )
}

/// Whether a file marked as one encoding may be called another: `utf-16` is said of both kinds.
pub(super) fn is_compatible(marked: &'static Encoding, set: &'static Encoding) -> bool {
    marked == set || (marked == UTF_16BE && set == UTF_16LE)
}

/// The whole file as UTF-8.
pub(super) fn decoded(mut file: File, encoding: &'static Encoding) -> io::Result<Decoded> {
    file.seek(SeekFrom::Start(0))?;
    let mut builder = DecodeReaderBytesBuilder::new();
    if encoding == UTF_8 {
        builder.utf8_passthru(true).strip_bom(true);
    } else {
        builder.encoding(Some(encoding));
    }
    builder.build_with_buffer(file, vec![0; CHUNK])
}

/// Evidence for and against UTF-8 and Windows-1252.
#[derive(Debug, Default)]
struct Utf8Evidence {
    /// Letters beyond ASCII that are right in UTF-8.
    letters: usize,
    /// Places that are wrong in UTF-8.
    wrong: usize,
    /// Bytes in those places that stand for nothing in Windows-1252.
    undefined: usize,
}

impl Utf8Evidence {
    fn read(file: &mut File) -> io::Result<Self> {
        let mut evidence = Self::default();
        let mut buffer = vec![0; CHUNK];
        let mut kept = 0;
        loop {
            let read = match file.read(&mut buffer[kept..]) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = kept + read;
            let cut = evidence.add(&buffer[..end]);
            if read == 0 {
                // A letter that is cut by the end of the file is wrong as well.
                evidence.wrong += usize::from(cut > 0);
                return Ok(evidence);
            }
            buffer.copy_within(end - cut..end, 0);
            kept = cut;
        }
    }

    /// Counts a piece; says how many bytes at its end belong to a letter that goes on in the next piece.
    fn add(&mut self, mut piece: &[u8]) -> usize {
        loop {
            let (valid, wrong) = match std::str::from_utf8(piece) {
                Ok(_) => (piece.len(), None),
                Err(error) => (error.valid_up_to(), Some(error.error_len())),
            };
            let (right, rest) = piece.split_at(valid);
            self.letters += right.iter().filter(|byte| **byte >= 0xC0).count();
            match wrong {
                None => return 0,
                Some(None) => return rest.len(),
                Some(Some(length)) => {
                    let (bad, after) = rest.split_at(length);
                    self.wrong += 1;
                    self.undefined += bad
                        .iter()
                        .filter(|byte| matches!(byte, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D))
                        .count();
                    piece = after;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn found(bytes: &[u8]) -> Option<&'static str> {
        detect_without_mark(&mut file(bytes))
            .unwrap()
            .map(Encoding::name)
    }

    #[test]
    fn the_beginning_tells_marks_workbooks_and_utf_16() {
        let said = |bytes: &[u8]| file_start(&mut file(bytes)).unwrap();
        assert_eq!(said(b""), FileStart::Empty);
        assert_eq!(said(b"PK\x03\x04rest"), FileStart::Workbook);
        assert_eq!(said(b"\xEF\xBB\xBFa"), FileStart::Marked(UTF_8));
        assert_eq!(said(b"\xFF\xFEa\0"), FileStart::Marked(UTF_16LE));
        assert_eq!(
            said(b"N\0a\0v\0n\0\n\0"),
            FileStart::Utf16WithoutMark(UTF_16LE)
        );
        assert_eq!(
            said(b"\0N\0a\0v\0n\0\n"),
            FileStart::Utf16WithoutMark(UTF_16BE)
        );
        assert_eq!(said(b"Navn\n"), FileStart::Unmarked);
        assert_eq!(said(b"Na\0vn\n"), FileStart::Unmarked);
    }

    #[test]
    fn utf_8_is_strict_and_windows_1252_is_what_is_left() {
        assert_eq!(found(b"Navn\nOla\n"), Some("UTF-8"));
        assert_eq!(found("Navn\nKåre Åsæther\n".as_bytes()), Some("UTF-8"));
        assert_eq!(
            found(b"Navn\nK\xE5re \xC5s\xE6ther\n"),
            Some("windows-1252")
        );
    }

    #[test]
    fn the_first_letter_may_come_late() {
        let mut bytes = vec![b'a'; 3 * CHUNK];
        bytes.extend(b"\xF8\n");
        assert_eq!(found(&bytes), Some("windows-1252"));
        let mut bytes = vec![b'a'; CHUNK - 1];
        bytes.extend("ø\n".as_bytes());
        assert_eq!(found(&bytes), Some("UTF-8"));
    }

    #[test]
    fn a_broken_place_does_not_make_utf_8_something_else() {
        assert_eq!(found(b"\xC3\xA5\xC3\xB8 \xE5\n"), Some("UTF-8"));
    }

    #[test]
    fn bytes_that_mean_nothing_are_not_guessed_at() {
        // `Å` of the old DOS code page 850.
        assert_eq!(found(b"Navn\n\x8Fse\n"), None);
    }
}
