//! Tera's own filters, functions and tests, as the reference page describes them.

use super::entry::Entry;

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
    entry("escape", "escape", "The same as `markdown`.", &[("{{ \"*Kåre*\" | escape }}", "\\*Kåre\\*")]),
    entry("escape_html", "escape_html", "A value for an e-mail that is HTML.", &[("{{ \"Berg & Dal\" | escape_html }}", "Berg &amp; Dal")]),
    entry("escape_xml", "escape_xml", "The same for XML.", &[("{{ \"Berg & 'Dal'\" | escape_xml }}", "Berg &amp; &apos;Dal&apos;")]),
    entry("first", "first", "The first item of a list.", &[("{{ [1, 2, 3] | first }}", "1")]),
    entry("float", "float", "A number that is not exact; amounts are better left to `amount`, `times` and `sum`.", &[("{{ \"2.5\" | float }}", "2.5")]),
    entry("get", "get(key=, default=…)", "A member of a variable that is a mapping.", &[("{{ {\"a\": 1} | get(key=\"a\") }}", "1")]),
    entry("group_by", "group_by(attribute=)", "The items of a list that are mappings, by the value of one of their members.",
        &[("{{ [{\"a\": 1}] | group_by(attribute=\"a\") | length }}", "1")]),
    entry("indent", "indent(width=4, first=false, blank=false)", "The lines of a text, all but the first moved to the right.",
        &[("{{ \"a\\nb\" | indent(width=2) }}", "a\n  b")]),
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
    entry("unique", "unique", "A list without repetitions.", &[("{{ [1, 1, 2] | unique | length }}", "2")]),
    entry("upper", "upper", "Large letters.", &[("{{ \"æøå\" | upper }}", "ÆØÅ")]),
    entry("values", "values", "The values of a mapping.", &[("{{ {\"a\": 1} | values | first }}", "1")]),
    entry("wordcount", "wordcount", "How many words a text has.", &[("{{ Navn | wordcount }}", "2")]),
];

/// The same of functions.
#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Entry] = &[
    entry("range", "range(start=0, end=, step_by=1)", "Numbers, as a list of at most 100000, for loops.",
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
