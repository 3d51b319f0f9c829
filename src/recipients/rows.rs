//! An open recipients file, row by row.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord};
use encoding_rs::Encoding;

use super::dialect::{Delimiter, Dialect};
use super::encoding::{self, CHUNK, Decoded, FileStart};
use super::guard::{Ending, Guard};
use super::header;
use super::read_error::ReadError;
use super::row::Row;
use crate::diagnostic::{Place, Problem, Problems};

/// How many bytes one row may have.
pub const ROW_LIMIT: usize = 1 << 20;

/// What the manifest says about the file; what it does not say is found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The encoding by a name that browsers know, such as `utf-8`, `windows-1252` or `utf-16`.
    pub encoding: Option<String>,
    /// `comma`, `semicolon`, `tab` or `pipe`, or the character itself.
    pub delimiter: Option<String>,
}

/// An open recipients file: its header, and then its rows one at a time.
pub struct Rows {
    reader: Reader<Guard<Decoded>>,
    file: PathBuf,
    headers: Vec<String>,
    dialect: Dialect,
    number: u64,
    ended: bool,
}

impl Rows {
    /// Opens a file, finds out what `options` do not say, and reads the header. `display_path` is the path for problems: as the person wrote it.
    pub fn open(path: &Path, display_path: &Path, options: &Options) -> Result<Self, Problems> {
        let on_whole =
            |problem: ReadError| Problems::from(problem.at(Place::File(display_path.to_owned())));
        let mut file = open_file(path).map_err(on_whole)?;
        let encoding = detect_encoding(&mut file, options).map_err(on_whole)?;
        let (start, whole) = read_start(&file, encoding).map_err(on_whole)?;
        let delimiter = match options.delimiter.as_deref() {
            None => Delimiter::detect(&start, whole),
            Some(name) => Delimiter::from_name(name).ok_or_else(|| {
                on_whole(ReadError::new(
                    format!("there is no delimiter `{name}`"),
                    "set `delimiter` to `comma`, `semicolon`, `tab` or `pipe`",
                ))
            })?,
        };
        let cr_ends_lines = !start.contains(&b'\n') && start.contains(&b'\r');
        let decoded = encoding::decoded(file, encoding)
            .map_err(|error| on_whole(ReadError::unreadable(&error)))?;
        let mut rows = Self {
            reader: ReaderBuilder::new()
                .delimiter(delimiter.byte())
                .has_headers(false)
                .flexible(true)
                // Records that end at the line feed have lines that can be counted; what is left of CR LF `Row` takes off.
                .terminator(csv::Terminator::Any(b'\n'))
                .buffer_capacity(CHUNK)
                .from_reader(Guard::new(decoded, cr_ends_lines)),
            file: display_path.to_owned(),
            headers: Vec::new(),
            dialect: Dialect {
                encoding,
                encoding_set: options.encoding.is_some(),
                delimiter,
                delimiter_set: options.delimiter.is_some(),
            },
            number: 0,
            ended: false,
        };
        rows.read_header(Delimiter::from_sep_line(&start).is_some())?;
        Ok(rows)
    }

    /// The names of the columns, trimmed and unique.
    pub fn headers(&self) -> &[String] {
        &self.headers
    }

    /// How the file is written.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// Reads the next row into `row`; `None` at the end. A row that cannot be used is a problem, and the next call goes on with the row after it.
    pub fn read(&mut self, row: &mut Row) -> Option<Result<(), Problem>> {
        loop {
            match self.record(row)? {
                Err(problem) => return Some(Err(problem)),
                Ok(()) if is_blank(row) => {}
                Ok(()) => break,
            }
        }
        self.number += 1;
        row.number = self.number;
        Some(
            self.check_width(row)
                .map_err(|read_error| read_error.at(self.place(row.line, Some(row.number)))),
        )
    }

