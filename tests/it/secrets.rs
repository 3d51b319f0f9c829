//! Secrets and identity numbers are planted wherever a person may put them, and looked for in every byte the program writes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use massebrev::sandbox::{Action, Endpoint, Trouble, When};
use serde_json::Value;

use crate::support::{LiveSandbox, Project, Run};

const PERSONS: [&str; 3] = ["07827199405", "26818099001", "04825999731"];
const SUBSCRIPTION_KEY: &str = "0123subscription4567key89abcdef0";
const TOKEN: &str = "opaque-token-4f1c9d7e2b8a6035";
const PASSWORD: &str = "generator-pass-5d2c8e71";
/// `tester:generator-pass-5d2c8e71`
const BASIC: &str = "dGVzdGVyOmdlbmVyYXRvci1wYXNzLTVkMmM4ZTcx";
const KEY_PASSWORD: &str = "p12-pass-77aa31c9";

/// Everything that must not be seen.
struct Planted(BTreeMap<String, String>);

impl Planted {
    fn new() -> Self {
        let mut all = BTreeMap::new();
        for (name, secret) in [
            ("the subscription key", SUBSCRIPTION_KEY),
            ("the token", TOKEN),
            ("the generator's password", PASSWORD),
            ("the generator's credentials", BASIC),
            ("the password of the key", KEY_PASSWORD),
            // Headers and payloads of JWTs, and a JWK in base64, all begin so.
            ("a JWT", "eyJ"),
        ] {
            all.insert(name.to_owned(), secret.to_owned());
        }
        for person in PERSONS {
            all.insert(format!("person {person}"), person.to_owned());
        }
        Self(all)
    }

    /// With the private numbers of a key.
    fn with_key(mut self, jwk: &str) -> Self {
        let key: Value = serde_json::from_str(jwk).unwrap();
        for member in ["d", "p", "q", "dp", "dq", "qi"] {
            let number = key[member].as_str().unwrap();
            self.0
                .insert(format!("the key's {member}"), number[..24].to_owned());
        }
        self
    }

    /// Looks through what the program printed and wrote.
    fn absent(&self, run: &Run, project: &Project) {
        let mut written = vec![("the terminal".to_owned(), run.to_string().into_bytes())];
        let folder = project.path(".massebrev");
        if folder.is_dir() {
            collect(&folder, &mut written);
        }
        for (place, bytes) in written {
            let text = String::from_utf8_lossy(&bytes);
            for (name, secret) in &self.0 {
                assert!(
                    !text.contains(secret.as_str()),
                    "{name} is in {place}:\n{run}"
                );
            }
        }
    }
}

