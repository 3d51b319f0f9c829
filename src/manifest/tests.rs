//! What `load` says, as people read it.

use std::path::Path;
use std::time::{Duration, Instant};

use super::load::from_bytes;
use super::{EnvironmentName, Loaded, MaxFailures};
use crate::diagnostic::{Place, Problems, Style, render, render_all};

const GOOD: &str = r#"version: 1
mailing: vat-reminder-2026-11
environment: tt02
auth:
  key: { file: keys/maskinporten.jwk.json }
recipients:
  file: recipients.csv
  key: Saksnummer
  recipient: "{{ Fødselsnummer }}"
variables: { deadline: 2026-12-15 }
correspondence:
  resourceId: skd-mva-varsel
  sendersReference: "{{ Saksnummer }}"
  sender:
  content:
    language: "{{ Språk }}"
    messageTitle: "Mva-melding for {{ Navn }}"
    messageBody: { file: "letter.{{ Språk }}.md" }
    attachments:
      - { file: terms.pdf, sendersReference: terms }
  dueDateTime: 2026-12-15
  isConfirmationNeeded: "{{ Frist }}"
  notification: { notificationChannel: EmailPreferred }
send:
  rate: 120/min
  maxFailures: 5%
  retry: { attempts: 3 }
"#;

fn load(text: impl AsRef<[u8]>) -> Result<Loaded, Problems> {
    from_bytes(Path::new("mailing.yaml"), text.as_ref().to_vec())
}

/// A good manifest in which one text stands for another.
fn with(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    GOOD.replacen(old, new, 1)
}

fn refused(text: impl AsRef<[u8]>) -> String {
    render_all(&load(text).unwrap_err(), Style::default())
}

#[track_caller]
fn says(text: impl AsRef<[u8]>, expected: &str) {
    assert_eq!(refused(text).trim_end(), expected.trim());
}

#[test]
fn a_good_manifest_is_read() {
    let loaded = load(GOOD).unwrap();
    let manifest = &loaded.manifest;
    assert!(loaded.warnings.is_empty());
    assert_eq!(manifest.environment, EnvironmentName::Tt02);
    assert_eq!(manifest.auth.scopes, super::DEFAULT_SCOPES);
    assert!(manifest.auth.exchange);
    assert_eq!(manifest.send.max_failures, Some(MaxFailures::Share(0.05)));
    assert_eq!(
        manifest.send.rate.unwrap().interval(),
        Duration::from_millis(500)
    );
    assert_eq!(
        (
            manifest.send.concurrency.get(),
            manifest.send.retry.attempts.get()
        ),
        (16, 3)
    );
    assert_eq!(manifest.send.timeout.duration(), Duration::from_secs(100));
    assert_eq!(manifest.correspondence.get("sender"), None);
    assert_eq!(loaded.folder, Path::new("."));
}

#[test]
fn pasted_json_is_a_manifest_too() {
    let json = serde_json::to_vec_pretty(&load(GOOD).unwrap().value).unwrap();
    assert!(load(json).is_ok());
}

#[test]
fn broken_yaml_is_shown_at_its_place() {
    says(
        with("\"Mva-melding for {{ Navn }}\"", "Frist: i dag"),
        r"
error: this is not YAML
  --> mailing.yaml:17:24
   |
17 |     messageTitle: Frist: i dag
   |                        ^
   |
   = cause: mapping values are not allowed in this context
   = hint: a text with `: ` in it needs quotes; or the line is indented too far

1 error",
    );
}

#[test]
fn a_template_without_quotes_is_called_that() {
    says(
        with("\"{{ Språk }}\"", "{{ Språk }}")
            .replace("\"Mva-melding for {{ Navn }}\"", "{{ Navn }} æ"),
        r"
error: a template without quotes
  --> mailing.yaml:16:15
   |
16 |     language: {{ Språk }}
   |               ^^^^^^^^^^^
   |
   = hint: write '{{ Språk }}'

error: a template without quotes
  --> mailing.yaml:17:19
   |
17 |     messageTitle: {{ Navn }} æ
   |                   ^^^^^^^^^^
   |
   = hint: write '{{ Navn }}'

2 errors",
    );
}

