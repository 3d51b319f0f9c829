//! Letters and e-mails that their readers would see otherwise than their author: blank, turned around, with tags or values as HTML.

use crate::places::said_of;

const BODY: &str = "\"Dear {{ name }}, case {{ case }} is open.\"";

#[test]
fn a_letter_that_shows_nothing_is_told_at_its_row() {
    for body in [
        "<!-- {{ name }} -->\n\n&nbsp;\n",
        "<p></p>{% if name != 'Bo' %}\n\n{% endif %}",
        "[//]: # ({{ name }})\n",
        "![{{ name }}](a.png)",
        "***\n\u{200b}{{ name | truncate(length=0, end='') }}",
    ] {
        let files: &[(&str, &[u8])] = &[("body.md", body.as_bytes())];
        let said = said_of(files, BODY, "{ file: body.md }");
        let told = "error: the letter shows nothing to its reader";
        assert!(said.contains(told), "{body}: {said}");
    }
    let body = b"<!-- to all -->\n{% if name == 'Bo' %}{{ name }}{% endif %}&nbsp;";
    let said = said_of(&[("body.md", body)], BODY, "{ file: body.md }");
    assert!(said.contains("(2 rows, first at line 2)"), "{said}");
}

#[test]
fn a_character_that_turns_the_text_is_told_where_it_stands() {
    let said = said_of(
        &[],
        "\"Hello\"",
        "\"Hello \\u202egpj\"\n    messageSummary: \"{{ case }} \\u2066\"",
    );
    for what in ["messageTitle: ", "<U+202E>", "messageSummary: ", "<U+2066>"] {
        assert!(said.contains(what), "{what}: {said}");
    }
    let body = "Dear {{ name }}\n\na \u{202e} b";
    let said = said_of(&[("body.md", body.as_bytes())], BODY, "{ file: body.md }");
    assert!(said.contains("--> body.md:3:3"), "{said}");
}

#[test]
fn a_file_that_is_only_called_a_pdf_is_warned_of() {
    let attachments = "\"Hello\"\n    attachments: [{ file: a.PDF, sendersReference: a }]";
    let told = |content: &[u8]| {
        said_of(&[("a.PDF", content)], "\"Hello\"", attachments).contains("begin like a PDF")
    };
    assert!(told(b"\x89PNG\r\n\x1a\n"));
    assert!(told(&[&[b' '; 1024][..], b"%PDF-1.4"].concat()));
    assert!(!told(b"%PDF-1.4"));
    assert!(!told(b"\xef\xbb\xbf\n%PDF-1.7"));
}

#[test]
fn values_and_tags_of_an_email_are_read_as_they_are_shown() {
    let notification = |body: &str, kind: &str| {
        format!(
            "  notification: {{ notificationChannel: Email, emailSubject: a, emailBody: \"{body}\", emailContentType: {kind} }}\nsend:"
        )
    };
    let rows: &[(&str, &[u8])] = &[(
        "recipients.csv",
        b"org,name,case\n991825827,Ane & Bo,1\n310244007,Ola <Nordmann>,2\n974760673,Cato,3\n",
    )];
    let said = |body, kind| said_of(rows, "send:", &notification(body, kind));
    let html = said("<p>{{ name }}</p>", "Html");
    assert!(html.contains("(2 rows, first at line 2)"), "{html}");
    assert!(html.contains("write `{{ name | escape_html }}`"), "{html}");
    let escaped = said("<p>{{ name | escape_html }}</p>", "Html");
    assert!(!escaped.contains("warning"), "{escaped}");
    let plain = said("<p>{{ name }}</p>", "Plain");
    assert!(plain.contains("tags in an e-mail of plain"), "{plain}");
}
