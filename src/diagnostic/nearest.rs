//! The search for the known word that was meant by a mistyped one: "did you mean".

use super::lookalike::{as_seen, difference};

/// The hint for an unknown word: the known one that was probably meant and, when the two look alike, the difference between them.
pub(crate) fn did_you_mean<'a>(
    wrong: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<String> {
    // Words that look alike come first: "did you mean X" is no help when X looks like the word that was written.
    let alike = known
        .clone()
        .find_map(|word| Some((word, difference(wrong, word)?)));
    if let Some((word, difference)) = alike {
        return Some(format!("did you mean `{word}`? {difference}"));
    }
    nearest(wrong, known).map(|word| format!("did you mean `{word}`?"))
}

/// The known word that was probably meant; `None` when none is similar.
///
/// Case does not count, and up to a third of the letters may be wrong.
pub(crate) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = as_seen(wrong);
    // A text of this length is no mistyped word, and the comparison is quadratic.
    if wrong.is_empty() || wrong.len() > 100 {
        return None;
    }
    // Short words allow one wrong letter.
    let allowed = (wrong.chars().count() / 3).max(1);
    known
        .map(|word| (strsim::osa_distance(&wrong, &as_seen(word)), word))
        // At a distance of its own length nothing of a short word is left.
        .filter(|(distance, word)| *distance <= allowed && *distance < word.chars().count())
        // Of words that are equally near, the one that goes on as the other begins: `row` is nearer to `rows` than to `raw`.
        .min_by_key(|(distance, word)| (*distance, !as_seen(word).starts_with(&wrong)))
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_word_is_found() {
        let known = ["language", "messageTitle", "messageBody", "Språk"];
        let find = |wrong| nearest(wrong, known.into_iter());
        assert_eq!(find("langauge"), Some("language"));
        assert_eq!(find("messagetitle"), Some("messageTitle"));
        assert_eq!(find("message_body"), Some("messageBody"));
        assert_eq!(find("Sprak"), Some("Språk"));
        assert_eq!(find("attachments"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn a_short_word_is_not_like_everything() {
        assert_eq!(nearest("x", ["y", "no"].into_iter()), None);
        assert_eq!(nearest("ROW", ["RAW", "ROWS"].into_iter()), Some("ROWS"));
        assert_eq!(nearest("tt2", ["tt02", "prod"].into_iter()), Some("tt02"));
    }
}
