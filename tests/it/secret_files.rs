//! Files and variables with secrets: what is refused, and how it is said.

use crate::support::Project;

#[cfg(unix)]
#[test]
fn only_plain_files_of_a_sane_size_are_read() {
    let project = Project::small();
    project.write("large", vec![b'a'; 1_000_001]);
    let made = std::process::Command::new("mkfifo")
        .arg(project.path("pipe"))
        .status();
    assert!(made.unwrap().success());
    for (file, cause) in [
        ("/dev/zero", "it is not a plain file"),
        ("pipe", "it is not a plain file"),
        (".", "it is not a plain file"),
        ("large", "it is larger than 1 MB"),
    ] {
        for flag in ["--key-file", "--token-file", "--ca-file"] {
            let run = project.run(&["token", "mailing.yaml", flag, file]).ends(3);
            assert!(run.stderr().contains(cause), "{flag} {file}: {run}");
            assert!(run.stderr().contains("hint: "), "{flag} {file}: {run}");
        }
    }
    for member in [
        "key: { file: /dev/zero }",
        "key: { file: mailing.yaml, certificate: /dev/zero }",
        "key: { file: mailing.yaml, password: { file: /dev/zero } }",
        "token: { file: /dev/zero }",
        "subscriptionKey: { file: /dev/zero }",
        "caFile: /dev/zero",
    ] {
        let project = Project::small();
        let auth = format!("auth:\n  {member}\ncorrespondence:");
        project.replace("mailing.yaml", "correspondence:", &auth);
        let run = project.run(&["token", "mailing.yaml"]).ends(3);
        assert!(
            run.stderr().contains("it is not a plain file"),
            "{member}: {run}"
        );
    }
}

#[test]
fn a_blank_jwk_names_every_missing_member_at_once() {
    let blank = r#"{"kty": "", "kid": "", "n": "", "e": "", "d": "", "p": "", "q": "", "dp": "", "dq": "", "qi": ""}"#;
    let project = Project::small().with_env("MASSEBREV_KEY", blank);
    let run = project.run(&["token", "mailing.yaml"]).ends(3);
    let all = "the key has no value for `kty`, `n`, `e`, `d`, `p`, `q`, `dp`, `dq`, `qi`, `kid`";
    assert!(run.stderr().contains(all), "{run}");
}

#[test]
fn a_token_that_cannot_be_read_is_called_so() {
    let token = "eyJhbGciOiJSUzI1NiJ9.not-a-payload.c2lnbmF0dXJl";
    let project = Project::small().with_env("MASSEBREV_TOKEN", token);
    let run = project.run(&["token", "mailing.yaml"]).ends(0);
    let warning = "warning: the token in MASSEBREV_TOKEN cannot be read: it is not a JWT";
    assert!(run.stderr().contains(warning), "{run}");
    assert!(
        run.stdout()
            .contains("sends     not known: the token cannot be read"),
        "{run}"
    );
    let json = project
        .run(&["token", "mailing.yaml", "--format", "json"])
        .ends(0);
    assert!(json.stdout().contains("\"can_send\":null"), "{json}");
    assert!(!format!("{run}{json}").contains("not-a-payload"), "{run}");
}

#[test]
fn a_secret_where_a_name_belongs_is_refused_by_every_command_that_reads_the_manifest() {
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzY29wZSI6ImEifQ.c2lnbmF0dXJl";
    let project = Project::small();
    let auth = format!("auth: {{ clientId: {token} }}\ncorrespondence:");
    project.replace("mailing.yaml", "correspondence:", &auth);
    for command in ["validate", "render", "send", "token"] {
        let run = project.run(&[command, "mailing.yaml"]).ends(2);
        assert!(run.stderr().contains("`auth.clientId`"), "{run}");
        assert!(!run.to_string().contains("eyJ"), "{run}");
    }
}
