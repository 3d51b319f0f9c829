//! The parts of an SMS: GSM 7-bit where its letters suffice, UCS-2 for the whole text where one does not.
//!
//! This is how phones and operators count (3GPP TS 23.038 and 23.040). Altinn's own figures count otherwise: 134 characters a part of the text as it stands in a
//! URL (`CalculateNumberOfMessages` in Altinn Notifications).

/// The characters of GSM 7-bit (3GPP TS 23.038, section 6.2.1), in the order of their codes; the escape is left out.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// The characters that need an escape in front, and so two septets (section 6.2.1.1).
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmsEncoding {
    /// Seven bits a character: 160 of them in one SMS, 153 in each of several parts.
    Gsm7,
    /// Sixteen bits a character: 70 of them in one SMS, 67 in each of several parts.
    Ucs2,
}

impl SmsEncoding {
    /// The units that fit in each part when there are `parts` parts. Several parts are shorter, because each has a header that joins them.
    pub fn room(self, parts: usize) -> usize {
        match (self, parts > 1) {
            (Self::Gsm7, false) => 160,
            (Self::Gsm7, true) => 153,
            (Self::Ucs2, false) => 70,
            (Self::Ucs2, true) => 67,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Gsm7 => "GSM-7",
            Self::Ucs2 => "UCS-2",
        }
    }

