//! The recognition of columns by their headers and values. Values are counted, and not kept.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use serde_json::Map;

use super::columns::{Columns, Contact, Key, Language};
use super::value_counts::ValueCounts;
use super::words::{self, rank};
use crate::correspondence::Recipient;
use crate::diagnostic::{Place, Problem, Problems};
use crate::recipients::{Dialect, Options, Row, Rows};
use crate::template::Names;

impl Columns {
    /// Reads a file and finds the roles of its columns. The problems are those that make a mailing impossible.
    pub(crate) fn recognise(path: &Path) -> Result<Self, Problems> {
        let survey = Survey::read(path)?;
        let (recipient, or_recipient) = survey.recipient()?;
        let is_recipient = |column: usize| column == recipient || Some(column) == or_recipient;
        let email = survey.contact(words::EMAIL, |counts| counts.emails, |_| 0);
        let mobile = survey.contact(
            words::MOBILE,
            |counts| counts.mobiles,
            |counts| counts.domestic,
        );
        let mut columns = Self {
            dialect: Some(survey.dialect),
            rows: survey.rows,
            unreadable: survey.unreadable,
            recipient,
            or_recipient,
            name: survey.name(is_recipient),
            language: survey.language(),
            email,
            mobile,
            ..Self::default()
        };
        columns.key = survey.key(&columns)?;
        columns.headers = survey.headers;
        Ok(columns)
    }
}

/// The statistics of a file, which is read several times.
struct Survey<'a> {
    path: &'a Path,
    headers: Vec<String>,
    counts: Vec<ValueCounts>,
    dialect: Dialect,
    rows: u64,
    unreadable: u64,
}

impl<'a> Survey<'a> {
    fn read(path: &'a Path) -> Result<Self, Problems> {
        let mut rows = Rows::open(path, path, &Options::default())?;
        let headers = rows.headers().to_vec();
        // Headers that cannot be names in templates are reported first: the manifest could not mention them.
        let place = || Place::File(path.to_owned());
        Names::new(&headers, &Map::new()).map_err(|wrong| {
            let wrong = wrong.into_iter();
            wrong
                .map(|conflict| Problem::error(place(), conflict.message).with_hint(conflict.hint))
                .collect::<Problems>()
        })?;
        let mut survey = Self {
            path,
            counts: headers.iter().map(|_| ValueCounts::default()).collect(),
            headers,
            dialect: *rows.dialect(),
            rows: 0,
            unreadable: 0,
        };
        let mut row = Row::default();
        while let Some(read) = rows.read(&mut row) {
            if read.is_err() {
                survey.unreadable += 1;
                continue;
            }
            survey.rows += 1;
            for (counts, value) in survey.counts.iter_mut().zip(row.iter()) {
                counts.add(value);
            }
        }
        if survey.rows == 0 {
            let problem = Problem::error(
                place(),
                "the file has no rows that its columns could be recognised by",
            );
            return Err(problem
                .with_hint("start again when it has at least one")
                .into());
        }
        Ok(survey)
    }

    fn columns(&self) -> impl Iterator<Item = (usize, &str, &ValueCounts)> {
        let named = self.headers.iter().zip(&self.counts).enumerate();
        named.map(|(column, (header, counts))| (column, header.as_str(), counts))
    }

    /// Finds the column with the recipients, and the one that has them in the rows where the first is empty.
    fn recipient(&self) -> Result<(usize, Option<usize>), Problems> {
        let mut candidates: Vec<_> = self
            .columns()
            .filter_map(|(column, header, counts)| {
                let known = rank(header, words::RECIPIENT);
                let fits = if known.is_some() {
                    // A few damaged numbers do not change the role of the column: `validate` reports them row by row.
                    counts.mostly(counts.recipients + counts.damaged)
                } else {
                    // Without a telling header only control digits count: any nine digits look like an organisation number.
                    counts.all(counts.certain)
                };
                fits.then_some((known.is_none(), Reverse(counts.filled), known, column))
            })
            .collect();
        // First columns with a telling header, then those with the most values, then the order of the word list.
        candidates.sort_unstable();
        match candidates.as_slice() {
            [] => Err(self.no_recipient().into()),
            // The best column has gaps, and another one with a telling header may fill them.
            [(_, Reverse(filled), _, column), (false, _, _, second), ..] if *filled < self.rows => {
                Ok((*column, Some(*second)))
            }
            [(_, _, _, column), ..] => Ok((*column, None)),
        }
    }

