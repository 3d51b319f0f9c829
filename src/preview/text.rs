//! `render --text`: a letter as text for a terminal.

use std::io::{self, Write};

use super::letter::LetterView;
use super::mask::masked;
use super::notification::{EmailView, NotificationView, SmsMessage};
use super::plain::plain_body;
use super::terminal::{WIDTH, visible, wrap};
use crate::plan::Delivery;
use crate::text::counted;

const NAMES: usize = 13;

/// Writes a letter with its notifications, in lines of at most 80 columns.
pub(crate) fn text(delivery: &Delivery, out: &mut dyn Write) -> io::Result<()> {
    let letter = LetterView::new(delivery);
    let rule = "=".repeat(WIDTH);
    let (row, line) = (letter.row, letter.line);
    writeln!(out, "{rule}\nRow {row}, line {line}\n{rule}")?;
    head(&letter, out)?;
    writeln!(out)?;
    let body = plain_body(&letter.delivered, "  ");
    write_lines(&body.lines, out)?;
    writeln!(out)?;
    for (text, url) in &body.links {
        write_named("Link", &format!("{}: {}", masked(text), masked(url)), out)?;
    }
    below(&letter, out)?;
    for notice in &letter.notices {
        write_notification(notice, out)?;
    }
    writeln!(out)
}

fn head(letter: &LetterView, out: &mut dyn Write) -> io::Result<()> {
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
        write_named(name, value, out)?;
    }
    Ok(())
}

fn below(letter: &LetterView, out: &mut dyn Write) -> io::Result<()> {
    write_named("Due", &letter.due, out)?;
    if !letter.confirm.is_empty() {
        let button = format!("{} (the recipient must confirm)", letter.confirm);
        write_named("Button", &button, out)?;
    }
    for reply in &letter.replies {
        write_named("Button", &format!("{}: {}", reply.text, reply.url), out)?;
    }
    for file in &letter.attachments {
        let file = format!("{} ({})", file.name, file.detail);
        write_named("Attachment", &file, out)?;
    }
    for note in &letter.notes {
        write_named("Note", note, out)?;
    }
    Ok(())
}

fn write_notification(notice: &NotificationView, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    let line = format!("{} {}, {}", notice.name, notice.channel, notice.when);
    write_lines(&wrap(&line, "", "  "), out)?;
    for note in &notice.notes {
        write_lines(&wrap(&visible(note), "  ", "  "), out)?;
    }
    if let Some(mail) = &notice.mail {
        write_mail(mail, out)?;
    }
    if let Some(phone) = &notice.phone {
        write_phone(phone, out)?;
    }
    Ok(())
}

fn write_mail(mail: &EmailView, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    write_named("  E-mail", &mail.subject, out)?;
    // A terminal cannot draw HTML, so its source is shown.
    if !mail.html.is_empty() {
        write_named("", "(HTML, as it is written)", out)?;
    }
    write_lines(&wrap(&visible(&mail.body), "    | ", "    | "), out)
}

fn write_phone(phone: &SmsMessage, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    write_named("  SMS", &phone.measure, out)?;
    let count = phone.parts.len();
    for (at, part) in phone.parts.iter().enumerate() {
        if count > 1 {
            let all = counted(count as u64, "part", "parts");
            writeln!(out, "    {} of {all}", at + 1)?;
        }
        let part: String = part.iter().map(|piece| piece.text.as_str()).collect();
        write_lines(&wrap(&visible(&part), "    | ", "    | "), out)?;
    }
    for note in &phone.notes {
        write_lines(&wrap(&visible(note), "    ", "    "), out)?;
    }
    Ok(())
}

/// Writes a value with its name in front; nothing when the value is empty.
fn write_named(name: &str, value: &str, out: &mut dyn Write) -> io::Result<()> {
    if value.is_empty() {
        return Ok(());
    }
    // Values come from rows and may hold control characters, which `visible` replaces.
    let first = format!("{name:<NAMES$}");
    write_lines(&wrap(&visible(value), &first, &" ".repeat(NAMES)), out)
}

fn write_lines(lines: &[String], out: &mut dyn Write) -> io::Result<()> {
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
