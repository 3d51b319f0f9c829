//! The choice of rows for a command: those asked for, without settled letters, up to a limit.

use super::{CheckReport, Selection};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowFilter {
    pub rows: Selection,
    pub limit: Option<u64>,
}

/// The rows chosen for a run, and the counts that are shown with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RowChoice {
    /// The rows to work on now.
    pub rows: Selection,
    /// The number of their letters that are not settled.
    pub letters: u64,
    /// The number of letters in the rows asked for, settled or not, beyond the limit or not.
    pub covered: u64,
    /// The number of settled letters in the rows asked for.
    pub settled: u64,
    /// The number of letters that are neither settled nor chosen: not asked for, or past the limit.
    pub left_out: u64,
    /// Row numbers asked for beyond the end of the file.
    pub missing: Selection,
    /// Rows asked for by number that get no letter on purpose: skipped by `where`, or excluded.
    pub without_letter: Selection,
}

impl Default for RowFilter {
    fn default() -> Self {
        Self {
            rows: Selection::all(),
            limit: None,
        }
    }
}

impl CheckReport {
    /// Chooses rows. `is_settled` is called with positions of letters, from 0; settled letters do not count towards the limit.
    pub(crate) fn choose(
        &self,
        wanted: &RowFilter,
        is_settled: impl Fn(usize) -> bool,
    ) -> RowChoice {
        let by_number = !wanted.rows.is_all();
        let mut chosen = RowChoice {
            rows: wanted.rows.clone(),
            missing: wanted.rows.beyond(self.fingerprints.len() as u64),
            ..RowChoice::default()
        };
        let mut last = 0;
        // Rows count from 1, positions from 0.
        for ((row, print), position) in (1..).zip(&self.fingerprints).zip(0..) {
            let asked = wanted.rows.contains(row);
            if !print.is_letter() {
                // A person who names a row expects a letter; without `--rows` it is no news that some rows are skipped.
                if asked && by_number {
                    chosen.without_letter.push(row);
                }
                continue;
            }
            chosen.covered += u64::from(asked);
            if is_settled(position) {
                chosen.settled += u64::from(asked);
            } else if asked && wanted.limit.is_none_or(|limit| chosen.letters < limit) {
                chosen.letters += 1;
                last = row;
            } else {
                chosen.left_out += 1;
            }
        }
        // The limit was reached: the rows end with the last letter, so that skipped rows behind it wait for the next run too.
        if wanted.limit == Some(chosen.letters) {
            chosen.rows = chosen.rows.until(last);
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::super::fingerprint::Fingerprint;
    use super::*;

    /// Ten rows; the third gets no letter. A letter's key is its row.
    fn ten() -> CheckReport {
        let prints = (1..=10).map(|row| Fingerprint {
            key: row,
            letter: if row == 3 { 0 } else { 100 + row },
        });
        CheckReport {
            rows: 10,
            letters: 9,
            skipped: 1,
            fingerprints: prints.collect(),
            ..CheckReport::default()
        }
    }

    fn choose(rows: &str, limit: Option<u64>, settled: &[u64]) -> RowChoice {
        let wanted = RowFilter {
            rows: rows.parse().unwrap(),
            limit,
        };
        ten().choose(&wanted, |position| settled.contains(&(position as u64 + 1)))
    }

    #[test]
    fn of_proofs_the_rows_are_those_of_the_file() {
        let mut proofs = ten();
        proofs
            .fingerprints
            .iter_mut()
            .skip(8)
            .for_each(|print| print.letter = 0);
        (proofs.rows, proofs.letters) = (7, 7);
        let wanted = RowFilter {
            rows: "8,9".parse().unwrap(),
            limit: None,
        };
        let chosen = proofs.choose(&wanted, |_| false);
        assert_eq!((chosen.letters, chosen.left_out), (1, 6));
        assert!(chosen.missing.is_empty(), "{}", chosen.missing);
    }

    #[test]
    fn without_a_wish_every_letter_has_its_turn() {
        let chosen = ten().choose(&RowFilter::default(), |_| false);
        assert!(chosen.rows.is_all());
        assert_eq!((chosen.letters, chosen.covered, chosen.left_out), (9, 9, 0));
        assert!(chosen.without_letter.is_empty() && chosen.missing.is_empty());
    }

    #[test]
    fn rows_are_chosen_by_number_and_the_rest_is_left_out() {
        let chosen = choose("2-4,9-12", None, &[1, 4]);
        assert_eq!(chosen.letters, 3, "2, 9 and 10");
        assert_eq!(chosen.settled, 1, "4");
        assert_eq!(chosen.covered, 4);
        assert_eq!(chosen.left_out, 4, "5 to 8; 1 is settled");
        assert_eq!(chosen.without_letter.to_string(), "3");
        assert_eq!(chosen.missing.to_string(), "11-12");
    }

    #[test]
    fn a_limit_counts_what_is_not_settled() {
        let chosen = choose("1-", Some(3), &[1, 2, 5]);
        assert_eq!(chosen.rows.to_string(), "1-7");
        assert_eq!((chosen.letters, chosen.settled, chosen.left_out), (3, 3, 3));
        let chosen = choose("6-", Some(2), &[]);
        assert_eq!(chosen.rows.to_string(), "6-7");
        assert_eq!((chosen.letters, chosen.covered, chosen.left_out), (2, 5, 7));
    }

    #[test]
    fn a_limit_past_the_end_is_none() {
        let chosen = choose("1-", Some(20), &[]);
        assert!(chosen.rows.is_all());
        assert_eq!((chosen.letters, chosen.left_out), (9, 0));
    }
}
