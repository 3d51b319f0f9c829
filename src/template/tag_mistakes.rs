//! The detection of common mistakes in tags, which Tera would explain badly or silently misunderstand: constructs of Jinja, and characters that come along
//! when text is pasted from a word processor. Also finds the comparisons in tags.

use super::reference::call_of;
use super::token::{Mistake, Token, Word, is_value};

/// The mistake for a sign that cannot be part of a tag and was probably pasted. Other mistakes in the tag may be consequences of it.
fn pasted(token: &Token) -> Option<Mistake> {
    let Token::Sign(sign, _) = *token else {
        return None;
    };
    let code = u32::from(sign);
    let (message, hint) = match sign {
        '\u{2018}'..='\u{201F}' | '\u{2039}' | '\u{203A}' | '«' | '»' => (
            format!("the quotation mark `{sign}` does not begin or end a text in a tag"),
            "write straight quotation marks: `\"`",
        ),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => {
            (format!("`{sign}` is no minus sign in a tag"), "write `-`")
        }
        '\u{AD}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' => (
            format!("there is an invisible character (U+{code:04X}) in the tag"),
            "delete the tag, and type it again",
        ),
        _ => return None,
    };
    Some(mistake(token.at(), message, hint))
}

/// Finds the mistakes in a `{{ }}` tag.
pub(super) fn in_expression(tokens: &[Token]) -> Vec<Mistake> {
    if let Some(pasted) = tokens.iter().find_map(pasted) {
        return vec![pasted];
    }
    let mut found = lone_equals(tokens);
    found.extend(positional_arguments(tokens));
    // With `and` a lone text may be meant: `a == b and "ja" or "nei"` chooses between two texts.
    if is_comparison(tokens) && !tokens.iter().any(|token| token.is_name("and")) {
        found.extend(lone_texts(tokens));
    }
    found
}

/// Finds the mistakes in a `{% %}` tag.
pub(super) fn in_statement(tokens: &[Token]) -> Vec<Mistake> {
    if let Some(pasted) = tokens.iter().find_map(pasted) {
        return vec![pasted];
    }
    let Some(Token::Name(tag)) = tokens.first() else {
        return Vec::new();
    };
    let at = tag.at.clone();
    let mut found = match tag.text.as_str() {
        "elseif" | "elsif" => {
            let message = format!("there is no tag `{}`", tag.text);
            vec![mistake(at, message, "write `elif`")]
        }
        "else" if tokens.get(1).is_some_and(|token| token.is_name("if")) => {
            let message = "there is no tag `else if`".to_owned();
            vec![mistake(at, message, "write `elif`")]
        }
        "macro" | "import" | "from" | "call" | "with" | "do" => {
            let message = format!("there is no tag `{}`", tag.text);
            let hint = "this is Tera, not Jinja: what is used again and again is a `component`, or a file that is included";
            vec![mistake(at, message, hint)]
        }
        "if" | "elif" => {
            let mut found = lone_equals(tokens);
            found.extend(lone_texts(tokens));
            found
        }
        _ => Vec::new(),
    };
    // The head of a component declares its arguments, where bare names are correct.
    if tag.text != "component" {
        found.extend(positional_arguments(tokens));
    }
    found
}

/// A comparison in which one side is a name or a column of `row` without a filter: `Beløp > 0`, `row["Antall"] == 1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comparison {
    /// The name, or the column of `row` by its ASCII name.
    pub(super) variable: Word,
    /// True for an order (`<`, `>=`), false for equality.
    pub(super) is_ordered: bool,
    /// The other side, when that is a single word or number.
    pub(super) other: Option<Token>,
}

/// Finds the comparisons of a tag.
pub(super) fn comparisons(tokens: &[Token]) -> Vec<Comparison> {
    let mut found = Vec::new();
    // A tag that begins with `<` uses a component, which is no comparison.
    if tokens.first().is_some_and(|token| token.is_sign('<')) {
        return found;
    }
    let is = |at: usize, sign| tokens.get(at).is_some_and(|token| token.is_sign(sign));
    for (at, token) in tokens.iter().enumerate().skip(1) {
        let (is_ordered, length) = match token {
            Token::Sign('<' | '>', _) => (true, 1 + usize::from(is(at + 1, '='))),
            Token::Sign('=' | '!', _) if is(at + 1, '=') && !is(at - 1, '=') => (false, 2),
            Token::Name(name) if name.text == "in" && is(at + 1, '[') => (false, 2),
            _ => continue,
        };
        let left = operand(tokens, at - 1);
        let right = operand(tokens, at + length).filter(|_| !is(at + length + 1, '|'));
        let mut add = |token: Option<&Token>, other: Option<&Token>| {
            found.extend(token.and_then(Token::variable).map(|variable| Comparison {
                variable,
                is_ordered,
                other: other.cloned(),
            }));
        };
        let literal = |at: usize| {
            tokens
                .get(at)
                .filter(|token| matches!(token, Token::Number(_)))
        };
        let negative = is(at + length, '-')
            .then_some(at + length + 1)
            .and_then(literal);
        add(left, right.or(negative).or(literal(at + length)));
        add(right, left.or(literal(at - 1)));
    }
    found
}

