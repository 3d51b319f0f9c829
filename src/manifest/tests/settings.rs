//! Where letters go, with what key, and how.

use super::*;

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
fn a_token_has_one_source() {
    let key = "key: { file: keys/maskinporten.jwk.json }";
    for good in [
        "token: { file: t }",
        "token: { env: T }",
        "token: { command: [vault, read] }",
        "token: { generator: { org: ttd, ttl: 10m } }",
        "token: { generator: { orgNo: '991825827', environment: at22 } }",
        "key:\n  token: { env: T }",
        "key: { env: K }\n  token:",
    ] {
        assert!(load(with(key, good)).is_ok(), "{good}");
    }
    says(
        with(key, "token: { env: T }\n  key: { env: K }"),
        r"
error: `auth` has more than one of `key` or `token`
 --> mailing.yaml:6:3
  |
6 |   key: { env: * }
  |   ^^^
  |
  = hint: keep one of them

1 error",
    );
    for (bad, expected) in [
        ("token: { file: t, env: T }", "more than one of `file`"),
        ("token: {}", "needs `file`, `env`, `command` or `generator`"),
        ("token: { command: [] }", "`command` is an empty list"),
        ("token: { command: vault }", "`command` must be a list"),
        ("token: { generator: {} }", "needs `org` or `orgNo`"),
        (
            "token: { generator: { org: ttd, environment: prod } }",
            "`environment` must be a test environment",
        ),
        ("accessToken: 1", "see `auth.token`"),
    ] {
        let said = refused(with(key, bad));
        assert!(said.contains(expected), "{bad}: {said}");
    }
}

#[test]
fn a_token_that_stands_there_is_not_shown() {
    let secret = "0123456789abcdef0123456789abcdef";
    for bad in [
        format!("token: {secret}"),
        format!("token: {{ env: \"x-{secret}\" }}"),
        format!("token: {{ command: [login, --password={secret}, 7] }}"),
        format!("token: {{ generator: {{ password: {secret} }} }}"),
        format!("token: {{ generator: {{ org: ttd, address: [\"https://u:{secret}@x\"] }} }}"),
    ] {
        let said = refused(with("key: { file: keys/maskinporten.jwk.json }", &bad));
        assert!(
            said.contains("error: ") && !said.contains("0123456789abcdef"),
            "{said}"
        );
    }
}
