//! The dialect of a file: its encoding and its delimiter, and the detection of the latter.

use std::cmp::Reverse;
use std::fmt;

use super::charset::Charset;
use super::first_records::FirstRecords;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Delimiter {
    Comma = b',',
    /// `;`, which spreadsheets write in countries with a decimal comma, such as Norway.
    Semicolon = b';',
    Tab = b'\t',
    Pipe = b'|',
}

/// The dialect of a file, and which parts of it were detected. Displays as `Windows-1252, semicolon (found out)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(super) encoding: Charset,
    pub(super) encoding_set: bool,
    pub(super) delimiter: Delimiter,
    pub(super) delimiter_set: bool,
}

impl Dialect {
    /// True for an encoding other than UTF-8 and UTF-16, in which UTF-8 can be read as other letters.
    pub(crate) fn is_single_byte(&self) -> bool {
        self.encoding.is_single_byte()
    }

    /// The name of the encoding, such as `UTF-8` or `Windows-1252`.
    pub(crate) fn encoding(&self) -> &'static str {
        self.encoding.name()
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = |set| if set { "as set" } else { "found out" };
        write!(f, "{}", self.encoding())?;
        if self.encoding_set != self.delimiter_set {
            write!(f, " ({})", origin(self.encoding_set))?;
        }
        write!(f, ", {} ({})", self.delimiter, origin(self.delimiter_set))
    }
}

impl Delimiter {
    pub(super) const ALL: [Self; 4] = [Self::Semicolon, Self::Comma, Self::Tab, Self::Pipe];

    pub(super) fn byte(self) -> u8 {
        self as u8
    }

    /// Parses a delimiter from its English name, or from the character itself.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|delimiter| {
            name.eq_ignore_ascii_case(&delimiter.to_string())
                || name.as_bytes() == [delimiter.byte()]
                || (*delimiter == Self::Tab && name == "\\t")
        })
    }

    /// Detects the delimiter of a file from its beginning (in UTF-8): a `sep=` line, or else the best score. `whole` is true when the
    /// file ends there.
    pub(super) fn detect(start: &[u8], whole: bool) -> Self {
        Self::from_sep_line(start).unwrap_or_else(|| Self::by_score(start, whole))
    }

    /// The delimiter with the best score, without regard to a `sep=` line.
    pub(super) fn by_score(start: &[u8], whole: bool) -> Self {
        Self::ALL
            .into_iter()
            // `max_by_key` takes the last of equals, and the first one shall win.
            .rev()
            .max_by_key(|delimiter| DelimiterScore::measure(start, *delimiter, whole))
            .unwrap_or(Self::Semicolon)
    }

    /// The delimiter in a first line such as `sep=;`, which is an instruction to Excel and no data.
    pub(super) fn from_sep_line(start: &[u8]) -> Option<Self> {
        let line = start.split(|byte| *byte == b'\n').next()?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = line
            .strip_prefix(b"\"")
            .and_then(|line| line.strip_suffix(b"\""))
            .unwrap_or(line);
        match line {
            [s, e, p, b'=', byte] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") => {
                Self::ALL.into_iter().find(|known| known.byte() == *byte)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Comma => "comma",
            Self::Semicolon => "semicolon",
            Self::Tab => "tab",
            Self::Pipe => "pipe",
        })
    }
}

/// The score of a delimiter. The derived order compares the members from first to last; the greatest score is the best.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DelimiterScore {
    /// True when the delimiter splits the first row and most rows: commas that stand in rows only are those of decimal numbers.
    splits_header: bool,
    /// True when the delimiter splits most rows.
    splits: bool,
    /// The number of misplaced quotation marks, which a correct delimiter does not leave: it stands next to them.
    marks: Reverse<usize>,
    /// The number of rows in a thousand that have the most frequent number of values.
    alike: usize,
    columns: usize,
    /// The number of values in the first row.
    first: usize,
}

