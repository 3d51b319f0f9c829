//! The report as CSV for spreadsheets: UTF-8 with a byte order mark, and no cell that a spreadsheet would run as a formula.

use std::borrow::Cow;
use std::io::Write;

use jiff::Timestamp;

use super::format::{exact, meaning};
use super::{Report, ReportError};
use crate::journal::{RowRecord, RowSet};
use crate::text::count;

pub(crate) const HEADERS: [&str; 13] = [
    "line",
    "row",
    "name",
    "recipient",
    "state",
    "correspondence_id",
    "attempts",
    "http_status",
    "code",
    "message",
    "trace",
    "first_sent",
    "last_changed",
];

/// Writes every row of the journal, in the order of the recipients file, and last the number of those that are not in it, as pending ones, by state.
pub(crate) fn csv(report: &Report, out: &mut dyn Write) -> Result<(), ReportError> {
    let mut csv = CsvWriter::new(out)?;
    report.snapshot.each(RowSet::All, |line| csv.row(&line))?;
    csv.finish(report)
}

/// Writes a report's rows one by one.
pub(super) struct CsvWriter<W: Write>(csv::Writer<W>);

impl<W: Write> CsvWriter<W> {
    pub(super) fn new(mut out: W) -> Result<Self, ReportError> {
        // Without the mark Excel reads the file as Windows-1252.
        out.write_all("\u{feff}".as_bytes())?;
        let mut lines = csv::WriterBuilder::new()
            // The line end that RFC 4180 requires.
            .terminator(csv::Terminator::CRLF)
            .from_writer(out);
        lines.write_record(HEADERS)?;
        Ok(Self(lines))
    }

    pub(super) fn row(&mut self, line: &RowRecord) -> Result<(), ReportError> {
        for cell in cells(line) {
            self.0.write_field(without_formula(&cell).as_ref())?;
        }
        Ok(self.0.write_record(None::<&[u8]>)?)
    }

    /// Writes a line without a row for each state whose rows are only counted.
    pub(super) fn finish(mut self, report: &Report) -> Result<(), ReportError> {
        let unlisted = report.unlisted.iter();
        for (state, number) in unlisted.filter(|&(_, number)| number > 0) {
            let rows = count(number, "row");
            let message = format!("{rows} not listed here: {}", meaning(report, state));
            self.0.write_record(HEADERS.map(|header| match header {
                "state" => state.name(),
                "message" => &message,
                _ => "",
            }))?;
        }
        Ok(self.0.flush()?)
    }
}

fn cells<'a>(line: &'a RowRecord) -> [Cow<'a, str>; HEADERS.len()] {
    let text = |text: &'a Option<String>| text.as_deref().unwrap_or_default().into();
    let time = |at: Option<Timestamp>| at.map(exact).unwrap_or_default().into();
    [
        line.line.to_string().into(),
        line.row.to_string().into(),
        line.name.as_str().into(),
        line.recipient.as_str().into(),
        line.state.name().into(),
        or_empty(line.correspondence),
        line.attempts.to_string().into(),
        or_empty(line.status),
        or_empty(line.code),
        text(&line.message),
        text(&line.trace),
        time(line.first_at),
        time(Some(line.last_at)),
    ]
}

fn or_empty(value: Option<impl ToString>) -> Cow<'static, str> {
    value
        .map(|value| value.to_string())
        .unwrap_or_default()
        .into()
}

/// Makes a cell safe for spreadsheets: one that could begin a formula gets an apostrophe in front, unless it is a plain number. Messages come from a server, names
/// from a file, and a formula in them could send data elsewhere.
fn without_formula(cell: &str) -> Cow<'_, str> {
    let suspicious = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if suspicious && !is_number(cell) {
        return format!("'{cell}").into();
    }
    cell.into()
}

fn is_number(cell: &str) -> bool {
    let digits = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    let (whole, part) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
    [whole, part]
        .iter()
        .all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{Report, csv, without_formula};
    use crate::report::run::tests::every_state;

    #[test]
    fn nothing_is_run_as_a_formula() {
        for formula in [
            "=HYPERLINK(\"http://x\")",
            "+1+1",
            "-cmd|' /C calc'!A0",
            "@SUM(A1)",
            "\t=1",
            "-",
            "+",
            "-1-1",
            "+inf",
        ] {
            assert_eq!(without_formula(formula), format!("'{formula}"));
        }
        for plain in ["", "-1", "+4791234567", "-1.5", "-2,75", "a=b", "2026/1"] {
            assert_eq!(without_formula(plain), plain);
        }
    }

    #[tokio::test]
    async fn every_recorded_row_is_one_line_that_reads_back() {
        let (_folder, journal) = every_state().await;
        let report = Report::from_journal(&journal).unwrap();
        let mut written = Vec::new();
        csv(&report, &mut written).unwrap();
        let text = String::from_utf8(written).unwrap();
        let text = text.strip_prefix('\u{feff}').unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let lines: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(lines.len(), 11);
        let first: Vec<_> = lines[0].iter().collect();
        let expected = [
            "2",
            "1",
            "2026/1",
            "078271*****",
            "sent",
            "00000000-0000-0000-0000-000000000001",
            "1",
            "",
            "",
            "",
            "",
            "2026-11-03T10:00:01.000Z",
            "2026-11-03T10:00:02.000Z",
        ];
        assert_eq!(first, expected);
        assert_eq!(&lines[3][2], "'=1+1");
        assert_eq!(&lines[3][8], "1002");
        assert_eq!(&lines[5][2], "<b>&\"'");
        assert_eq!(&lines[8][4], "skipped");
        for (line, state, message) in [
            (9, "skipped", "2 rows not listed here: not for this mailing"),
            (10, "pending", "1 row not listed here: not tried yet"),
        ] {
            let expected = ["", "", "", "", state, "", "", "", "", message, "", "", ""];
            assert_eq!(lines[line], csv::StringRecord::from(&expected[..]));
        }
    }
}
