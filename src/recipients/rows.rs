//! The reader of a recipients file: opens it, checks its header and returns its rows.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use super::charset::Charset;
use super::dialect::{Delimiter, Dialect};
use super::encoding::{self, CHUNK, Decoded};
use super::first_records::FirstRecords;
use super::header;
use super::layout;
use super::read_error::{ReadError, read_error};
use super::records::{Record, RecordError, Records};
use super::row::Row;
use crate::correspondence::Recipient;
use crate::diagnostic::{Place, Problem, Problems};
use crate::plain_file;
use crate::text::is_unseen;

/// The settings of the manifest for the file; anything that is not set is detected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// The name of the encoding, such as `utf-8`, `windows-1252` or `utf-16`.
    pub encoding: Option<String>,
    /// The delimiter: `comma`, `semicolon`, `tab`, `pipe`, or the character itself.
    pub delimiter: Option<String>,
    /// True when a file whose first line is a recipient has no header; its columns are then named 1, 2, 3.
    pub bare_list: bool,
}

/// An open recipients file, whose header has been read and whose rows follow one at a time.
pub(crate) struct Rows {
    records: Records<BufReader<Decoded>>,
    record: Record,
    file: PathBuf,
    headers: Vec<String>,
    header_line: Option<u64>,
    dialect: Dialect,
    number: u64,
}

impl Rows {
    /// Opens a file, detects the settings that `options` leave out, and reads the header. `display_path` is the path in problems, as the user wrote it.
    pub(crate) fn open(
        path: &Path,
        display_path: &Path,
        options: &Options,
    ) -> Result<Self, Problems> {
        let on_whole = |error: ReadError| Problems::from(error.in_file(display_path));
        let mut file = open_file(path, options).map_err(on_whole)?;
        let encoding = detect_encoding(&mut file, options).map_err(on_whole)?;
        let (start, whole) = read_start(&file, encoding).map_err(on_whole)?;
        let delimiter = match options.delimiter.as_deref() {
            None => Delimiter::detect(&start, whole),
            Some(name) => Delimiter::from_name(name).ok_or_else(|| {
                on_whole(read_error(
                    format!("there is no delimiter `{name}`"),
                    "set `delimiter` to `comma`, `semicolon`, `tab` or `pipe`",
                ))
            })?,
        };
        // Both checks come before the first record, because otherwise every row would report a consequence.
        let announced = Delimiter::from_sep_line(&start).is_some();
        if let Some(what) = layout::not_delimited(&start) {
            return Err(on_whole(ReadError::foreign(what)));
        }
        if (announced || options.delimiter.is_some())
            && let Some(error) = layout::wrong_delimiter(&start, whole, delimiter)
        {
            return Err(on_whole(error));
        }
        let skip = usize::from(announced);
        let first_records = FirstRecords::read(&start, whole, delimiter.byte(), skip);
        if !options.bare_list
            && let Some(error) =
                layout::wrong_header(&start, whole, skip, delimiter, &first_records)
        {
            return Err(on_whole(error));
        }
        // Old Macs end lines with a carriage return alone.
        let cr_ends_lines = !start.contains(&b'\n') && start.contains(&b'\r');
        let decoded = encoding::decoded(file, encoding).map_err(|error| on_whole(error.into()))?;
        let mut rows = Self {
            records: Records::new(
                BufReader::with_capacity(CHUNK, decoded),
                delimiter.byte(),
                cr_ends_lines,
            ),
            record: Record::default(),
            file: display_path.to_owned(),
            headers: Vec::new(),
            header_line: None,
            dialect: Dialect {
                encoding,
                encoding_set: options.encoding.is_some(),
                delimiter,
                delimiter_set: options.delimiter.is_some(),
            },
            number: 0,
        };
        rows.read_header(announced, options.bare_list, &first_records)?;
        Ok(rows)
    }

    /// The names of the columns, normalised and unique.
    pub(crate) fn headers(&self) -> &[String] {
        &self.headers
    }

    /// The line that the header begins on; `None` for a bare list, whose columns have numbers for names.
    pub(crate) fn header_line(&self) -> Option<u64> {
        self.header_line
    }

