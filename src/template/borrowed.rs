//! What letters may use of Tera's own filters, functions and tests; those that could make a value grow without end are made anew, with an end.

use std::fmt::{self, Write as _};

use tera::{Error, Kwargs, State, StringInput, Tera, Value};

use super::budget::{TOO_LONG, VALUE_LIMIT, spend};
use super::error::failure;
use super::reference::Entry;

/// A filter, function or test that is in Tera's own documentation.
const fn entry(
    name: &'static str,
    call: &'static str,
    what: &'static str,
    examples: &'static [(&'static str, &'static str)],
) -> Entry {
    Entry {
        name,
        call,
        what,
        examples,
        by_language: false,
    }
}

/// What the reference page says of filters.
#[rustfmt::skip]
pub(super) const FILTERS: &[Entry] = &[
    entry("abs", "abs", "A number without its sign.", &[("{{ -5 | abs }}", "5")]),
    entry("capitalize", "capitalize", "The first letter large, the others small.", &[("{{ \"HANSEN\" | capitalize }}", "Hansen")]),
    entry("default", "default(value=, boolean=false)", "Another value where there is none; with `boolean=true` also where it is empty or false.",
        &[("{{ Tomt | default(value=\"ukjent\", boolean=true) }}", "ukjent")]),
    entry("escape_html", "escape_html", "A value for an e-mail that is HTML.", &[("{{ \"Berg & Dal\" | escape_html }}", "Berg &amp; Dal")]),
    entry("first", "first", "The first item of a list.", &[("{{ [1, 2, 3] | first }}", "1")]),
    entry("float", "float", "A number that is not exact; amounts are better left to `money`, `times` and `sum`.", &[("{{ \"2.5\" | float }}", "2.5")]),
    entry("get", "get(key=, default=…)", "A member of a variable that is a mapping.", &[("{{ {\"a\": 1} | get(key=\"a\") }}", "1")]),
    entry("int", "int(base=10)", "A whole number out of a text.", &[("{{ Antall | int + 1 }}", "3")]),
    entry("join", "join(sep=\"\")", "The items of a list as one text.", &[("{{ [\"a\", \"b\"] | join(sep=\", \") }}", "a, b")]),
    entry("keys", "keys", "The keys of a mapping.", &[("{{ {\"a\": 1} | keys | first }}", "a")]),
    entry("last", "last", "The last item of a list.", &[("{{ [1, 2, 3] | last }}", "3")]),
    entry("length", "length", "How many letters a text has, or items a list.", &[("{{ Navn | length }}", "12")]),
    entry("lower", "lower", "Small letters.", &[("{{ \"ÆØÅ\" | lower }}", "æøå")]),
    entry("newlines_to_br", "newlines_to_br", "Line breaks for an e-mail that is HTML.", &[("{{ \"a\\nb\" | newlines_to_br }}", "a<br>b")]),
    entry("nth", "nth(n=)", "An item of a list, counted from 0.", &[("{{ [1, 2, 3] | nth(n=1) }}", "2")]),
    entry("pairs", "pairs", "The members of a mapping, as lists of key and value.", &[("{{ {\"a\": 1} | pairs | length }}", "1")]),
    entry("pluralize", "pluralize(singular=\"\", plural=\"s\")", "An English ending; the number must be one, not a text. See `plural`.",
        &[("letter{{ 2 | pluralize }}", "letters")]),
    entry("replace", "replace(from=, to=)", "One text for another.", &[("{{ \"a-b\" | replace(from=\"-\", to=\"/\") }}", "a/b")]),
    entry("reverse", "reverse", "The other way round.", &[("{{ [1, 2, 3] | reverse | first }}", "3")]),
    entry("round", "round(method=\"common\", precision=0)", "A rounded number, which is not exact; see `number`.", &[("{{ 2.6 | round | int }}", "3")]),
    entry("sort", "sort(attribute=…)", "A list in order. Letters are ordered by their code: æ, å and ø come after z, and not as in the alphabet.",
        &[("{{ [3, 1, 2] | sort | first }}", "1")]),
    entry("split", "split(pat=)", "The parts of a text, as a list.", &[("{{ \"a;b\" | split(pat=\";\") | last }}", "b")]),
    entry("str", "str", "Anything as a text.", &[("{{ [1, 2] | str }}", "[1, 2]")]),
    entry("title", "title", "The first letter of each word large, the others small.", &[("{{ \"KÅRE ØDEGÅRD\" | title }}", "Kåre Ødegård")]),
    entry("trim", "trim(pat=…)", "Without blanks at both ends, or without another text there.", &[("{{ \" a \" | trim }}", "a")]),
    entry("trim_end", "trim_end(pat=…)", "The same at the end only.", &[("{{ \"a,\" | trim_end(pat=\",\") }}", "a")]),
    entry("trim_start", "trim_start(pat=…)", "The same at the beginning only.", &[("{{ \"007\" | trim_start(pat=\"0\") }}", "7")]),
    entry("truncate", "truncate(length=, end=\"…\")", "The beginning of a text.", &[("{{ Navn | truncate(length=4) }}", "Kåre…")]),
    entry("unique", "unique", "A list without repetitions; of at most 1000 items.", &[("{{ [1, 1, 2] | unique | length }}", "2")]),
    entry("upper", "upper", "Large letters.", &[("{{ \"æøå\" | upper }}", "ÆØÅ")]),
    entry("values", "values", "The values of a mapping.", &[("{{ {\"a\": 1} | values | first }}", "1")]),
    entry("wordcount", "wordcount", "How many words a text has.", &[("{{ Navn | wordcount }}", "2")]),
];

