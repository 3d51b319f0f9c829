//! Keys in all their forms, and tokens that last: the real program against the sandbox, its grants looked at by `openssl`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use massebrev::sandbox::{Action, Endpoint, Options, Registration, Scenario, Trouble, When};
use serde_json::{Value, json};

use crate::support::{LiveSandbox, Project, Run};

const CLIENT: &str = "9b8c2f1e-0000-4000-8000-000000000001";

/// What `openssl` says; nothing when there is none on this machine.
fn openssl(project: &Project, arguments: &str, input: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(project.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = child.as_mut() else {
        println!("skipped: there is no openssl on this machine");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input).unwrap();
    drop(stdin);
    let mut output = Vec::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut output)
        .unwrap();
    assert!(child.wait().unwrap().success(), "openssl {arguments}");
    Some(output)
}

/// A mailing with a key by `openssl`, its certificate, and a sandbox that knows it; nothing without `openssl`.
fn with_own_key() -> Option<(LiveSandbox, Project)> {
    let project = Project::small();
    openssl(&project, "genrsa -out key.pem 2048", b"")?;
    openssl(&project, "rsa -in key.pem -pubout -out public.pem", b"")?;
    let request = "req -x509 -new -key key.pem -subj /CN=Etaten -days 90 -out certificate.pem";
    openssl(&project, request, b"")?;
    project.write("password", "open sesame\n");
    for (file, how) in [
        ("modern.p12", ""),
        (
            "old.p12",
            " -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1",
        ),
    ] {
        let export = format!(
            "pkcs12 -export -inkey key.pem -in certificate.pem -out {file} -passout file:password{how}"
        );
        openssl(&project, &export, b"")?;
    }
    let modulus = openssl(&project, "rsa -in key.pem -noout -modulus", b"")?;
    let modulus = String::from_utf8(modulus).unwrap();
    let digits = modulus.trim().strip_prefix("Modulus=").unwrap();
    let bytes: Vec<u8> = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect();
    let jwk = json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode(bytes), "e": "AQAB"});
    let sandbox = LiveSandbox::with(Options {
        clients: vec![Registration {
            client_id: CLIENT.to_owned(),
            jwk: jwk.to_string(),
        }],
        ..Options::default()
    });
    point_at(&project, &sandbox.url(), &sandbox.url());
    Some((sandbox, project))
}

fn point_at(project: &Project, platform: &str, maskinporten: &str) {
    project.replace(
        "mailing.yaml",
        "environment: tt02",
        &format!(
            "environment: {{ platform: \"{platform}\", maskinporten: \"{maskinporten}\" }}\nauth:\n  clientId: {CLIENT}\n  key: {{ file: key.pem }}"
        ),
    );
}

fn set_key(project: &Project, key: &str) {
    let manifest = project.read("mailing.yaml");
    let lines = manifest.lines().map(|line| {
        if line.starts_with("  key: {") {
            format!("  key: {key}")
        } else {
            line.to_owned()
        }
    });
    let text: String = lines.map(|line| line + "\n").collect();
    project.write("mailing.yaml", text);
}

fn sent(project: &Project) -> Run {
    let _ = std::fs::remove_dir_all(project.path(".massebrev"));
    project.run(&["send", "mailing.yaml"])
}

#[test]
fn a_key_works_in_every_form_it_is_handed_out_in() {
    let Some((sandbox, project)) = with_own_key() else {
        return;
    };
    let both = project.read("certificate.pem") + &project.read("key.pem");
    project.write("both.pem", both);
    for (number, key) in [
        "{ file: key.pem, kid: mine }",
        "{ file: key.pem, kid: mine, algorithm: RS512 }",
        "{ file: key.pem, certificate: certificate.pem }",
        "{ file: both.pem }",
        "{ file: modern.p12, password: { file: password } }",
        "{ file: old.p12, password: { file: password }, algorithm: RS384 }",
    ]
    .iter()
    .enumerate()
    {
        set_key(&project, key);
        project.replace("mailing.yaml", "mailing: small", "mailing: small-");
        let run = project.run(&["send", "mailing.yaml"]);
        assert_eq!(run.status(), Some(0), "{key}: {run}");
        assert_eq!(sandbox.letters().len(), 3 * (number + 1), "{key}");
    }
}