fn collect(folder: &Path, written: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, written);
        } else {
            written.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

/// Letters to persons, whose numbers are their keys and stand in their texts.
fn mailing(platform: &str, auth: &str) -> Project {
    let project = Project::small();
    project.write(
        "recipients.csv",
        format!(
            "org,name,case\n{0},Ane {0},a\n{1},Bo,b\n{2},Cato,c\n",
            PERSONS[0], PERSONS[1], PERSONS[2]
        ),
    );
    project.replace("mailing.yaml", "  key: case\n", "");
    project.replace(
        "mailing.yaml",
        "case {{ case }} is open",
        "{{ org }} is open",
    );
    project.replace(
        "mailing.yaml",
        "environment: tt02",
        &format!("environment: {{ platform: \"{platform}\", maskinporten: \"{platform}\" }}\nauth: {auth}"),
    );
    project
        .with_env("MASSEBREV_LOG", "trace")
        .with_env("MASSEBREV_SUBSCRIPTION_KEY", SUBSCRIPTION_KEY)
        .with_env("MASSEBREV_GENERATOR_USER", "tester")
        .with_env("MASSEBREV_GENERATOR_PASSWORD", PASSWORD)
        .with_env("MASSEBREV_KEY_PASSWORD", KEY_PASSWORD)
}

/// Every command that speaks with somebody, and every report.
fn everything(project: &Project, planted: &Planted) -> Vec<Option<i32>> {
    let mut statuses = Vec::new();
    for arguments in [
        &["token", "mailing.yaml"][..],
        &["token", "mailing.yaml", "--format", "json"],
        &["token", "mailing.yaml", "--check"],
        &["token", "mailing.yaml", "--check", "--format", "json"],
        &["validate", "mailing.yaml"],
        &["send", "mailing.yaml"],
        &["send", "mailing.yaml"],
        &["report", "mailing.yaml"],
        &["report", "mailing.yaml", "--format", "json"],
        &["report", "mailing.yaml", "--format", "csv"],
        &["report", "mailing.yaml", "--format", "html"],
    ] {
        let run = project.run(arguments);
        assert!(!run.stderr().contains("panicked"), "{arguments:?}: {run}");
        assert!(run.status().is_some(), "{arguments:?}: {run}");
        planted.absent(&run, project);
        statuses.push(run.status());
    }
    statuses
}

/// A server that tells back all it was told: headers and body.
fn echo(status: &'static str, answer: impl Fn(&str) -> Option<String> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read(&mut stream);
            let (status, body) = match answer(&request) {
                Some(body) => ("200 OK", body),
                None => (status, request.replace('"', "'")),
            };
            let challenge = body
                .lines()
                .find(|line| line.to_lowercase().starts_with("authorization"));
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nwww-authenticate: Bearer error=\"{}\"\r\nlocation: http://127.0.0.1:1/\r\nconnection: close\r\n\r\n",
                body.len(),
                challenge.unwrap_or_default(),
            );
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(body.as_bytes());
        }
    });
    address
}

fn read(stream: &mut std::net::TcpStream) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length: ")
                    .map(str::to_owned)
            });
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return text,
            Ok(count) => request.extend_from_slice(&buffer[..count]),
        }
    }
}

const STATUSES: [&str; 7] = [
    "200 OK",
    "307 Temporary Redirect",
    "400 Bad Request",
    "401 Unauthorized",
    "403 Forbidden",
    "409 Conflict",
    "500 Internal Server Error",
];

#[test]
fn nothing_is_seen_when_all_goes_well_or_the_sandbox_refuses() {
    let token_expires = Trouble {
        endpoint: Endpoint::Initialize,
        when: When::Nth(2),
        action: Action::ExpireTokens,
    };
    let refused = |endpoint, status| Trouble {
        endpoint,
        when: When::Always,
        action: Action::Answer {
            status,
            retry_after: None,
        },
    };
    for (trouble, expected) in [
        (vec![], 0),
        (vec![token_expires], 0),
        (vec![refused(Endpoint::Exchange, 401)], 3),
        (vec![refused(Endpoint::Token, 400)], 3),
        (vec![refused(Endpoint::Initialize, 403)], 4),
    ] {
        let sandbox = LiveSandbox::troubled(trouble.clone());
        let planted = Planted::new().with_key(&sandbox.private_jwk());
        let auth = format!(
            "{{ clientId: {}, key: {{ file: key.json }} }}",
            sandbox.client_id()
        );
        let project = mailing(&sandbox.url(), &auth);
        project.write("key.json", sandbox.private_jwk());
        let statuses = everything(&project, &planted);
        assert_eq!(statuses[5], Some(expected), "{trouble:?}");
        // And with the key itself in the environment.
        let project = mailing(
            &sandbox.url(),
            &format!("{{ clientId: {} }}", sandbox.client_id()),
        )
        .with_env("MASSEBREV_KEY", &sandbox.private_jwk());
        assert_eq!(
            project.run(&["token", "mailing.yaml"]).status(),
            Some(if expected == 3 { 3 } else { 0 })
        );
        planted.absent(
            &project.run(&["token", "mailing.yaml", "--check"]),
            &project,
        );
    }
}

