//! What `load` says, as people read it.

mod hostile;
mod members;
mod settings;
mod texts;
mod yaml;

use std::path::Path;
use std::time::Duration;

use super::load::from_bytes;
use super::{EnvironmentName, LoadedManifest, MaxFailures};
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

fn load(text: impl AsRef<[u8]>) -> Result<LoadedManifest, Problems> {
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
    assert_eq!(manifest.auth.scopes, super::auth::DEFAULT_SCOPES);
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
