//! The detection of a file's encoding, and its conversion to UTF-8.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek, SeekFrom};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use encoding_rs_io::DecodeReaderBytesBuilder;
use oem_cp::decode_string_complete_table;

use super::charset::{Charset, LetterCount, best_of};

pub(super) const CHUNK: usize = 1 << 16;

/// A file as a stream of UTF-8 without a byte order mark. UTF-8 files pass through unchanged, so that an invalid byte can be reported with its row.
pub(super) type Decoded = Box<dyn Read + Send>;

/// The first bytes of files that are no texts, and what such a file is.
const FOREIGN: [(&[u8], &str); 7] = [
    (b"PK\x03\x04", "an Excel workbook"),
    (b"\xD0\xCF\x11\xE0", "an Excel workbook"),
    (b"\x09\x08", "an Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "a document (RTF)"),
    (b"\x1F\x8B", "a compressed file"),
    (b"SQLite format 3", "a database"),
];

pub(super) fn first_bytes(file: &mut File) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(CHUNK);
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(CHUNK as u64).read_to_end(&mut start)?;
    Ok(start)
}

/// The kind of a file that is no text, as messages name it.
pub(super) fn foreign(start: &[u8]) -> Option<&'static str> {
    let known = FOREIGN.iter().find(|(first, _)| start.starts_with(first));
    known.map(|(_, what)| *what)
}

