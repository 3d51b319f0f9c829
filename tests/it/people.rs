//! Synthetic persons (month + 80) with control digits that fit.

use std::fmt::Write as _;

/// Synthetic persons, always the same ones, no two alike.
pub(crate) fn persons() -> impl Iterator<Item = String> {
    (0..).filter_map(|serial: u32| {
        let (day, month) = (1 + serial % 28, 81 + serial / 28 % 12);
        let (year, individual) = (40 + serial / 336 % 60, serial / 20_160 % 500);
        // Not every nine digits have control digits.
        with_control_digits(&format!("{day:02}{month:02}{year:02}{individual:03}"))
    })
}

/// `count` rows as a Norwegian spreadsheet saves them: Windows-1252, semicolons, CRLF, quotes in names.
pub(crate) fn spreadsheet(count: usize) -> Vec<u8> {
    let mut text = "Fødselsnummer;Navn;Saksnummer;Beløp;Språk;E-post;Mobil\r\n".to_owned();
    for (row, number) in (1..=count).zip(persons()) {
        let name = match row % 3 {
            0 => "\"Marit Berg \"\"Bergen\"\" Olsen\"",
            1 => "Sæbjørg Dæhli",
            _ => "Kåre Ødegård",
        };
        let language = ["nb", "nn", "en", "nb"][row % 4];
        let mail = if row % 5 == 0 {
            String::new()
        } else {
            format!("test.{row}@example.no")
        };
        write!(
            text,
            "{number};{name};2026/{row:05};{},83;{language};{mail};\r\n",
            row * 17
        )
        .unwrap();
    }
    // All of it is Latin-1, which Windows-1252 agrees with.
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect()
}

fn with_control_digits(nine: &str) -> Option<String> {
    let control = |digits: &str, weights: &[u32]| {
        let sum: u32 = digits
            .bytes()
            .zip(weights)
            .map(|(digit, weight)| u32::from(digit - b'0') * weight)
            .sum();
        match 11 - sum % 11 {
            11 => Some(0),
            10 => None,
            digit => Some(digit),
        }
    };
    let first = control(nine, &[3, 7, 6, 1, 8, 9, 4, 5, 2])?;
    let ten = format!("{nine}{first}");
    let second = control(&ten, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2])?;
    Some(format!("{ten}{second}"))
}

#[test]
fn synthetic_persons_are_valid_and_different() {
    use massebrev::correspondence::Recipient;

    let persons: std::collections::BTreeSet<_> = persons().take(200).collect();
    assert_eq!(persons.len(), 200);
    for number in &persons {
        assert!(
            Recipient::parse(number).unwrap().is_synthetic_person(),
            "{number}"
        );
    }
}
