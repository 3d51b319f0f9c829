//! A mailing of any size to measure with, made up on the spot, and the processor time that measuring takes.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../it/people.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod people;

/// A letter to be measured.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    manifest: &'static str,
}

/// A text of 1.5 KB with a name, an amount and a case in it.
pub(crate) const PLAIN: Kind = Kind {
    name: "plain",
    manifest: r#"
version: 1
mailing: bench
environment: sandbox
recipients: { file: rows.csv, key: Saksnummer, recipient: "{{ Fødselsnummer }}" }
correspondence:
  resourceId: bench
  sendersReference: "{{ Saksnummer }}"
  content:
    language: nb
    messageTitle: "Varsel i sak {{ Saksnummer }}"
    messageBody: { file: brev.nb.md }
send: { canary: 0, concurrency: 64 }
"#,
};

/// The same in three languages, with notifications, a date and a property.
pub(crate) const FULL: Kind = Kind {
    name: "full",
    manifest: r#"
version: 1
mailing: bench
environment: sandbox
recipients: { file: rows.csv, key: Saksnummer, recipient: "{{ Fødselsnummer }}" }
correspondence:
  resourceId: bench
  sendersReference: "{{ Saksnummer }}"
  content:
    language: "{{ Språk }}"
    messageTitle: "{% if Språk == 'en' %}Notice{% elif Språk == 'nn' %}Varsel{% else %}Varsel{% endif %} {{ Saksnummer }}"
    messageBody: { file: "brev.{{ Språk }}.md" }
  dueDateTime: "{{ now() | plus(days=14) }}"
  isConfirmationNeeded: true
  propertyList: { epost: "{{ row['E-post'] }}" }
  notification:
    notificationChannel: EmailPreferred
    emailSubject: "{% if Språk == 'en' %}New letter{% else %}Nytt brev{% endif %} i sak {{ Saksnummer }}"
    emailBody: "Hei $recipientName$, du har fått et brev i Altinn."
    smsBody: "Hei $recipientName$, du har fått et brev i Altinn."
send: { canary: 0, concurrency: 64 }
"#,
};

/// The plain letter with a PDF of its own.
pub(crate) const OWN_FILE: Kind = Kind {
    name: "own file",
    manifest: r#"
version: 1
mailing: bench
environment: sandbox
recipients: { file: rows.csv, key: Saksnummer, recipient: "{{ Fødselsnummer }}" }
correspondence:
  resourceId: bench
  sendersReference: "{{ Saksnummer }}"
  content:
    language: nb
    messageTitle: "Varsel i sak {{ Saksnummer }}"
    messageBody: { file: brev.nb.md }
    attachments: [{ file: "own/{{ row_number }}.pdf", sendersReference: own }]
send: { canary: 0, concurrency: 64 }
"#,
};

/// Writes a PDF of its own, in bytes, for every row.
pub(crate) fn write_files(folder: &Path, rows: usize, size: usize) {
    fs::create_dir(folder.join("own")).unwrap();
    for row in 1..=rows {
        let mut file = format!("%PDF-1.4 {row}").into_bytes();
        file.resize(size, b'x');
        fs::write(folder.join(format!("own/{row}.pdf")), file).unwrap();
    }
}

/// Has the mailing sent to a server at `url`.
pub(crate) fn send_to(folder: &Path, url: &str) {
    let path = folder.join("mailing.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let environment = format!("environment: {{ platform: \"{url}\", maskinporten: \"{url}\" }}");
    let lines = text.lines().map(|line| {
        let is_environment = line.starts_with("environment:");
        if is_environment { &environment } else { line }
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    fs::write(path, text).unwrap();
}

/// Writes the mailing into `folder` as `mailing.yaml`, its rows as `rows.csv`.
pub(crate) fn write(folder: &Path, kind: Kind, rows: usize) {
    for language in ["nb", "nn", "en"] {
        fs::write(folder.join(format!("brev.{language}.md")), letter()).unwrap();
    }
    let mut file = BufWriter::new(File::create(folder.join("rows.csv")).unwrap());
    writeln!(
        file,
        "Fødselsnummer;Navn;Saksnummer;Beløp;Språk;E-post;Mobil"
    )
    .unwrap();
    for (row, number) in (1..=rows).zip(people::persons()) {
        let (amount, language) = (row * 17 % 100_000, ["nb", "nn", "en", "nb"][row % 4]);
        writeln!(
            file,
            "{number};Kåre Ødegård;2026/{row:07};{amount},83;{language};test.{row}@example.no;"
        )
        .unwrap();
    }
    file.flush().unwrap();
    fs::write(folder.join("mailing.yaml"), kind.manifest).unwrap();
}

/// A number among the arguments, or `default`; cargo's own flags are passed over.
pub(crate) fn argument(default: usize) -> usize {
    let numbers = std::env::args().skip(1);
    let mut numbers = numbers.filter_map(|argument| argument.parse().ok());
    numbers.next().unwrap_or(default)
}

/// The processor time this thread has used; the time of day where the system does not say. Others who work on the machine do not count.
pub(crate) fn processor_time() -> Duration {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .map_or_else(
            || BEGAN.get_or_init(Instant::now).elapsed(),
            Duration::from_nanos,
        )
}

/// The middle of five runs: nanoseconds of processor time for each of `rows`.
#[expect(clippy::cast_precision_loss, reason = "a measurement")]
pub(crate) fn median(rows: usize, mut run: impl FnMut()) -> f64 {
    let mut times: Vec<_> = (0..5)
        .map(|_| {
            let began = processor_time();
            run();
            processor_time().saturating_sub(began)
        })
        .collect();
    times.sort();
    times[2].as_nanos() as f64 / rows as f64
}

fn letter() -> String {
    let mut letter =
        "Hei {{ Navn }},\n\nVi minner om at **{{ Beløp }} kroner** i sak {{ Saksnummer }} ikke er betalt.\n\n"
            .to_owned();
    while letter.len() < 1450 {
        letter.push_str("* Har du betalt de siste dagene, kan du se bort fra dette brevet. Spørsmål? Ring oss på 800 12 345.\n");
    }
    letter + "\nVennlig hilsen\nEksempeletaten\n"
}
