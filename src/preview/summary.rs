//! The totals over all letters of a mailing: languages, lengths, SMS parts. Memory does not grow with the letters.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::language::Language;
use super::notification::{Keywords, is_generic, sms_texts};
use crate::correspondence::Notification;
use crate::correspondence::sms::{Sms, SmsEncoding};
use crate::correspondence::text::utf16_len;
use crate::plan::Delivery;

/// The largest number of distinct characters outside GSM-7 that are counted. A mailing with more is written in another alphabet, and naming them is of no use.
const FOREIGN: usize = 64;

#[derive(Debug, Clone, Default)]
pub(crate) struct MailingSummary {
    pub letters: u64,
    pub sms: SmsTotals,
    pub reminders: SmsTotals,
    pub(super) languages: BTreeMap<Language, LanguageCount>,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) longest: Option<RowSize>,
    pub(super) shortest: Option<RowSize>,
    /// For each part that a letter may lack: the first rows with and without it.
    pub(super) parts: BTreeMap<Cow<'static, str>, PartRows>,
}

/// The first rows with and without a part of a letter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PartRows {
    pub(super) with: Option<u64>,
    pub(super) without: Option<u64>,
}

/// The largest number of parts that are told apart, because shared files add one part each.
const PARTS: usize = 32;

/// The number of letters in a language, and the first row with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LanguageCount {
    pub(super) letters: u64,
    pub(super) first: u64,
}

/// A row with the largest or smallest size of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowSize {
    pub(super) row: u64,
    pub(super) size: usize,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct SmsTotals {
    pub letters: u64,
    /// The sum of the parts, with one SMS for each letter.
    pub parts: u64,
    /// The number of SMS that need UCS-2.
    pub unicode: u64,
    /// The number of SMS with a keyword that Altinn replaces, so that their length is not final.
    pub tokens: u64,
    /// The number of SMS inside Altinn's generic text, whose length is not known.
    pub generic: u64,
    /// The number of SMS with each character outside GSM-7.
    pub(super) foreign: BTreeMap<char, u64>,
    pub(super) most: Option<RowSize>,
    pub(super) fewest: usize,
}

impl MailingSummary {
    pub(crate) fn add(&mut self, delivery: &Delivery) {
        let letter = &delivery.request.correspondence;
        let row = delivery.row;
        self.letters += 1;
        if self.letters == 1 {
            self.first = row;
        }
        self.last = row;
        let language = Language::of_letter(letter.content.language.as_deref());
        let fresh = LanguageCount {
            letters: 0,
            first: row,
        };
        self.languages.entry(language).or_insert(fresh).letters += 1;
        let size = utf16_len(&letter.content.message_body);
        let here = RowSize { row, size };
        keep(&mut self.longest, here, |kept| size > kept);
        keep(&mut self.shortest, here, |kept| size < kept);
        self.add_parts(delivery);
        if let Some(notification) = &letter.notification {
            let [first, reminder] = sms_texts(notification);
            let generic = is_generic(notification);
            let keywords = Keywords::new(letter);
            self.sms.add(row, first, generic, &keywords);
            self.reminders.add(row, reminder, generic, &keywords);
        }
    }

    fn add_parts(&mut self, delivery: &Delivery) {
        let row = delivery.row;
        let present = parts(delivery);
        for part in &present {
            if !self.parts.contains_key(part) && self.parts.len() < PARTS {
                // The part is new, so all letters before this one were without it.
                let without = (self.letters > 1).then_some(self.first);
                let rows = PartRows {
                    with: None,
                    without,
                };
                self.parts.insert(part.clone(), rows);
            }
        }
        for (part, rows) in &mut self.parts {
            let rows = if present.contains(part) {
                &mut rows.with
            } else {
                &mut rows.without
            };
            rows.get_or_insert(row);
        }
    }

    /// The language codes with the number of letters in each.
    pub(crate) fn languages(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.languages
            .iter()
            .map(|(language, there)| (language.code(), there.letters))
    }
}

/// The parts of a letter that others may lack: members with `when`, or whose text is empty in some rows.
fn parts(delivery: &Delivery) -> Vec<Cow<'static, str>> {
    let letter = &delivery.request.correspondence;
    let has_text = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let notification = letter.notification.as_ref();
    let has_contacts = |notification: &Notification| {
        !notification.custom_recipients.is_empty() || notification.custom_recipient.is_some()
    };
    let known = [
        (has_text(&letter.content.message_summary), "a summary"),
        (letter.due_date_time.is_some(), "a due date"),
        (
            letter.is_confirmation_needed == Some(true),
            "a confirmation",
        ),
        (!letter.reply_options.is_empty(), "a reply button"),
        (notification.is_some(), "a notification"),
        (
            notification.is_some_and(|notification| notification.send_reminder == Some(true)),
            "a reminder",
        ),
        (
            notification.is_some_and(has_contacts),
            "contacts of its own",
        ),
        (
            !delivery.request.existing_attachments.is_empty(),
            "an attachment uploaded earlier",
        ),
        (
            // Files of single rows are one part, because their names differ from row to row.
            delivery.files.iter().any(|file| file.enclosed),
            "a file of its own",
        ),
    ];
    let shared = delivery.files.iter().filter(|file| !file.enclosed);
    let shared = shared.map(|file| Cow::Owned(format!("the file {}", file.attachment.file_name)));
    let known = known.into_iter().filter(|(is_there, _)| *is_there);
    known
        .map(|(_, part)| Cow::Borrowed(part))
        .chain(shared)
        .collect()
}

fn keep(kept: &mut Option<RowSize>, here: RowSize, is_more: impl Fn(usize) -> bool) {
    if kept.is_none_or(|kept| is_more(kept.size)) {
        *kept = Some(here);
    }
}

impl SmsTotals {
    fn add(&mut self, row: u64, text: Option<&str>, is_generic: bool, keywords: &Keywords<'_>) {
        let Some(text) = text else {
            return;
        };
        let sms = Sms::from_text(text);
        let size = sms.parts.len();
        self.fewest = if self.letters == 0 {
            size
        } else {
            self.fewest.min(size)
        };
        self.letters += 1;
        self.parts += size as u64;
        self.unicode += u64::from(sms.encoding == SmsEncoding::Ucs2);
        self.tokens += u64::from(keywords.has_unknown(text));
        self.generic += u64::from(is_generic);
        keep(&mut self.most, RowSize { row, size }, |kept| size > kept);
        for c in sms.foreign {
            if self.foreign.len() < FOREIGN || self.foreign.contains_key(&c) {
                *self.foreign.entry(c).or_default() += 1;
            }
        }
    }
}
