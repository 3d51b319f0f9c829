//! TLS with an authority of one's own, and proxies: the real program, a sandbox behind TLS, and a proxy that tells what it was asked.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::net::TcpStream as AsyncStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::{LiveSandbox, Project};

/// A sandbox behind TLS, at `https://localhost:PORT`.
struct Encrypted {
    sandbox: LiveSandbox,
    address: String,
    /// What serves TLS ends with it.
    _runtime: Runtime,
}

/// An authority, and its certificate in PEM.
fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let mut about = CertificateParams::default();
    about.distinguished_name.push(DnType::CommonName, name);
    about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = about.self_signed(&key).unwrap();
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(certificate.der())
    );
    (Issuer::new(about, key), pem)
}

/// A sandbox with a certificate for `localhost`, and a mailing that goes there.
fn encrypted() -> (Encrypted, Project) {
    encrypted_by(&CertificateParams::new(vec!["localhost".to_owned()]).unwrap())
}

fn encrypted_by(about: &CertificateParams) -> (Encrypted, Project) {
    let project = Project::small();
    let (ours, pem) = authority("Authority");
    project.write("ca.pem", pem);
    project.write("other.pem", authority("Other").1);
    let key = KeyPair::generate().unwrap();
    let certificate = about.signed_by(&key, &ours).unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let sandbox = LiveSandbox::start();
    let runtime = Runtime::new().unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let behind = sandbox.url().trim_start_matches("http://").to_owned();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                // A client that does not trust us goes away at once.
                let Ok(mut front) = acceptor.accept(stream).await else {
                    return;
                };
                let mut back = AsyncStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut front, &mut back).await;
            });
        }
    });
    let project = project.with_sandbox(&sandbox);
    project.replace("mailing.yaml", &sandbox.url(), &address);
    // What this machine trusts, and which proxy it has, does not matter.
    let others = project.path("other.pem").display().to_string();
    let mut project = project.with_env("SSL_CERT_FILE", &others);
    for name in [
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ] {
        project = project.with_env(name, "");
    }
    let encrypted = Encrypted {
        sandbox,
        address,
        _runtime: runtime,
    };
    (encrypted, project)
}

/// A proxy that connects to wherever it is asked to on this machine, and keeps what it was asked.
fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let log = Arc::clone(&log);
            thread::spawn(move || serve(stream, &log));
        }
    });
    (port, seen)
}

fn serve(mut client: TcpStream, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            break;
        }
    }
    let target = head
        .split(' ')
        .nth(1)
        .unwrap_or_default()
        .replace("localhost", "127.0.0.1");
    let is_connect = head.starts_with("CONNECT ");
    log.lock().unwrap().push(head);
    let Some(server) = is_connect
        .then(|| TcpStream::connect(target).ok())
        .flatten()
    else {
        let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
        return;
    };
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let mut up = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let sending = thread::spawn(move || {
        let _ = std::io::copy(&mut up.0, &mut up.1);
        let _ = up.1.shutdown(std::net::Shutdown::Write);
    });
    let (mut server, mut client) = (server, client);
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = sending.join();
}

#[test]
fn an_authority_of_ones_own_is_trusted_and_no_other() {
    let (encrypted, project) = encrypted();
    let run = project.run(&["token", "mailing.yaml", "--check"]).ends(3);
    assert!(
        run.stdout().contains("failed   connection localhost:"),
        "{run}"
    );
    assert!(
        run.stdout().contains("certificate") && run.stdout().contains("--ca-file"),
        "{run}"
    );
    let run = project.run(&["send", "mailing.yaml"]).ends(3);
    assert!(run.stderr().contains("--ca-file"), "{run}");
    assert!(
        encrypted.sandbox.requests().is_empty(),
        "nothing came through"
    );

    let run = project
        .run(&["token", "mailing.yaml", "--check", "--ca-file", "ca.pem"])
        .ends(0);
    assert!(run.stdout().contains(": TLS, no proxy"), "{run}");
    project
        .run(&["token", "mailing.yaml", "--ca-file", "other.pem"])
        .ends(3);
    let run = project
        .run(&["token", "mailing.yaml", "--ca-file", "mailing.yaml"])
        .ends(3);
    assert!(run.stderr().contains("no certificate in PEM"), "{run}");
    let run = project
        .run(&["token", "mailing.yaml", "--ca-file", "gone.pem"])
        .ends(3);
    assert!(
        run.stderr()
            .contains("cannot read the certificates in gone.pem"),
        "{run}"
    );

    project.replace(
        "mailing.yaml",
        "recipients:\n",
        "auth: { caFile: ca.pem }\nrecipients:\n",
    );
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(encrypted.sandbox.letters().len(), 3);
}

#[test]
fn an_altinn_that_is_not_trusted_stops_the_run_at_once() {
    let (encrypted, project) = encrypted();
    let token = project
        .run(&["token", "mailing.yaml", "--raw", "--ca-file", "ca.pem"])
        .ends(0)
        .stdout();
    project.write("token", token);
    let asked = encrypted.sandbox.requests().len();
    let run = project
        .run(&["send", "mailing.yaml", "--token-file", "token"])
        .ends(3);
    assert!(run.stderr().contains("stopped: no connection to"), "{run}");
    assert!(
        run.stderr().contains("certificate") && run.stderr().contains("--ca-file"),
        "{run}"
    );
    assert!(!run.stderr().contains("retries"), "{run}");
    assert_eq!(encrypted.sandbox.requests().len(), asked);
    project
        .run(&[
            "send",
            "mailing.yaml",
            "--token-file",
            "token",
            "--ca-file",
            "ca.pem",
        ])
        .ends(0);
}

