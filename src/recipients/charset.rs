//! The encodings that files come in, and which of them the letters of a text speak for.

use std::cmp::Reverse;

use encoding_rs::{Encoding, MACINTOSH, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use oem_cp::code_table::{
    DECODING_TABLE_CP437, DECODING_TABLE_CP850, DECODING_TABLE_CP858, DECODING_TABLE_CP865,
};

/// An encoding that files come in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Charset {
    Standard(&'static Encoding),
    /// One of MS-DOS: its name, and its characters from 0x80 on.
    Dos(&'static str, &'static [char; 128]),
}

const CP850: Charset = Charset::Dos("CP850", &DECODING_TABLE_CP850);

impl Charset {
    pub(super) const UTF_8: Self = Self::Standard(UTF_8);

    /// What is tried on text that is no UTF-8; the first of equals is taken. CP865 has the Norwegian letters in the same places as CP850.
    pub(super) const GUESSED: [Self; 3] = [
        Self::Standard(WINDOWS_1252),
        CP850,
        Self::Standard(MACINTOSH),
    ];

    /// The encoding with a name: one that browsers know, or `cp850` as well as `IBM850` or `850`.
    pub(super) fn from_label(label: &str) -> Option<Self> {
        let plain = label.to_ascii_lowercase().replace([' ', '-', '_'], "");
        let number = ["cp", "ibm", "dos", "oem", "pc"]
            .iter()
            .find_map(|prefix| plain.strip_prefix(prefix))
            .unwrap_or(&plain);
        Some(match number {
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

    pub(super) fn is_utf_16(self) -> bool {
        self == Self::Standard(UTF_16LE) || self == Self::Standard(UTF_16BE)
    }

    pub(super) fn is_single_byte(self) -> bool {
        match self {
            Self::Dos(..) => true,
            Self::Standard(encoding) => encoding.is_single_byte(),
        }
    }

    /// The characters from 0x80 on of an encoding with one byte for each.
    pub(super) fn upper_half(self) -> [char; 128] {
        match self {
            Self::Dos(_, table) => *table,
            Self::Standard(encoding) => {
                let bytes: [u8; 128] = std::array::from_fn(|place| 0x80 | place.to_le_bytes()[0]);
                let (text, _) = encoding.decode_without_bom_handling(&bytes);
                let mut letters = text.chars();
                std::array::from_fn(|_| letters.next().unwrap_or(char::REPLACEMENT_CHARACTER))
            }
        }
    }

    #[cfg(test)]
    pub(super) fn encoded(self, text: &str) -> Vec<u8> {
        let upper = self.upper_half();
        let byte = |c: char| match upper.iter().position(|known| *known == c) {
            Some(place) => 0x80 | u8::try_from(place).unwrap(),
            None => u8::try_from(c).unwrap(),
        };
        text.chars().map(byte).collect()
    }
}

/// By name: two of the same name have the same characters.
impl PartialEq for Charset {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Charset {}

/// What the bytes beyond ASCII of a text are when it is read in an encoding.
#[derive(Debug)]
pub(super) struct LetterCount {
    charset: Charset,
    upper: [char; 128],
    /// Characters that cannot be right where they stand: `†` in `Kv†le`.
    misfits: usize,
    /// `æøå`, where letters may stand.
    norwegian: usize,
    /// Those among them that another letter follows.
    inside: usize,
    letters: usize,
}

impl LetterCount {
    pub(super) fn new(charset: Charset) -> Self {
        Self {
            charset,
            upper: charset.upper_half(),
            misfits: 0,
            norwegian: 0,
            inside: 0,
            letters: 0,
        }
    }

    /// One more byte, with those around it.
    pub(super) fn add(&mut self, before: u8, byte: u8, after: u8) {
        const NORWEGIAN: &str = "æøåÆØÅ";
        const OTHERS: &str = "áàâäãéèêëíìîïóòôöõúùûüýÿñçčđšžŋŧðþćźńłěřůűőß";
        // What may stand before a word.
        const OPENING: &str = "‘“„‚‹«¿¡§©€£$°#†‡";
        let (before, letter, after) = (self.letter(before), self.letter(byte), self.letter(after));
        // `KÅre` and `OÆBrien` are not written.
        let odd_case = letter.is_uppercase() && before.is_lowercase()
            || letter.is_uppercase() && before.is_alphabetic() && after.is_lowercase()
            || letter.is_lowercase() && after.is_uppercase()
            || letter.is_lowercase() && before.is_uppercase() && after.is_uppercase();
        let lower = letter.to_lowercase().next().unwrap_or(letter);
        if letter.is_control() || letter == char::REPLACEMENT_CHARACTER {
            self.misfits += 1;
        } else if NORWEGIAN.contains(letter) && !odd_case {
            self.norwegian += 1;
            self.inside += usize::from(after.is_alphabetic());
        } else if OTHERS.contains(lower) && !odd_case {
            self.letters += 1;
        } else if letter.is_alphabetic() {
            self.misfits += usize::from(before.is_alphabetic() || after.is_alphabetic());
        } else if letter != '’' && !letter.is_whitespace() && after.is_alphabetic() {
            let dash = matches!(letter, '–' | '—' | '·' | '…');
            let wrong = !dash && (before.is_alphabetic() || !OPENING.contains(letter));
            self.misfits += usize::from(wrong);
        }
    }

    fn letter(&self, byte: u8) -> char {
        match byte.checked_sub(0x80) {
            Some(place) => self
                .upper
                .get(usize::from(place))
                .copied()
                .unwrap_or_default(),
            None => char::from(byte),
        }
    }

    /// True when too much of the text cannot be right in this encoding.
    pub(super) fn is_doubtful(&self) -> bool {
        self.misfits * 4 > self.norwegian + self.letters
    }
}

/// The encoding that the letters speak for; `None` when they do not speak clearly.
pub(super) fn best_of(counts: &[LetterCount]) -> Option<Charset> {
    let usual = counts.first()?;
    // The last of equals is taken, and the usual one goes first.
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
    // At the ends of words alone `†` may be one, and `å` as well.
    (best.inside > 0).then_some(best.charset)
}
