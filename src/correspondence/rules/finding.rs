//! Findings of rules.

use std::fmt::Display;

use super::super::codes::meaning;
use super::super::text::{excerpt, utf16_len};
use crate::diagnostic::{Code, Problem, Severity};

/// A violation of a rule, or a warning. It is an error only when the refusal is certain. A warning has the code that Altinn may answer with; no code is there when
/// Altinn does not refuse it with one: advice, or faults on which its server fails.
pub type Finding = Problem<Member>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path in the API, as `correspondence.content.attachments[0].fileName`.
    pub path: String,
    /// Other members that the finding depends on; the one that requires this member stands first.
    pub related: &'static [&'static str],
}

/// Findings in the order of the rules.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    /// A finding that the numbered rule `code` refuses, in the words of the code.
    pub(super) fn error(&mut self, code: u16, member: impl Display) -> &mut Finding {
        let message = meaning(code.into()).unwrap_or_default();
        self.push(Severity::Error, Some(Code::Altinn(code)), member, message)
    }

    /// A finding that the numbered rule `code` may refuse.
    pub(super) fn warning(
        &mut self,
        code: u16,
        member: impl Display,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.push(Severity::Warning, Some(Code::Altinn(code)), member, message)
    }

    /// A finding that Altinn accepts against its own guidance.
    pub(super) fn advice(
        &mut self,
        member: impl Display,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.push(Severity::Warning, None, member, message)
    }

    /// A finding that model validation refuses.
    pub(super) fn model(
        &mut self,
        member: impl Display,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.push(Severity::Error, Some(Code::Model), member, message)
    }

    /// The path of `member` is only written here, so that valid letters cost no text.
    pub(super) fn push(
        &mut self,
        severity: Severity,
        code: Option<Code>,
        member: impl Display,
        message: impl Into<String>,
    ) -> &mut Finding {
        let place = Member {
            path: member.to_string(),
            related: &[],
        };
        let finding = Problem::new(severity, place, message);
        self.0.push(Problem { code, ..finding });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }
}

impl Finding {
    /// Words of its own instead of those of its code.
    pub(super) fn message(&mut self, message: &str) -> &mut Self {
        message.clone_into(&mut self.message);
        self
    }

    pub(super) fn cause(&mut self, cause: impl Into<String>) -> &mut Self {
        self.cause = Some(cause.into());
        self
    }

    pub(super) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the value as the cause: cut, identity numbers masked.
    pub(super) fn value(&mut self, value: &str) -> &mut Self {
        self.cause(excerpt(value))
    }

    /// Adds the length of a text that is too long, and its limit.
    pub(super) fn length(&mut self, value: &str, limit: usize) -> &mut Self {
        let length = utf16_len(value);
        // With emoji Altinn's count is not the number of characters, which the hint explains.
        let hint = if length == value.chars().count() {
            "shorten it"
        } else {
            "shorten it; an emoji counts as two characters"
        };
        self.cause(format!("{length} characters, at most {limit}"))
            .hint(hint)
    }

    /// Adds members that it depends on: those that require the member, or that it is compared with.
    pub(super) fn related(&mut self, members: &'static [&'static str]) -> &mut Self {
        self.place.related = members;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_tells_how_emojis_are_counted_when_there_are_any() {
        let hint = |value| {
            let mut list = Findings::default();
            list.model("x", "y").length(value, 1).hint.clone()
        };
        assert_eq!(hint("ab").as_deref(), Some("shorten it"));
        assert!(hint("\u{1F600}").unwrap().contains("emoji"));
    }
}