    /// The next record, blank or not, with its line.
    fn record(&mut self, row: &mut Row) -> Option<Result<(), Problem>> {
        if self.ended {
            return None;
        }
        self.reader.get_mut().allow(ROW_LIMIT);
        let before = self.reader.position().line();
        let mut bytes = std::mem::take(&mut row.record).into_byte_record();
        let read = self.reader.read_byte_record(&mut bytes);
        if let Err(error) = read {
            self.ended = true;
            let read_error = if self.reader.get_ref().is_spent() {
                ReadError::endless()
            } else {
                ReadError::broken(&error)
            };
            return Some(Err(read_error.at(self.place(before, None))));
        }
        let ending = Ending::of(bytes.as_slice());
        // A record ends with a line feed, so that the reader stands on the line after it; one that is cut by the end of the file does not.
        let past = u64::from(ending != Ending::Open);
        row.line = (self.reader.position().line())
            .saturating_sub(past + count_line_breaks(bytes.as_slice()));
        match ending {
            Ending::Clean => {
                self.ended = true;
                return None;
            }
            Ending::Open => {
                self.ended = true;
                let open = bytes.len().saturating_sub(1);
                let closed: u64 = bytes.iter().take(open).map(count_line_breaks).sum();
                return Some(Err(
                    ReadError::open_quote().at(self.place(row.line + closed, None))
                ));
            }
            Ending::None => {}
        }
        let text = StringRecord::from_byte_record(bytes);
        Some(match text {
            Ok(record) => {
                row.width = record.len();
                row.record = record;
                Ok(())
            }
            Err(error) => {
                self.number += 1;
                row.number = self.number;
                Err(self.not_utf8(&error.into_byte_record(), row.line))
            }
        })
    }

    fn read_header(&mut self, from_sep_line: bool) -> Result<(), Problems> {
        let mut row = Row::default();
        let mut skip = from_sep_line;
        loop {
            match self.record(&mut row) {
                None => {
                    return Err(ReadError::new(
                        "the file holds no header",
                        "its first line must hold the names of the columns",
                    )
                    .at(Place::File(self.file.clone()))
                    .into());
                }
                Some(Err(problem)) => return Err(problem.into()),
                Some(Ok(())) if is_blank(&row) => {}
                Some(Ok(())) if skip => skip = false,
                Some(Ok(())) => break,
            }
        }
        let place = || self.place(row.line, None);
        if let Err(read_error) = check_characters(&row) {
            return Err(read_error.at(place()).into());
        }
        self.headers = header::column_names(&row).map_err(|wrong| {
            wrong
                .into_iter()
                .map(|wrong| Problem::error(place(), wrong.message).with_hint(wrong.hint))
                .collect::<Problems>()
        })?;
        Ok(())
    }

    /// Whether a row has a value for each column and no more.
    fn check_width(&self, row: &mut Row) -> Result<(), ReadError> {
        check_characters(row)?;
        let columns = self.headers.len();
        let found = row.width;
        let extra = (columns..found).any(|column| {
            !row.get(column)
                .trim_matches(header::is_invisible)
                .is_empty()
        });
        if found < columns || extra {
            let breaks = count_line_breaks(row.record.as_slice().as_bytes());
            return Err(ReadError::width(columns, found, row.line, breaks));
        }
        row.width = columns;
        Ok(())
    }

    fn not_utf8(&self, bytes: &ByteRecord, line: u64) -> Problem {
        let column = bytes
            .iter()
            .position(|value| std::str::from_utf8(value).is_err())
            .and_then(|column| self.headers.get(column));
        let place = Place::Row {
            file: self.file.clone(),
            row: Some(self.number),
            line,
            columns: column.cloned().into_iter().collect(),
        };
        let origin = if self.dialect.encoding_set {
            "`encoding` says"
        } else {
            "the rest of the file is"
        };
        Problem::error(place, format!("the row is not UTF-8, which {origin}"))
            .with_hint("save the file as \u{ab}CSV UTF-8\u{bb}, or set `encoding` in the manifest: `encoding: windows-1252` is what Excel writes")
    }