/// The name or column at `at`, if it is a value.
fn operand(tokens: &[Token], at: usize) -> Option<&Token> {
    tokens.get(at).filter(|_| is_value(tokens, at))
}

/// True when the tokens hold `==` or `!=`.
fn is_comparison(tokens: &[Token]) -> bool {
    tokens.windows(2).any(|pair| {
        matches!(pair, [Token::Sign('=' | '!', first), Token::Sign('=', second)] if second - first == 1)
    })
}

/// Finds a single `=` meant as a comparison: `Språk = "nn"`. Inside brackets it assigns an argument and is correct.
fn lone_equals(tokens: &[Token]) -> Vec<Mistake> {
    let mut depth = 0_usize;
    // A tag with `/` uses a component, whose arguments are written with `=`.
    let is_component = tokens.iter().any(|token| token.is_sign('/'));
    if is_component {
        return Vec::new();
    }
    for (at, token) in tokens.iter().enumerate() {
        let is = |at: Option<usize>, signs: &[char]| {
            let token = at.and_then(|at| tokens.get(at));
            matches!(token, Some(Token::Sign(sign, _)) if signs.contains(sign))
        };
        match token {
            Token::Sign('(' | '[' | '{', _) => depth += 1,
            Token::Sign(')' | ']' | '}', _) => depth = depth.saturating_sub(1),
            Token::Sign('=', _)
                if depth == 0
                    && !is(Some(at + 1), &['='])
                    && !is(at.checked_sub(1), &['=', '!', '<', '>']) =>
            {
                let message = "`=` does not compare".to_owned();
                return vec![mistake(token.at(), message, "write `==`")];
            }
            _ => {}
        }
    }
    Vec::new()
}

/// Finds texts that are compared with nothing and so are always true: `Språk == "nn" or "en"`.
fn lone_texts(tokens: &[Token]) -> Vec<Mistake> {
    let is_joint = |token: &Token| token.is_name("or") || token.is_name("and");
    let lone = tokens.iter().enumerate().filter_map(|(at, token)| {
        let Token::Quoted(text) = token else { return None };
        let follows = at.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(is_joint);
        let ends = tokens.get(at + 1).is_none_or(|next| {
            is_joint(next) || next.is_name("else") || next.is_sign(')')
        });
        (follows && ends).then(|| {
            let message = format!("the text \"{}\" is compared with nothing, so that it is always true", text.text);
            let hint = "compare each: `Språk == \"nn\" or Språk == \"en\"`, or write `Språk in [\"nn\", \"en\"]`";
            mistake(text.at.clone(), message, hint)
        })
    });
    lone.collect()
}

/// Finds arguments without names, such as `default("x")`. Tera knows named ones only.
fn positional_arguments(tokens: &[Token]) -> Vec<Mistake> {
    const WORDS: [&str; 8] = ["if", "elif", "else", "and", "or", "not", "in", "is"];
    let called = tokens.windows(3).enumerate().filter_map(|(at, three)| {
        let [Token::Name(name), Token::Sign('(', _), first] = three else {
            return None;
        };
        let has_name = matches!(first, Token::Name(_))
            && tokens.get(at + 3).is_some_and(|token| token.is_sign('='))
            && !tokens.get(at + 4).is_some_and(|token| token.is_sign('='));
        let is_value = !matches!(first, Token::Sign(..));
        (is_value && !has_name && !WORDS.contains(&name.text.as_str())).then(|| {
            let message = format!("the arguments of `{}` have names", name.text);
            let hint = match call_of(&name.text) {
                Some(call) => format!("it is written `{call}`"),
                None => format!("write `{}(name=value)`", name.text),
            };
            mistake(first.at(), message, &hint)
        })
    });
    called.collect()
}