#[test]
fn a_server_that_tells_back_the_token_is_not_quoted() {
    for status in STATUSES {
        let address = echo(status, |_| None);
        let project = mailing(&address, "{}").with_env("MASSEBREV_TOKEN", TOKEN);
        let statuses = everything(&project, &Planted::new());
        assert_eq!(statuses[0], Some(0), "the token is there: {status}");
        assert_ne!(statuses[5], Some(0), "{status}");
    }
}

#[test]
fn a_server_that_tells_back_the_grant_is_not_quoted() {
    let sandbox = LiveSandbox::start();
    let planted = Planted::new().with_key(&sandbox.private_jwk());
    for status in STATUSES {
        for exchanges in [false, true] {
            let address = echo(status, move |request| {
                // Maskinporten gives a token; it is Altinn that tells it back.
                (exchanges && request.starts_with("POST /token "))
                    .then(|| format!("{{\"access_token\": \"{TOKEN}\", \"expires_in\": 600}}"))
            });
            let project = mailing(&address, "{ clientId: c, key: { file: key.json } }");
            project.write("key.json", sandbox.private_jwk());
            for arguments in [
                &["token", "mailing.yaml"][..],
                &["token", "mailing.yaml", "--check"],
                &["send", "mailing.yaml"],
            ] {
                let run = project.run(arguments);
                let gave_up = arguments[0] == "send" && run.status() == Some(1);
                assert!(gave_up || run.status() == Some(3), "{status}: {run}");
                planted.absent(&run, &project);
            }
        }
    }
}

#[test]
fn the_generators_password_is_not_quoted() {
    for status in STATUSES {
        let address = echo(status, |_| None);
        let auth = format!(
            "{{ token: {{ generator: {{ org: ttd, environment: tt02, address: \"{address}\" }} }} }}"
        );
        let project = mailing(&address, &auth);
        for arguments in [
            &["token", "mailing.yaml"][..],
            &["token", "mailing.yaml", "--check"],
        ] {
            let run = project.run(arguments);
            assert_eq!(run.status(), Some(3), "{status}: {run}");
            Planted::new().absent(&run, &project);
        }
    }
}

#[test]
fn a_broken_key_is_not_quoted() {
    let sandbox = LiveSandbox::start();
    let jwk = sandbox.private_jwk();
    let planted = Planted::new().with_key(&jwk);
    let base64 = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(&jwk)
    };
    let half = &jwk[..jwk.len() - 20];
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        &base64[..400]
    );
    for broken in [
        half,
        &base64[..base64.len() - 21],
        &jwk.replace("\"d\":", "\"x\":"),
        &jwk.replace("\"q\":\"", "\"q\":\"!"),
        &jwk.replace("RSA", "EC"),
        &pem,
        &jwk.replace(':', ": :"),
        PASSWORD,
        TOKEN,
    ] {
        let project = mailing(&sandbox.url(), "{ clientId: c, key: { file: key.json } }");
        project.write("key.json", broken);
        for arguments in [
            &["token", "mailing.yaml"][..],
            &["token", "mailing.yaml", "--check"],
            &["send", "mailing.yaml"],
        ] {
            let run = project.run(arguments);
            assert_eq!(run.status(), Some(3), "{run}");
            planted.absent(&run, &project);
        }
        let project = mailing(&sandbox.url(), "{ clientId: c }").with_env("MASSEBREV_KEY", broken);
        planted.absent(&project.run(&["token", "mailing.yaml"]).ends(3), &project);
        // In the wrong place: a key, a token or a password in the manifest itself.
        for member in [
            "key",
            "token",
            "subscriptionKey",
            "password",
            "clientSecret",
        ] {
            let text = serde_json::to_string(broken).unwrap();
            let project = mailing(&sandbox.url(), &format!("{{ {member}: {text} }}"));
            for command in ["validate", "token", "send"] {
                planted.absent(&project.run(&[command, "mailing.yaml"]).ends(2), &project);
            }
        }
    }
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_password_that_does_not_fit_is_not_quoted() {
    let sandbox = LiveSandbox::start();
    let project = mailing(&sandbox.url(), "{ clientId: c, key: { file: key.p12 } }");
    for arguments in [
        "req -x509 -new -newkey rsa:2048 -nodes -keyout key.pem -subj /CN=Etaten -days 90 -out certificate.pem",
        "pkcs12 -export -inkey key.pem -in certificate.pem -out key.p12 -passout pass:another",
    ] {
        let made = std::process::Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(project.path(""))
            .stderr(std::process::Stdio::null())
            .status();
        let Ok(status) = made else {
            println!("skipped: there is no openssl on this machine");
            return;
        };
        assert!(status.success(), "openssl {arguments}");
    }
    for arguments in [
        &["token", "mailing.yaml"][..],
        &["token", "mailing.yaml", "--check"],
        &["send", "mailing.yaml"],
    ] {
        let run = project.run(arguments).ends(3);
        assert!(
            run.to_string().contains("the password does not open"),
            "{run}"
        );
        Planted::new().absent(&run, &project);
    }
}

