//! The encodings of recipients files, and the statistics that tell single-byte encodings apart.

use std::borrow::Cow;
use std::cmp::Reverse;

use encoding_rs::{Encoding, MACINTOSH, UTF_8, WINDOWS_1252};
use oem_cp::code_table::{
    DECODING_TABLE_CP437, DECODING_TABLE_CP850, DECODING_TABLE_CP858, DECODING_TABLE_CP865,
};
use oem_cp::decode_string_complete_table;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    Standard(&'static Encoding),
    /// A code page of MS-DOS: its name, and its characters from 0x80.
    Dos(&'static str, &'static [char; 128]),
}

const CP850: Charset = Charset::Dos("CP850", &DECODING_TABLE_CP850);

impl Charset {
    pub(super) const UTF_8: Self = Self::Standard(UTF_8);

    /// The encodings that are tried on text that is not UTF-8, the most common first: it wins among equals. CP865 has the Norwegian letters in the same places as CP850.
    pub(super) const GUESSED: [Self; 3] = [
        Self::Standard(WINDOWS_1252),
        CP850,
        Self::Standard(MACINTOSH),
    ];

    /// Finds an encoding by its name: a label that browsers know, or a code page as `cp850`, `IBM850` or `850`.
    pub(super) fn from_label(label: &str) -> Option<Self> {
        let plain = label.to_ascii_lowercase().replace([' ', '-', '_'], "");
        let number = ["cp", "ibm", "dos", "oem", "pc"]
            .iter()
            .find_map(|prefix| plain.strip_prefix(prefix))
            .unwrap_or(&plain);
        Some(match number {
            // The code pages of MS-DOS are missing from the web's encoding standard.
            "437" => Self::Dos("CP437", &DECODING_TABLE_CP437),
            "850" => CP850,
            "858" => Self::Dos("CP858", &DECODING_TABLE_CP858),
            "865" => Self::Dos("CP865", &DECODING_TABLE_CP865),
            "macroman" => Self::Standard(MACINTOSH),
            _ => Self::Standard(Encoding::for_label_no_replacement(label.as_bytes())?),
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dos(name, _) => name,
            Self::Standard(encoding) if encoding == WINDOWS_1252 => "Windows-1252",
            Self::Standard(encoding) if encoding == MACINTOSH => "Mac Roman",
            Self::Standard(encoding) => encoding.name(),
        }
    }

    pub(super) fn is_single_byte(self) -> bool {
        match self {
            Self::Dos(..) => true,
            Self::Standard(encoding) => encoding.is_single_byte(),
        }
    }

    /// The characters of all bytes in a single-byte encoding.
    fn characters(self) -> [char; 256] {
        let bytes: [u8; 256] = std::array::from_fn(|byte| byte.to_le_bytes()[0]);
        let text = match self {
            Self::Dos(_, table) => Cow::Owned(decode_string_complete_table(&bytes, table)),
            Self::Standard(encoding) => encoding.decode_without_bom_handling(&bytes).0,
        };
        let mut characters = text.chars();
        std::array::from_fn(|_| characters.next().unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// The bytes of a text in a single-byte encoding; `None` when it has a character that the encoding has not.
    pub(super) fn encoded(self, text: &str) -> Option<Vec<u8>> {
        let characters = self.characters();
        let byte = |c: char| {
            let byte = characters.iter().position(|known| *known == c)?;
            u8::try_from(byte).ok()
        };
        text.chars().map(byte).collect()
    }
}

/// Counts how plausible the non-ASCII bytes of a text are as letters of one encoding.
#[derive(Debug)]
pub(super) struct LetterCount {
    charset: Charset,
    characters: [char; 256],
    /// The number of characters that cannot be right in their place, such as `†` in `Kv†le`.
    misfits: usize,
    /// The number of Norwegian letters in plausible places.
    norwegian: usize,
    /// The number of those that are followed by another letter.
    inside: usize,
    /// The number of other letters that occur in Norwegian names, in plausible places.
    letters: usize,
}

impl LetterCount {
    pub(super) fn new(charset: Charset) -> Self {
        Self {
            charset,
            characters: charset.characters(),
            misfits: 0,
            norwegian: 0,
            inside: 0,
            letters: 0,
        }
    }

    /// Counts one non-ASCII byte, given with its neighbours.
    pub(super) fn add(&mut self, before: u8, byte: u8, after: u8) {
        const NORWEGIAN: &str = "æøåÆØÅ";
        const OTHERS: &str = "áàâäãéèêëíìîïóòôöõúùûüýÿñçčđšžŋŧðþćźńłěřůűőß";
        // Signs that may stand directly before a word.
        const OPENING: &str = "‘“„‚‹«¿¡§©€£$°#†‡";
        const ONLY_BEFORE: &str = "‚„¡¿ˆ";
        let [before, letter, after] =
            [before, byte, after].map(|byte| self.characters[usize::from(byte)]);
        // Spellings such as `KÅre` and `OÆBrien` do not occur, so a letter in the wrong case is a sign of the wrong encoding.
        let odd_case = letter.is_uppercase() && before.is_lowercase()
            || letter.is_uppercase() && before.is_alphabetic() && after.is_lowercase()
            || letter.is_lowercase() && after.is_uppercase()
            || letter.is_lowercase() && before.is_uppercase() && after.is_uppercase();
        let lower = letter.to_lowercase().next().unwrap_or(letter);
        // Undefined bytes and control characters are never right.
        if letter.is_control() || letter == char::REPLACEMENT_CHARACTER {
            self.misfits += 1;
        } else if NORWEGIAN.contains(letter) && !odd_case {
            self.norwegian += 1;
            self.inside += usize::from(after.is_alphabetic());
        } else if OTHERS.contains(lower) && !odd_case {
            self.letters += 1;
        // Letters that no Norwegian name has are accepted alone, but not inside a word.
        } else if letter.is_alphabetic() {
            self.misfits += usize::from(before.is_alphabetic() || after.is_alphabetic());
        // These stand before words: after a letter they are letters of another encoding, as the `‚` in `Andr‚`.
        } else if ONLY_BEFORE.contains(letter) && before.is_alphabetic() {
            self.misfits += 1;
        } else if letter != '’' && !letter.is_whitespace() && after.is_alphabetic() {
            // A dash may join two words without blanks; other signs may not.
            let dash = matches!(letter, '–' | '—' | '·' | '…');
            let wrong = !dash && (before.is_alphabetic() || !OPENING.contains(letter));
            self.misfits += usize::from(wrong);
        }
    }

    /// True when more than a fifth of the counted characters cannot be right in this encoding.
    pub(super) fn is_doubtful(&self) -> bool {
        self.misfits * 4 > self.norwegian + self.letters
    }
}

/// The most plausible encoding; `None` when the counts leave a doubt. The first of `counts` is the most common encoding.
pub(super) fn best_of(counts: &[LetterCount]) -> Option<Charset> {
    let usual = counts.first()?;
    // `max_by_key` takes the last of equals; reversed, that is the most common encoding.
    let best = counts.iter().rev().max_by_key(|count| {
        let words = (count.norwegian, count.letters);
        (Reverse(count.misfits), words)
    })?;
    if best.is_doubtful() {
        return None;
    }
    if best.charset == usual.charset || usual.misfits > 0 {
        return Some(best.charset);
    }
    if best.norwegian == 0 {
        return Some(usual.charset);
    }
    // Only at the ends of words the byte may be `å` in one encoding and a plausible `†` in the other.
    (best.inside > 0).then_some(best.charset)
}
