//! Totals over all letters of a mailing: languages, lengths, SMS parts. Memory does not grow with the letters.

use std::collections::BTreeMap;

use super::language::Language;
use super::notification::{SmsTexts, has_token, is_generic};
use crate::correspondence::sms::{Sms, SmsEncoding};
use crate::correspondence::text::utf16_len;
use crate::plan::Delivery;

/// Limit of distinct non-GSM-7 characters that are counted: a mailing with more is written in another alphabet, and naming them helps no one.
const FOREIGN: usize = 64;

/// Totals over the letters added so far.
#[derive(Debug, Clone, Default)]
pub struct MailingSummary {
    pub letters: u64,
    /// First notifications by SMS.
    pub sms: SmsTotals,
    /// Reminders by SMS.
    pub reminders: SmsTotals,
    pub(super) languages: BTreeMap<Language, LanguageCount>,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) longest: Option<RowSize>,
    pub(super) shortest: Option<RowSize>,
}

/// Letters in one language, and the first row that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LanguageCount {
    pub(super) letters: u64,
    pub(super) first: u64,
}

/// A row that has the most or the least of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowSize {
    pub(super) row: u64,
    pub(super) size: usize,
}

/// SMS over all letters.
#[derive(Debug, Clone, Default)]
pub struct SmsTotals {
    /// Letters with an SMS.
    pub letters: u64,
    /// Sum of the parts, with one SMS for each letter.
    pub parts: u64,
    /// Letters whose SMS needs UCS-2.
    pub unicode: u64,
    /// SMS with a keyword that Altinn replaces, so their length is not final.
    pub tokens: u64,
    /// SMS inside Altinn's generic text: their length is not known.
    pub generic: u64,
    /// Number of SMS with each character outside GSM-7.
    pub(super) foreign: BTreeMap<char, u64>,
    pub(super) most: Option<RowSize>,
    pub(super) fewest: usize,
}

impl MailingSummary {
    pub fn add(&mut self, delivery: &Delivery) {
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
        if let Some(notification) = &letter.notification {
            let texts = SmsTexts::new(Some(notification));
            let generic = is_generic(notification);
            self.sms.add(row, texts.first, generic);
            self.reminders.add(row, texts.reminder, generic);
        }
    }

    /// Language codes with the number of letters in each.
    pub fn languages(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.languages
            .iter()
            .map(|(language, there)| (language.code(), there.letters))
    }
}

fn keep(kept: &mut Option<RowSize>, here: RowSize, is_more: impl Fn(usize) -> bool) {
    if kept.is_none_or(|kept| is_more(kept.size)) {
        *kept = Some(here);
    }
}

impl SmsTotals {
    fn add(&mut self, row: u64, text: Option<&str>, is_generic: bool) {
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
        self.tokens += u64::from(has_token(text));
        self.generic += u64::from(is_generic);
        keep(&mut self.most, RowSize { row, size }, |kept| size > kept);
        for c in sms.foreign {
            if self.foreign.len() < FOREIGN || self.foreign.contains_key(&c) {
                *self.foreign.entry(c).or_default() += 1;
            }
        }
    }
}