#[test]
fn what_is_no_token_is_not_quoted() {
    let sandbox = LiveSandbox::start();
    let planted = Planted::new();
    for text in [
        format!("{TOKEN}\n{TOKEN}"),
        format!("{TOKEN} {PASSWORD}"),
        format!("{{\"token\": [\"{TOKEN}\"]}}"),
        format!("{{\"token\": \"{TOKEN}\", \"expires_in\": \"{PASSWORD}\"}}"),
        format!("<html>{TOKEN}</html>"),
        format!("{TOKEN}\u{e6}\u{0}"),
        format!("e30.{TOKEN}.{TOKEN}\u{7f}"),
        TOKEN.repeat(100_000),
    ] {
        let project = mailing(&sandbox.url(), "{ token: { file: token } }");
        project.write("token", &text);
        for arguments in [
            &["token", "mailing.yaml"][..],
            &["token", "mailing.yaml", "--check"],
            &["send", "mailing.yaml"],
        ] {
            let run = project.run(arguments);
            assert_eq!(run.status(), Some(3), "{run}");
            planted.absent(&run, &project);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_token_command_sees_and_says_no_secret_of_ours() {
    let sandbox = LiveSandbox::start();
    let script = "{ env; echo 'Authorization: Bearer 0123456789abcdef0123'; echo 'for 07827199405'; } >&2; exit 1";
    let planted = Planted::new();
    let project = mailing(
        &sandbox.url(),
        &format!("{{ token: {{ command: [sh, -c, \"{script}\"] }} }}"),
    );
    for arguments in [
        &["token", "mailing.yaml"][..],
        &["token", "mailing.yaml", "--check"],
        &["send", "mailing.yaml"],
    ] {
        let run = project.run(arguments).ends(3);
        assert!(run.to_string().contains("it says:"), "{run}");
        assert!(!run.to_string().contains("0123456789abcdef0123"), "{run}");
        planted.absent(&run, &project);
    }
}

#[test]
fn no_flag_takes_a_secret() {
    let project = Project::new();
    for command in ["send", "token", "sandbox"] {
        let help = project.run(&[command, "--help"]).ends(0).stdout();
        for flag in [
            "--token ",
            "--key ",
            "--password",
            "--subscription-key",
            "--secret",
        ] {
            assert!(!help.contains(flag), "{command} takes {flag}: {help}");
        }
    }
}

#[test]
fn a_secret_outside_of_auth_or_in_a_damaged_manifest_is_not_quoted() {
    for (member, error) in [
        ("token: Geheim-2026", "unknown key `token`"),
        ("Password: Geheim-2026", "unknown key `Password`"),
        (
            "subscriptionKey: [Geheim-2026]",
            "unknown key `subscriptionKey`",
        ),
        ("key: 'Geheim-2026'", "unknown key `key`"),
        ("privateKey: |\n  Geheim-2026", "unknown key `privateKey`"),
        ("auth:\n  password: \"Geheim-2026", "this is not YAML"),
    ] {
        let project = Project::new();
        project.write(
            "mailing.yaml",
            format!("version: 1\nmailing: m\n{member}\n"),
        );
        let run = project.run(&["validate", "mailing.yaml"]).ends(2);
        assert!(run.stderr().contains(error), "{run}");
        assert!(!run.to_string().contains("Geheim"), "{run}");
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_quoted() {
    let sandbox = LiveSandbox::start();
    let jwk = sandbox.private_jwk();
    let planted = Planted::new().with_key(&jwk);
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzY29wZSI6ImEifQ.c2lnbmF0dXJl";
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        &jwk[20..400]
    );
    for secret in [jwk.as_str(), token, &pem] {
        // A value where the name of something is expected.
        for name in [
            "MASSEBREV_TOKEN_FILE",
            "MASSEBREV_KEY_FILE",
            "MASSEBREV_CA_FILE",
            "MASSEBREV_CLIENT_ID",
            "MASSEBREV_KID",
            "MASSEBREV_RAW",
            "MASSEBREV_TOKEN_FORMAT",
            "MASSEBREV_COLOR",
        ] {
            let auth = "{ clientId: c, key: { file: key.json } }";
            let project = mailing(&sandbox.url(), auth).with_env(name, secret);
            project.write("key.json", &jwk);
            let run = project.run(&["token", "mailing.yaml"]).ends(2);
            assert!(!run.to_string().contains("BEGIN"), "{name}: {run}");
            planted.absent(&run, &project);
        }
        let run = Project::new()
            .with_env("MASSEBREV_ENVIRONMENT", secret)
            .run(&["token"])
            .ends(2);
        planted.absent(&run, &Project::new());
        for arguments in [
            &["token", secret][..],
            &[secret],
            &["send", secret],
            &["token", "--token", secret],
            &["token", "a.yaml", secret],
        ] {
            let run = Project::new().run(arguments).ends(2);
            planted.absent(&run, &Project::new());
        }
        let text = serde_json::to_string(secret).unwrap();
        for auth in [
            format!("{{ clientId: c, key: {{ file: {text} }} }}"),
            format!("{{ clientId: c, key: {{ file: key.json, kid: {text} }} }}"),
            format!("{{ clientId: {text}, key: {{ file: key.json }} }}"),
            format!("{{ token: {{ file: {text} }} }}"),
            format!("{{ caFile: {text}, token: {{ file: token }} }}"),
        ] {
            let project = mailing(&sandbox.url(), &auth);
            project.write("key.json", &jwk);
            let run = project.run(&["token", "mailing.yaml"]).ends(2);
            planted.absent(&run, &project);
        }
    }
}

#[test]
fn the_password_in_an_address_is_not_quoted() {
    for address in [
        "https://user:addr-pass-61b2@altinn.example",
        "https://user:addr-pass-61b2@altinn.example:xx",
        "ftp://user:addr-pass-61b2@altinn.example",
    ] {
        let generator =
            format!("{{ token: {{ generator: {{ org: ttd, address: \"{address}\" }} }} }}");
        for (platform, auth) in [(address, "{}"), ("https://altinn.example", &*generator)] {
            let project = mailing(platform, auth);
            for command in ["validate", "token"] {
                let run = project.run(&[command, "mailing.yaml"]);
                assert_eq!(
                    run.status() == Some(0),
                    platform != address && command == "validate",
                    "{run}"
                );
                assert!(!run.to_string().contains("addr-pass-61b2"), "{run}");
            }
        }
    }
}
