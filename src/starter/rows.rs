//! The four synthetic recipients of the example mailing.

use super::columns::{Columns, Key, Language};

/// The recipients file: three persons and an organisation. The persons are synthetic (80 is added to the month).
pub(super) const ROWS: &str = "\
recipient,name,case,language
07827199405,Kari Eksempel,2026/001,nb
26818099001,Niillas Døme,2026/002,nn
13876698239,Ada Example,2026/003,en
310244007,Fjellheim Eksempel AS,2026/004,nb
";

pub(super) fn columns() -> Columns {
    Columns {
        headers: ["recipient", "name", "case", "language"]
            .map(str::to_owned)
            .to_vec(),
        rows: 4,
        key: Key::Column {
            column: 2,
            simple: true,
        },
        name: vec![1],
        language: Some(Language {
            column: 3,
            present: [true; 3],
            blanks: false,
        }),
        ..Columns::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_what_would_be_recognised() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), ROWS).unwrap();
        let mut found = Columns::recognise(file.path()).unwrap();
        assert!(found.dialect.take().is_some());
        assert_eq!(found, columns());
    }
}