#[test]
fn a_duplicate_key_names_the_first() {
    says(
        with("send:\n", "send:\n  rate: 1/s\n"),
        r"
error: `rate` is there twice
  --> mailing.yaml:26:3
   |
26 |   rate: 120/min
   |   ^^^^
   |
   = hint: keep one of them; the first is on line 25

1 error",
    );
}

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
    let said = refused(with("resourceId:", "resourceid:"));
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
fn choices_are_taken_as_altinn_takes_them() {
    let channel = |written: &str| with("EmailPreferred", written);
    for good in [
        "emailpreferred",
        "SMSPREFERRED",
        "4",
        "\"0\"",
        "\"{{ Kanal }}\"",
    ] {
        assert!(load(channel(good)).is_ok(), "{good}");
    }
    says(
        channel("5"),
        r"
error: `notificationChannel` must be `Email`, `Sms`, `EmailPreferred`, `SmsPreferred`, `EmailAndSms` or a template
  --> mailing.yaml:23:40
   |
23 |   notification: { notificationChannel: 5 }
   |                                        ^
   |
   = cause: found the number 5

1 error",
    );
    let said = refused(channel("EmailPrefered"));
    assert!(said.contains("did you mean `EmailPreferred`?"), "{said}");
}

#[test]
fn members_that_altinn_no_longer_knows_are_explained() {
    let said = refused(with("  sender:\n", "  visibleFrom: 2026-12-15\n"));
    assert!(said.contains("write `requestedPublishTime`"), "{said}");
}

#[test]
fn addresses_of_an_environment_are_encrypted() {
    let custom = |platform: &str| {
        with(
            "environment: tt02",
            &format!("environment: {{ platform: '{platform}', maskinporten: 'https://m.no' }}"),
        )
    };
    for good in [
        "https://a.no",
        "https://a.no:8443/x/",
        "http://127.0.0.1:5101",
        "http://localhost",
        "http://[::1]:1",
    ] {
        assert!(load(custom(good)).is_ok(), "{good}");
    }
    for bad in [
        "http://a.no",
        "http://localhost.a.no",
        "http://127.0.0.1@a.no",
        "https://u:p@a.no",
        "ftp://a",
        "a.no",
        "https://a.no?x",
    ] {
        let said = refused(custom(bad));
        assert!(
            said.contains("`platform` must be an https:// address"),
            "{said}"
        );
    }
}

#[test]
fn a_key_has_one_source() {
    let said = refused(with(
        "{ file: keys/maskinporten.jwk.json }",
        "{ file: a, env: B }",
    ));
    assert!(
        said.contains("`key` has more than one of `file` or `env`"),
        "{said}"
    );
    for none in ["{ kid: a }", "{ file: , kid: a }"] {
        assert!(load(with("{ file: keys/maskinporten.jwk.json }", none)).is_err());
    }
}

#[test]
fn a_secret_that_stands_there_is_not_shown() {
    let base = "0123456789abcdef0123456789abcdef";
    for (old, new) in [
        (
            "key: { file: keys/maskinporten.jwk.json }",
            format!("key: {base}"),
        ),
        (
            "key: { file: keys/maskinporten.jwk.json }",
            format!("subscriptionKey: \"{base}\""),
        ),
        (
            "key: { file: keys/maskinporten.jwk.json }",
            format!("clientSecret: {base}"),
        ),
        (
            "key: { file: keys/maskinporten.jwk.json }",
            format!("key: {{ \"kty\": \"RSA\", \"d\": \"{base}\" }}"),
        ),
        (
            "key: { file: keys/maskinporten.jwk.json }",
            format!("key: {base}\n  key: {base}"),
        ),
        (
            "key: { file: keys/maskinporten.jwk.json }",
            format!("key: {{ env: \"{base}\" }}"),
        ),
        ("send:\n", format!("clientId: [\"x{base}{base}\nsend:\n")),
    ] {
        let problems = load(with(old, &new)).unwrap_err();
        let said = render_all(&problems, Style::default());
        assert!(
            said.contains("error: ") && !said.contains("0123456789abcdef"),
            "{said}"
        );
        assert!(
            problems
                .iter()
                .all(|problem| !format!("{:?}{:?}", problem.message, problem.cause).contains(base))
        );
    }
    let said = refused(with("vat-reminder-2026-11", "brev til 07827199405"));
    assert!(
        said.contains("078271*****") && !said.contains("07827199405"),
        "{said}"
    );
}

#[test]
fn columns_count_characters() {
    let said = refused(with(
        "{ deadline: 2026-12-15 }",
        "{ 🎉å: \"blå 🎉\", x: .inf }",
    ));
    assert!(said.contains("--> mailing.yaml:10:30\n"), "{said}");
    assert!(
        said.contains("infinity and not-a-number have no place here"),
        "{said}"
    );
    assert!(said.ends_with("\n1 error\n"), "{said}");
}

