//! The view model of a letter: everything its reader sees, as text.

use serde::Serialize;

use super::format::size;
use super::language::Language;
use super::mask::masked;
use super::notification::{Keywords, NotificationView, notification_views};
use crate::correspondence::Recipient;
use crate::markdown::{delivered, inbox};
use crate::plan::{Delivery, PlannedFile};

/// The note on letters into which Altinn inserts the recipient's name.
const NAMED: &str = "Altinn puts the recipient's registered name where {{recipientName}} stands.";

/// A letter for display, with identity numbers masked.
#[derive(Debug, Serialize)]
pub(super) struct LetterView {
    pub(super) row: u64,
    pub(super) line: u64,
    /// The masked recipient, such as `person 078271*****`.
    pub(super) recipient: String,
    pub(super) reference: String,
    pub(super) language: &'static str,
    pub(super) code: &'static str,
    pub(super) sender: String,
    pub(super) initial: String,
    pub(super) title: String,
    pub(super) summary: String,
    /// The body in Markdown, as it is sent.
    pub(super) body: String,
    /// The body in HTML, as Altinn's inbox draws it.
    pub(super) html: String,
    /// The time of publication; empty when the letter is published at once.
    pub(super) publish: String,
    pub(super) due: String,
    pub(super) due_label: &'static str,
    pub(super) confirm: &'static str,
    pub(super) attachments_label: &'static str,
    pub(super) attachments: Vec<AttachmentView>,
    pub(super) replies: Vec<Reply>,
    pub(super) notices: Vec<NotificationView>,
    pub(super) notes: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct AttachmentView {
    pub(super) name: String,
    /// The file name and size, such as `vilkar.pdf, 612 bytes`, as far as they are known.
    pub(super) detail: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Reply {
    pub(super) text: String,
    pub(super) url: String,
    /// True for an `https` address, which is drawn as a link.
    pub(super) is_link: bool,
}

impl LetterView {
    pub(super) fn new(delivery: &Delivery) -> Self {
        let letter = &delivery.request.correspondence;
        let content = &letter.content;
        let language = Language::of_letter(content.language.as_deref());
        let date = |moment: Option<_>| moment.map(|at| language.date(at)).unwrap_or_default();
        let sender = match letter.message_sender.as_deref() {
            Some(sender) if !sender.trim().is_empty() => masked(sender).into_owned(),
            _ => format!("the owner of {}", delivery.resource()),
        };
        // The inbox shows the sender's initial beside the name.
        let named = letter.message_sender.as_deref();
        let initial = named.unwrap_or(delivery.resource()).trim().chars().next();
        let initial = initial.into_iter().flat_map(char::to_uppercase).collect();
        let text = |text: &str| masked(text).into_owned();
        let notes = notes(delivery);
        let confirms = letter.is_confirmation_needed == Some(true);
        Self {
            row: delivery.row,
            line: delivery.line,
            recipient: recipient(&delivery.recipient),
            reference: text(&letter.senders_reference),
            language: language.name(),
            code: language.code(),
            sender,
            initial,
            title: text(&content.message_title),
            summary: text(content.message_summary.as_deref().unwrap_or_default()),
            body: text(&content.message_body),
            html: inbox::html(&delivered(&content.message_body), &masked),
            publish: date(letter.requested_publish_time),
            due: date(letter.due_date_time),
            due_label: language.pick(["Frist", "Frist", "Due"]),
            confirm: if confirms {
                language.pick(["Bekreft", "Bekreft", "Confirm"])
            } else {
                ""
            },
            attachments_label: language.pick(["Vedlegg", "Vedlegg", "Attachments"]),
            attachments: attachments(delivery),
            replies: replies(delivery, language),
            notices: letter
                .notification
                .as_ref()
                .map(|notification| notification_views(notification, &Keywords::new(letter)))
                .unwrap_or_default(),
            notes,
        }
    }
}

fn recipient(recipient: &Recipient) -> String {
    let kind = match recipient {
        Recipient::Organization(_) => "organisation",
        _ => "person",
    };
    format!("{kind} {}", recipient.masked())
}

fn attachments(delivery: &Delivery) -> Vec<AttachmentView> {
    let planned = delivery.files.iter().map(|planned| {
        let PlannedFile {
            file, attachment, ..
        } = &**planned;
        // The display name is what readers see; the file name only what they download.
        let size = size(file.size);
        match attachment.display_name.as_deref() {
            Some(shown) if shown != attachment.file_name => AttachmentView {
                name: masked(shown).into_owned(),
                detail: format!("{}, {size}", masked(&attachment.file_name)),
            },
            _ => AttachmentView {
                name: masked(&attachment.file_name).into_owned(),
                detail: size,
            },
        }
    });
    let existing = delivery.request.existing_attachments.iter();
    let existing = existing.map(|id| AttachmentView {
        name: id.to_string(),
        detail: "uploaded earlier; its name is not known here".to_owned(),
    });
    planned.chain(existing).collect()
}

fn replies(delivery: &Delivery, language: Language) -> Vec<Reply> {
    let options = delivery.request.correspondence.reply_options.iter();
    let unnamed = language.pick(["Gå til tjeneste", "Gå til teneste", "Go to service"]);
    options
        .map(|option| {
            let text = option.link_text.as_deref().filter(|text| !text.is_empty());
            let url = masked(&option.link_url).into_owned();
            let start = url.get(..8).unwrap_or_default();
            Reply {
                text: masked(text.unwrap_or(unnamed)).into_owned(),
                // Altinn refuses other schemes, and `javascript:` would run here.
                is_link: start.eq_ignore_ascii_case("https://"),
                url,
            }
        })
        .collect()
}

fn notes(delivery: &Delivery) -> Vec<&'static str> {
    let letter = &delivery.request.correspondence;
    let content = &letter.content;
    let is_named = [&content.message_title, &content.message_body]
        .into_iter()
        .chain(&content.message_summary)
        .any(|text| text.contains("{{recipientName}}"));
    [
        (is_named, NAMED),
        (
            letter.is_confidential == Some(true),
            "The letter is confidential.",
        ),
        (
            letter.allow_forwarding == Some(true),
            "The recipient may forward the letter.",
        ),
        (
            letter.ignore_reservation == Some(true),
            "It is sent even to those who have reserved themselves against digital letters.",
        ),
        (
            letter.notification.is_none(),
            "Nobody is told of the letter by e-mail or SMS.",
        ),
    ]
    .into_iter()
    .filter_map(|(holds, note)| holds.then_some(note))
    .collect()
}