fn mistake(at: std::ops::Range<usize>, message: String, hint: &str) -> Mistake {
    Mistake {
        at,
        message,
        hint: hint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::scan;
    use super::super::token::Token;

    #[test]
    fn habits_are_told_with_what_to_write() {
        for (text, place, hint) in [
            (
                "{% if a %}{% elseif b %}{% endif %}",
                "elseif",
                "write `elif`",
            ),
            (
                "{% if a %}{% else if b %}{% endif %}",
                "else",
                "write `elif`",
            ),
            (
                "{{ a | default('x') }}",
                "x",
                "it is written `default(value=, boolean=false)`",
            ),
            (
                "{{ range(3) }}",
                "3",
                "it is written `range(start=0, end=, step_by=1)`",
            ),
            (
                "{% if a is starting_with(b) %}{% endif %}",
                "b",
                "it is written `starting_with(pat=)`",
            ),
            ("{% if a = 'b' %}{% endif %}", "=", "write `==`"),
            ("{{ “a” }}", "“", "write straight quotation marks: `\"`"),
            ("{{ 1 – 2 }}", "–", "write `-`"),
            (
                "{{ a\u{200B} }}",
                "\u{200B}",
                "delete the tag, and type it again",
            ),
            (
                "{% macro f(a) %}",
                "macro",
                "this is Tera, not Jinja: what is used again and again is a `component`, or a file that is included",
            ),
        ] {
            let found = scan(text).mistakes;
            assert!(!found.is_empty(), "{text}");
            assert_eq!(&text[found[0].at.clone()], place, "{text}");
            assert_eq!(found[0].hint, hint);
        }
    }

    #[test]
    fn a_text_that_is_compared_with_nothing_is_told() {
        for text in [
            "{% if a == 'nn' or 'en' %}{% endif %}",
            "{% if a %}{% elif b or 'en' or c %}{% endif %}",
            "{{ a == 'nn' or 'en' }}",
        ] {
            let found = scan(text).mistakes;
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(&text[found[0].at.clone()], "en");
        }
    }

    #[test]
    fn what_is_right_is_let_alone() {
        for text in [
            "{% if a == 'nn' or a == 'en' %}{% endif %}",
            "{% if a in ['nn', 'en'] or (b != 'x') %}{% endif %}",
            "{{ a or 'ukjent' }}{{ a | default(value='x') }}{{ now() }}",
            "{{ a == 'b' and 'ja' or 'nei' }}{{ 'a' if b == 'c' else 'd' }}{{ <Sum value={a} unit=\"kr\" /> }}",
            "{% component Sum(value, unit=\"kr\") %}{% endcomponent %}{% <Box title=\"x\"> %}{% </Box> %}",
            "{% set x = a %}{{ {\"a\": 1} }}{{ f(x=y == z) }}{% if (a) and not (b) %}{% endif %}",
        ] {
            assert_eq!(scan(text).mistakes, [], "{text}");
        }
    }

    #[test]
    fn comparisons_of_plain_values_are_found() {
        for (text, found) in [
            ("{% if Beløp > 0 %}{% endif %}", vec!["Belop > number"]),
            (
                "{{ 0 <= row[\"A b\"] }}{{ a < b }}",
                vec!["A_b > number", "a > b", "b > a"],
            ),
            (
                "{% if a == 1 or -1 != b or c == -2 %}{% endif %}",
                vec!["a = number", "b = number", "c = number"],
            ),
            (
                "{% if row.A == 1 and not row['B'] < 2 %}{% endif %}",
                vec!["A = number", "B > number"],
            ),
            (
                "{% if a == true and b == 'x' and c in [1] %}{% endif %}",
                vec!["a = true", "true = a", "b = ?", "c = number"],
            ),
            ("{% if a | amount > 0 and 0 < b | int %}{% endif %}", vec![]),
            (
                "{% if sum(of=[a]) > 0 %}{% endif %}{{ <Sum a={b} /> }}",
                vec![],
            ),
        ] {
            let words: Vec<_> = scan(text)
                .comparisons
                .iter()
                .map(|comparison| {
                    let other = match &comparison.other {
                        Some(Token::Name(name)) => name.text.as_str(),
                        Some(Token::Number(_)) => "number",
                        _ => "?",
                    };
                    format!(
                        "{} {} {other}",
                        comparison.variable.text,
                        if comparison.is_ordered { '>' } else { '=' }
                    )
                })
                .collect();
            assert_eq!(words, found, "{text}");
        }
    }
}