/// The same of functions.
#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Entry] = &[
    entry("range", "range(start=0, end=, step_by=1)", "Numbers, as a list of at most 10000, for loops.",
        &[("{% for n in range(start=1, end=4) %}{{ n }} {% endfor %}", "1 2 3 ")]),
    entry("throw", "throw(message=)", "Makes the row an error, with your own words.", &[]),
];

/// The same of tests.
#[rustfmt::skip]
pub(super) const TESTS: &[Entry] = &[
    entry("array", "array", "A list.", &[("{{ [1] is array }}", "true")]),
    entry("bool", "bool", "True or false.", &[("{{ true is bool }}", "true")]),
    entry("containing", "containing(pat=)", "A text or list that has something in it.", &[("{{ Navn is containing(pat=\"å\") }}", "true")]),
    entry("defined", "defined", "Something that is there.", &[("{{ Navn is defined }}", "true")]),
    entry("divisible_by", "divisible_by(divisor=)", "A number that another divides.", &[("{{ 6 is divisible_by(divisor=3) }}", "true")]),
    entry("ending_with", "ending_with(pat=)", "A text that ends so.", &[("{{ Navn is ending_with(pat=\"gård\") }}", "true")]),
    entry("even", "even", "An even number.", &[("{{ 2 is even }}", "true")]),
    entry("float", "float", "A number with decimals.", &[("{{ 2.5 is float }}", "true")]),
    entry("integer", "integer", "A whole number.", &[("{{ 2 is integer }}", "true")]),
    entry("iterable", "iterable", "Something a loop can go through.", &[("{{ [1] is iterable }}", "true")]),
    entry("map", "map", "A mapping.", &[("{{ {\"a\": 1} is map }}", "true")]),
    entry("none", "none", "Nothing.", &[("{{ none is none }}", "true")]),
    entry("number", "number", "A number; what a column holds is always a text.", &[("{{ Antall is number }}", "false")]),
    entry("odd", "odd", "An odd number.", &[("{{ 3 is odd }}", "true")]),
    entry("starting_with", "starting_with(pat=)", "A text that begins so.", &[("{{ Navn is starting_with(pat=\"Kåre\") }}", "true")]),
    entry("string", "string", "A text.", &[("{{ Antall is string }}", "true")]),
    entry("undefined", "undefined", "Something that is not there.", &[("{{ Navn is undefined }}", "false")]),
];

/// How many numbers `range` gives.
const RANGE_LIMIT: i64 = 10_000;
/// How many items `unique` compares with each other.
const UNIQUE_LIMIT: usize = 1000;

/// Puts those with an end in the place of Tera's.
pub(super) fn register(tera: &mut Tera) {
    tera.register_function("range", |by: Kwargs, _: &State<'_>| range(&by));
    tera.register_filter("str", |value: &Value, _: Kwargs, _: &State<'_>| text(value));
    tera.register_filter("float", |value: &Value, _: Kwargs, _: &State<'_>| {
        float(value)
    });
    tera.register_filter("join", |items: &[Value], by: Kwargs, state: &State<'_>| {
        join(items, &by, state)
    });
    tera.register_filter("unique", |items: &[Value], _: Kwargs, _: &State<'_>| {
        unique(items)
    });
    tera.register_filter(
        "replace",
        |value: StringInput<'_>, by: Kwargs, state: &State<'_>| replace(&value, &by, state),
    );
}

