//! `massebrev explain`: the codes of Altinn and Maskinporten, their causes in a mailing, and the remedies.

use std::fmt::Write as _;

use crate::correspondence::codes;
use crate::maskinporten;
use crate::text::{entry, has_word};
use clap::Args;

use super::{CliError, ExitStatus, Printer};

/// Explain a code of Altinn's or Maskinporten's, and what to do about it.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A code as messages show it: 1023, STD-00000, MP-100 [default: list all]
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

impl ExplainArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        let text = match &self.code {
            None => list(),
            Some(typed) => explain(typed).ok_or_else(|| unknown(typed))?,
        };
        printer.page(&text)
    }
}

fn unknown(typed: &str) -> CliError {
    CliError::usage(
        format!("there is no code `{typed}` that is known here"),
        "all codes: massebrev explain",
    )
}

/// Explains a code in any spelling of the messages: `1023`, `CORR-01023`, `error[1023]:`, `MP-100`, `STD-00000`.
fn explain(typed: &str) -> Option<String> {
    let typed = typed.trim().to_ascii_uppercase();
    // Altinn's model validation has no number of its own.
    if typed.contains("STD-0") {
        return Some(VALIDATION.to_owned());
    }
    // The first run of digits: prefixes and brackets of messages are skipped.
    let digits: String = typed
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    // Altinn's numbers begin at 1001 and Maskinporten's end at 999, so a bare number is never ambiguous.
    match digits.parse().ok()? {
        code if code < 1000 => explain_maskinporten(code),
        code => explain_altinn(code),
    }
}

fn explain_maskinporten(code: u16) -> Option<String> {
    let maskinporten::Explanation {
        meaning,
        advice,
        again,
        ..
    } = maskinporten::explain(code)?;
    let again = if again {
        "\nMassebrev signs the grant again at once, because the same request may well succeed.\n"
    } else {
        ""
    };
    Some(format!(
        "MP-{code:03}: {meaning}\n\nMaskinporten refuses the grant; no letter is sent (exit status 3).\n{again}\nWhat to do: {advice}.\nEach step by itself: massebrev token MANIFEST --check\n"
    ))
}

fn explain_altinn(code: u16) -> Option<String> {
    let meaning = codes::meaning(code.into())?;
    let status = codes::http_status(code);
    let mut text = format!("{code}: {meaning}\n\nAltinn answers with HTTP status {status}.");
    match advice(code) {
        Some((causes, advice)) => {
            let _ = write!(text, "\n\nCauses here: {causes}.\nWhat to do: {advice}.\n");
        }
        None => text.push_str(
            " It answers other requests than those of a sender, so massebrev should not meet it.\n\n\
             What to do: if it comes all the same, the report has the request's trace id: give it to Altinn's support (servicedesk@altinn.no).\n",
        ),
    }
    Some(text)
}

fn list() -> String {
    let mut text =
        "Altinn:\n  STD-00000  a member of the request is missing or has a wrong value\n"
            .to_owned();
    // Codes from 5000 on belong to synchronisation and statistics, which a sender never calls.
    for code in 1001..5000 {
        if let Some(meaning) = codes::meaning(code) {
            let _ = writeln!(text, "  {code}       {meaning}");
        }
    }
    text.push_str("\nMaskinporten:\n");
    for code in 0..1000 {
        if let Some(known) = maskinporten::explain(code) {
            let _ = writeln!(text, "  MP-{code:03}     {}", known.meaning);
        }
    }
    text
}

const VALIDATION: &str = "\
STD-00000: a member of the request is missing or has a wrong value

Altinn's model validation refuses the request with HTTP status 400 before any numbered rule is tried; its answer names the members.

Causes here: a text that is empty, too long or of the wrong form in `correspondence`, such as a title of more than 255 characters.
What to do: `massebrev validate` finds it before anything is sent and shows the member and the row; correct the manifest, or the column that feeds it.
";

/// Codes with their causes in a mailing and the remedy, as [`entry`] reads them. Codes that only requests of recipients get are left out.
const ADVICE: &str = include_str!("advice.txt");

/// The causes of a code in a mailing, and the remedy.
fn advice(code: u16) -> Option<(&'static str, &'static str)> {
    entry(ADVICE, |codes| has_word(codes, &code.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_messages_show_them() {
        for (typed, code) in [
            ("1023", "1023: "),
            ("CORR-01023", "1023: "),
            ("error[1023]:", "1023: "),
            ("mp-100", "MP-100: "),
            ("MP-012", "MP-012: "),
            ("STD-00000", "STD-00000: "),
            ("std-00000", "STD-00000: "),
        ] {
            assert!(explain(typed).unwrap().starts_with(code), "{typed}");
        }
        for typed in ["", "abc", "99999999"] {
            assert_eq!(explain(typed), None, "{typed}");
        }
    }

    #[test]
    fn every_code_that_is_advised_on_is_one_of_altinns_and_advised_on_once() {
        let mut seen = std::collections::BTreeSet::new();
        for entry in ADVICE.split("\n\n") {
            assert_eq!(entry.trim_end().lines().count(), 3, "{entry}");
            for code in entry.lines().next().unwrap().split(' ') {
                let code = code.parse().unwrap();
                assert!(codes::meaning(u32::from(code)).is_some(), "{code}");
                assert!(advice(code).is_some() && seen.insert(code), "{code} twice");
            }
        }
    }
}
