//! The message about letters that Altinn has with a different text than now, refused before anything is sent.

use std::fmt;

use jiff::Timestamp;

use crate::correspondence::local_time;
use crate::journal::{Inputs, Journal, JournalError, State};
use crate::plan::{CheckReport, Input, InputKind};
use crate::text::count;

/// The largest number of rows named in the message.
pub(super) const NAMED: usize = 5;
/// The largest number of inputs named in the message.
const PARTS: usize = 20;

/// Letters that Altinn has, or may have, with a different text than now.
#[derive(Debug)]
pub(crate) struct Changes {
    /// Number of letters that Altinn has.
    pub sent: u64,
    /// Number of letters that Altinn may have.
    pub uncertain: u64,
    /// Number of them that would go to other recipients than before. No flag accepts these.
    pub redirected: u64,
    /// At most [`NAMED`] of them, by row; those with other recipients before the others.
    pub rows: Vec<ChangedRow>,
    /// Start of the previous run.
    pub since: Option<Timestamp>,
    /// The changed inputs; `None` when the journal has no inputs of the previous run.
    pub inputs: Option<Vec<ChangedInput>>,
    /// The version of massebrev in the previous run, when it differs from this one.
    pub program: Option<String>,
}

/// A row whose letter has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangedRow {
    pub row: u64,
    /// The line of the CSV file on which the row begins.
    pub line: u64,
    /// The row's key, identity numbers masked.
    pub name: String,
    pub state: State,
    /// True when the letter would go to a different recipient than before.
    pub has_other_recipient: bool,
}

/// An input of the mailing that has changed since the previous run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangedInput {
    pub kind: InputKind,
    pub name: String,
    /// Behind its name: `, new` when it was not part of the previous run, `, gone` when it is none of the mailing any more.
    how: &'static str,
}

impl Changes {
    pub(crate) fn letters(&self) -> u64 {
        self.sent + self.uncertain
    }
}

/// The inputs that differ from those of the latest run; `None` when that run's inputs are not recorded.
pub(crate) fn changed_inputs(
    journal: &Journal,
    checked: &CheckReport,
) -> Result<Option<Vec<ChangedInput>>, JournalError> {
    let before = journal.inputs()?;
    Ok((!before.is_empty()).then(|| compare(before, &checked.inputs)))
}

/// The kind and name of an input, as the journal has them.
pub(super) fn named(input: &Input) -> (String, String) {
    (input.kind.name().to_owned(), input.name.clone())
}

/// The differences between two lists of inputs. The manifest as a file is listed only when no single member of it has changed, as with comments.
fn compare(mut before: Inputs, now: &[Input]) -> Vec<ChangedInput> {
    let mut changed = Vec::new();
    for input in now {
        // Removed when found: what remains in `before` is no longer part of the mailing.
        let how = match before.remove(&named(input)) {
            None => ", new",
            Some(digest) if digest != input.digest.0 => "",
            Some(_) => continue,
        };
        changed.push(ChangedInput {
            kind: input.kind,
            name: input.name.clone(),
            how,
        });
    }
    let gone = before.into_keys().filter_map(|(kind, name)| {
        Some(ChangedInput {
            kind: InputKind::named(&kind)?,
            name,
            how: ", gone",
        })
    });
    changed.extend(gone);
    if changed.iter().any(|input| input.kind == InputKind::Member) {
        // The single members say more than the file.
        changed.retain(|input| input.kind != InputKind::Manifest);
    }
    changed.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
    changed
}

impl fmt::Display for Changes {
    /// Several lines: the number of letters, the first rows, the changed inputs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = |number| count(number, "letter");
        match (self.sent, self.uncertain) {
            (sent, 0) => write!(f, "{} that Altinn has", letters(sent))?,
            (0, uncertain) => write!(f, "{} that Altinn may have", letters(uncertain))?,
            (sent, uncertain) => write!(
                f,
                "{} that Altinn has, and {uncertain} that it may have,",
                letters(sent)
            )?,
        }
        write!(
            f,
            " would read differently now, under the same keys; nothing was sent"
        )?;
        if self.redirected > 0 {
            write!(
                f,
                "\n  {} of them to another recipient than the one who has the letter, so that these would get none",
                self.redirected
            )?;
        }
        for row in &self.rows {
            write!(f, "\n  line {} ({}), {}", row.line, row.name, row.state)?;
            if row.has_other_recipient {
                write!(f, ": would go to another recipient")?;
            }
        }
        let more = self
            .letters()
            .saturating_sub(self.rows.len().min(NAMED) as u64);
        if more > 0 {
            write!(f, "\n  and {more} more")?;
        }
        self.write_inputs(f)
    }
}

impl Changes {
    fn write_inputs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.since {
            Some(since) => write!(f, "\n  changed since the run of {}:", local_time(*since))?,
            None => write!(f, "\n  changed:")?,
        }
        match &self.inputs {
            None => write!(f, " not known, as an older massebrev did not write it down")?,
            Some(inputs) => {
                for input in inputs.iter().take(PARTS) {
                    write!(f, "\n    {input}")?;
                }
                if inputs.len() > PARTS {
                    write!(f, "\n    and {} more", inputs.len() - PARTS)?;
                }
                if inputs.is_empty() && self.program.is_none() {
                    write!(f, " no file; the letters were sent with still earlier ones")?;
                }
            }
        }
        match &self.program {
            Some(program) => write!(
                f,
                "\n    massebrev itself: {program} then, {} now",
                env!("CARGO_PKG_VERSION")
            ),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ChangedInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            InputKind::Manifest => "the manifest",
            InputKind::Member => "in the manifest",
            InputKind::Rows => "recipients",
            InputKind::Exclude => "exclusions",
            InputKind::Template => "template",
            InputKind::Attachment => "attachment",
        };
        match self.kind {
            InputKind::Manifest => write!(f, "{what}{}", self.how),
            _ => write!(f, "{} ({what}){}", self.name, self.how),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Digest;

    fn now(kind: InputKind, name: &str, content: &str) -> Input {
        Input {
            kind,
            name: name.to_owned(),
            digest: Digest::sha256(content.as_bytes()),
        }
    }

    fn before(kind: &str, name: &str, content: &str) -> ((String, String), [u8; 32]) {
        let digest = Digest::sha256(content.as_bytes());
        ((kind.to_owned(), name.to_owned()), digest.0)
    }

    #[test]
    fn what_changed_came_and_went_is_named() {
        let before = [
            before("manifest", "manifest", "1"),
            before("member", "correspondence.content.messageTitle", "Hello"),
            before("rows", "recipients.csv", "a"),
            before("template", "old.md", "x"),
            before("template", "same.md", "x"),
        ];
        let now = [
            now(InputKind::Manifest, "manifest", "2"),
            now(
                InputKind::Member,
                "correspondence.content.messageTitle",
                "Hi",
            ),
            now(InputKind::Rows, "recipients.csv", "b"),
            now(InputKind::Template, "new.md", "x"),
            now(InputKind::Template, "same.md", "x"),
        ];
        let told: Vec<_> = compare(before.into(), &now)
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected = [
            "correspondence.content.messageTitle (in the manifest)",
            "recipients.csv (recipients)",
            "new.md (template), new",
            "old.md (template), gone",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_manifest_without_a_changed_member_is_named_itself() {
        let told = compare(
            [before("manifest", "manifest", "1")].into(),
            &[now(InputKind::Manifest, "manifest", "2")],
        );
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].to_string(), "the manifest");
    }
}
