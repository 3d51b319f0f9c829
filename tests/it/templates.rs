//! Templates as people use them: what a letter says for each row, which parts it has, and what is told of those that are wrong.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{LiveSandbox, Project, Run, snapshot};

/// The requests that `render` prints.
fn rendered(run: &Run) -> Vec<Value> {
    let lines = run.stdout();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The small mailing with other columns.
fn mailing(rows: &str, correspondence: &str) -> Project {
    let project = Project::new();
    let manifest = "version: 1\nmailing: t\nenvironment: sandbox\n\
        recipients: { file: rows.csv, key: Sak, recipient: \"991825827\" }\n";
    project.write("mailing.yaml", format!("{manifest}{correspondence}"));
    project.write("rows.csv", rows);
    project
}

const LETTER: &str = r#"
correspondence:
  resourceId: r
  sendersReference: "{{ Sak }}"
  content:
    language: "{{ Språk }}"
    messageTitle: "Til {{ Navn }}"
    messageBody: { file: brev.md }
"#;

#[test]
fn the_reference_page_is_help() {
    let project = Project::new();
    let page = project.run(&["help", "templates"]).ends(0);
    snapshot(|| assert_snapshot!("help_templates", page));
    assert_eq!(project.run(&["templates"]).ends(0).stdout(), page.stdout());
    let help = project.run(&["render", "--help"]).ends(0).stdout();
    assert!(help.contains("massebrev help templates"), "{help}");
}

#[test]
fn a_name_stays_a_name_and_every_row_has_its_language() {
    let rows = "Sak;Navn;Språk;Beløp;Frist\n1;Ola [Nordmann];nb;1234,5;15.12.2026\n\
        2;1. Kari;nn;-7;2026-05-17\n3;\"Bo\n- Ås\";en;1 000 000;2026-12-24\n";
    let project = mailing(
        rows,
        &LETTER.replace("Til {{ Navn }}", "Til {{ Navn | truncate(length=14) }}"),
    );
    project.write(
        "brev.md",
        "{{ Navn }} **{{ Navn }}**\n\n{% include \"frist.md\" %}\n",
    );
    project.write(
        "frist.md",
        "{{ Frist | date(form=\"weekday\") }}: {{ Beløp | money }} til {{ Navn }}.",
    );
    let requests = rendered(&project.run(&["render", "mailing.yaml"]).ends(0));
    let texts: Vec<_> = requests
        .iter()
        .map(|request| &request["body"]["correspondence"]["content"])
        .flat_map(|content| ["messageTitle", "messageBody"].map(|member| &content[member]))
        .map(|text| text.as_str().unwrap().replace('\u{A0}', " "))
        .collect();
    assert_eq!(
        texts,
        [
            "Til Ola [Nordmann]",
            "Ola \\[Nordmann\\] **Ola \\[Nordmann\\]**\n\ntirsdag 15. desember 2026: 1 234,50 til Ola \\[Nordmann\\].\n",
            "Til 1. Kari",
            "1&amp;#46; Kari **1. Kari**\n\nsundag 17. mai 2026: -7,00 til 1. Kari.\n",
            "Til Bo\n- Ås",
            "Bo\\\n&amp;#45; Ås **Bo\\\n&amp;#45; Ås**\n\nThursday 24 December 2026: 1,000,000.00 til Bo\\\n&amp;#45; Ås.\n",
        ]
    );
}

#[test]
fn parts_that_a_row_does_not_have_are_not_sent_and_not_looked_for() {
    let rows = "Sak;Navn;Språk;Mobil;Vedtak\n1;Ane;nb;+4791234567;ja\n2;Bo;nb;;nei\n";
    let letter = LETTER.to_owned()
        + r#"    attachments:
      - { file: "vedtak-{{ Sak }}.pdf", sendersReference: v, when: "{{ Vedtak == 'ja' }}" }
      - { file: vilkar.pdf, sendersReference: vilkar }
  propertyList: { when: "{{ Vedtak }}" }
  replyOptions:
    - { linkURL: "https://example.no/{{ Sak }}", when: "{{ Vedtak == 'ja' }}" }
    - { linkURL: "https://example.no/", when: true }
  notification:
    when: "{{ Mobil != '' }}"
    notificationChannel: Sms
    smsBody: "Hei {{ Mobil | phone | plain }}"
    customRecipients:
      - { mobileNumber: "{{ Mobil }}", when: "{{ Vedtak == 'ja' }}" }
      - { emailAddress: "x@example.no", when: false }
"#;
    let project = mailing(rows, &letter);
    project.write("brev.md", "Hei {{ Navn }}");
    project.write("vedtak-1.pdf", "%PDF-1.4 1");
    project.write("vilkar.pdf", "%PDF-1.4");
    let run = project.run(&["render", "mailing.yaml"]).ends(0);
    let requests = rendered(&run);
    assert_eq!(requests.len(), 2);
    let letter = |row: usize| &requests[row]["body"]["correspondence"];
    let files = |row: usize| requests[row]["files"].as_array().unwrap().len();
    assert_eq!((files(0), files(1)), (2, 1));
    assert_eq!(
        letter(0)["replyOptions"],
        json!([{"linkURL": "https://example.no/1"}, {"linkURL": "https://example.no/"}])
    );
    assert_eq!(
        letter(1)["replyOptions"],
        json!([{"linkURL": "https://example.no/"}])
    );
    assert_eq!(
        letter(0)["notification"]["customRecipients"],
        json!([{"mobileNumber": "+4791234567"}])
    );
    assert_eq!(letter(0)["notification"]["smsBody"], "Hei +47 912 34 567");
    assert_eq!(letter(1)["notification"], Value::Null);
    assert_eq!(letter(1)["propertyList"], json!({"when": "nei"}));

    // A file that is wrong is told at its own place, whichever others the letter has.
    project.replace("mailing.yaml", "file: vilkar.pdf", "file: vilkar.exe");
    project.write("vilkar.exe", "MZ");
    let text = project.run(&["validate", "mailing.yaml"]).stderr();
    assert!(!text.contains("vedtak-{{"), "{text}");

    let sandbox = LiveSandbox::start();
    project.replace("mailing.yaml", "file: vilkar.exe", "file: vilkar.pdf");
    project.replace("mailing.yaml", "environment: sandbox", "environment: tt02");
    let project = project.with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    for letter in sandbox.letters() {
        let body: Value = serde_json::from_slice(&letter.body).unwrap();
        let notification = body["correspondence"]["notification"].to_string();
        assert!(!notification.contains("when"), "{body}");
    }
}

#[test]
fn a_part_that_may_not_be_left_out_and_a_mistyped_condition_are_told() {
    let project = mailing("Sak;Navn;Språk\n1;Ane;nb\n", LETTER);
    project.write("brev.md", "Hei");
    project.replace(
        "mailing.yaml",
        "  content:\n",
        "  content:\n    when: true\n",
    );
    project.replace(
        "mailing.yaml",
        "  resourceId: r\n",
        "  resourceId: r\n  notification: { wen: false, emailBody: x }\n",
    );
    snapshot(|| assert_snapshot!(project.run(&["validate", "mailing.yaml"]).ends(2)));
}

#[test]
fn everything_that_does_not_fit_in_a_row_is_told_at_once() {
    let rows = "Sak;Navn;Språk;Ja;Frist;Kanal\n1;Ane;nb;ja;15.12.2026;Emial\n2;Bo;nb;true;2026-12-15;Email\n";
    let letter = LETTER.to_owned()
        + r#"  isConfirmationNeeded: "{{ Ja }}"
  dueDateTime: "{{ Frist }}"
  allowForwarding: "{{ Ja == 'true' }}"
  ignoreReservation: "{{ Navn | number }}"
  notification: { notificationChannel: "{{ Kanal }}", emailSubject: s, emailBody: b, when: "{{ Ja }}" }
  replyOptions: [{ linkURL: "https://example.no/", when: "{{ Navn }}" }]
"#;
    let project = mailing(rows, &letter);
    project.write("brev.md", "Hei");
    snapshot(|| assert_snapshot!(project.run(&["validate", "mailing.yaml"]).ends(2)));
}

#[test]
fn a_template_that_does_not_end_is_stopped_with_its_row_and_its_place() {
    let rows = "Sak;Navn;Språk\n1;Ane;nb\n2;Bo;nb\n";
    let project = mailing(rows, LETTER);
    project.write(
        "brev.md",
        "Hei {{ Navn }}\n{% if Sak == '2' %}{% for i in range(end=1000) %}\n\
        {% for j in range(end=9999) %}{{ Navn }}, {% endfor %}{% endfor %}{% endif %}\n",
    );
    snapshot(|| assert_snapshot!(project.run(&["validate", "mailing.yaml"]).ends(2)));
}

#[test]
fn letters_share_a_layout_and_amounts_decide() {
    let rows = "Sak;Navn;Språk;Beløp\n1;Ane *1*;nb;1 234,50\n2;Bo;nb;-2\n";
    let project = mailing(rows, LETTER);
    project.write(
        "layout.md",
        "# {% block title %}Vedtak{% endblock %}\n\n{% block text %}{% endblock %}\n\nHilsen oss",
    );
    project.write(
        "brev.md",
        "{% extends \"layout.md\" %}{% block title %}{{ super() }} i sak {{ Sak }}{% endblock %}\n\
        {% block text %}{% set who %}Hei {{ Navn }}{% endset %}{{ who }}! \
        {% if Beløp | amount > 0 %}Du skal betale.{% else %}Du får igjen.{% endif %}{% endblock %}\n",
    );
    let requests = rendered(&project.run(&["render", "mailing.yaml"]).ends(0));
    let body = |row: usize| &requests[row]["body"]["correspondence"]["content"]["messageBody"];
    assert_eq!(
        body(0),
        "# Vedtak i sak 1\n\nHei Ane \\*1\\*! Du skal betale.\n\nHilsen oss"
    );
    assert_eq!(
        body(1),
        "# Vedtak i sak 2\n\nHei Bo! Du får igjen.\n\nHilsen oss"
    );
}

/// What people bring along from Jinja, from Word and from other systems: one run tells all of it, with what to write.
#[test]
fn habits_from_elsewhere_are_told_with_what_to_write() {
    let rows = "Sak;Navn;Språk;Beløp;Frist\n1;Ane;nb;100;15.12.2026\n";
    let letter = LETTER.to_owned()
        + r#"    messageSummary: "{% if Språk == 'nn' or 'en' %}a{% elseif Språk == 'nb' %}b{% endif %}"
  dueDateTime: "{{ Frist | date('iso') }}"
  propertyList:
    sum: "{{ sum(of=[Beløp]) + Beløp }}"
    word: "{{ “Hei” ~ Navn }}"
    more: "{% if Beløp > 0 %}ja{% else if Frist < '2026-12-31' %}nei{% endif %}"
    nbsp: "{{ Navn }}"
"#;
    let project = mailing(rows, &letter);
    project.write(
        "brev.md",
        "Hei {% if Navn = 'Ane' %}{{ Navn | default('du') }}{% endif %}\n",
    );
    snapshot(|| assert_snapshot!(project.run(&["validate", "mailing.yaml"]).ends(2)));
}

#[test]
fn a_mailing_renders_to_the_same_bytes_every_time_and_everywhere() {
    let render = || {
        let project = Project::example("spreadsheet");
        // Otherwise it is the present.
        project.replace("mailing.yaml", "{{ now() | plus(days=14) }}", "2036-12-15");
        let first = project.run(&["render", "mailing.yaml"]).ends(0).stdout();
        assert_eq!(
            project.run(&["render", "mailing.yaml"]).ends(0).stdout(),
            first
        );
        first
    };
    let first = render();
    assert_eq!(first.lines().count(), 24);
    assert_eq!(render(), first);
}