    fn no_recipient(&self) -> Problem {
        Problem::error(Place::File(self.path.to_owned()), "no column holds recipients")
            .with_cause("a column holds them when all of its values are organisation numbers, national identity numbers or URNs, or most of them under \
                a header such as Fødselsnummer, Fnr, Personnummer, Organisasjonsnummer, Orgnr, Mottaker or Recipient")
            .with_hint(format!("the columns are {}", self.headers.join(", ")))
    }

    /// Finds the column, or the two columns, that name the recipient in every row.
    fn name(&self, is_recipient: impl Fn(usize) -> bool) -> Vec<usize> {
        let best = |list: &str| {
            self.columns()
                .filter(|(column, _, counts)| counts.filled == self.rows && !is_recipient(*column))
                .filter_map(|(column, header, _)| Some((rank(header, list)?, column)))
                .min()
                .map(|(_, column)| column)
        };
        let parts = || Some(vec![best(words::FIRST_NAME)?, best(words::LAST_NAME)?]);
        let whole = best(words::NAME).map(|column| vec![column]);
        whole.or_else(parts).unwrap_or_default()
    }

    fn language(&self) -> Option<Language> {
        self.columns()
            .filter(|(_, _, counts)| counts.all(counts.languages.iter().sum()))
            .min_by_key(|(column, header, _)| {
                let known = rank(header, words::LANGUAGE);
                (known.is_none(), known, *column)
            })
            .map(|(column, _, counts)| Language {
                column,
                present: counts.languages.map(|count| count > 0),
                blanks: counts.filled < self.rows,
            })
    }

    /// Finds the column with e-mail addresses or mobile numbers. `domestic` counts numbers without a country code.
    fn contact(
        &self,
        list: &str,
        fits: impl Fn(&ValueCounts) -> u64,
        domestic: impl Fn(&ValueCounts) -> u64,
    ) -> Option<Contact> {
        self.columns()
            .filter_map(|(column, header, counts)| {
                let known = rank(header, list);
                let domestic = known.is_some() && counts.all(domestic(counts));
                let fitting =
                    counts.all(fits(counts)) || known.is_some() && counts.mostly(fits(counts));
                (domestic || fitting).then_some((known.is_none(), known, column, domestic))
            })
            .min()
            .map(|(_, _, column, domestic)| Contact { column, domestic })
    }

    /// Finds the key, which must differ in every row: first a column whose header suggests it, then the recipient, then any other column.
    fn key(&self, found: &Columns) -> Result<Key, Problems> {
        let mut named = Vec::new();
        let mut unnamed = Vec::new();
        for (column, header, counts) in self.columns() {
            // Identity numbers of others, as of a spouse, are no key: a key stands in the letter.
            if counts.filled < self.rows
                || counts.mostly(counts.certain)
                || found.is_used(column)
                || rank(header, words::NOT_A_KEY).is_some()
            {
                continue;
            }
            let plain = words::plain(header);
            let mut endings = words::KEY_ENDINGS.split(' ');
            let ending = endings.position(|ending| plain.ends_with(ending));
            // A header that is in the list tells more than an ending.
            let listed = rank(header, words::KEY).map(|place| (false, place));
            match listed.or(ending.map(|place| (true, place))) {
                Some(place) => named.push((place, column)),
                None => unnamed.push(column),
            }
        }
        named.sort_unstable();
        let recipient = |row: &Row| {
            let value = Some(row.get(found.recipient)).filter(|value| !value.trim().is_empty());
            let value = value
                .or_else(|| Some(row.get(found.or_recipient?)))
                .unwrap_or_default();
            Recipient::parse(value).map_or_else(|_| hash(value), |recipient| hash(&recipient.urn()))
        };
        let named = named.into_iter().map(|(_, column)| Some(column));
        // `None` is the recipient.
        let candidates = named.chain([None]).chain(unnamed.into_iter().map(Some));
        for candidate in candidates {
            let fingerprint = |row: &Row| {
                candidate.map_or_else(|| recipient(row), |column| hash(row.get(column)))
            };
            if !self.differs(fingerprint)? {
                continue;
            }
            return Ok(candidate.map_or(Key::Recipient, |column| {
                let simple = self.counts.get(column);
                let simple = simple.is_some_and(|counts| counts.all(counts.simple));
                Key::Column { column, simple }
            }));
        }
        Ok(Key::None)
    }

    /// True when all rows have different fingerprints. Reads the file again, up to the first pair of equal ones, instead of keeping the values of all columns.
    fn differs(&self, fingerprint: impl Fn(&Row) -> u64) -> Result<bool, Problems> {
        let mut rows = Rows::open(self.path, self.path, &Options::default())?;
        let mut row = Row::default();
        let mut seen = HashSet::new();
        while let Some(read) = rows.read(&mut row) {
            if read.is_ok() && !seen.insert(fingerprint(&row)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn hash(value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
