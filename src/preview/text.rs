//! `render --text`: a letter as text for a terminal.

use super::letter::LetterView;
use super::mask::masked;
use super::notification::NotificationView;
use super::plain::plain_body;
use super::terminal::{WIDTH, visible, wrap};
use crate::markdown::delivered;
use crate::plan::Delivery;
use crate::text::counted;

const NAMES: usize = 13;

/// A letter with its notifications, in lines of at most 80 columns.
pub(crate) fn text(delivery: &Delivery) -> String {
    let letter = LetterView::new(delivery);
    let rule = "=".repeat(WIDTH);
    let row = format!("Row {}, line {}", letter.row, letter.line);
    let mut lines = vec![rule.clone(), row, rule];
    add_head(&letter, &mut lines);
    lines.push(String::new());
    let body = &delivery.request.correspondence.content.message_body;
    let (body, addresses) = plain_body(&delivered(body), "  ");
    lines.extend(body);
    lines.push(String::new());
    for (text, url) in &addresses {
        let link = format!("{}: {}", masked(text), masked(url));
        add_named("Link", &link, &mut lines);
    }
    add_rest(&letter, &mut lines);
    for notice in &letter.notices {
        add_notification(notice, &mut lines);
    }
    lines.extend([String::new(), String::new()]);
    lines.join("\n")
}

fn add_head(letter: &LetterView, lines: &mut Vec<String>) {
    let at_once = if letter.publish.is_empty() {
        "at once"
    } else {
        &letter.publish
    };
    for (name, value) in [
        ("To", letter.recipient.as_str()),
        ("From", &letter.sender),
        ("Reference", &letter.reference),
        ("Language", letter.language),
        ("Can be read", at_once),
        ("Title", &letter.title),
        ("Summary", &letter.summary),
    ] {
        add_named(name, value, lines);
    }
}

fn add_rest(letter: &LetterView, lines: &mut Vec<String>) {
    add_named("Due", &letter.due, lines);
    if !letter.confirm.is_empty() {
        let button = format!("{} (the recipient must confirm)", letter.confirm);
        add_named("Button", &button, lines);
    }
    for reply in &letter.replies {
        add_named("Button", &format!("{}: {}", reply.text, reply.url), lines);
    }
    for file in &letter.attachments {
        let file = format!("{} ({})", file.name, file.detail);
        add_named("Attachment", &file, lines);
    }
    for note in &letter.notes {
        add_named("Note", note, lines);
    }
}

fn add_notification(notice: &NotificationView, lines: &mut Vec<String>) {
    let line = format!("{} {}, {}", notice.name, notice.channel, notice.when);
    lines.push(String::new());
    lines.extend(wrap(&line, "", "  "));
    for note in &notice.notes {
        lines.extend(wrap(&visible(note), "  ", "  "));
    }
    if let Some(mail) = &notice.mail {
        lines.push(String::new());
        add_named("  E-mail", &mail.subject, lines);
        // A terminal cannot draw HTML, so its source is shown.
        if !mail.html.is_empty() {
            add_named("", "(HTML, as it is written)", lines);
        }
        lines.extend(wrap(&visible(&mail.body), "    | ", "    | "));
    }
    let Some(phone) = &notice.phone else { return };
    lines.push(String::new());
    add_named("  SMS", &phone.measure, lines);
    let count = phone.parts.len();
    for (at, part) in phone.parts.iter().enumerate() {
        if count > 1 {
            let all = counted(count as u64, "part", "parts");
            lines.push(format!("    {} of {all}", at + 1));
        }
        let part: String = part.iter().map(|piece| piece.text.as_str()).collect();
        lines.extend(wrap(&visible(&part), "    | ", "    | "));
    }
    for note in &phone.notes {
        lines.extend(wrap(&visible(note), "    ", "    "));
    }
}

/// Adds a value with its name in front; nothing when the value is empty.
fn add_named(name: &str, value: &str, lines: &mut Vec<String>) {
    if !value.is_empty() {
        // Values come from rows and may hold control characters, which `visible` replaces.
        let first = format!("{name:<NAMES$}");
        lines.extend(wrap(&visible(value), &first, &" ".repeat(NAMES)));
    }
}