    pub(crate) fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// Reads the next row into `row`; `None` at the end. A row that cannot be used is a problem, and the next call continues with the row after it.
    pub(crate) fn read(&mut self, row: &mut Row) -> Option<Result<(), Problem>> {
        loop {
            match self.record(row)? {
                Err(problem) => return Some(Err(problem)),
                Ok(()) if is_blank(row) => {}
                Ok(()) => break,
            }
        }
        self.number += 1;
        row.number = self.number;
        let swallowed = self.swallowed_row(row, Some(self.headers.len()));
        let checked = match swallowed {
            Some(line) => {
                // The problem points to the line of the faulty value, which may be far below the beginning of the row.
                row.line = line;
                Err(ReadError::swallowed_row())
            }
            None => self.check_width(row),
        };
        Some(checked.map_err(|error| error.at(self.place(row.line, Some(row.number), None))))
    }

    /// Reads the next record, blank or not, into `row`; `None` at the end.
    fn record(&mut self, row: &mut Row) -> Option<Result<(), Problem>> {
        // The row lends its buffers to the record, so that values are not copied.
        self.record.text = std::mem::take(&mut row.text).into_bytes();
        std::mem::swap(&mut self.record.ends, &mut row.ends);
        let read = self.records.read(&mut self.record);
        std::mem::swap(&mut self.record.ends, &mut row.ends);
        row.line = self.record.line;
        row.width = row.ends.len();
        let (error, column) = match read {
            Ok(false) => return None,
            Ok(true) => match String::from_utf8(std::mem::take(&mut self.record.text)) {
                Ok(text) => {
                    row.text = text;
                    return Some(Ok(()));
                }
                Err(error) => {
                    let wrong = error.utf8_error().valid_up_to();
                    let column = row.ends.iter().position(|end| *end > wrong);
                    let origin = if self.dialect.encoding_set {
                        "`encoding` says"
                    } else {
                        "the rest of the file is"
                    };
                    let error = read_error(
                        format!("the row is not UTF-8, which {origin}"),
                        "save the file as \u{ab}CSV UTF-8\u{bb}, or set `encoding` in the manifest: `encoding: windows-1252` is what Excel writes",
                    );
                    (error, column)
                }
            },
            Err(RecordError { kind, line }) => {
                row.line = line;
                (ReadError::record(&kind, line), Some(row.ends.len()))
            }
        };
        self.number += 1;
        row.number = self.number;
        Some(Err(error.at(self.place(
            row.line,
            Some(row.number),
            column,
        ))))
    }

    /// Finds a row inside a quoted value of the last record, and returns the line on which that value begins. Reading continues after this line.
    fn swallowed_row(&mut self, row: &Row, columns: Option<usize>) -> Option<u64> {
        if self.record.parts.is_empty() {
            return None;
        }
        let is_recipient = |value: &str| Recipient::parse(value).is_ok();
        let has_recipient = |column| column < row.width && is_recipient(row.get(column).trim());
        let line =
            self.records
                .swallowed_row(&self.record, columns, has_recipient, is_recipient)?;
        self.records.resume_after(line);
        Some(line)
    }

    fn read_header(
        &mut self,
        announced: bool,
        bare_list: bool,
        first_records: &FirstRecords,
    ) -> Result<(), Problems> {
        let mut row = Row::default();
        let mut skip = announced;
        loop {
            match self.record(&mut row) {
                None => {
                    return Err(
                        read_error("the file holds no header", first_line(bare_list))
                            .at(Place::File(self.file.clone()))
                            .into(),
                    );
                }
                Some(Err(problem)) => return Err(problem.into()),
                Some(Ok(())) if is_blank(&row) => {}
                Some(Ok(())) if skip => skip = false,
                Some(Ok(())) => break,
            }
        }
        let place = self.place(row.line, None, None);
        check_characters(&row).map_err(|error| error.at(place.clone()))?;
        if let Some(line) = self.swallowed_row(&row, None) {
            let place = self.place(line, None, None);
            return Err(ReadError::swallowed_row().at(place).into());
        }
        if bare_list && row.iter().any(header::is_recipient) {
            // The line is read again as the first row.
            self.headers = (1..=row.width).map(|column| column.to_string()).collect();
            self.records.resume_after(row.line - 1);
            return Ok(());
        }
        self.header_line = Some(row.line);
        self.headers = header::column_names(&row, first_records).map_err(|wrong| {
            let wrong = wrong.into_iter().map(|error| error.at(place.clone()));
            wrong.collect::<Problems>()
        })?;
        Ok(())
    }

