//! Tokens that are not bought with a key: ready ones, a program's, the test token generator's, and which of them wins.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use massebrev::sandbox::{Action, Endpoint, Trouble, When};

use crate::support::{LiveSandbox, Project};

/// A mailing for a sandbox that has its tokens from elsewhere than a key.
fn with_token(sandbox: &LiveSandbox, token: &str) -> Project {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "environment: tt02",
        &format!(
            "environment: {{ platform: \"{0}\", maskinporten: \"{0}\" }}{1}",
            sandbox.url(),
            match token {
                "" => String::new(),
                token => format!("\nauth:\n  token: {token}"),
            }
        ),
    );
    project
}

/// A token of the sandbox's.
fn token_of(sandbox: &LiveSandbox) -> String {
    let project = Project::small().with_sandbox(sandbox);
    let run = project.run(&["token", "mailing.yaml", "--raw"]).ends(0);
    run.stdout().trim_end().to_owned()
}

#[cfg(unix)]
fn executable(project: &Project, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;

    project.write(name, text);
    let permissions = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(project.path(name), permissions).unwrap();
}

#[test]
fn a_ready_token_sends_from_a_variable_and_from_a_file() {
    let sandbox = LiveSandbox::start();
    let token = token_of(&sandbox);
    let project = with_token(&sandbox, "{ env: MY_TOKEN }")
        .with_env("MY_TOKEN", &format!("Bearer {token}\n"));
    project.run(&["send", "mailing.yaml"]).ends(0);

    let project = with_token(&sandbox, "{ file: secret/token }");
    project.write("secret/token", &token);
    project.run(&["token", "mailing.yaml"]).ends(0);

    let project = with_token(&sandbox, "");
    project.write(
        "token.json",
        format!("{{\"access_token\": \"{token}\", \"expires_in\": 600}}"),
    );
    project
        .run(&["token", "mailing.yaml", "--token-file", "token.json"])
        .ends(0);
}

#[cfg(unix)]
#[test]
fn a_token_file_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;

    let sandbox = LiveSandbox::start();
    let project = with_token(&sandbox, "{ file: token }");
    project.write("token", token_of(&sandbox));
    for (mode, warned) in [(0o600, false), (0o640, true), (0o604, true)] {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(project.path("token"), permissions).unwrap();
        let run = project.run(&["token", "mailing.yaml"]).ends(0);
        let warning =
            "warning: others on this machine can read the token ./token: chmod 600 ./token";
        assert_eq!(run.stderr().contains(warning), warned, "{run}");
        let run = project.run(&["token", "mailing.yaml", "--check"]).ends(0);
        assert_eq!(run.stdout().contains("chmod 600"), warned, "{run}");
    }
}