fn range(by: &Kwargs) -> Result<Vec<i64>, Error> {
    let start = by.get::<i64>("start")?.unwrap_or(0);
    let end = by.must_get::<i64>("end")?;
    let step = by.get::<i64>("step_by")?.unwrap_or(1);
    if step == 0 {
        return Err(Error::message("`range` needs a `step_by` that is not 0"));
    }
    if start > end && step > 0 {
        return Err(Error::message("`range` begins after its end"));
    }
    let far = i128::from(end) - i128::from(start);
    let count = (far / i128::from(step)).max(0);
    if count > i128::from(RANGE_LIMIT) {
        let message = format!("`range` gives at most {RANGE_LIMIT} numbers");
        return Err(failure(&message, &format!("{start} to {end}")));
    }
    spend(2 * u64::try_from(count).unwrap_or(u64::MAX / 2))?;
    let is_in = |number: &i64| {
        if step > 0 {
            *number < end
        } else {
            *number > end
        }
    };
    let next = |number: &i64| number.checked_add(step);
    Ok(std::iter::successors(Some(start), next)
        .take_while(is_in)
        .collect())
}

/// Tera's own takes `NaN` and what is too large, which no letter shall show.
fn float(value: &Value) -> Result<f64, Error> {
    let text = value.to_string();
    let number = text
        .trim()
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| failure("`float` needs a number such as 1234.5", &text))
}

/// A text that refuses to grow past the limit.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if self.0.len() + more.len() > VALUE_LIMIT {
            return Err(fmt::Error);
        }
        self.0.push_str(more);
        Ok(())
    }
}

fn too_long(_: fmt::Error) -> Error {
    Error::message(TOO_LONG)
}

fn text(value: &Value) -> Result<String, Error> {
    // What a value is written with is made as a whole before it is looked at.
    if super::budget::size(value) > VALUE_LIMIT {
        return Err(Error::message(TOO_LONG));
    }
    Ok(value.to_string())
}

fn join(items: &[Value], by: &Kwargs, state: &State<'_>) -> Result<Value, Error> {
    let between = by.get::<StringInput<'_>>("sep")?;
    // What is safe stays so, and what stands beside it is written as safely.
    let safe = state.autoescaping_enabled()
        && (items.iter().any(Value::is_safe) || between.as_ref().is_some_and(StringInput::is_safe));
    let between = match &between {
        Some(between) if safe => between.rendered(state)?,
        Some(between) => between.as_str().into(),
        None => "".into(),
    };
    let mut joined = Bounded(String::new());
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            joined.write_str(&between).map_err(too_long)?;
        }
        let item = if safe {
            state.escape_if_needed(item)?
        } else {
            text(item)?
        };
        joined.write_str(&item).map_err(too_long)?;
    }
    Ok(if safe {
        Value::safe_string(&joined.0)
    } else {
        Value::from(joined.0)
    })
}

fn unique(items: &[Value]) -> Result<Vec<Value>, Error> {
    if items.len() > UNIQUE_LIMIT {
        let message = format!("`unique` takes at most {UNIQUE_LIMIT} items");
        return Err(failure(&message, &format!("{} items", items.len())));
    }
    spend((items.len() * items.len()) as u64 / 2)?;
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    for item in items {
        if !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    Ok(kept)
}

fn replace(value: &StringInput<'_>, by: &Kwargs, state: &State<'_>) -> Result<Value, Error> {
    let (from, to) = (
        by.must_get::<&str>("from")?,
        by.must_get::<StringInput<'_>>("to")?,
    );
    // What is safe stays so, and what is put into it is written as safely.
    let safe = state.autoescaping_enabled() && (value.is_safe() || to.is_safe());
    let (text, to) = if safe {
        (value.rendered(state)?, to.rendered(state)?)
    } else {
        (value.as_str().into(), to.as_str().into())
    };
    let mut replaced = Bounded(String::new());
    let mut parts = text.split(from);
    replaced
        .write_str(parts.next().unwrap_or_default())
        .map_err(too_long)?;
    for part in parts {
        replaced.write_str(&to).map_err(too_long)?;
        replaced.write_str(part).map_err(too_long)?;
    }
    Ok(if safe {
        Value::safe_string(&replaced.0)
    } else {
        Value::from(replaced.0)
    })
}