#[test]
fn a_key_that_does_not_work_says_why_and_shows_nothing() {
    let Some((sandbox, project)) = with_own_key() else {
        return;
    };
    let encrypt = "pkcs8 -topk8 -in key.pem -out locked.pem -passout file:password";
    openssl(&project, encrypt, b"");
    openssl(&project, "genrsa -out other.pem 2048", b"");
    openssl(&project, "genrsa -out small.pem 1024", b"");
    openssl(
        &project,
        "ecparam -name prime256v1 -genkey -noout -out ec.pem",
        b"",
    );
    project.write("wrong", "sesame");
    for (key, expected) in [
        ("{ file: key.pem }", "has no `kid`"),
        ("{ file: public.pem, kid: k }", "a public key"),
        ("{ file: certificate.pem }", "a public key"),
        ("{ file: ec.pem, kid: k }", "of type EC"),
        ("{ file: locked.pem, kid: k }", "locked with a password"),
        ("{ file: small.pem, kid: k }", "1024 bits"),
        ("{ file: modern.p12 }", "no password for it"),
        (
            "{ file: modern.p12, password: { file: wrong } }",
            "does not open",
        ),
        (
            "{ file: modern.p12, password: { env: NOT_SET } }",
            "NOT_SET is not set",
        ),
        (
            "{ file: other.pem, certificate: certificate.pem }",
            "does not belong to the key: it is for CN=Etaten",
        ),
        ("{ file: recipients.csv }", "neither JSON"),
        ("{ file: gone.pem }", "cannot read the key"),
    ] {
        set_key(&project, key);
        let run = sent(&project).ends(3);
        assert!(run.stderr().contains(expected), "{key}: {run}");
        assert!(!run.stderr().contains("sesame"), "{run}");
    }
    assert_eq!(sandbox.asked(Endpoint::Token), 0);
}

/// Requests, each as head and body.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// Asks nothing of a grant, and keeps what it was sent.
fn recorder() -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = Vec::new();
            let mut buffer = [0; 4096];
            let (head, body) = loop {
                let count = stream.read(&mut buffer).unwrap();
                bytes.extend_from_slice(&buffer[..count]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else {
                    continue;
                };
                let head = head.to_lowercase();
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .map_or(0, |length| length.parse().unwrap());
                if body.len() >= length || count == 0 {
                    break (head, body.to_owned());
                }
            };
            let answer = if head.starts_with("post /token ") {
                r#"{"error": "invalid_grant", "error_description": "MP-120: no"}"#
            } else {
                r#"{"issuer": "https://test.maskinporten.no/"}"#
            };
            let status = if head.starts_with("post") {
                "400 Bad Request"
            } else {
                "200 OK"
            };
            log.lock().unwrap().push((head, body));
            let length = answer.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}"
            );
        }
    });
    (url, seen)
}

