//! Rows by their own keys.

use super::{Mailing, Selection};
use crate::correspondence::Recipient;
use crate::diagnostic::Problems;
use crate::recipients::Row;
use crate::template::Scope;

impl Mailing {
    /// The rows with this key, as people know them; rows that get no letter are among them. Without a column for keys, a row's key is its recipient, in any
    /// spelling.
    pub fn rows_with_key(&self, key: &str) -> Result<Selection, Problems> {
        let recipient = Recipient::parse(key).ok();
        let mut rows = self.open_rows()?;
        let (mut row, mut scope) = (Row::default(), Scope::default());
        let mut found = Vec::new();
        while let Some(read) = rows.read(&mut row) {
            // What is wrong with a row is said where all of them are checked.
            if read.is_ok() && self.has_key(&row, key, recipient.as_ref(), &mut scope) {
                found.push(row.number);
            }
        }
        Ok(Selection::from_rows(found))
    }

    fn has_key(
        &self,
        row: &Row,
        key: &str,
        recipient: Option<&Recipient>,
        scope: &mut Scope,
    ) -> bool {
        match (self.row_key, recipient) {
            (Some(column), _) => row.get(column).trim() == key.trim(),
            (None, None) => false,
            (None, Some(recipient)) => {
                self.templates
                    .fill(scope, row.number, |column| row.get(column));
                let found = self.recipient(row, scope);
                found.is_ok_and(|found| found == *recipient)
            }
        }
    }
}
