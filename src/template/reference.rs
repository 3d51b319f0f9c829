//! The reference page of templates, and the look-up of its entries for filters, functions and tests.

use crate::diagnostic::did_you_mean;

/// The reference page of templates: their names, filters, functions and tests, with examples, which are tested. An entry is a line that begins with `| `, with `is `, or, after the first headings, with the name of a function.
pub(crate) const REFERENCE: &str = include_str!("reference.txt");

const ENTRIES: &str = "\nDATES\n";

/// The kinds of entries: a filter follows `|`, a function precedes `(`, and a test follows `is`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Filter,
    Function,
    Test,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Filter, Self::Function, Self::Test];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Function => "function",
            Self::Test => "test",
        }
    }

    /// The entries of this kind: names with their arguments and the defaults of these.
    fn calls(self) -> impl Iterator<Item = &'static str> + Clone {
        let entries = REFERENCE
            .split_once(ENTRIES)
            .map_or("", |(_, entries)| entries);
        entries.lines().filter_map(move |line| match self {
            Self::Filter => line.strip_prefix("| "),
            Self::Test => line.strip_prefix("is "),
            Self::Function => {
                let is_call = line.starts_with(|c: char| c.is_ascii_lowercase());
                (is_call && line.ends_with(')') && !line.starts_with("is ")).then_some(line)
            }
        })
    }

    fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        self.calls().map(name_of)
    }

    /// The entry with this name.
    pub(super) fn call(self, name: &str) -> Option<&'static str> {
        self.calls().find(|call| name_of(call) == name)
    }

    /// The hint for a name that does not exist.
    pub(super) fn hint(self, name: &str) -> String {
        if name == "get_env" {
            return "templates see no environment: put the value into `variables` in the manifest"
                .to_owned();
        }
        let elsewhere = Self::ALL
            .into_iter()
            .find(|kind| *kind != self && kind.call(name).is_some());
        match elsewhere {
            Some(Self::Filter) => format!("it is a filter: `{{{{ value | {name} }}}}`"),
            Some(Self::Function) => format!("it is a function: `{{{{ {name}() }}}}`"),
            _ => did_you_mean(name, self.names())
                .unwrap_or_else(|| "`massebrev help templates` lists all there are".to_owned()),
        }
    }
}

pub(super) fn name_of(call: &str) -> &str {
    call.split('(').next().unwrap_or(call)
}

/// The names of the arguments of an entry, as `form` and `lang` of `date(form="long", lang=…)`.
pub(super) fn arguments_of(call: &str) -> impl Iterator<Item = &str> {
    let list = call.split_once('(').map_or("", |(_, list)| list);
    list.split(", ")
        .filter_map(|argument| Some(argument.split_once('=')?.0))
}

/// The entry of the filter, function or test with this name.
pub(super) fn call_of(name: &str) -> Option<&'static str> {
    Kind::ALL.into_iter().find_map(|kind| kind.call(name))
}

/// True when a filter writes in the letter's language. Known from its argument `lang` in the reference, so that no second list is needed.
pub(super) fn writes_in_language(filter: &str) -> bool {
    let call = Kind::Filter.call(filter);
    call.is_some_and(|call| call.contains("lang="))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::templates::tests::Bench;
    use super::*;

    /// The row that the examples are about, off the page itself.
    fn row() -> (Vec<&'static str>, Vec<&'static str>) {
        let (_, table) = REFERENCE.split_once("a letter in Bokmål:\n\n").unwrap();
        let lines = table.lines().take_while(|line| !line.is_empty());
        lines
            .map(|line| line.trim().split_once("  ").unwrap_or((line.trim(), "")))
            .map(|(header, value)| (header, value.trim()))
            .map(|(header, value)| (header, if value == "(empty)" { "" } else { value }))
            .unzip()
    }

    #[test]
    fn every_example_renders_to_what_is_said() {
        let (headers, values) = row();
        assert_eq!(headers.len(), 9);
        let (_, entries) = REFERENCE.split_once(ENTRIES).unwrap();
        let (mut name, mut examples) = ("", 0);
        for line in entries.lines() {
            if !line.starts_with(' ') && !line.is_empty() {
                let call = line.strip_prefix("| ").or(line.strip_prefix("is "));
                name = name_of(call.unwrap_or(line));
            }
            let Some((template, text)) = line.split_once("  \u{2192}  ") else {
                continue;
            };
            let template = template.trim_start();
            let text = text.replace('\u{2423}', "\u{A0}").replace('\u{21B5}', "\n");
            let mut bench = Bench::new(&headers, &json!({}), &[]);
            let compiled = bench.templates.compile_text("/text", template);
            let compiled = compiled.unwrap_or_else(|wrong| panic!("{template}: {wrong:?}"));
            let rendered = bench
                .templates
                .render_text(&compiled, &bench.scope(&values));
            assert_eq!(rendered, Ok(text), "{template}");
            assert!(
                template.contains(name),
                "{template} is no example of {name}"
            );
            examples += 1;
        }
        assert!(examples > 80, "{examples}");
    }

    #[test]
    fn every_entry_is_there_once_with_an_example() {
        for kind in Kind::ALL {
            let mut names: Vec<_> = kind.names().collect();
            assert!(names.len() > 3, "{names:?}");
            for call in kind.calls().filter(|call| name_of(call) != "throw") {
                let (_, entry) = REFERENCE.split_once(&format!("{call}\n    ")).unwrap();
                let entry = entry.split("\n\n").next().unwrap();
                assert!(entry.contains("  \u{2192}  "), "{call}");
            }
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count);
        }
        assert!(writes_in_language("money") && !writes_in_language("plus"));
    }

    #[test]
    fn the_page_fits_a_terminal() {
        for line in REFERENCE.lines() {
            assert!(
                line.chars().count() <= 100 && !line.ends_with(' '),
                "{line}"
            );
        }
    }

    #[test]
    fn what_is_not_known_is_told_with_what_to_do() {
        for (kind, name, hint) in [
            (Kind::Filter, "uper", "did you mean `upper`?"),
            (Kind::Filter, "now", "it is a function: `{{ now() }}`"),
            (
                Kind::Function,
                "money",
                "it is a filter: `{{ value | money }}`",
            ),
            (
                Kind::Function,
                "xyz",
                "`massebrev help templates` lists all there are",
            ),
        ] {
            assert_eq!(kind.hint(name), hint);
        }
        assert!(Kind::Function.hint("get_env").contains("no environment"));
    }
}