#[test]
fn openssl_finds_the_signature_good_and_the_claims_are_those_maskinporten_knows() {
    let Some((sandbox, project)) = with_own_key() else {
        return;
    };
    let (url, seen) = recorder();
    let platform = sandbox.url();
    project.replace(
        "mailing.yaml",
        &format!("maskinporten: \"{platform}\""),
        &format!("maskinporten: \"{url}\""),
    );
    project.replace(
        "mailing.yaml",
        "auth:\n",
        "auth:\n  subscriptionKey: { env: SUBSCRIPTION }\n  resource: [https://platform.altinn.no/]\n  consumerOrg: \"310244007\"\n  systemUser: { organization: \"310244007\", externalRef: ref-1 }\n",
    );
    let project = project.with_env("SUBSCRIPTION", "0123456789abcdef");
    for (key, digest, header) in [
        ("{ file: key.pem, kid: mine }", "sha256", "kid"),
        (
            "{ file: key.pem, kid: mine, algorithm: RS384 }",
            "sha384",
            "kid",
        ),
        (
            "{ file: modern.p12, password: { file: password }, algorithm: RS512 }",
            "sha512",
            "x5c",
        ),
    ] {
        seen.lock().unwrap().clear();
        set_key(&project, key);
        let run = sent(&project).ends(3);
        assert!(run.stderr().contains("MP-120"), "{run}");
        let requests = std::mem::take(&mut *seen.lock().unwrap());
        for (head, _) in &requests {
            assert!(!head.contains("subscription"), "not Maskinporten's: {head}");
        }
        let form = &requests.last().unwrap().1;
        let (_, assertion) = form.split_once("assertion=").unwrap();
        check_grant(&project, assertion, digest, header);
    }
}

/// By what Digdir documents, and nothing of ours.
fn check_grant(project: &Project, assertion: &str, digest: &str, named_by: &str) {
    let parts: Vec<&str> = assertion.split('.').collect();
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    project.write("signature", decode(parts[2]));
    let signed = format!("{}.{}", parts[0], parts[1]);
    let verify = format!("dgst -{digest} -verify public.pem -signature signature");
    let verdict = openssl(project, &verify, signed.as_bytes()).unwrap();
    assert_eq!(verdict, b"Verified OK\n");

    let head: BTreeMap<String, Value> = serde_json::from_slice(&decode(parts[0])).unwrap();
    let names: Vec<&str> = head.keys().map(String::as_str).collect();
    let mut expected = ["alg", "typ", named_by];
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(head["alg"], format!("RS{}", &digest[3..]));
    if named_by == "x5c" {
        let lines = project.read("certificate.pem");
        let base64: String = lines.lines().filter(|line| !line.contains('-')).collect();
        assert_eq!(head["x5c"], json!([base64]));
    }

    let mut claims: BTreeMap<String, Value> = serde_json::from_slice(&decode(parts[1])).unwrap();
    let issued = claims.remove("iat").unwrap().as_u64().unwrap();
    let expires = claims.remove("exp").unwrap().as_u64().unwrap();
    assert!(expires > issued && expires - issued <= 120);
    let id = claims.remove("jti").unwrap();
    assert!(id.as_str().unwrap().parse::<uuid::Uuid>().is_ok());
    let expected = json!({
        "iss": CLIENT,
        "aud": "https://test.maskinporten.no/",
        "scope": "altinn:serviceowner altinn:correspondence.write",
        "resource": ["https://platform.altinn.no/"],
        "consumer_org": "310244007",
        "authorization_details": [{
            "type": "urn:altinn:systemuser",
            "systemuser_org": { "authority": "iso6523-actorid-upis", "ID": "0192:310244007" },
            "externalRef": "ref-1",
        }],
    });
    assert_eq!(json!(claims), expected);
}

/// A mailing whose key is Altinn Studio's file.
fn with_studio_settings(sandbox: &LiveSandbox, authority: &str) -> Project {
    let project = Project::small();
    let url = sandbox.url();
    project.replace(
        "mailing.yaml",
        "environment: tt02",
        &format!(
            "environment: {{ platform: \"{url}\", maskinporten: \"{url}\" }}\nauth:\n  key: {{ file: maskinporten-settings.json }}"
        ),
    );
    let jwk: Value = serde_json::from_str(&sandbox.private_jwk()).unwrap();
    let settings = json!({ "MaskinportenSettings": {
        "Authority": authority, "ClientId": sandbox.client_id(), "Jwk": jwk,
    } });
    project.write("maskinporten-settings.json", settings.to_string());
    project
}