/// Detects UTF-16 by its zeros: the upper byte of nearly every European letter is zero, the lower byte never is.
pub(super) fn utf16_by_zeros(start: &[u8]) -> Option<&'static Encoding> {
    let (mut first, mut second) = (0, 0);
    for pair in start.as_chunks::<2>().0 {
        first += usize::from(pair[0] == 0);
        second += usize::from(pair[1] == 0);
    }
    let pairs = start.len() / 2;
    // Names with letters outside Latin-1 leave some pairs without a zero, hence a half and not all.
    let (many, few) = (pairs / 2, pairs / 10);
    if second > many && first <= few {
        Some(UTF_16LE)
    } else if first > many && second <= few {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// Detects the encoding of text without a byte order mark from all of its bytes; `None` when it fits none of the known ones.
///
/// A prefix is not enough: a list of organisations may well be ASCII for a megabyte before the first `Ø`.
pub(super) fn detect_without_mark(file: &mut File) -> io::Result<Option<Charset>> {
    let (letters, wrong) = utf8_evidence(file)?;
    // A UTF-8 file with a few invalid bytes still counts as UTF-8: the reader reports their rows.
    if wrong == 0 || letters > wrong {
        return Ok(Some(Charset::UTF_8));
    }
    Ok(best_of(&count_letters(file, &Charset::GUESSED)?))
}

/// The encoding that a file certainly has, when it contradicts the configured one; `None` when the configured one is possible.
pub(super) fn contradiction(file: &mut File, set: Charset) -> io::Result<Option<Charset>> {
    if set == Charset::UTF_8 {
        return Ok(None);
    }
    let (letters, wrong) = utf8_evidence(file)?;
    // Text with non-ASCII letters that is valid UTF-8 throughout is practically never in another encoding.
    if letters > 0 && wrong == 0 {
        return Ok(Some(Charset::UTF_8));
    }
    // Plain ASCII is the same in all these encodings, and the letter statistics fit single-byte encodings only.
    if wrong == 0 || !set.is_single_byte() {
        return Ok(None);
    }
    let counts = count_letters(file, &Charset::GUESSED)?;
    let of_set = count_letters(file, &[set])?;
    // Both are needed for a contradiction: another encoding fits, and the configured one does not.
    let better = best_of(&counts).filter(|found| *found != set);
    let doubtful = of_set.iter().any(LetterCount::is_doubtful);
    Ok(better.filter(|_| doubtful))
}

/// The line on which another encoding begins: UTF-8 after another one, or the other way round. `None` when all lines are of one kind; only the first gigabyte is
/// looked at.
pub(super) fn change_of_encoding(file: &mut File) -> io::Result<Option<u64>> {
    file.seek(SeekFrom::Start(0))?;
    let lines = BufReader::with_capacity(CHUNK, file.take(1 << 30)).split(b'\n');
    let mut first = None;
    for (number, line) in (1..).zip(lines) {
        let line = line?;
        let is_utf8 = std::str::from_utf8(&line).is_ok();
        if !line.is_ascii() && *first.get_or_insert(is_utf8) != is_utf8 {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// Counts the letters of a file in each of these encodings.
fn count_letters(file: &mut File, charsets: &[Charset]) -> io::Result<Vec<LetterCount>> {
    let mut counts: Vec<_> = charsets.iter().copied().map(LetterCount::new).collect();
    let (mut before, mut current) = (b' ', b' ');
    let mut judge = |next: u8| {
        if !current.is_ascii() {
            for count in &mut counts {
                count.add(before, current, next);
            }
        }
        (before, current) = (current, next);
    };
    read_pieces(file, |piece| piece.iter().copied().for_each(&mut judge))?;
    // Each byte is judged with its successor; a blank after the end completes the last one.
    judge(b' ');
    Ok(counts)
}

fn read_pieces(file: &mut File, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => take(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Opens the whole file as a stream of UTF-8.
pub(super) fn decoded(mut file: File, charset: Charset) -> io::Result<Decoded> {
    file.seek(SeekFrom::Start(0))?;
    let mut builder = DecodeReaderBytesBuilder::new();
    match charset {
        Charset::Standard(encoding) if encoding == UTF_8 => {
            builder.utf8_passthru(true).strip_bom(true);
        }
        Charset::Standard(encoding) => {
            builder.encoding(Some(encoding));
        }
        Charset::Dos(_, table) => {
            return Ok(Box::new(DosReader {
                file: BufReader::with_capacity(CHUNK, file),
                table,
                text: String::new(),
                given: 0,
            }));
        }
    }
    Ok(Box::new(builder.build_with_buffer(file, vec![0; CHUNK])?))
}

/// A reader that converts an MS-DOS code page to UTF-8, because `encoding_rs` knows none of them.
struct DosReader {
    file: BufReader<File>,
    table: &'static [char; 128],
    /// The converted text, of which `given` bytes have been returned.
    text: String,
    given: usize,
}

impl Read for DosReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.text.len() {
            let bytes = self.file.fill_buf()?;
            self.text = decode_string_complete_table(bytes, self.table);
            self.given = 0;
            let read = bytes.len();
            self.file.consume(read);
        }
        let mut rest = self.text.as_bytes().get(self.given..).unwrap_or_default();
        let given = rest.read(buffer)?;
        self.given += given;
        Ok(given)
    }
}

/// The number of valid non-ASCII letters of UTF-8 in a file, and the number of invalid sequences.
fn utf8_evidence(file: &mut File) -> io::Result<(usize, usize)> {
    let (mut letters, mut wrong) = (0, 0);
    // The bytes at the end of a piece that belong to a letter that continues in the next one.
    let mut cut = Vec::new();
    read_pieces(file, |piece| {
        let piece = match cut.as_slice() {
            [] => Cow::Borrowed(piece),
            cut => Cow::Owned([cut, piece].concat()),
        };
        let mut rest = &*piece;
        loop {
            let (valid, invalid) = match std::str::from_utf8(rest) {
                Ok(_) => (rest.len(), None),
                Err(error) => (error.valid_up_to(), error.error_len()),
            };
            // Lead bytes of sequences of two and more bytes begin at 0xC0.
            let right = rest[..valid].iter();
            letters += right.filter(|byte| **byte >= 0xC0).count();
            rest = &rest[valid..];
            let Some(invalid) = invalid else { break };
            wrong += 1;
            rest = &rest[invalid..];
        }
        rest.clone_into(&mut cut);
    })?;
    // A letter cut off by the end of the file is invalid too.
    Ok((letters, wrong + usize::from(!cut.is_empty())))
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
        let found = detect_without_mark(&mut file(bytes)).unwrap();
        found.map(Charset::name)
    }

    #[test]
    fn the_beginning_tells_marks_workbooks_and_utf_16() {
        for bytes in [&b""[..], b"Navn\n", b"Na\0vn\n"] {
            assert_eq!((foreign(bytes), utf16_by_zeros(bytes)), (None, None));
        }
        assert_eq!(foreign(b"PK\x03\x04\0\0"), Some("an Excel workbook"));
        assert_eq!(utf16_by_zeros(b"N\0a\0v\0n\0"), Some(UTF_16LE));
        assert_eq!(utf16_by_zeros(b"\0N\0a\0v\0n"), Some(UTF_16BE));
    }

    #[test]
    fn utf_8_is_strict_and_windows_1252_is_what_is_left() {
        assert_eq!(found(b"Navn\nOla\n"), Some("UTF-8"));
        assert_eq!(found("Navn\nKåre Åsæther\n".as_bytes()), Some("UTF-8"));
        assert_eq!(
            found(b"Navn\nK\xE5re \xC5s\xE6ther\n"),
            Some("Windows-1252")
        );
    }

    #[test]
    fn the_first_letter_may_come_late() {
        let mut bytes = vec![b'a'; 3 * CHUNK];
        bytes.extend(b"\xF8\n");
        assert_eq!(found(&bytes), Some("Windows-1252"));
        let mut bytes = vec![b'a'; CHUNK - 1];
        bytes.extend("ø\n".as_bytes());
        assert_eq!(found(&bytes), Some("UTF-8"));
    }

    #[test]
    fn a_broken_place_does_not_make_utf_8_something_else() {
        assert_eq!(found(b"\xC3\xA5\xC3\xB8 \xE5\n"), Some("UTF-8"));
    }

    #[test]
    fn encodings_of_dos_and_old_macs_are_known_by_their_letters_in_words() {
        const PEOPLE: &str =
            "fnr;navn\r\n1;Kåre Gaup\r\n2;Sæbjørg Åsæther\r\n3;Øyvind Bodø\r\n4;Jorunn Å\r\n";
        for name in ["cp850", "cp865", "macintosh", "windows-1252"] {
            let charset = Charset::from_label(name).unwrap();
            for line in PEOPLE.lines().skip(1).chain([PEOPLE]) {
                let bytes = charset.encoded(line).unwrap();
                let expected = if name == "cp865" {
                    "CP850"
                } else {
                    charset.name()
                };
                assert_eq!(found(&bytes), Some(expected), "{name} {line}");
                let mut text = String::new();
                let charset = Charset::from_label(expected).unwrap();
                let mut decoded = decoded(file(&bytes), charset).unwrap();
                decoded.read_to_string(&mut text).unwrap();
                assert_eq!(text, line, "{name}");
            }
        }
    }

    #[test]
    fn the_last_letter_of_a_word_tells_dos_from_windows() {
        let dos = |text: &str| Charset::from_label("cp850").unwrap().encoded(text).unwrap();
        for text in ["1;André Lie\n", "1;Lie, André;2\n", "1;Renée\n", "André"] {
            assert_eq!(found(&dos(text)), Some("CP850"), "{text}");
        }
        let windows = Charset::from_label("windows-1252").unwrap();
        for text in ["1;André ‚Andy‘ Lie\n", "„Hei“ sa Kåre\n"] {
            let bytes = windows.encoded(text).unwrap();
            assert_eq!(found(&bytes), Some("Windows-1252"), "{text}");
        }
    }

    #[test]
    fn marks_and_quotes_of_windows_are_not_letters_of_another_encoding() {
        for text in [
            "«Navn» koster 5 €, O’Brien – “hei” … Acme™ ½ 20°",
            "‘Hei’ sa Smith’s; Nordlys®; §3",
            "Kåre d’Arc",
        ] {
            let bytes = Charset::from_label("windows-1252")
                .unwrap()
                .encoded(text)
                .unwrap();
            assert_eq!(found(&bytes), Some("Windows-1252"), "{text}");
        }
    }

    #[test]
    fn bytes_that_mean_nothing_are_not_guessed_at() {
        assert_eq!(found(b"navn\na\x81\x8D\x8F\x90\x9D\x01\xFF\xFEb\n"), None);
    }

    #[test]
    fn what_is_set_and_cannot_be_is_found() {
        let against = |bytes: &[u8], set: &str| {
            let set = Charset::from_label(set).unwrap();
            contradiction(&mut file(bytes), set)
                .unwrap()
                .map(Charset::name)
        };
        let dos = Charset::from_label("cp850")
            .unwrap()
            .encoded("K\u{e5}re D\u{e6}hli")
            .unwrap();
        assert_eq!(against(&dos, "windows-1252"), Some("CP850"));
        assert_eq!(against(&dos, "cp865"), None);
        assert_eq!(against("K\u{e5}re".as_bytes(), "cp850"), Some("UTF-8"));
        assert_eq!(against(b"K\xE5re", "windows-1252"), None);
        assert_eq!(against(b"K\xE5re", "iso-8859-15"), None);
        assert_eq!(against(b"Kari", "cp850"), None);
    }
}