    /// The units of a character: septets, or UTF-16 units.
    fn units(self, character: char) -> usize {
        match self {
            Self::Gsm7 if EXTENSION.contains(character) => 2,
            Self::Gsm7 => 1,
            Self::Ucs2 => character.len_utf16(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sms<'a> {
    pub encoding: SmsEncoding,
    /// Its length in septets or UTF-16 units.
    pub units: usize,
    /// The text of each part; empty when there is no text. A character is never split over two parts.
    pub parts: Vec<&'a str>,
    /// The characters that GSM 7-bit lacks, each once, in the order of the text.
    pub foreign: Vec<char>,
}

impl<'a> Sms<'a> {
    /// Splits a text as it is written. Altinn's own replacements for keywords are not known here.
    pub fn from_text(text: &'a str) -> Self {
        let mut foreign = Vec::new();
        for character in text.chars().filter(|c| !is_gsm7(*c)) {
            if !foreign.contains(&character) {
                foreign.push(character);
            }
        }
        let encoding = if foreign.is_empty() {
            SmsEncoding::Gsm7
        } else {
            SmsEncoding::Ucs2
        };
        let units = text.chars().map(|c| encoding.units(c)).sum();
        // A text that fits in one part has no header for joining, and more room.
        let parts = if units <= encoding.room(1) {
            Vec::from_iter((!text.is_empty()).then_some(text))
        } else {
            split(text, encoding)
        };
        Self {
            encoding,
            units,
            parts,
            foreign,
        }
    }
}

/// True when GSM 7-bit has the character, alone or after an escape.
pub fn is_gsm7(character: char) -> bool {
    // Most characters are found without a search through the table.
    character.is_ascii_alphanumeric()
        || matches!(
            character,
            ' ' | '.' | ',' | '-' | ':' | '\n' | 'æ' | 'ø' | 'å'
        )
        || BASIC.contains(character)
        || EXTENSION.contains(character)
}

/// Splits a text into parts of the length for several. An escape stays with its character, and so do the halves of a surrogate pair.
fn split(text: &str, encoding: SmsEncoding) -> Vec<&str> {
    let room = encoding.room(2);
    let (mut parts, mut begin, mut filled) = (Vec::new(), 0, 0);
    for (at, character) in text.char_indices() {
        let units = encoding.units(character);
        if filled + units > room {
            parts.push(&text[begin..at]);
            (begin, filled) = (at, 0);
        }
        filled += units;
    }
    parts.push(&text[begin..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str) -> (&'static str, usize, usize) {
        let sms = Sms::from_text(text);
        assert_eq!(sms.parts.concat(), text);
        let room = sms.encoding.room(sms.parts.len());
        for part in &sms.parts {
            let units: usize = part.chars().map(|c| sms.encoding.units(c)).sum();
            assert!(units <= room, "{units} in {room}: {part}");
        }
        (sms.encoding.name(), sms.units, sms.parts.len())
    }

    #[test]
    fn parts_are_counted_as_phones_count_them() {
        let repeated = |text: &str, times: usize| text.repeat(times);
        for (text, expected) in [
            (String::new(), ("GSM-7", 0, 0)),
            (repeated("a", 160), ("GSM-7", 160, 1)),
            (repeated("a", 161), ("GSM-7", 161, 2)),
            (repeated("a", 306), ("GSM-7", 306, 2)),
            (repeated("a", 307), ("GSM-7", 307, 3)),
            (repeated("å", 160), ("GSM-7", 160, 1)),
            (repeated("\r\n", 80), ("GSM-7", 160, 1)),
            // An extension character takes two septets.
            (repeated("€", 80), ("GSM-7", 160, 1)),
            (repeated("€", 81), ("GSM-7", 162, 2)),
            (repeated("a", 159) + "{", ("GSM-7", 161, 2)),
            // It does not stand with its escape in one part and itself in the next: 76 of them fill 152 of 153.
            (repeated("€", 152), ("GSM-7", 304, 2)),
            (repeated("€", 153), ("GSM-7", 306, 3)),
            (
                repeated("a", 152) + "€" + &repeated("a", 152),
                ("GSM-7", 306, 3),
            ),
            (
                repeated("a", 153) + "€" + &repeated("a", 151),
                ("GSM-7", 306, 2),
            ),
            (repeated("č", 70), ("UCS-2", 70, 1)),
            (repeated("č", 71), ("UCS-2", 71, 2)),
            (repeated("č", 134), ("UCS-2", 134, 2)),
            (repeated("č", 135), ("UCS-2", 135, 3)),
            // One curly quote makes three parts of two.
            (repeated("a", 160) + "'", ("GSM-7", 161, 2)),
            (repeated("a", 160) + "’", ("UCS-2", 161, 3)),
            // An emoji is a pair, and is not split.
            (repeated("\u{1F600}", 35), ("UCS-2", 70, 1)),
            (repeated("\u{1F600}", 36), ("UCS-2", 72, 2)),
            (repeated("\u{1F600}", 66), ("UCS-2", 132, 2)),
            (repeated("\u{1F600}", 67), ("UCS-2", 134, 3)),
            (
                repeated("č", 66) + "\u{1F600}" + &repeated("č", 66),
                ("UCS-2", 134, 3),
            ),
            (
                repeated("č", 67) + "\u{1F600}" + &repeated("č", 65),
                ("UCS-2", 134, 2),
            ),
        ] {
            assert_eq!(counted(&text), expected, "{text}");
        }
    }

    #[test]
    fn all_of_the_alphabet_fits_into_seven_bits() {
        assert_eq!(BASIC.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
        for character in BASIC.chars().chain(EXTENSION.chars()) {
            assert!(is_gsm7(character), "{character}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_once_in_its_order() {
        for (text, foreign) in [
            ("Hei, æøå ÆØÅ äöü ÄÖÜ éèàù", ""),
            ("“Hei”, sa “Áššu” – ‘nå’…", "“”Áš–‘’…"),
            ("«Vedtak»", "«»"),
            ("a\u{a0}b\tc", "\u{a0}\t"),
            ("`", "`"),
            ("çê", "çê"),
            ("Ç", ""),
        ] {
            assert_eq!(
                Sms::from_text(text).foreign.iter().collect::<String>(),
                foreign
            );
        }
    }

    #[test]
    fn parts_break_where_phones_break_them() {
        let text = "a".repeat(152) + "€" + &"b".repeat(10);
        let sms = Sms::from_text(&text);
        assert_eq!(sms.parts.len(), 2);
        assert_eq!(sms.parts[0].len(), 152);
        assert!(sms.parts[1].starts_with('€'));
    }
}