#[test]
fn a_token_that_is_over_is_refused_here() {
    let sandbox = LiveSandbox::start();
    // {"exp": 1700000000}
    let old = "e30.eyJleHAiOjE3MDAwMDAwMDB9.c2ln";
    let project = with_token(&sandbox, "").with_env("MASSEBREV_TOKEN", old);
    for arguments in [&["token", "mailing.yaml"][..], &["send", "mailing.yaml"]] {
        let run = project.run(arguments).ends(3);
        assert!(
            run.stderr()
                .contains("the token from MASSEBREV_TOKEN expired"),
            "{run}"
        );
        assert!(
            run.stderr().contains("hint: get a new token and set it"),
            "{run}"
        );
    }
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_refused_ready_token_ends_with_altinns_own_words() {
    let sandbox = LiveSandbox::start();
    let project =
        with_token(&sandbox, "").with_env("MASSEBREV_TOKEN", "not-a-token-of-this-sandbox");
    let run = project.run(&["send", "mailing.yaml"]).ends(4);
    assert!(
        run.stderr().contains("401") || run.stdout().contains("401"),
        "{run}"
    );
    assert_eq!(sandbox.letters().len(), 0);
}

#[cfg(unix)]
#[test]
fn a_file_that_is_renewed_carries_a_run_over_an_expiry() {
    let sandbox = LiveSandbox::troubled(vec![Trouble {
        endpoint: Endpoint::Initialize,
        when: When::Nth(2),
        action: Action::ExpireTokens,
    }]);
    // The neighbour who renews the token, here: a program that puts another one into the file and gives none itself.
    let keys = Project::small().with_sandbox(&sandbox);
    let project = with_token(&sandbox, "{ command: [./renew, \"a b\"] }");
    let script = format!(
        "#!/bin/sh\necho \"$MASSEBREV_TOKEN_SCOPES/$1\" >> asked\nMASSEBREV_KEY_FILE={} MASSEBREV_CLIENT_ID={} exec {} token {} --raw\n",
        keys.path("key.jwk.json").display(),
        sandbox.client_id(),
        env!("CARGO_BIN_EXE_massebrev"),
        keys.path("mailing.yaml").display(),
    );
    executable(&project, "renew", &script);
    let run = project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3, "{run}");
    assert_eq!(
        project.read("asked"),
        "altinn:serviceowner altinn:correspondence.write/a b\n".repeat(2),
        "once at the start, once after the refusal"
    );
}

#[cfg(unix)]
#[test]
fn a_program_that_fails_is_quoted_without_its_secrets() {
    let sandbox = LiveSandbox::start();
    let project = with_token(&sandbox, "{ command: [./login] }");
    executable(
        &project,
        "login",
        "#!/bin/sh\necho 'log in first: Bearer 0123456789abcdef0123 for 07827199405' >&2\n\
         echo 'X-Vault-Token: hvs.Planted1; password=Planted2, svc:Planted3Passord@vault' >&2\n\
         printf -- '-----BEGIN PRIVATE KEY-----\\nPlanted4\\n' >&2\nexit 4\n",
    );
    for arguments in [&["token", "mailing.yaml"][..], &["send", "mailing.yaml"]] {
        let run = project.run(arguments).ends(3);
        let text = run.stderr();
        assert!(text.contains("`./login` ended with status 4\n"), "{run}");
        assert!(text.contains("hint: run the command by hand"), "{run}");
        assert!(
            text.contains("it says: log in first: Bearer ***** for 078271***** *****"),
            "{run}"
        );
        assert!(!run.to_string().contains("Planted"), "{run}");
    }
    for file in std::fs::read_dir(project.path(".massebrev")).unwrap() {
        let kept = std::fs::read(file.unwrap().path()).unwrap();
        let kept = String::from_utf8_lossy(&kept);
        assert!(!kept.contains("Planted") && !kept.contains("log in first"));
    }
    let project = with_token(&sandbox, "{ command: [massebrev-no-such-program] }");
    let run = project.run(&["token", "mailing.yaml", "--check"]).ends(3);
    assert!(run.stdout().contains("cannot be run"), "{run}");
}

#[test]
fn validate_runs_no_program() {
    let sandbox = LiveSandbox::start();
    let project = with_token(&sandbox, "{ command: [sh, -c, \"touch ran\"] }");
    project.run(&["validate", "mailing.yaml"]).ends(0);
    project.run(&["render", "mailing.yaml"]).ends(0);
    assert!(!project.path("ran").exists());
}

