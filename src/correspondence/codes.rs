//! Altinn's error codes (`errorCode`), with their HTTP statuses and meanings.

/// The HTTP status that comes with a code; 400, the status of most, for a code that is not known here.
pub fn http_status(code: u16) -> u16 {
    find(code.into()).map_or(400, |(_, status, _)| *status)
}

/// The meaning of a code, as a fragment; `None` for a code that is not known here.
pub fn meaning(code: u32) -> Option<&'static str> {
    find(code).map(|(_, _, meaning)| *meaning)
}

type Row = (u16, u16, &'static str);

fn find(code: u32) -> Option<&'static Row> {
    let code = u16::try_from(code).ok()?;
    let at = CODES.binary_search_by_key(&code, |row| row.0).ok()?;
    CODES.get(at)
}

/// Code, HTTP status and meaning. In the order of the codes, because `find` is a binary search.
#[rustfmt::skip]
const CODES: [Row; 112] = [
    (1001, 404, "there is no such letter, or it is not visible"),
    (1002, 400, "the title is not plain text"),
    (1003, 400, "the body is not Markdown"),
    (1004, 400, "the summary is not plain text"),
    (1005, 400, "the files and the attachments do not match"),
    (1006, 400, "a recipient is there twice"),
    (1007, 400, "an existing attachment was not found"),
    (1008, 400, "the due date is in the past"),
    (1009, 400, "the due date is before the letter is published"),
    (1013, 400, "the sender cannot withdraw a published letter"),
    (1014, 400, "the letter has been withdrawn already"),
    (1015, 400, "the status of the letter cannot be told"),
    (1016, 400, "a letter to be confirmed needs a due date"),
    (1017, 400, "an existing attachment belongs to another sender"),
    (1018, 400, "an existing attachment is not published"),
    (1019, 400, "the letter has no content"),
    (1020, 400, "the title is empty"),
    (1021, 400, "the body is empty"),
    (1022, 400, "the body is too long"),
    (1023, 400, "the language is not nb, nn or en"),
    (1024, 400, "the letter must be fetched before it is marked as read"),
    (1025, 400, "the letter must be fetched before it is confirmed"),
    (1026, 400, "the letter must be confirmed before it is archived or deleted"),
    (1027, 400, "the search begins after it ends"),
    (1028, 400, "the limits of the search are negative"),
    (1029, 404, "the recipient is not in the register"),
    (1030, 422, "the recipient has reserved against digital mail"),
    (1031, 400, "the attachment is not available to the recipient"),
    (1032, 500, "the register of contacts and reservations did not answer"),
    (1033, 400, "the idempotency key is not valid"),
    (1034, 409, "the idempotency key has been used already"),
    (1035, 400, "the link of a reply option is not valid"),
    (1036, 400, "the resource is not in the resource registry"),
    (1037, 400, "the title is too long"),
    (1038, 400, "there are more than 100 attachments"),
    (1039, 400, "the sender's name is not plain text"),
    (1040, 400, "the letter is marked as read already"),
    (1041, 400, "the letter is confirmed already"),
    (1042, 400, "the summary is too long"),
    (1043, 400, "a transmission cannot be withdrawn"),
    (1044, 400, "the organisation has nobody who may read confidential letters"),
    (1045, 400, "a transmission has one recipient only"),
    (1046, 400, "the recipient is not the party of the dialog"),
    (1047, 400, "an idempotency key goes with one recipient only"),
    (1048, 400, "the id of the dialog is not a GUID"),
    (1050, 400, "the dialog belongs to another service owner"),
    (1051, 400, "a transmission has no reply options and no confirmation"),
    (1052, 400, "the letter has more than one kind of transmission"),
    (1053, 400, "a kind of transmission needs a dialog"),
    (1054, 404, "there is no such dialog"),
    (1055, 400, "an existing attachment expires within six hours"),
    (1060, 400, "the resource is for confidential letters, but the letter is not confidential"),
    (1061, 400, "the letter is confidential, but the resource is not"),
    (1062, 404, "there are no unread confidential letters"),
    (1063, 400, "the letter may not be forwarded"),
    (1064, 400, "the letter has been forwarded already"),
    (1065, 400, "the letter must be read before it is forwarded"),
    (1066, 400, "the text of the forwarding is too long"),
    (1067, 400, "the text of the forwarding is not plain text"),
    (1068, 400, "letters of this resource may not be forwarded"),
    (1069, 400, "the attachments are too large for a letter that may be forwarded"),
    (2000, 500, "the resource registry did not answer"),
    (2001, 404, "there is no such attachment"),
    (2002, 502, "the file could not be stored"),
    (2003, 400, "the attachment belongs to a letter already"),
    (2004, 400, "the file is empty or too large"),
    (2005, 400, "the file has been uploaded already"),
    (2006, 400, "the attachment has been deleted already"),
    (2007, 400, "the attachment belongs to a letter and cannot be deleted"),
    (2008, 400, "the file does not have the checksum it was announced with"),
    (2009, 400, "there is no place to store the file"),
    (2010, 400, "the file name is missing"),
    (2011, 400, "the file name is too long"),
    (2012, 400, "the file name has a character that is not allowed"),
    (2013, 400, "files of this type are not taken"),
    (2014, 451, "the service owner is not set up"),
    (2015, 409, "the attachment has been migrated already"),
    (2016, 400, "the sender may not download a published attachment"),
    (2017, 400, "the attachment expires too early"),
    (2018, 400, "the attachment has expired"),
    (2019, 400, "the attachment has been deleted"),
    (2020, 400, "the attachment has expired"),
    (2021, 400, "the file name is reserved in Windows"),
    (2022, 408, "the file was sent too slowly"),
    (2023, 400, "the attachments are too large to download together"),
    (3001, 404, "there is no notification template for the language"),
    (3002, 400, "a text of the notification by e-mail is missing"),
    (3003, 400, "a text of the reminder by e-mail is missing"),
    (3004, 400, "the text of the notification by SMS is missing"),
    (3005, 400, "the text of the reminder by SMS is missing"),
    (3006, 400, "a text of the notification by e-mail or SMS is missing"),
    (3007, 400, "a text of the reminder by e-mail or SMS is missing"),
    (3011, 400, "the e-mail address of a custom recipient is not valid"),
    (3012, 400, "the mobile number of a custom recipient is not valid"),
    (3015, 400, "`$recipientName$` does not go with custom recipients by address or number"),
    (3017, 400, "custom recipients go with a letter to one recipient only"),
    (3018, 400, "a custom recipient has more than one address or number"),
    (3019, 400, "a custom recipient has no address and no number"),
    (3020, 404, "there is no such notification"),
    (3021, 404, "there is no such notification"),
    (3022, 400, "there are no custom recipients to notify instead of the registered contacts"),
    (3023, 400, "there is no such notification template"),
    (3024, 400, "a text of the notification by e-mail and SMS is missing"),
    (3025, 400, "a text of the reminder by e-mail and SMS is missing"),
    (3026, 500, "the notification could not be ordered"),
    (3027, 400, "the text of the e-mail about a forwarding is too long"),
    (3028, 500, "the notification could not be ordered"),
    (4001, 401, "no access to the resource"),
    (4002, 400, "the caller is not in the register"),
    (4006, 401, "the caller cannot be told from the token"),
    (4009, 400, "the resource is not one for attachments"),
    (4010, 400, "the resource is not one for letters"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_in_the_table() {
        assert!(CODES.is_sorted_by(|one, next| one.0 < next.0));
        for (code, status, text) in CODES {
            assert_eq!(http_status(code), status);
            assert_eq!(meaning(code.into()), Some(text));
            assert!(!text.ends_with('.'), "{text}");
        }
    }

    #[test]
    fn statuses_are_not_all_400() {
        for (code, status) in [
            (1029, 404),
            (1030, 422),
            (1032, 500),
            (1034, 409),
            (2014, 451),
            (4001, 401),
            (1002, 400),
        ] {
            assert_eq!(http_status(code), status, "{code}");
        }
    }

    #[test]
    fn an_unknown_code_has_no_meaning() {
        assert_eq!(http_status(9999), 400);
        for code in [0, 1010, 9999, u32::MAX, 66_538] {
            assert_eq!(meaning(code), None, "{code}");
        }
    }
}