    /// Checks that a row has exactly one value for each column; further empty ones are allowed, because spreadsheets write them.
    fn check_width(&self, row: &mut Row) -> Result<(), ReadError> {
        check_characters(row)?;
        let columns = self.headers.len();
        let found = row.width;
        let extra =
            (columns..found).any(|column| !row.get(column).trim_matches(is_unseen).is_empty());
        if found < columns || extra {
            let breaks = row.text.matches('\n').count() as u64;
            let entity = (0..found)
                .find_map(|column| entity(row.get(column)))
                .filter(|_| self.dialect.delimiter == Delimiter::Semicolon && extra);
            return Err(ReadError::width(columns, found, row.line, breaks, entity));
        }
        row.width = columns;
        Ok(())
    }

    /// A place in the file, in the column with this index.
    fn place(&self, line: u64, row: Option<u64>, column: Option<usize>) -> Place {
        let name = column.and_then(|column| self.headers.get(column));
        Place::Row {
            file: self.file.clone(),
            row,
            line,
            columns: name.cloned().into_iter().collect(),
        }
    }
}

fn open_file(path: &Path, options: &Options) -> Result<File, ReadError> {
    let file = plain_file::open(path)?;
    let (limit, hint) = if options.bare_list {
        (1, "leave one key or recipient in each line")
    } else {
        (10, "divide it, and send a mailing for each part")
    };
    if file.metadata()?.len() > limit * 1_000_000_000 {
        return Err(read_error(
            format!("the file is larger than {limit} GB"),
            hint,
        ));
    }
    Ok(file)
}

/// The hint for a file without any line.
fn first_line(bare_list: bool) -> &'static str {
    if bare_list {
        "write a key or a recipient into each line, or take `exclude` out of the manifest"
    } else {
        "its first line must hold the names of the columns"
    }
}

/// Determines the encoding: as configured, by the byte order mark, or by detection. A configured one that contradicts the bytes is an error.
fn detect_encoding(file: &mut File, options: &Options) -> Result<Charset, ReadError> {
    const SAVE: &str = "save the file as \u{ab}CSV UTF-8\u{bb}, or set `encoding` in the manifest to what it is: `windows-1252`, `cp850`, `macintosh`";
    const DETECTED: &str = "take `encoding` out of the manifest: it is found out";
    let set = options.encoding.as_deref().map(|name| {
        Charset::from_label(name).ok_or_else(|| {
            read_error(
                format!("there is no encoding `{name}`"),
                "set `encoding` to `utf-8`, `windows-1252`, `utf-16`, `cp850` or `macintosh`",
            )
        })
    });
    let set = set.transpose()?;
    let start = encoding::first_bytes(file)?;
    if start.is_empty() {
        let hint = first_line(options.bare_list);
        return Err(read_error("the file is empty", hint));
    }
    if let Some(what) = encoding::foreign(&start) {
        return Err(ReadError::foreign(what));
    }
    let marked = Encoding::for_bom(&start).map(|(marked, _)| marked);
    let by_zeros = encoding::utf16_by_zeros(&start);
    // From the certain to the uncertain: byte order marks, the configured encoding unless the bytes contradict it, and last detection.
    match (marked.or(by_zeros.filter(|_| set.is_none())), set) {
        // The name `utf-16` covers both byte orders.
        (Some(marked), Some(set))
            if set != Charset::Standard(marked)
                && (marked != UTF_16BE || set != Charset::Standard(UTF_16LE)) =>
        {
            let (is, set) = (marked.name(), set.name());
            let message = format!("the file says that it is {is}, not {set}");
            Err(read_error(message, DETECTED))
        }
        (Some(found), _) => Ok(Charset::Standard(found)),
        (None, Some(set))
            if [UTF_16LE, UTF_16BE].map(Charset::Standard).contains(&set) && by_zeros.is_none() =>
        {
            Err(read_error(
                "the file is not UTF-16, which `encoding` says",
                DETECTED,
            ))
        }
        (None, Some(set)) => match encoding::contradiction(file, set)? {
            Some(found) => Err(read_error(
                format!(
                    "the letters of the file are {}, not {}, which `encoding` says",
                    found.name(),
                    set.name()
                ),
                DETECTED,
            )),
            None => Ok(set),
        },
        (None, None) => match encoding::detect_without_mark(file)? {
            Some(found) => Ok(found),
            None => Err(match encoding::change_of_encoding(file)? {
                Some(line) => read_error(
                    "the file is in two encodings, and this line is the first in the other one",
                    "save both parts as \u{ab}CSV UTF-8\u{bb} before they are joined",
                )
                .at(Some(line)),
                None => read_error("it cannot be found out which encoding the file is in", SAVE),
            }),
        },
    }
}