#[test]
fn flag_wins_over_environment_and_environment_over_manifest() {
    let sandbox = LiveSandbox::start();
    let source = |project: &Project, arguments: &[&str]| {
        let mut all = vec!["token", "mailing.yaml"];
        all.extend(arguments);
        let run = project.run(&all).ends(0);
        let line = run.stdout().lines().next().unwrap().to_owned();
        line.split(',').next().unwrap().replace("source    ", "")
    };
    let manifest = with_token(&sandbox, "{ file: manifest-token }");
    for name in ["manifest-token", "flag-token"] {
        manifest.write(name, token_of(&sandbox));
        #[cfg(unix)]
        manifest.keep_private(name);
    }
    assert_eq!(source(&manifest, &[]), "the token file ./manifest-token");
    let environment = manifest.with_env("MASSEBREV_TOKEN", &token_of(&sandbox));
    assert_eq!(source(&environment, &[]), "the token in MASSEBREV_TOKEN");
    assert_eq!(
        source(&environment, &["--token-file", "flag-token"]),
        "the token file flag-token"
    );
    // Set to nothing is not set.
    let empty = environment.with_env("MASSEBREV_TOKEN", "");
    assert_eq!(source(&empty, &[]), "the token file ./manifest-token");
}

#[test]
fn two_sources_of_one_rank_are_a_mistake() {
    let sandbox = LiveSandbox::start();
    let project = with_token(&sandbox, "");
    let run = project
        .run(&[
            "token",
            "mailing.yaml",
            "--key-file",
            "k",
            "--token-file",
            "t",
        ])
        .ends(2);
    assert!(
        run.stderr()
            .contains("tokens have two sources: --key-file and --token-file"),
        "{run}"
    );
    let project = project
        .with_env("MASSEBREV_KEY", "k")
        .with_env("MASSEBREV_TOKEN", "t");
    let run = project.run(&["send", "mailing.yaml"]).ends(2);
    assert!(
        run.stderr()
            .contains("tokens have two sources: MASSEBREV_KEY and MASSEBREV_TOKEN"),
        "{run}"
    );
    project.replace(
        "mailing.yaml",
        "recipients:\n",
        "auth: { key: { env: K }, token: { env: T } }\nrecipients:\n",
    );
    let run = project.run(&["validate", "mailing.yaml"]).ends(2);
    assert!(
        run.stderr()
            .contains("`auth` has more than one of `key` or `token`"),
        "{run}"
    );
}

/// A generator of test tokens: answers everything with one text, and remembers what it was asked.
fn generator(status: &str, body: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !request.windows(4).any(|four| four == b"\r\n\r\n") {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => request.extend_from_slice(&buffer[..count]),
                }
            }
            log.lock()
                .unwrap()
                .push(String::from_utf8_lossy(&request).into_owned());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    (address, seen)
}

#[test]
fn the_test_token_generator_gives_tokens_for_tests_only() {
    let sandbox = LiveSandbox::start();
    let (address, seen) = generator("200 OK", token_of(&sandbox));
    let origin =
        format!("{{ generator: {{ org: ttd, environment: tt02, address: \"{address}\" }} }}");
    let project = with_token(&sandbox, &origin);
    let run = project.run(&["send", "mailing.yaml"]).ends(3);
    assert!(
        run.stderr().contains("MASSEBREV_GENERATOR_USER is not set"),
        "{run}"
    );

    let project = project
        .with_env("MASSEBREV_GENERATOR_USER", "tester")
        .with_env("MASSEBREV_GENERATOR_PASSWORD", "generator-password");
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    {
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        assert!(
            seen[0].starts_with("GET /api/GetEnterpriseToken?env=tt02&scopes="),
            "{}",
            seen[0]
        );
        assert!(
            seen[0].to_lowercase().contains("authorization: basic "),
            "{}",
            seen[0]
        );
    }

    let run = project.run(&["token", "mailing.yaml", "--check"]).ends(0);
    assert!(
        run.stdout()
            .contains("ok       source: the test token generator"),
        "{run}"
    );

    project.write(
        "mailing.yaml",
        project
            .read("mailing.yaml")
            .lines()
            .map(|line| {
                if line.starts_with("environment:") {
                    "environment: prod\n".to_owned()
                } else {
                    format!("{line}\n")
                }
            })
            .collect::<String>(),
    );
    let run = project.run(&["token", "mailing.yaml"]).ends(3);
    assert!(
        run.stderr().contains("test tokens are not for prod"),
        "{run}"
    );
}