impl DelimiterScore {
    pub(super) fn measure(start: &[u8], delimiter: Delimiter, whole: bool) -> Self {
        let FirstRecords { records, marks } = FirstRecords::read(start, whole, delimiter.byte(), 0);
        let widths: Vec<_> = records.iter().map(|(_, values)| values.len()).collect();
        let first = widths.first().copied().unwrap_or(0);
        let count = |width: usize| widths.iter().filter(|other| **other == width).count();
        let columns = widths
            .iter()
            .copied()
            .max_by_key(|width| (count(*width), *width));
        let columns = columns.unwrap_or(0);
        Self {
            splits_header: first > 1 && columns > 1,
            splits: columns > 1,
            marks: Reverse(marks),
            alike: count(columns) * 1000 / widths.len().max(1),
            columns,
            first,
        }
    }

    /// True when `other` is certainly wrong beside this one: it does not split the header, or splits the rows unevenly.
    pub(super) fn is_better_than(&self, other: &Self) -> bool {
        let fits = self.splits && self.first > 1 && self.alike >= 900;
        fits && (other.first < 2 || !other.splits || other.alike < 500)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Delimiter {
        Delimiter::detect(text.as_bytes(), true)
    }

    #[test]
    fn the_delimiter_is_found_out() {
        assert_eq!(found("a;b;c\n1,5;2;3\n4,5;5;6\n"), Delimiter::Semicolon);
        assert_eq!(found("a,b\n\"1;2\",3\n"), Delimiter::Comma);
        assert_eq!(found("a\tb\tc\n1,5\t2;3\t4\n"), Delimiter::Tab);
        assert_eq!(found("a|b\n1|2\n"), Delimiter::Pipe);
        assert_eq!(found("a;b;c\n"), Delimiter::Semicolon);
        assert_eq!(
            found("Navn, etternavn;Nr\nOla;1\nKari;2\n"),
            Delimiter::Semicolon
        );
        assert_eq!(found("a;b\n\"x\ny, z\";2\n"), Delimiter::Semicolon);
        // Rows with and without a delimiter at the end.
        assert_eq!(
            found("a;b;c\n1;2;10,50;\n3;4;20,50\n5;6;30,50;\n"),
            Delimiter::Semicolon
        );
        assert_eq!(
            found("fnr;sak;\"Navn, fornavn, mellomnavn, etternavn\"\n1;2;\"D, I, A, B\"\n"),
            Delimiter::Semicolon
        );
        assert_eq!(found("a, b\n\"1\", \"2; 3\"\n"), Delimiter::Comma);
    }

    #[test]
    fn one_short_row_does_not_change_it() {
        assert_eq!(found("a;b;c\n1;2;3\n1;2\n4;5;6\n"), Delimiter::Semicolon);
    }

    #[test]
    fn a_record_that_is_cut_is_not_looked_at() {
        assert_eq!(
            Delimiter::detect(b"a,b,c;d\n1,2,3;4\n1,2", false),
            Delimiter::Comma
        );
    }

    #[test]
    fn one_column_has_no_delimiter_and_reads_all_the_same() {
        assert_eq!(found("orgnr\n991825827\n"), Delimiter::Semicolon);
    }

    #[test]
    fn a_line_for_excel_is_believed() {
        assert_eq!(found("sep=|\r\na;b|c\r\n"), Delimiter::Pipe);
        assert_eq!(found("\"SEP=\t\"\na;b\n"), Delimiter::Tab);
        assert_eq!(Delimiter::from_sep_line(b"separator;b\n"), None);
    }

    #[test]
    fn delimiters_have_names() {
        for delimiter in Delimiter::ALL {
            assert_eq!(
                Delimiter::from_name(&delimiter.to_string()),
                Some(delimiter)
            );
        }
        assert_eq!(Delimiter::from_name(";"), Some(Delimiter::Semicolon));
        assert_eq!(Delimiter::from_name("Tab"), Some(Delimiter::Tab));
        assert_eq!(Delimiter::from_name("colon"), None);
    }

    #[test]
    fn a_dialect_says_what_was_found_out() {
        let mut dialect = Dialect {
            encoding: Charset::GUESSED[0],
            encoding_set: false,
            delimiter: Delimiter::Semicolon,
            delimiter_set: false,
        };
        assert_eq!(dialect.to_string(), "Windows-1252, semicolon (found out)");
        dialect.encoding_set = true;
        assert_eq!(
            dialect.to_string(),
            "Windows-1252 (as set), semicolon (found out)"
        );
        dialect.delimiter_set = true;
        assert_eq!(dialect.to_string(), "Windows-1252, semicolon (as set)");
    }
}