#[test]
fn line_breaks_of_windows_and_byte_order_marks_change_nothing() {
    let bad = with("language:", "langauge:");
    let expected = refused(&bad);
    assert_eq!(refused(bad.replace('\n', "\r\n")), expected);
    assert_eq!(refused(format!("\u{feff}{bad}")), expected);
    assert!(load(GOOD.replace('\n', "\r\n")).is_ok());
}

#[test]
fn other_encodings_are_named() {
    let said = refused(b"\xff\xfev\0");
    assert!(
        said.contains("the file is UTF-16") && said.contains("save it as UTF-8"),
        "{said}"
    );
    says(
        b"version: 1\nmailing: for\xe5r",
        "
error: the file is not UTF-8
 --> mailing.yaml:2:13
  |
2 | mailing: for\u{fffd}r
  |             ^
  |
  = cause: byte 13 of the line is E5, which is `å` in Windows-1252
  = hint: save it as UTF-8

1 error",
    );
}

#[test]
fn merged_members_are_where_they_are_written() {
    let text = with(
        "{ deadline: 2026-12-15 }",
        "\n  common: &common { rate: 1/s, canary: 3 }\n  list: [&other { canary: 9 }]",
    );
    let good = text.replacen(
        "send:\n  rate: 120/min",
        "send:\n  <<: [*common, *other]",
        1,
    );
    let loaded = load(&good).unwrap();
    assert_eq!(loaded.manifest.send.canary, 3);
    let canary = loaded.positions.value("/send/canary").unwrap();
    assert_eq!(canary.start, good.find("3 }").unwrap());

    let said = refused(good.replace("1/s", "1/day"));
    assert!(
        said.contains("mailing.yaml:11:27\n") && said.contains("`rate` must be a rate"),
        "{said}"
    );
    let said = refused(text.replacen("send:\n", "send:\n  <<: 3\n", 1));
    assert!(
        said.contains("`<<` takes a mapping") && said.ends_with("\n1 error\n"),
        "{said}"
    );
}

#[test]
fn tags_documents_tabs_and_odd_keys_are_refused() {
    for (old, new, expected) in [
        ("tt02", "!env ENV", "YAML tags mean nothing here"),
        ("send:\n", "---\nsend:\n", "a second document begins here"),
        (
            "  file: recipients.csv",
            "\tfile: recipients.csv",
            "a tab in the indentation",
        ),
        (
            "  rate: 120/min",
            "  ? [a]\n  : b",
            "a mapping or list stands where a key should be",
        ),
        (
            "tt02",
            "\"a\u{1}\"",
            "the character U+0001 cannot stand in YAML",
        ),
        (
            "tt02",
            "*bold*",
            "a text that begins with `*` or `&` needs quotes",
        ),
        (
            "tt02",
            "\"tt02",
            "a quotation mark is opened here and never closed",
        ),
        (
            "  rate: 120/min",
            "  canary: 99999999999999999999999",
            "the number is too large",
        ),
        (
            "version: 1",
            "version: 1\n$schema: x",
            "write `# yaml-language-server: $schema=…` on the first line",
        ),
        (
            "{ deadline: 2026-12-15 }",
            "{ deadline: }",
            "`deadline` must have a value",
        ),
    ] {
        let said = refused(with(old, new));
        assert!(
            said.contains(expected) && said.contains("--> mailing.yaml:"),
            "{new}: {said}"
        );
    }
    assert!(load(with("tt02", "!!str tt02")).is_ok());
}

#[test]
fn nothing_is_not_a_manifest() {
    for text in ["", "# only a comment\n", "---\n"] {
        says(
            text,
            "error: the manifest is empty\n --> mailing.yaml\n  = hint: begin with `version: 1`\n\n1 error",
        );
    }
    assert!(refused("- a\n").contains("the manifest must be a mapping"));
}

#[test]
fn members_without_a_value_are_left_out() {
    let text = with(
        "auth:\n  key: { file: keys/maskinporten.jwk.json }",
        "auth:\n  # key: later\n",
    );
    let loaded = load(text.replace("retry: { attempts: 3 }", "retry:\n  canary: 2.0")).unwrap();
    assert_eq!(loaded.manifest.auth, super::Auth::default());
    assert_eq!(
        (
            loaded.manifest.send.canary,
            loaded.manifest.send.retry.attempts.get()
        ),
        (2, 8)
    );
}

