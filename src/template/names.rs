//! The names that templates can use, in one flat namespace.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::ascii_names::identifier;
use crate::diagnostic::did_you_mean;

/// The keywords of the template language, which cannot be names.
const KEYWORDS: [&str; 19] = [
    "true", "True", "false", "False", "loop", "self", "and", "or", "not", "is", "in", "continue",
    "break", "none", "None", "null", "if", "else", "for",
];

/// The names of a mailing: columns, variables and massebrev's own.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(super) all: Vec<Name>,
    index: HashMap<String, usize>,
}

#[derive(Debug, Clone)]
pub(super) struct Name {
    /// The ASCII name that Tera sees.
    pub(super) identifier: Arc<str>,
    /// The name as the user wrote it: the header or the variable.
    pub(super) written: Arc<str>,
    pub(super) meaning: Meaning,
}

impl Name {
    /// The index of the column; `None` for other names.
    pub(super) fn column(&self) -> Option<usize> {
        match self.meaning {
            Meaning::Column(column) => Some(column),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    /// The value in the column with this index (from 0).
    Column(usize),
    /// A value from the manifest.
    Variable(Value),
    /// The name of the mailing.
    Mailing,
    /// The number of the row, from 1.
    RowNumber,
    Row,
    /// Altinn's own placeholder, which Altinn replaces by the recipient's name.
    RecipientName,
}

impl Meaning {
    const OWN: [(&'static str, Self); 4] = [
        ("mailing", Self::Mailing),
        ("row_number", Self::RowNumber),
        ("row", Self::Row),
        ("recipientName", Self::RecipientName),
    ];

    /// The owner of a name with this meaning, in words.
    fn owner(&self, written: &str) -> String {
        match self {
            Self::Column(_) => format!("the column `{written}`"),
            Self::Variable(_) => format!("the variable `{written}`"),
            _ => "a name of massebrev's own".to_owned(),
        }
    }
}

/// A column or variable that would have the same name as another one, or a reserved name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameConflict {
    /// The variable of the manifest to be renamed; `None` for a column.
    pub variable: Option<String>,
    pub message: String,
    pub hint: String,
}

impl Names {
    /// Collects the names of columns and variables, with massebrev's own. The `Err` holds all conflicts.
    pub(crate) fn new(
        headers: &[String],
        variables: &Map<String, Value>,
    ) -> Result<Self, Vec<NameConflict>> {
        let mut names = Self {
            all: Vec::new(),
            index: HashMap::new(),
        };
        // massebrev's own names come first, so that a conflict asks for another name of the column or variable.
        for (word, meaning) in Meaning::OWN {
            names.push(word, meaning);
        }
        let mut problems = Vec::new();
        for (column, header) in headers.iter().enumerate() {
            problems.extend(names.add(header, Meaning::Column(column)));
        }
        for (variable, value) in variables {
            problems.extend(names.add(variable, Meaning::Variable(value.clone())));
        }
        if problems.is_empty() {
            Ok(names)
        } else {
            Err(problems)
        }
    }

    fn add(&mut self, written: &str, meaning: Meaning) -> Option<NameConflict> {
        let name = identifier(written);
        // Names that begin with `__tera` are reserved by Tera.
        let first = if KEYWORDS.contains(&name.as_str()) || name.starts_with("__tera") {
            Some("a word of the template language".to_owned())
        } else {
            let first = self.find(&name).and_then(|at| self.all.get(at));
            first.map(|first| first.meaning.owner(&first.written))
        };
        let Some(first) = first else {
            self.push(written, meaning);
            return None;
        };
        let second = meaning.owner(written);
        Some(NameConflict {
            variable: matches!(meaning, Meaning::Variable(_)).then(|| written.to_owned()),
            message: format!("{second} would be `{name}` in templates, and so is {first}"),
            hint: format!("give {second} another name"),
        })
    }

    fn push(&mut self, written: &str, meaning: Meaning) {
        let identifier = identifier(written);
        self.index.insert(identifier.clone(), self.all.len());
        self.all.push(Name {
            identifier: identifier.into(),
            written: written.into(),
            meaning,
        });
    }

    /// The index of an ASCII name in `all`.
    pub(super) fn find(&self, identifier: &str) -> Option<usize> {
        self.index.get(identifier).copied()
    }

    /// The index in `all` of the column for `row["key"]` or `row.key`. The header wins over the ASCII name.
    pub(super) fn column(&self, key: &str) -> Option<usize> {
        let by_header = self.columns().find(|(_, name)| &*name.written == key);
        let by_name = || self.column_named(key).and(self.find(key));
        by_header.map(|(at, _)| at).or_else(by_name)
    }

    /// The index of the column with an ASCII name.
    pub(super) fn column_named(&self, identifier: &str) -> Option<usize> {
        self.all.get(self.find(identifier)?)?.column()
    }

    /// The columns with their indexes in `all`, in the order of the file.
    pub(super) fn columns(&self) -> impl Iterator<Item = (usize, &Name)> + Clone {
        let all = self.all.iter().enumerate();
        all.filter(|(_, name)| name.column().is_some())
    }

    /// The hint for a name that does not exist.
    pub(super) fn hint(&self, wrong: &str) -> String {
        let names = self.all.iter();
        // The user may have typed either spelling.
        let names = names.flat_map(|name| [&*name.written, &*name.identifier]);
        did_you_mean(wrong, names).unwrap_or_else(|| self.listed())
    }

    /// The hint for a column that does not exist.
    pub(super) fn column_hint(&self, wrong: &str) -> String {
        let headers = self.columns().map(|(_, name)| &*name.written);
        did_you_mean(wrong, headers).unwrap_or_else(|| self.listed())
    }

    fn listed(&self) -> String {
        const SHOWN: usize = 8;
        let shown = self.columns().take(SHOWN);
        let shown: Vec<_> = shown
            .map(|(_, name)| format!("`{}`", name.written))
            .collect();
        let more = if self.columns().count() > SHOWN {
            ", \u{2026}"
        } else {
            ""
        };
        format!("the columns are {}{more}", shown.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(headers: &[&str], variables: &Value) -> Result<Names, Vec<String>> {
        let headers: Vec<_> = headers.iter().map(|header| (*header).to_owned()).collect();
        Names::new(&headers, variables.as_object().unwrap()).map_err(|problems| {
            problems
                .into_iter()
                .map(|problem| problem.message)
                .collect()
        })
    }

    #[test]
    fn columns_are_found_by_name_and_by_header() {
        let names = names(&["Språk", "E-post"], &json!({"frist": 1})).unwrap();
        let column = |key| names.all[names.column(key)?].column();
        assert_eq!(column("E-post"), Some(1));
        assert_eq!(column("E_post"), Some(1));
        assert_eq!(names.column("frist"), None);
        assert!(names.find("Sprak").is_some() && names.find("frist").is_some());
        assert!(names.find("recipientName").is_some() && names.find("Språk").is_none());
    }

    #[test]
    fn every_collision_names_both() {
        let problems = names(
            &["E-post", "E.post", "row", "in"],
            &json!({"E_post": 1, "mailing": 2}),
        )
        .unwrap_err();
        assert_eq!(
            problems,
            [
                "the column `E.post` would be `E_post` in templates, and so is the column `E-post`",
                "the column `row` would be `row` in templates, and so is a name of massebrev's own",
                "the column `in` would be `in` in templates, and so is a word of the template language",
                "the variable `E_post` would be `E_post` in templates, and so is the column `E-post`",
                "the variable `mailing` would be `mailing` in templates, and so is a name of massebrev's own",
            ]
        );
        assert!(names(&["__tera_context"], &json!({})).is_err());
        assert_eq!(
            Names::new(&["row".to_owned()], &Map::new()).unwrap_err()[0].hint,
            "give the column `row` another name"
        );
    }

    #[test]
    fn typing_mistakes_are_recognised() {
        let names = names(&["Saksnummer", "Fødselsnummer"], &json!({})).unwrap();
        assert_eq!(names.hint("Saksnumer"), "did you mean `Saksnummer`?");
        assert_eq!(
            names.hint("saksnummer"),
            "did you mean `Saksnummer`? they differ in upper and lower case"
        );
        assert_eq!(names.hint("Fodselsnumer"), "did you mean `Fodselsnummer`?");
        assert_eq!(
            names.hint("xyz"),
            "the columns are `Saksnummer`, `Fødselsnummer`"
        );
        assert_eq!(names.column_hint("Saksnumre"), "did you mean `Saksnummer`?");
    }
}