#[test]
fn the_settings_altinn_studio_mounts_are_enough() {
    let sandbox = LiveSandbox::start();
    let project = with_studio_settings(&sandbox, &format!("{}/", sandbox.url()));
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    let project = project.with_env("MASSEBREV_CLIENT_ID", "another");
    let run = sent(&project).ends(3);
    assert!(
        run.stderr()
            .contains("warning: the client id another is used"),
        "{run}"
    );
    assert!(run.stderr().contains("MP-100"), "{run}");
}

#[test]
fn settings_for_another_environment_are_not_used() {
    let sandbox = LiveSandbox::start();
    let project = with_studio_settings(&sandbox, "https://maskinporten.no/");
    let run = project.run(&["send", "mailing.yaml"]).ends(3);
    assert!(
        run.stderr().contains("are for https://maskinporten.no/"),
        "{run}"
    );
    assert_eq!(sandbox.asked(Endpoint::Token), 0);
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;

    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    for (mode, warned) in [(0o600, false), (0o644, true)] {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(project.path("key.jwk.json"), permissions).unwrap();
        let run = sent(&project).ends(0);
        assert_eq!(run.stderr().contains("chmod 600"), warned, "{run}");
    }
}

#[test]
fn a_key_in_the_environment_wins_over_the_manifest() {
    let sandbox = LiveSandbox::start();
    let project = with_studio_settings(&sandbox, &sandbox.url());
    project.write("maskinporten-settings.json", "{}");
    let project = project
        .with_env("MASSEBREV_KEY", &sandbox.private_jwk())
        .with_env("MASSEBREV_CLIENT_ID", &sandbox.client_id());
    project.run(&["send", "mailing.yaml"]).ends(0);
}

fn rows(project: &Project, count: u32) {
    let mut rows = "org,name,case\n".to_owned();
    for case in 1..=count {
        writeln!(rows, "991825827,Ane,{case}").unwrap();
    }
    project.write("recipients.csv", rows);
}

#[test]
fn five_hundred_at_once_ask_for_one_token() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    rows(&project, 2000);
    project
        .run(&["send", "mailing.yaml", "--concurrency", "500"])
        .ends(0);
    assert_eq!(sandbox.letters().len(), 2000);
    assert_eq!(sandbox.asked(Endpoint::Token), 1);
    assert_eq!(sandbox.asked(Endpoint::Exchange), 1);
}

#[test]
fn tokens_that_expire_in_the_middle_cost_no_letter() {
    let sandbox = LiveSandbox::with(Options {
        token_lifetime: Duration::from_secs(2),
        altinn_token_lifetime: Duration::from_secs(2),
        ..Options::default()
    });
    let project = Project::small().with_sandbox(&sandbox);
    rows(&project, 300);
    project
        .run(&["send", "mailing.yaml", "--rate", "100/s"])
        .ends(0);
    assert_eq!(sandbox.letters().len(), 300);
    assert_eq!(project.count("sent"), 300);
    assert!(sandbox.asked(Endpoint::Exchange) > 1, "none expired");
}

#[test]
fn a_maskinporten_that_is_away_for_a_while_costs_no_letter() {
    let away = |endpoint| {
        (2..=4).map(move |number| Trouble {
            endpoint,
            when: When::Nth(number),
            action: Action::Answer {
                status: 503,
                retry_after: None,
            },
        })
    };
    let sandbox = LiveSandbox::with(Options {
        token_lifetime: Duration::from_secs(2),
        altinn_token_lifetime: Duration::from_secs(2),
        scenario: Scenario {
            trouble: away(Endpoint::Token)
                .chain(away(Endpoint::Exchange))
                .collect(),
            ..Scenario::default()
        },
        ..Options::default()
    });
    let project = Project::small().with_sandbox(&sandbox);
    rows(&project, 300);
    project
        .run(&["send", "mailing.yaml", "--rate", "100/s"])
        .ends(0);
    assert_eq!(sandbox.letters().len(), 300);
    assert_eq!(project.count("sent"), 300);
    assert!(sandbox.asked(Endpoint::Token) > 4, "it was not away");
}