/// Reads the first bytes as UTF-8, and true when they are the whole file.
fn read_start(file: &File, encoding: Charset) -> Result<(Vec<u8>, bool), ReadError> {
    let mut start = Vec::with_capacity(CHUNK);
    encoding::decoded(file.try_clone()?, encoding)?
        .take(CHUNK as u64)
        .read_to_end(&mut start)?;
    let whole = start.len() < CHUNK;
    Ok((start, whole))
}

/// The beginning of an HTML character at the end of a value, as the `&oslash` of `Bj&oslash;rn`.
fn entity(value: &str) -> Option<&str> {
    let entity = value.get(value.rfind('&')?..)?;
    let name = entity.get(1..)?.trim_start_matches('#');
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some(entity)
}

/// True when a row has no visible value: a blank line, one with delimiters only, or the Ctrl-Z that ends files of MS-DOS.
fn is_blank(row: &Row) -> bool {
    row.text.trim_start_matches(is_unseen).is_empty() || row.text == "\u{1a}"
}

/// Refuses characters that occur in damaged text only.
fn check_characters(row: &Row) -> Result<(), ReadError> {
    let text = &row.text;
    if text.as_bytes().contains(&0) {
        return Err(read_error(
            "the row holds a zero character, which no text has",
            "the file is damaged or in another encoding: save it again as \u{ab}CSV UTF-8\u{bb}",
        ));
    }
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err(read_error(
            "the row holds `\u{fffd}`, which stands for a letter that was lost",
            "save the file again from where it came from, as \u{ab}CSV UTF-8\u{bb}",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::records::ROW_LIMIT;
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
        let problems = open(bytes, options).err().unwrap();
        problems.first().unwrap().message.clone()
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

    /// The rows' first values, and for rows that are refused the line and the message.
    fn told(text: &str) -> Vec<String> {
        let rows = all(text.as_bytes()).into_iter();
        let told = rows.map(|read| match read {
            Ok((_, values)) => values[0].clone(),
            Err((line, message)) => format!("{line}: {message}"),
        });
        told.collect()
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_takes_in_no_row() {
        assert_eq!(
            told("a;b\n1;2\n3;\"4\n5;6\n7;8"),
            [
                "1",
                "3: a quotation mark is never closed: the value would take in all rows after it",
                "5",
                "7"
            ]
        );
    }

    #[test]
    fn a_broken_quote_is_an_error_where_its_value_begins_and_the_rows_after_it_are_read() {
        const PEOPLE: &str = "fnr;sak;navn\n21824621702;1;A\n02818813964;2;B\n19828632674;3;C\n";
        let text = "text follows the quotation mark that closes a value";
        let row = "a value holds another row of the file";
        for (from, to, expected) in [
            // Closed by a mark that opens another value, or that ends a line.
            (
                "1;A\n02818813964;2;B\n19828632674;3;C",
                "1;\"A\n02818813964;2;B\n19828632674;3;\"C\"",
                text,
            ),
            (
                "1;A\n02818813964;2;B\n19828632674;3;C",
                "1;\"A\n02818813964;2;B\n19828632674;3;C\"",
                row,
            ),
            ("1;A\n02818813964;2;B", "1;\"A\n02818813964;2;B\"", row),
            // The value ends in the middle of the next row.
            ("1;A\n02818813964;2;B", "\"1;A\n02818813964;2\";B", row),
            // Empty cells in quotation marks are marks that belong to the text.
            (
                "1;A\n02818813964;2;B",
                "1;\"A\n02818813964;2;\"\"\n19828632674;3;\"",
                row,
            ),
            ("1;A", "1;\"Bergen\" A", text),
            (
                "1;A",
                "1;\"Kari \\\"Kaia\\\" Moe\"",
                "a quotation mark inside a value is written `\\\"`",
            ),
            (
                "1;A",
                "1; \"A\"",
                "blanks stand before the quotation mark that opens a value",
            ),
            (
                "1;A",
                "1;\u{a0}\"A\"",
                "blanks stand before the quotation mark that opens a value",
            ),
            (
                "1;A",
                "1;\"A\" ",
                "blanks follow the quotation mark that closes a value",
            ),
        ] {
            let broken = PEOPLE.replace(from, to);
            assert_ne!(broken, PEOPLE);
            let told = told(&broken);
            assert_eq!(told[0], format!("2: {expected}"), "{broken}");
            assert!(
                told[1..].iter().any(|told| told == "02818813964"),
                "{broken}: {told:?}"
            );
            assert_eq!(told.len(), broken.lines().count() - 1, "{broken}: {told:?}");
        }
    }

    #[test]
    fn a_row_that_is_cut_short_is_not_taken_into_a_value_either() {
        let cut = told(
            "fnr;navn;sak;merknad\n21824621702;A;1;\"ring\n02818813964;B;2\"\n19828632674;C;3;z",
        );
        assert_eq!(cut[0], "2: a value holds another row of the file");
        assert_eq!(cut.last().unwrap(), "19828632674");
        // A cell of several lines, with numbers that are not in the place of the row's own.
        let text = "fnr;navn;merknad\n21824621702;A;\"barn:\n1;02818813964\n2;19828632674\"";
        assert_eq!(told(text), ["21824621702"]);
    }

    #[test]
    fn what_is_well_quoted_stays_as_it_is() {
        let rows = all(
            "sak;navn;fnr\n1;Skjerm 24\" bred;21824621702\n2;\"C:\\Users\\\";x\n\
             \"Storgata 1; 2\n0155 Oslo; 3\";\"han sa \"\"nei\"\",\nog gikk; ut\";02818813964\n"
                .as_bytes(),
        );
        assert_eq!(
            rows,
            [
                row(2, &["1", "Skjerm 24\" bred", "21824621702"]),
                row(3, &["2", "C:\\Users\\", "x"]),
                row(
                    4,
                    &[
                        "Storgata 1; 2\n0155 Oslo; 3",
                        "han sa \"nei\",\nog gikk; ut",
                        "02818813964"
                    ]
                ),
            ]
        );
    }

    #[test]
    fn a_quote_that_is_open_in_the_header_is_found_there() {
        for text in [
            "fnr;\"navn\n21824621702;x\n",
            "fnr;\"navn\n21824621702;\"x\"\n",
            "fnr;\"navn\n21824621702;x\"\n",
        ] {
            let problems = open(text.as_bytes(), &Options::default()).err().unwrap();
            assert_eq!(line_of(problems.first().unwrap()), 1, "{text}");
        }
    }

    /// The problems of a file that cannot be opened, with their lines and their causes.
    fn wrong(text: &str, options: &Options) -> Vec<String> {
        let problems = open(text.as_bytes(), options)
            .err()
            .unwrap_or_else(|| panic!("{text}"));
        let told = problems.iter().map(|problem| {
            let cause = problem.cause.as_deref().map(|cause| format!(" ({cause})"));
            format!(
                "{}: {}{}",
                line_of(problem),
                problem.message,
                cause.unwrap_or_default()
            )
        });
        told.collect()
    }

    #[test]
    fn what_is_wrong_with_the_whole_file_is_one_error_with_its_cause() {
        const ROWS: &str =
            "Fødselsnummer;Saksnummer;Navn\n21824621702;2026/1;Aslak\n02818813964;2026/2;\n";
        let none = Options::default();
        let header = |at: u64, line: u64| {
            format!(
                "{at}: this line is not the header: the names of the columns seem to stand on line {line}"
            )
        };
        for (text, expected) in [
            (format!("Mottakerliste november;;\n;;\n{ROWS}"), header(1, 3)),
            (format!("Mottakere, november 2026\n\n{ROWS}"), header(1, 3)),
            (format!("\nListe:;01.11.2026;\nEier:;Kari;\n{ROWS}"), header(2, 4)),
            (ROWS.replace("Fød", ";;Fød").replace("\n2", "\n;;2").replace("\n0", "\n;;0"), "1: columns 1 and 2 have no name, and nothing stands in the rows there".to_owned()),
            (ROWS.replace("Saksnummer", ""), "1: column 2 has no name (a value stands in column 2 on line 2)".to_owned()),
            (ROWS.replace("Fødselsnummer", "FÃ¸dselsnummer"), "1: the header was read in the wrong encoding before it was saved (`FÃ¸dselsnummer`, probably `Fødselsnummer`)".to_owned()),
            (ROWS.replace("Fødselsnummer", "F├©dselsnummer"), "1: the header was read in the wrong encoding before it was saved (`F├©dselsnummer`, probably `Fødselsnummer`)".to_owned()),
            ("<html xmlns:x=\"urn\"><body><table><tr><td>Fnr</td></tr>".to_owned(), "0: the file is a web page (HTML), whatever its name says, not CSV".to_owned()),
            ("\u{feff}\n<?xml version=\"1.0\"?><Workbook>".to_owned(), "0: the file is XML, not CSV".to_owned()),
            ("[{\"fnr\": 1}]".to_owned(), "0: the file is JSON, not CSV".to_owned()),
            (format!("sep=,\n{ROWS}"), "0: the values of the file stand between semicolons, not commas".to_owned()),
        ] {
            assert_eq!(wrong(&text, &none), [expected], "{text}");
        }
        let comma = Options {
            delimiter: Some(",".to_owned()),
            ..Options::default()
        };
        for rows in [
            ROWS.to_owned(),
            ROWS.replace(";Aslak", ";1,5").replace("2;\n", "2;2,5\n"),
        ] {
            assert_eq!(
                wrong(&rows, &comma),
                ["0: the values of the file stand between semicolons, not commas"]
            );
        }
    }

    #[test]
    fn names_of_columns_are_what_people_see() {
        let rows = open(
            "Navn pa\u{30a} mottaker;E\u{a0}post;\"Saks\nnummer\"\n1;2;3\n".as_bytes(),
            &Options::default(),
        )
        .unwrap();
        assert_eq!(
            rows.headers(),
            ["Navn på mottaker", "E post", "Saks nummer"]
        );
    }

    #[test]
    fn a_header_with_unnamed_columns_at_its_end_is_no_title() {
        assert_eq!(
            told("Navn;By;;\nKari;Oslo;;\nOla;Bodø;;\n"),
            ["Kari", "Ola"]
        );
    }

    #[test]
    fn a_bare_list_has_no_header_where_that_may_be() {
        let bare = Options {
            bare_list: true,
            ..Options::default()
        };
        let mut rows = open(b"\n02818813964;x\n19828632674;y\n", &bare).unwrap();
        assert_eq!(rows.headers(), ["1", "2"]);
        assert_eq!(
            read(&mut rows),
            [row(2, &["02818813964", "x"]), row(3, &["19828632674", "y"])]
        );
        let rows = open(b"fnr\n02818813964\n", &bare).unwrap();
        assert_eq!(rows.headers(), ["fnr"]);
    }

    #[test]
    fn a_carriage_return_that_ends_no_line_is_found() {
        let lone =
            "a carriage return stands in the row: the file's lines do not all end in the same way";
        assert_eq!(
            told("fnr;navn\r\n1;A\n2;B\r3;C\r\n4;D\n"),
            ["1", &format!("3: {lone}"), "4"]
        );
        assert_eq!(told("a;b\r\r\n1;2\r\r\n"), ["1"]);
        assert_eq!(told("a;b\n1;\"x\ry\"\n"), ["1"]);
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
            ..Options::default()
        };
        let mut rows = open(b"a,b;c\n\xE5,2\n", &options).unwrap();
        assert_eq!(rows.dialect().to_string(), "Windows-1252, comma (as set)");
        assert_eq!(rows.headers(), ["a", "b;c"]);
        assert_eq!(read(&mut rows), [row(2, &["å", "2"])]);
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
            refused(b"Navn\na\x81\x8D\x8F\x90\x9D\x01\xFF\xFEb\n", &none),
            "it cannot be found out which encoding the file is in"
        );
        assert_eq!(
            refused(b"a;a\n", &none),
            "columns 1 and 2 have the same name `a`"
        );
        let utf8 = Options {
            encoding: Some("windows-1252".to_owned()),
            ..Options::default()
        };
        assert_eq!(
            refused(b"\xEF\xBB\xBFa\n", &utf8),
            "the file says that it is UTF-8, not Windows-1252"
        );
        let wrong = Options {
            delimiter: Some("colon".to_owned()),
            ..Options::default()
        };
        assert_eq!(refused(b"a\n", &wrong), "there is no delimiter `colon`");
        let missing = Rows::open(Path::new("/nowhere.csv"), Path::new("nowhere.csv"), &none);
        let problems = missing.err().unwrap();
        assert_eq!(problems.first().unwrap().message, "the file cannot be read");
    }
}
