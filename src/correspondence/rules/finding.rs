//! Findings of rules.

use std::fmt::Display;

use crate::diagnostic::{Code, Place, Precedence, Problem, Severity};

use super::super::text::{excerpt, utf16_len};

/// A violation of a rule, or a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Altinn's code for it; for a warning, the code it may answer with. `None` when Altinn does not refuse it with a code: advice, or faults on which its server
    /// fails.
    pub code: Option<Code>,
    /// `Error` only when the refusal is certain.
    pub severity: Severity,
    /// The member by its path in the API, as `correspondence.content.attachments[0].fileName`.
    pub member: String,
    /// Other members that the finding depends on; the one that requires `member` stands first.
    pub related: &'static [&'static str],
    /// The fault, without the letter's own values, so that equal findings of many rows can be grouped.
    pub message: String,
    /// The value, masked and cut, or its length.
    pub cause: Option<String>,
    /// The remedy, best of all the text to write.
    pub hint: Option<String>,
}

impl Finding {
    /// Turns the finding into a problem at `place`; `precedence` is the order in which Altinn would report it, when that is known.
    pub fn into_problem(self, place: Place, precedence: Option<Precedence>) -> Problem {
        Problem {
            severity: self.severity,
            code: self.code,
            place,
            message: self.message,
            cause: self.cause,
            hint: self.hint,
            precedence,
        }
    }

    /// True when Altinn refuses the request because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// A finding that the numbered rule `code` refuses. The path of `member` is only written here, so that valid letters cost no text.
    pub(super) fn error(code: u16, member: impl Display, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, Some(Code::Altinn(code)), member, message)
    }

    /// A finding that the numbered rule `code` may refuse.
    pub(super) fn warning(code: u16, member: impl Display, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Some(Code::Altinn(code)), member, message)
    }

    /// A finding that Altinn accepts against its own guidance.
    pub(super) fn advice(member: impl Display, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, None, member, message)
    }

    /// A finding that model validation refuses.
    pub(super) fn model(member: impl Display, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, Some(Code::Model), member, message)
    }

    pub(super) fn new(
        severity: Severity,
        code: Option<Code>,
        member: impl Display,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity,
            member: member.to_string(),
            related: &[],
            message: message.into(),
            cause: None,
            hint: None,
        }
    }

    /// Adds the value as the cause: cut, identity numbers masked.
    pub(super) fn with_value(self, value: &str) -> Self {
        self.with_cause(excerpt(value))
    }

    /// Adds the length of a text that is too long, and its limit.
    pub(super) fn with_length(self, value: &str, limit: usize) -> Self {
        let length = utf16_len(value);
        let finding = self.with_cause(format!("{length} characters, at most {limit}"));
        // With emoji Altinn's count is not the number of characters, which the hint explains.
        if length == value.chars().count() {
            finding.with_hint("shorten it")
        } else {
            finding.with_hint("shorten it; an emoji counts as two characters")
        }
    }

    /// Adds members that it depends on: those that require the member, or that it is compared with.
    pub(super) fn with_related(mut self, members: &'static [&'static str]) -> Self {
        self.related = members;
        self
    }

    pub(super) fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_becomes_a_problem_with_everything_it_says() {
        let place = Place::File("letter.yaml".into());
        let problem = Finding::error(1023, "x", "the language is wrong")
            .with_value("de")
            .with_hint("use nb")
            .into_problem(place.clone(), None);
        assert_eq!(
            problem,
            Problem::error(place, "the language is wrong")
                .with_code(Code::Altinn(1023))
                .with_cause("`de`")
                .with_hint("use nb")
        );
    }

    #[test]
    fn the_hint_tells_how_emojis_are_counted_when_there_are_any() {
        let hint = |value| Finding::model("x", "y").with_length(value, 1).hint;
        assert_eq!(hint("ab").as_deref(), Some("shorten it"));
        assert!(hint("\u{1F600}").unwrap().contains("emoji"));
    }
}
