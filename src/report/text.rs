//! The report as a table for the terminal.

use std::io::Write;

use super::format::{meaning, unended};
use super::{FailureGroup, Report, ReportError};
use crate::correspondence::local_time;
use crate::journal::State;

/// The largest number of groups in the table.
const SHOWN: usize = 10;

/// The largest number of characters of a reason.
const WIDTH: usize = 100;

/// Writes the counts, the verdict on their sum, and a line for each reason why rows were not sent.
pub(crate) fn text(report: &Report, out: &mut dyn Write) -> Result<(), ReportError> {
    let header = &report.snapshot.header;
    write!(out, "{} in {}", header.mailing, header.environment)?;
    match &report.run {
        None => writeln!(out, ": nothing has been sent")?,
        Some(run) => match &run.ended {
            None => writeln!(
                out,
                ", started {}: {}",
                local_time(run.started_at),
                unended(report)
            )?,
            Some(ended) => {
                write!(out, ", {} {}", ended.how, local_time(ended.at))?;
                match &ended.reason {
                    Some(reason) => writeln!(out, ": {}", one_line(reason))?,
                    None => writeln!(out)?,
                }
            }
        },
    }
    writeln!(out)?;
    counts(report, out)?;
    groups(&report.groups, out)?;
    out.flush()?;
    Ok(())
}

fn counts(report: &Report, out: &mut dyn Write) -> Result<(), ReportError> {
    let total = report.counts.total();
    let width = total.max(report.rows_total()).to_string().len();
    for (state, count) in report.counts.iter() {
        // `sent` is shown with 0 too: its absence would raise the question.
        if count > 0 || state == State::Sent {
            writeln!(
                out,
                "  {state:<12}  {count:>width$}  {}",
                meaning(report, state)
            )?;
        }
    }
    let verdict = if report.adds_up() {
        "every row is accounted for".to_owned()
    } else {
        format!(
            "DOES NOT ADD UP: the mailing has {} rows",
            report.rows_total()
        )
    };
    writeln!(out, "  {:<12}  {total:>width$}  {verdict}", "total")?;
    Ok(())
}

fn groups(groups: &[FailureGroup], out: &mut dyn Write) -> Result<(), ReportError> {
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let width = groups
        .first()
        // The groups are sorted, so the first has the widest number.
        .map_or(0, |most| most.count.to_string().len());
    for group in groups.iter().take(SHOWN) {
        let code = group.code.map(|code| code.to_string()).unwrap_or_default();
        let (state, count, message) = (group.state, group.count, one_line(&group.message));
        let such_as = if group.texts_differ {
            "different texts, such as: "
        } else {
            ""
        };
        let lines = lines(group);
        writeln!(
            out,
            "  {state:<12}  {count:>width$} x {code:<5} {such_as}{message} ({lines})"
        )?;
    }
    if groups.len() > SHOWN {
        writeln!(out, "  and {} more reasons", groups.len() - SHOWN)?;
    }
    Ok(())
}

/// Formats the lines of a group, as `lines 4, 5, …` with an ellipsis when there are more.
pub(super) fn lines(group: &FailureGroup) -> String {
    let named: Vec<_> = group.lines.iter().map(u64::to_string).collect();
    let noun = if group.count == 1 { "line" } else { "lines" };
    let more = if group.count > named.len() as u64 {
        ", …"
    } else {
        ""
    };
    format!("{noun} {}{more}", named.join(", "))
}

/// Puts a reason on one line without control characters, because a server's text must not control the terminal.
fn one_line(message: &str) -> String {
    let words: Vec<&str> = message
        .split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let message = words.join(" ");
    match message.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, one_line, text};
    use crate::report::run::tests::{empty, every_state, row, run, sent};

    fn written(report: &Report) -> String {
        let mut out = Vec::new();
        text(report, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[tokio::test]
    async fn the_table_is_aligned_and_names_every_state_that_has_rows() {
        let (_folder, journal) = every_state().await;
        let report = Report::from_journal(&journal).unwrap();
        let expected = "vat-2026 in tt02, finished 2026-11-03 11:01+01:00

  sent           1  Altinn has the letter
  already-sent   1  Altinn had the letter from before
  reserved       1  reserved against digital letters: send it on paper
  rejected       2  refused by Altinn: mend the row or the template
  failed         1  not sent: the next run tries again
  unknown        1  may have been sent: the next run asks Altinn
  skipped        3  not for this mailing
  in-flight      1  cut off while it was sent: the next run asks Altinn
  pending        1  not tried yet
  total         12  every row is accounted for

  rejected      2 x 1002  different texts, such as: message title 4 is bad (lines 5, 6)
  reserved      1 x 1030  recipient is reserved (line 4)
  failed        1 x       <script>alert(1)</script> (line 7)
  unknown       1 x       no answer (line 8)
";
        assert_eq!(written(&report), expected);
    }

    #[tokio::test]
    async fn a_sum_that_is_wrong_is_said_aloud() {
        let (_folder, journal) = empty("small");
        run(&journal, 0, 0).await;
        row(&journal, 1, "a", Some(sent(1))).await;
        let report = Report::from_journal(&journal).unwrap();
        assert!(written(&report).contains("DOES NOT ADD UP: the mailing has 0 rows"));
    }

    #[test]
    fn a_reason_cannot_steer_the_terminal() {
        assert_eq!(one_line("a\u{1b}[31m\nb\t c"), "a [31m b c");
        assert_eq!(one_line(&"x".repeat(200)).chars().count(), 101);
    }
}