    fn place(&self, line: u64, row: Option<u64>) -> Place {
        Place::Row {
            file: self.file.clone(),
            row,
            line,
            columns: Vec::new(),
        }
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("file", &self.file)
            .field("headers", &self.headers)
            .field("dialect", &self.dialect)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Opens a regular file.
fn open_file(path: &Path) -> Result<File, ReadError> {
    let file = File::open(path).map_err(|error| ReadError::unreadable(&error))?;
    let kind = file
        .metadata()
        .map_err(|error| ReadError::unreadable(&error))?;
    if kind.is_file() {
        Ok(file)
    } else {
        Err(ReadError::new("it is not a file", "name a CSV file"))
    }
}

/// The encoding as set, as marked, or as found out.
fn detect_encoding(file: &mut File, options: &Options) -> Result<&'static Encoding, ReadError> {
    let set = options.encoding.as_deref().map(|name| {
        Encoding::for_label_no_replacement(name.as_bytes()).ok_or_else(|| {
            ReadError::new(
                format!("there is no encoding `{name}`"),
                "set `encoding` to `utf-8`, `windows-1252` or `utf-16`",
            )
        })
    });
    let set = set.transpose()?;
    let beginning = encoding::file_start(file).map_err(|error| ReadError::unreadable(&error))?;
    match (beginning, set) {
        (FileStart::Empty, _) => Err(ReadError::new(
            "the file is empty",
            "its first line must hold the names of the columns",
        )),
        (FileStart::Workbook, _) => Err(ReadError::new(
            "the file is an Excel workbook, not CSV",
            "save it as \u{ab}CSV UTF-8\u{bb} in the spreadsheet program",
        )),
        (FileStart::Marked(marked), Some(set)) if !encoding::is_compatible(marked, set) => {
            Err(ReadError::new(
                format!(
                    "the file says that it is {}, not {}",
                    marked.name(),
                    set.name()
                ),
                "take `encoding` out of the manifest: it is found out",
            ))
        }
        (FileStart::Marked(encoding), _)
        | (_, Some(encoding))
        | (FileStart::Utf16WithoutMark(encoding), None) => Ok(encoding),
        (FileStart::Unmarked, None) => encoding::detect_without_mark(file)
            .map_err(|error| ReadError::unreadable(&error))?
            .ok_or_else(|| {
                ReadError::new(
                    "the file is neither UTF-8 nor Windows-1252",
                    "save it as \u{ab}CSV UTF-8\u{bb}, or set `encoding` in the manifest",
                )
            }),
    }
}

/// The first bytes as UTF-8, and whether they are all there is.
fn read_start(file: &File, encoding: &'static Encoding) -> Result<(Vec<u8>, bool), ReadError> {
    let read = || -> io::Result<Vec<u8>> {
        let mut start = Vec::with_capacity(CHUNK);
        encoding::decoded(file.try_clone()?, encoding)?
            .take(CHUNK as u64)
            .read_to_end(&mut start)?;
        Ok(start)
    };
    let start = read().map_err(|error| ReadError::unreadable(&error))?;
    let whole = start.len() < CHUNK;
    Ok((start, whole))
}

/// How many line breaks there are inside a value.
fn count_line_breaks(value: &[u8]) -> u64 {
    if value.contains(&b'\n') {
        value.iter().map(|byte| u64::from(*byte == b'\n')).sum()
    } else {
        0
    }
}

/// Whether nothing can be seen in a row: a blank line, or one of delimiters alone.
fn is_blank(row: &Row) -> bool {
    row.record
        .as_slice()
        .trim_start_matches(header::is_invisible)
        .is_empty()
}

/// Whether a row is free of characters that no text has.
fn check_characters(row: &Row) -> Result<(), ReadError> {
    let text = row.record.as_slice();
    if text.as_bytes().contains(&0) {
        return Err(ReadError::new(
            "the row holds a zero character, which no text has",
            "the file is damaged or in another encoding: save it again as \u{ab}CSV UTF-8\u{bb}",
        ));
    }
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err(ReadError::new(
            "the row holds `\u{fffd}`, which stands for a letter that was lost",
            "save the file again from where it came from, as \u{ab}CSV UTF-8\u{bb}",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// What came out of a file: each row's line and values, or the problem's line and message.
    type Read = Result<(u64, Vec<String>), (u64, String)>;

    fn open(bytes: &[u8], options: &Options) -> Result<Rows, Problems> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        Rows::open(file.path(), Path::new("rows.csv"), options)
    }

    fn line_of(problem: &Problem) -> u64 {
        match &problem.place {
            Place::Row { line, .. } => *line,
            _ => 0,
        }
    }

    fn read(rows: &mut Rows) -> Vec<Read> {
        let mut row = Row::default();
        let mut all = Vec::new();
        while let Some(read) = rows.read(&mut row) {
            all.push(match read {
                Ok(()) => Ok((row.line, row.iter().map(str::to_owned).collect())),
                Err(problem) => Err((line_of(&problem), problem.message)),
            });
        }
        all
    }

    fn all(bytes: &[u8]) -> Vec<Read> {
        read(&mut open(bytes, &Options::default()).unwrap())
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "it is compared with what was read"
    )]
    fn row(line: u64, values: &[&str]) -> Read {
        Ok((
            line,
            values.iter().map(|value| (*value).to_owned()).collect(),
        ))
    }

    fn refused(bytes: &[u8], options: &Options) -> String {
        let problems = open(bytes, options).unwrap_err();
        problems.iter().next().unwrap().message.clone()
    }

    fn utf16le(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    const TEXT: &str = "Fødselsnummer;Navn;Beløp;Språk\r\n07827199405;Kåre Åsæther;1 250,50;nb\r\n26818099001;\"Niillas; Čállán\";0,00;\r\n";

    #[test]
    fn the_same_rows_come_out_of_every_encoding() {
        let wide = TEXT.replace('Č', "C");
        let cp1252: Vec<u8> = wide
            .chars()
            .map(|letter| u8::try_from(letter).unwrap())
            .collect();
        let marked = |mark: &[u8], text: Vec<u8>| [mark, &text].concat();
        let big: Vec<u8> = wide.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (bytes, name) in [
            (wide.clone().into_bytes(), "UTF-8, semicolon (found out)"),
            (
                marked(b"\xEF\xBB\xBF", wide.clone().into_bytes()),
                "UTF-8, semicolon (found out)",
            ),
            (cp1252, "Windows-1252, semicolon (found out)"),
            (
                marked(b"\xFF\xFE", utf16le(&wide)),
                "UTF-16LE, semicolon (found out)",
            ),
            (utf16le(&wide), "UTF-16LE, semicolon (found out)"),
            (marked(b"\xFE\xFF", big), "UTF-16BE, semicolon (found out)"),
        ] {
            let mut rows = open(&bytes, &Options::default()).unwrap();
            assert_eq!(rows.dialect().to_string(), name);
            assert_eq!(rows.headers(), ["Fødselsnummer", "Navn", "Beløp", "Språk"]);
            assert_eq!(
                read(&mut rows),
                [
                    row(2, &["07827199405", "Kåre Åsæther", "1 250,50", "nb"]),
                    row(3, &["26818099001", "Niillas; Cállán", "0,00", ""]),
                ]
            );
        }
    }

    #[test]
    fn tabs_and_commas_are_found_out() {
        assert_eq!(all(b"a\tb\n1,5\t2\n"), [row(2, &["1,5", "2"])]);
        assert_eq!(all(b"a,b\n\"1,5\",2\n"), [row(2, &["1,5", "2"])]);
    }

    #[test]
    fn lines_are_counted_through_blank_lines_and_quoted_breaks() {
        for end in ["\n", "\r\n"] {
            let text =
                "a;b\n1;2\n\n\n3;\"x\ny\nz\"\n  \n;;\n5;6\n\"\n\";8\n9;10\n".replace('\n', end);
            let rows = all(text.as_bytes());
            let lines: Vec<u64> = rows.iter().map(|read| read.as_ref().unwrap().0).collect();
            assert_eq!(lines, [2, 5, 10, 11, 13], "{end:?}");
            let broken = format!("x{end}y{end}z");
            assert_eq!(rows[1], row(5, &["3", &broken]));
        }
    }

    #[test]
    fn lines_of_old_macs_end_with_a_return() {
        assert_eq!(
            all(b"a;b\r1;2\r\r3;4"),
            [row(2, &["1", "2"]), row(4, &["3", "4"])]
        );
    }

    #[test]
    fn empty_columns_and_lines_at_the_end_are_dropped() {
        assert_eq!(
            all(b"a;b;;\r\n1;2;;\r\n3;4\r\n;;;\r\n\r\n\r\n"),
            [row(2, &["1", "2"]), row(3, &["3", "4"])]
        );
    }

    #[test]
    fn short_and_long_rows_are_told_of_and_reading_goes_on() {
        let rows = all(b"a;b\n1\n1;2;3\n\n1;2\n");
        assert_eq!(
            rows,
            [
                Err((
                    2,
                    "the row has 1 value, but the header has 2 columns".to_owned()
                )),
                Err((
                    3,
                    "the row has 3 values, but the header has 2 columns".to_owned()
                )),
                row(5, &["1", "2"]),
            ]
        );
    }

    #[test]
    fn rows_are_numbered_from_the_header_and_blank_lines_are_not_rows() {
        let mut rows = open(b"a\n1\n\nx;y\n2\n", &Options::default()).unwrap();
        let mut row = Row::default();
        let mut numbers = Vec::new();
        while rows.read(&mut row).is_some() {
            numbers.push((row.number, row.line));
        }
        assert_eq!(numbers, [(1, 2), (2, 4), (3, 5)]);
    }

    #[test]
    fn a_line_for_excel_is_not_a_header() {
        let mut rows = open(b"sep=,\r\na,b\r\n1,2\r\n", &Options::default()).unwrap();
        assert_eq!(rows.headers(), ["a", "b"]);
        assert_eq!(read(&mut rows), [row(3, &["1", "2"])]);
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_is_found() {
        let rows = all(b"a;b\n1;2\n3;\"4\n5;6\n");
        assert_eq!(rows[0], row(2, &["1", "2"]));
        let (line, message) = rows[1].clone().unwrap_err();
        assert_eq!(line, 3);
        assert!(
            message.starts_with("a quotation mark is never closed"),
            "{message}"
        );
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn a_row_without_end_stops_reading() {
        let mut bytes = b"a;b\n1;\"2\n".to_vec();
        bytes.extend(vec![b'x'; 3 * ROW_LIMIT]);
        let rows = all(&bytes);
        assert_eq!(rows.len(), 1);
        let (line, message) = rows[0].clone().unwrap_err();
        assert_eq!(line, 2);
        assert!(message.contains("more than 1048576 bytes"), "{message}");
    }

    #[test]
    fn rows_of_another_encoding_are_told_of_with_their_column() {
        let bytes = b"Navn;By\nK\xC3\xA5re;Bod\xC3\xB8\nP\xE5l;Oslo\nKari;Oslo\n";
        let mut rows = open(bytes, &Options::default()).unwrap();
        let mut into = Row::default();
        assert!(rows.read(&mut into).unwrap().is_ok());
        let problem = rows.read(&mut into).unwrap().unwrap_err();
        assert_eq!(problem.place.to_string(), "rows.csv:3 (column Navn)");
        assert!(problem.hint.unwrap().contains("`encoding`"));
        assert!(rows.read(&mut into).unwrap().is_ok());
        assert_eq!(into.number, 3);
    }

    #[test]
    fn characters_that_no_text_has_are_refused() {
        let rows = all("a;b\n1\0;2\n\u{fffd};2\n1;2\n".as_bytes());
        assert!(rows[0].as_ref().unwrap_err().1.contains("zero character"));
        assert!(
            rows[1]
                .as_ref()
                .unwrap_err()
                .1
                .contains("letter that was lost")
        );
        assert_eq!(rows[2], row(4, &["1", "2"]));
    }

    #[test]
    fn what_is_set_is_not_guessed() {
        let options = Options {
            encoding: Some("latin1".to_owned()),
            delimiter: Some("comma".to_owned()),
        };
        let mut rows = open("a,b;c\nå,2\n".as_bytes(), &options).unwrap();
        assert_eq!(rows.dialect().to_string(), "Windows-1252, comma (as set)");
        assert_eq!(rows.headers(), ["a", "b;c"]);
        assert_eq!(read(&mut rows), [row(2, &["Ã¥", "2"])]);
    }

    #[test]
    fn files_that_are_no_list_are_refused() {
        let none = Options::default();
        assert_eq!(refused(b"", &none), "the file is empty");
        assert_eq!(refused(b"\n \n", &none), "the file holds no header");
        assert_eq!(
            refused(b"PK\x03\x04x", &none),
            "the file is an Excel workbook, not CSV"
        );
        assert_eq!(
            refused(b"a\n\x8F\n", &none),
            "the file is neither UTF-8 nor Windows-1252"
        );
        assert_eq!(
            refused(b"a;a\n", &none),
            "columns 1 and 2 have the same name `a`"
        );
        let utf8 = Options {
            encoding: Some("windows-1252".to_owned()),
            delimiter: None,
        };
        assert_eq!(
            refused(b"\xEF\xBB\xBFa\n", &utf8),
            "the file says that it is UTF-8, not windows-1252"
        );
        let wrong = Options {
            encoding: None,
            delimiter: Some("colon".to_owned()),
        };
        assert_eq!(refused(b"a\n", &wrong), "there is no delimiter `colon`");
        let missing = Rows::open(Path::new("/nowhere.csv"), Path::new("nowhere.csv"), &none);
        let problems = missing.unwrap_err();
        assert_eq!(
            problems.iter().next().unwrap().message,
            "the recipients file cannot be read"
        );
    }
}
