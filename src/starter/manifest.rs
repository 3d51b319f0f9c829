//! The text of a starter's manifest: the members a mailing needs, and others in comments.

use super::columns::{Columns, Contact, Key};
use super::letters::{by_language, if_filled, language, tag};
use super::scalar::scalar;

/// Writes the manifest for these columns; `file` is the recipients file, relative to the manifest's folder.
pub(super) fn manifest(mailing: &str, file: &str, columns: &Columns) -> String {
    [
        head(mailing),
        recipients(file, columns),
        correspondence(columns),
        notification(columns),
        SEND.to_owned(),
    ]
    .concat()
}

/// The placeholder for the resource of a new mailing; refused everywhere but in a sandbox.
pub(crate) const EXAMPLE_RESOURCE: &str = "example-letter";

const SEND: &str = "
send:
  canary: 1                            # the first letter goes alone; the others when it has been accepted
  maxFailures: 5%                      # past it the run stops by itself
  # rate: 120/min                      # requests per second (s), minute (min) or hour (h)
";

fn head(mailing: &str) -> String {
    let mailing = format!("mailing: {}", scalar(mailing));
    format!(
        "\
# yaml-language-server: $schema=mailing.schema.json
# The line above lets editors complete and check this file. Every text under `correspondence` is a template (Tera).
version: 1
{mailing:<38} # for ever: nobody gets this mailing twice; a second letter needs a new name
environment: sandbox                   # nothing leaves this machine; then tt02 (Altinn's test environment), at last prod

# Who sends. tt02 and prod need it; the key itself never stands in this file.
# auth:
#   clientId: 00000000-0000-0000-0000-000000000000
#   key: {{ file: keys/maskinporten.jwk.json }}      # or {{ env: MASSEBREV_KEY }}
"
    )
}

fn recipients(file: &str, columns: &Columns) -> String {
    let first = columns.header(columns.recipient);
    let recipient = match columns.or_recipient {
        Some(second) => if_filled(first, &tag(first), &tag(columns.header(second))),
        None => tag(first),
    };
    let key = match columns.key {
        Key::Column { column, .. } => format!(
            "  key: {}  # the column that tells rows apart: one letter for each value\n",
            scalar(columns.header(column))
        ),
        Key::Recipient => "  # key: COLUMN  # the column that tells rows apart; without it nobody gets two letters\n".to_owned(),
        Key::None => "  # key: COLUMN  # no column tells all rows apart: add one and name it here\n".to_owned(),
    };
    let mut text = format!(
        "\nrecipients:\n  file: {}\n{key}  recipient: {}  # an organisation number, a national identity number, or a URN\n  \
         # where: \"{{{{ row_number <= 10 }}}}\"  # the rows that get a letter; the others are skipped\n",
        scalar(file),
        scalar(&recipient),
    );
    let mut others = columns.unused().peekable();
    if others.peek().is_some() {
        text.push_str("\n# The other columns, as templates speak of them:\n");
        for column in others {
            text.extend(["#   ", &tag(columns.header(column)), "\n"]);
        }
    }
    text
}

fn correspondence(columns: &Columns) -> String {
    let (reference, title) = match columns.key {
        Key::Column { column, simple } => {
            let case = tag(columns.header(column));
            // Other values might not be the plain text that Altinn requires of a title.
            let title = if simple {
                format!(
                    "{} {case}",
                    by_language(
                        columns,
                        ["Melding i sak", "Melding i sak", "Message in case"]
                    )
                )
            } else {
                by_language(
                    columns,
                    [
                        "Melding i saken din",
                        "Melding i saka di",
                        "A message in your case",
                    ],
                )
            };
            (case, title)
        }
        Key::Recipient | Key::None => (
            "{{ mailing }}".to_owned(),
            by_language(
                columns,
                ["Melding til deg", "Melding til deg", "A message for you"],
            ),
        ),
    };
    let language = language(columns);
    let body = scalar(&format!("letter.{language}.md"));
    // Without a key column the number of the row names its file, because an identity number does not belong in a file name.
    let of_row = match columns.key {
        Key::Column { .. } => reference.as_str(),
        Key::Recipient | Key::None => "{{ row_number }}",
    };
    let file = scalar(&format!("attachments/{of_row}.pdf"));
    let (language, title, reference) = (scalar(&language), scalar(&title), scalar(&reference));
    format!(
        "
# The letter: the request body of Altinn's API, with the API's own names. What renders empty is left out.
correspondence:
  resourceId: {EXAMPLE_RESOURCE}           # your resource in Altinn's resource registry
  sendersReference: {reference}
  content:
    language: {language}
    messageTitle: {title}
    messageBody: {{ file: {body} }}
    # attachments:
    #   - {{ file: terms.pdf, sendersReference: terms }}  # the same for all: uploaded once
    #   - {{ file: {file}, sendersReference: {reference} }}  # one for each row
  # dueDateTime: \"{{{{ now() | plus(days=14) }}}}\"
  # isConfirmationNeeded: true         # needs dueDateTime
"
    )
}

fn notification(columns: &Columns) -> String {
    let subject = by_language(
        columns,
        [
            "Nytt brev i Altinn",
            "Nytt brev i Altinn",
            "A new letter in Altinn",
        ],
    );
    let body = by_language(
        columns,
        [
            "Du har fått et brev fra $sendersName$. Logg inn i Altinn for å lese det.",
            "Du har fått eit brev frå $sendersName$. Logg inn i Altinn for å lese det.",
            "You have received a letter from $sendersName$. Log in to Altinn to read it.",
        ],
    );
    let (subject, body) = (scalar(&subject), scalar(&body));
    let mut text = format!(
        "  notification:                        # Altinn sends it to the contacts it has registered, and fills in the names between $
    notificationChannel: EmailPreferred
    emailSubject: {subject}
    emailBody: {body}
    smsBody: {body}
"
    );
    let contact = |member: &str, contact: Contact| {
        let header = columns.header(contact.column);
        let value = if contact.domestic {
            if_filled(header, &format!("+47{}", tag(header)), "")
        } else {
            tag(header)
        };
        format!("    #   - {{ {member}: {} }}\n", scalar(&value))
    };
    let email = columns.email.map(|email| contact("emailAddress", email));
    let mobile = columns.mobile.map(|mobile| contact("mobileNumber", mobile));
    if email.is_some() || mobile.is_some() {
        text.push_str("    # To notify those in the recipients file as well, take `# ` away here. Cells that are empty are left out.\n");
        text.push_str("    # customRecipients:\n");
        text.extend(email.into_iter().chain(mobile));
    }
    text
}