#[test]
fn a_certificate_that_is_wrong_is_told_with_what_is_wrong_and_no_other_file_is_asked_for() {
    let mut expired = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let other = CertificateParams::new(vec!["other.example".to_owned()]).unwrap();
    for (about, cause, hint) in [
        (expired, "certificate has expired", "clock"),
        (other, "certificate is for another name", "the address"),
    ] {
        let (_encrypted, project) = encrypted_by(&about);
        let run = project
            .run(&["send", "mailing.yaml", "--ca-file", "ca.pem"])
            .ends(3);
        let said = run.stderr();
        assert!(said.contains(cause) && said.contains(hint), "{run}");
        assert!(!said.contains("as --ca-file"), "{run}");
    }
}

#[test]
fn a_proxy_that_cannot_be_read_is_told() {
    for wrong in ["::bad::", "http//p"] {
        let project = Project::small()
            .with_env("HTTPS_PROXY", wrong)
            .with_env("MASSEBREV_TOKEN", "opaque-token-4f1c9d7e2b8a6035");
        project.replace(
            "mailing.yaml",
            "environment: tt02",
            "environment: { platform: \"https://altinn.invalid\", maskinporten: \"https://maskinporten.invalid\" }",
        );
        for arguments in [
            &["token", "mailing.yaml", "--check"][..],
            &["send", "mailing.yaml"],
        ] {
            let run = project.run(arguments).ends(3);
            let told = "HTTPS_PROXY cannot be read and is ignored";
            assert!(
                run.to_string().contains(told) || run.to_string().contains("cannot set up HTTPS"),
                "{run}"
            );
        }
    }
}

#[test]
fn a_dead_proxy_is_named_with_its_variable() {
    let (_encrypted, project) = encrypted();
    let project = project.with_env("HTTPS_PROXY", "http://somebody:proxy-password@127.0.0.1:1");
    let run = project.run(&["token", "mailing.yaml", "--check"]).ends(3);
    assert!(
        run.stdout()
            .contains("check the proxy http://127.0.0.1:1, which HTTPS_PROXY"),
        "{run}"
    );
    assert!(!run.to_string().contains("proxy-password"), "{run}");
}

#[test]
fn a_proxy_of_the_environment_is_used_and_named_and_sees_no_token() {
    let (encrypted, project) = encrypted();
    let (port, seen) = proxy();
    let project = project
        .with_env("MASSEBREV_CA_FILE", "ca.pem")
        .with_env(
            "HTTPS_PROXY",
            &format!("http://somebody:proxy-password@127.0.0.1:{port}"),
        )
        .with_env("MASSEBREV_LOG", "trace");
    let run = project.run(&["token", "mailing.yaml", "--check"]).ends(0);
    let host = encrypted.address.trim_start_matches("https://");
    assert!(
        run.stdout().contains(&format!(
            "ok       proxy: http://127.0.0.1:{port} for {host}"
        )),
        "{run}"
    );
    assert!(run.stdout().contains(": TLS, through the proxy"), "{run}");
    let sent = project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(encrypted.sandbox.letters().len(), 3);
    for run in [&run, &sent] {
        assert!(!run.to_string().contains("proxy-password"), "{run}");
    }
    let asked = seen.lock().unwrap().clone();
    assert!(!asked.is_empty());
    for head in &asked {
        assert!(head.starts_with(&format!("CONNECT {host} ")), "{head}");
        assert!(
            head.to_lowercase().contains("proxy-authorization: basic "),
            "{head}"
        );
        assert!(!head.contains("Bearer") && !head.contains("eyJ"), "{head}");
    }

    let project = project.with_env("NO_PROXY", "localhost");
    let run = project.run(&["token", "mailing.yaml", "--check"]).ends(0);
    assert!(run.stdout().contains(": TLS, no proxy"), "{run}");
    assert_eq!(seen.lock().unwrap().len(), asked.len());
}

#[test]
fn a_proxy_that_refuses_is_told() {
    let (port, seen) = proxy();
    let project = Project::small()
        .with_env(
            "HTTPS_PROXY",
            &format!("http://somebody:proxy-password@127.0.0.1:{port}"),
        )
        .with_env("NO_PROXY", "")
        .with_env("MASSEBREV_TOKEN", "opaque-token-4f1c9d7e2b8a6035");
    project.replace(
        "mailing.yaml",
        "environment: tt02",
        "environment: { platform: \"https://altinn.invalid\", maskinporten: \"https://maskinporten.invalid\" }",
    );
    let run = project.run(&["token", "mailing.yaml", "--check"]).ends(3);
    if run.stdout().contains("cannot set up HTTPS")
        || run.stdout().contains("cannot prepare the connection")
    {
        println!("skipped: this machine has no certificates");
        return;
    }
    assert!(
        run.stdout().contains("failed   connection altinn.invalid"),
        "{run}"
    );
    let sent = project.run(&["send", "mailing.yaml"]).ends(3);
    for told in [
        "stopped: no connection to `altinn.invalid`: the proxy refuses it",
        &format!("hint: check the proxy http://127.0.0.1:{port}, which HTTPS_PROXY"),
        "each step: massebrev token mailing.yaml --check",
    ] {
        assert!(sent.stderr().contains(told), "{sent}");
    }
    assert!(!sent.to_string().contains("proxy-password"), "{sent}");
    assert!(!run.to_string().contains("proxy-password"), "{run}");
    let asked = seen.lock().unwrap().clone();
    assert!(
        asked
            .iter()
            .all(|head| head.starts_with("CONNECT altinn.invalid:443 ")),
        "{asked:?}"
    );
    assert!(!asked.is_empty() && !format!("{asked:?}").contains("opaque-token"));
}
