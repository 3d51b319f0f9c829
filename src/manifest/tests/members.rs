//! Members: unknown, missing, misplaced, of the wrong type.

use super::*;

#[test]
fn two_problems_are_two_problems() {
    says(
        with("language:", "langauge:").replace("EmailPreferred", "EmailPrefered"),
        r#"
error: unknown key `langauge`
  --> mailing.yaml:16:5
   |
16 |     langauge: "{{ Språk }}"
   |     ^^^^^^^^
   |
   = hint: did you mean `language`?

error: `notificationChannel` must be `Email`, `Sms`, `EmailPreferred`, `SmsPreferred`, `EmailAndSms` or a template
  --> mailing.yaml:23:40
   |
23 |   notification: { notificationChannel: EmailPrefered }
   |                                        ^^^^^^^^^^^^^
   |
   = cause: found the text `EmailPrefered`
   = hint: did you mean `EmailPreferred`?

2 errors"#,
    );
}

#[test]
fn a_mistyped_key_is_not_missing_as_well() {
    let said = refused(with("resourceId:", "resourcId:"));
    assert!(
        said.contains("did you mean `resourceId`?") && said.ends_with("\n1 error\n"),
        "{said}"
    );
    let said = refused(with("{ file: terms.pdf,", "{ fil: terms.pdf,"));
    assert!(
        said.contains("did you mean `file`?") && said.ends_with("\n1 error\n"),
        "{said}"
    );
}

#[test]
fn names_of_the_letter_are_altinns_in_any_case() {
    let loaded = load(with("resourceId:", "ResourceId:")).unwrap();
    assert_eq!(
        loaded.value["correspondence"]["resourceId"],
        "skd-mva-varsel"
    );
    let pointer = "/correspondence/resourceId";
    assert!(loaded.positions.key(pointer).is_some());
    let said = refused(with("resourceId:", "resourceId: a\n  RESOURCEID:"));
    assert!(said.contains("`resourceId` is there twice"), "{said}");
    assert!(said.ends_with("\n1 error\n"), "{said}");
    let said = refused(with("resourceId:", "ResourceId: a\n  RESOURCEID:"));
    assert!(said.contains("`resourceId` is there twice"), "{said}");
    // Names of the author's own stay as they are.
    let free = "propertyList: { Content: a, ResourceId: b }\n  sender:";
    let loaded = load(with("sender:", free)).unwrap();
    let properties = &loaded.value["correspondence"]["propertyList"];
    assert_eq!(
        properties.to_string(),
        r#"{"Content":"a","ResourceId":"b"}"#
    );
}

#[test]
fn a_key_in_the_wrong_place_is_told_its_place() {
    let said = refused(with("  sender:\n", "  messageSummary: x\n"));
    assert!(
        said.contains("= hint: it belongs in `correspondence.content`"),
        "{said}"
    );
    let said = refused(with("send:\n", "idempotentKey: x\nsend:\n"));
    assert!(
        said.contains("massebrev makes the key of each letter itself"),
        "{said}"
    );
}

#[test]
fn a_missing_member_is_missed_where_it_belongs() {
    says(
        with("    messageTitle: \"Mva-melding for {{ Navn }}\"\n", "").replacen(
            "version: 1\n",
            "",
            1,
        ),
        r"
error: `version` is missing
 --> mailing.yaml:1:1
  |
1 | mailing: vat-reminder-2026-11
  | ^
  |
  = hint: add `version: …`: the version of this format

error: `messageTitle` is missing
  --> mailing.yaml:14:3
   |
14 |   content:
   |   ^^^^^^^
   |
   = hint: add `messageTitle: …` under `content`: the title in the inbox

2 errors",
    );
}

#[test]
fn numbers_are_not_texts() {
    says(
        with(
            "sendersReference: \"{{ Saksnummer }}\"",
            "sendersReference: 1019912345",
        ),
        r#"
error: `sendersReference` must be a text or { file: path }
  --> mailing.yaml:13:21
   |
13 |   sendersReference: 1019912345
   |                     ^^^^^^^^^^
   |
   = cause: found the number 1019912345
   = hint: quote it: "1019912345"; a number that names somebody is a text, with its leading zeros

1 error"#,
    );
    let said = refused(with("120/min", "120"));
    assert!(
        said.contains("must be a rate such as 10/s") && !said.contains("quote"),
        "{said}"
    );
    let said = refused(with("vat-reminder-2026-11", "2026"));
    assert!(said.contains("= hint: quote it: \"2026\""), "{said}");
}

#[test]
fn typed_members_take_templates_and_nothing_else() {
    let said = refused(with("\"{{ Frist }}\"", "yes"));
    assert!(
        said.contains("`isConfirmationNeeded` must be true, false or a template"),
        "{said}"
    );
    assert!(
        said.contains("= hint: write true, without quotes"),
        "{said}"
    );
    let said = refused(with("dueDateTime: 2026-12-15", "dueDateTime: 15.12.2026"));
    assert!(
        said.contains("`dueDateTime` must be a date such as 2026-12-15"),
        "{said}"
    );
    let said = refused(with("{ file: \"letter.{{ Språk }}.md\" }", "[a]"));
    assert!(
        said.contains("`messageBody` must be a text or { file: path }"),
        "{said}"
    );
    let said = refused(with("environment: tt02", "environment: tt2"));
    assert!(said.contains("= hint: did you mean `tt02`?"), "{said}");
}

#[test]
fn members_that_altinn_no_longer_knows_are_explained() {
    let said = refused(with("  sender:\n", "  visibleFrom: 2026-12-15\n"));
    assert!(said.contains("write `requestedPublishTime`"), "{said}");
}

#[test]
fn members_without_a_value_are_left_out() {
    let text = with(
        "auth:\n  key: { file: keys/maskinporten.jwk.json }",
        "auth:\n  # key: later\n",
    );
    let loaded = load(text.replace("retry: { attempts: 3 }", "retry:\n  canary: 2.0")).unwrap();
    assert_eq!(loaded.manifest.auth, crate::manifest::Auth::default());
    assert_eq!(
        (
            loaded.manifest.send.canary,
            loaded.manifest.send.retry.attempts.get()
        ),
        (2, 8)
    );
}
