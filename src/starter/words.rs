//! The headers by which columns are recognised.

use crate::template::ascii_letter;

/// The headers of each role, normalised by [`plain`] and separated by blanks, the most telling first.
pub(super) const RECIPIENT: &str = "\
    recipient mottaker fodselsnummer fodselsnr fnr personnummer personnr fodselsogpersonnummer \
    personident ident nationalidentitynumber organisasjonsnummer organisasjonsnr orgnummer orgnr \
    organizationnumber organisationnumber orgno org dnummer dnr";
pub(super) const KEY: &str = "\
    saksnummer saksnr saksid sak casenumber caseid case referansenummer referanse reference ref \
    id key nokkel nummer nr number lopenummer lopenr";
/// Endings of further headers of keys.
pub(super) const KEY_ENDINGS: &str = "nummer number referanse nr ref id";
pub(super) const NAME: &str = "\
    navn fulltnavn name fullname mottakernavn recipientname personnavn firmanavn virksomhetsnavn \
    organisasjonsnavn kundenavn companyname virksomhet firma";
pub(super) const FIRST_NAME: &str = "fornavn firstname givenname";
pub(super) const LAST_NAME: &str = "etternavn slektsnavn lastname surname familyname";
pub(super) const LANGUAGE: &str = "sprak sprakkode malform language languagecode lang";
pub(super) const EMAIL: &str = "epost epostadresse email emailaddress mail mailadresse";
pub(super) const MOBILE: &str = "\
    mobil mobilnummer mobilnr mobiltelefon mobile mobilenumber mobilephone telefon telefonnummer \
    telefonnr tlf tlfnr phone phonenumber";

/// Headers of numbers that are no keys, even if they differ in every row.
pub(super) const NOT_A_KEY: &str = "\
    postnummer postnr kontonummer kontonr bankkontonummer husnummer husnr gatenummer \
    kommunenummer kommunenr";

/// Normalises a header to lower-case ASCII letters and digits: `Org.nr` becomes `orgnr`.
pub(super) fn plain(header: &str) -> String {
    header
        .chars()
        .filter_map(ascii_letter)
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// The rank of a header: its position in the list, or `None` when it is not in it. A lower rank is better.
pub(super) fn rank(header: &str, words: &str) -> Option<usize> {
    let header = plain(header);
    words.split(' ').position(|word| word == header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_compared_without_their_spelling() {
        for (header, word) in [
            ("Fødselsnummer", "fodselsnummer"),
            ("FØDSELSNUMMER", "fodselsnummer"),
            ("Org. nr.", "orgnr"),
            ("E-post", "epost"),
            ("Målform", "malform"),
            ("case_id", "caseid"),
        ] {
            assert_eq!(plain(header), word);
        }
    }

    #[test]
    fn lists_are_written_as_headers_are_compared() {
        for words in [
            RECIPIENT,
            KEY,
            KEY_ENDINGS,
            NAME,
            FIRST_NAME,
            LAST_NAME,
            LANGUAGE,
            EMAIL,
            MOBILE,
            NOT_A_KEY,
        ] {
            for word in words.split(' ') {
                assert_eq!(plain(word), word);
            }
        }
    }
}