#[test]
fn variables_that_change_when_shown_are_warned_of() {
    let loaded = load(with(
        "{ deadline: 2026-12-15 }",
        "{ price: 1.10, phone: +4791234567, urgent: no, n: 3, t: \"no\" }",
    ))
    .unwrap();
    let warnings: Vec<_> = loaded
        .warnings
        .iter()
        .map(|warning| warning.message.as_str())
        .collect();
    let number = "a number that is shown otherwise than it is written";
    assert_eq!(
        warnings,
        [number, number, "`no` is a text here, not true or false"]
    );
}

#[test]
fn a_place_within_a_text_is_found() {
    let text = with(
        "messageBody: { file: \"letter.{{ Språk }}.md\" }",
        "messageBody: |\n\n      Hei æ {{ Nvn }}\n\n        Hilsen {{ X }}",
    );
    let loaded = load(text.replace('\n', "\r\n")).unwrap();
    let at = |pointer: &str, line, column| {
        let Place::Source { source, span } = loaded.place_within(pointer, line, column) else {
            panic!("no place in the source");
        };
        source.text()[span.start..].to_owned()
    };
    assert!(at("/correspondence/content/messageBody", 2, 10).starts_with("Nvn }}"));
    assert!(at("/correspondence/content/messageBody", 4, 13).starts_with("X }}"));
    assert!(at("/correspondence/content/messageTitle", 1, 20).starts_with("Navn }}"));
    assert!(at("/correspondence/content/messageTitle", 9, 1).starts_with("\"Mva"));
    assert!(at("/correspondence/content/nothing/0", 1, 1).starts_with("content:"));
}

#[test]
fn a_long_line_is_cut() {
    let long = "Hei på deg. ".repeat(3000);
    let said = refused(with(
        "{ file: \"letter.{{ Språk }}.md\" }",
        &format!("[\"{long}\"]"),
    ));
    assert!(
        said.contains("messageBody: [\"Hei") && said.len() < 1000,
        "{}",
        said.len()
    );
}

fn lines(numbers: std::ops::Range<i32>, line: impl Fn(i32) -> String) -> String {
    numbers.map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn hostile_files_are_refused_quickly() {
    let level = |n: i32| {
        format!(
            "a{n}: &a{n} [{}]",
            vec![format!("*a{}", n - 1); 10].join(",")
        )
    };
    let bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n".to_owned() + &lines(1..10, level);
    let keys = lines(0..200_000, |n| format!("key{n}: 1"));
    let started = Instant::now();
    for (text, expected) in [
        (bomb, "the aliases make the file too large"),
        ("[".repeat(400_000), "nested too deep"),
        ("{a: ".repeat(100_000), "nested too deep"),
        ("- ".repeat(200_000), "nested more than 100 levels deep"),
        (
            "a: &a [*a]".to_owned(),
            "an alias stands within what it refers to",
        ),
        (
            "a: &a { <<: *a }".to_owned(),
            "an alias stands within what it refers to",
        ),
        ("x".repeat(10_000_001), "the manifest is larger than 10 MB"),
        (
            "a: 1\n".repeat(200_000),
            "there may be more problems than these 100",
        ),
        (keys, "there may be more problems than these 100"),
    ] {
        let said = refused(&text);
        assert!(
            said.contains(expected) && said.len() < 40_000,
            "{expected}: {said}"
        );
    }
    // Without the limits this takes minutes.
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_file_that_is_not_there_is_said_to_be_so() {
    let problems = super::load(Path::new("/nowhere/mailing.yaml")).unwrap_err();
    let said = render(problems.iter().next().unwrap(), Style::default());
    assert!(
        said.starts_with(
            "error: the manifest cannot be read\n --> /nowhere/mailing.yaml\n  = cause: "
        ),
        "{said}"
    );
}

#[test]
fn no_slip_of_the_pen_is_too_much() {
    let slips = [
        "", "\"", "{", "[", "\t", ":", "&a ", "*a", "!x ", "\u{feff}", "🎉", "\r", "- ",
    ];
    for (at, character) in GOOD.char_indices().step_by(7) {
        for slip in slips {
            let text = [&GOOD[..at], slip, &GOOD[at + character.len_utf8()..]].concat();
            if let Err(problems) = load(&text) {
                assert!(problems.has_errors(), "{text}");
                assert!(
                    render_all(&problems, Style::default()).contains("error: "),
                    "{text}"
                );
            }
        }
        if let Err(problems) = load(&GOOD[..at]) {
            assert!(problems.has_errors());
        }
    }
}
