//! `massebrev explain`: the codes of Altinn and Maskinporten, their causes in a mailing, and the remedies.

use std::fmt::Write as _;

use crate::correspondence::codes;
use crate::maskinporten;
use clap::Args;

use super::{CliError, ExitStatus, Printer};

/// Explain a code of Altinn's or Maskinporten's, and what to do about it.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A code as messages show it: 1023, STD-00000, MP-100 [default: list all]
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    Altinn(u16),
    Maskinporten(u16),
    /// Altinn's model validation, `STD-00000`, which has no number of its own.
    Validation,
}

impl ExplainArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        let text = match &self.code {
            None => list(),
            Some(typed) => parse(typed)
                .and_then(explain)
                .ok_or_else(|| unknown(typed))?,
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

/// Parses a code in any spelling of the messages: `1023`, `CORR-01023`, `error[1023]:`, `MP-100`, `STD-00000`.
fn parse(typed: &str) -> Option<Code> {
    let typed = typed.trim().to_ascii_uppercase();
    if typed.contains("STD-0") {
        return Some(Code::Validation);
    }
    // The first run of digits: prefixes and brackets of messages are skipped.
    let digits: String = typed
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    let number = digits.parse().ok()?;
    // Altinn's numbers begin at 1001 and Maskinporten's end at 999, so a bare number is never ambiguous.
    if number < 1000 {
        Some(Code::Maskinporten(number))
    } else {
        Some(Code::Altinn(number))
    }
}

fn explain(code: Code) -> Option<String> {
    match code {
        Code::Altinn(code) => explain_altinn(code),
        Code::Maskinporten(code) => maskinporten::explain(code).map(|known| {
            let maskinporten::Explanation { meaning, advice, again, .. } = known;
            let again = if again {
                "\nMassebrev signs the grant again at once, because the same request may well succeed.\n"
            } else {
                ""
            };
            format!(
                "MP-{code:03}: {meaning}\n\nMaskinporten refuses the grant; no letter is sent (exit status 3).\n{again}\nWhat to do: {advice}.\nEach step by itself: massebrev token MANIFEST --check\n"
            )
        }),
        Code::Validation => Some(VALIDATION.to_owned()),
    }
}

fn explain_altinn(code: u16) -> Option<String> {
    let meaning = codes::meaning(code.into())?;
    let status = codes::http_status(code);
    let mut text = format!("{code}: {meaning}\n\nAltinn answers with HTTP status {status}.");
    match ADVICE.iter().find(|(codes, _, _)| codes.contains(&code)) {
        Some((_, causes, advice)) => {
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

/// Codes with their causes in a mailing and the remedy. Codes that only requests of recipients get are left out.
const ADVICE: &[(&[u16], &str, &str)] = &[
    (
        &[1002, 1004, 1039],
        "the text has Markdown or HTML, as `**bold**`, `# heading` or `<b>`, in the manifest or in a column",
        "write plain text; the filter `plain_title` makes a value plain, as {{ Navn | plain_title }}",
    ),
    (
        &[1003],
        "the letter has HTML tags or an unfinished Markdown construct",
        "write Markdown, as `massebrev render --html` shows it",
    ),
    (
        &[1005, 2010, 2011, 2012, 2021],
        "the name of an attachment, which is the name of its file unless `fileName` is set",
        "rename the file, or set `fileName`: at most 255 characters, none of `< > : \" / \\ | ? *`, and an extension",
    ),
    (
        &[2013],
        "the extension of an attachment",
        "use a file that Altinn takes, best of all PDF",
    ),
    (
        &[2004, 1069, 2023],
        "an attachment is empty or too large, or all of them together are",
        "check the file; split it, or make it smaller",
    ),
    (
        &[1006],
        "two recipients in one request; massebrev sends each letter to one recipient",
        "this is an error of massebrev: report it with the request that `massebrev render --row N` shows",
    ),
    (
        &[1007, 1017, 1018, 1055, 2001, 2003, 2017],
        "an id in `existingAttachments` that is not found, not published, another organisation's, or about to expire",
        "leave the id out and name the file under `attachments`: massebrev uploads it",
    ),
    (
        &[1008, 1009, 1016],
        "`dueDateTime` is missing, past, or before `requestedPublishTime`",
        "set `dueDateTime` to a later day, as `\"{{ now() | plus(days=14) }}\"`",
    ),
    (
        &[1019, 1020, 1021],
        "a title or body that renders to nothing in this row",
        "fill the column, or give the template a text for rows without one",
    ),
    (
        &[1022, 1037, 1042],
        "a title, summary or body that is too long in this row",
        "shorten the text; emojis count as two characters",
    ),
    (
        &[1023],
        "`content.language` renders to something else than nb, nn or en, as `no`, `NB` or `bokmål`",
        "correct the column, or translate it: {% if Språk == 'nynorsk' %}nn{% else %}nb{% endif %}",
    ),
    (
        &[1029],
        "the number is well-formed, but no person or organisation has it: a typing error, a deceased person, a dissolved organisation; in tt02, anyone who is not a test person",
        "check the number in the row; then run the same command again",
    ),
    (
        &[1030],
        "the person does not want digital letters",
        "send this letter on paper; the report lists the rows",
    ),
    (
        &[1032, 2000, 2002, 2009, 2022],
        "a service behind Altinn did not answer in time; nothing was stored",
        "nothing: massebrev tries again, and the same command goes on where it ended",
    ),
    (
        &[1033, 1047],
        "the key that massebrev makes of `mailing` and the row",
        "this is an error of massebrev: report it",
    ),
    (
        &[1034],
        "the letter is there already: an earlier run sent it, or the answer to an earlier try was lost",
        "nothing: massebrev looks the letter up and counts it as already sent; a deliberate second letter needs a new `mailing` name",
    ),
    (
        &[1035],
        "`replyOptions[].linkURL` is no https address in this row",
        "write the whole address, as https://example.no/answer",
    ),
    (
        &[1036, 4010, 4009],
        "`resourceId` is not in the resource registry of this environment, or is not a resource for correspondence: tt02 and prod have their own",
        "check `correspondence.resourceId` and `environment`, and that the resource is published there",
    ),
    (
        &[1044, 1060, 1061],
        "`isConfidential` does not fit the resource, or the organisation has given no one access to confidential letters",
        "set `isConfidential` as the resource asks; for 1044, send the letter on paper",
    ),
    (
        &[1038],
        "more than 100 attachments in one letter",
        "join them",
    ),
    (
        &[1045, 1046, 1048, 1050, 1051, 1052, 1053, 1054],
        "an external reference to a Dialogporten dialog or transmission that does not fit the letter",
        "check the ids in `externalReferences`: the dialog must exist, be yours, and have the letter's recipient as its party",
    ),
    (
        &[1068],
        "`allowForwarding: true`, which this resource does not allow",
        "take the member out",
    ),
    (
        &[2005, 2006, 2007, 2008, 2015],
        "an attachment that changed while it was uploaded, or was uploaded by another run",
        "leave the files alone while the mailing is sent; then run the same command again",
    ),
    (
        &[2014],
        "your organisation is not set up as a service owner in Altinn's storage",
        "order it from Altinn (servicedesk@altinn.no)",
    ),
    (
        &[3001, 3023],
        "`notificationTemplate` has no text in the letter's language",
        "use `GenericAltinnMessage`, or `CustomMessage` with your own texts",
    ),
    (
        &[3002, 3003, 3004, 3005, 3006, 3007, 3024, 3025],
        "`notificationTemplate: CustomMessage` without one of the texts that `notificationChannel` needs, or one that renders to nothing in this row",
        "fill in `emailSubject`, `emailBody` and `smsBody`, and with `sendReminder` the texts of the reminder",
    ),
    (
        &[3011, 3012, 3017, 3018, 3019, 3022],
        "an entry of `customRecipients` that is not one e-mail address, one number with country code, or one person or organisation",
        "correct the column; leave the entry out of rows without an address: `when: \"{{ Mobil != '' }}\"`",
    ),
    (
        &[3015],
        "`$recipientName$` stands in a text of the notification, and `customRecipients` are addresses or numbers, which have no name in Altinn's register",
        "write the name with your own column, as {{ Navn }}, or leave it out",
    ),
    (
        &[3026, 3028],
        "the letter was taken, but its notification could not be ordered",
        "nothing: massebrev tries again and looks up whether the letter is there",
    ),
    (
        &[4001, 4006],
        "the token is for another organisation than the resource's owner, lacks a scope, or has expired",
        "massebrev token MANIFEST --check; the resource's policy must let your organisation send",
    ),
    (
        &[4002],
        "the organisation behind the token is not in Altinn's register: in tt02, use a test organisation",
        "check the client: massebrev token MANIFEST --check",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_messages_show_them() {
        for (typed, code) in [
            ("1023", Code::Altinn(1023)),
            ("CORR-01023", Code::Altinn(1023)),
            ("error[1023]:", Code::Altinn(1023)),
            ("mp-100", Code::Maskinporten(100)),
            ("MP-012", Code::Maskinporten(12)),
            ("STD-00000", Code::Validation),
            ("std-00000", Code::Validation),
        ] {
            assert_eq!(parse(typed), Some(code), "{typed}");
        }
        for typed in ["", "abc", "99999999"] {
            assert_eq!(parse(typed), None, "{typed}");
        }
    }

    #[test]
    fn every_code_that_is_advised_on_is_one_of_altinns_and_advised_on_once() {
        let mut seen = std::collections::BTreeSet::new();
        for (codes, _, _) in ADVICE {
            for code in *codes {
                assert!(codes::meaning((*code).into()).is_some(), "{code}");
                assert!(seen.insert(code), "{code} twice");
            }
        }
    }
}
