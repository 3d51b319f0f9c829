//! Altinn Studio's `maskinporten-settings.json`, read as it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::key::tests::jwk;
use super::super::{Identity, KeyError, KeyFile, KeyOptions};

fn read(file: &Value, section: Option<&str>) -> Result<KeyFile, KeyError> {
    let options = KeyOptions {
        section: section.map(str::to_owned),
        ..KeyOptions::default()
    };
    KeyFile::read(file.to_string().as_bytes(), &options)
}

fn settings(client_id: &str) -> Value {
    json!({"Authority": "https://test.maskinporten.no/", "ClientId": client_id, "Jwk": jwk()})
}

fn client(file: &Value, section: Option<&str>) -> String {
    read(file, section).unwrap().client_id.unwrap()
}

#[test]
fn the_file_is_read_with_either_form_of_the_key() {
    let base64 = STANDARD.encode(jwk().to_string());
    let both = json!({"Authority": "a", "ClientId": "c", "Jwk": {"kty": ""}, "JwkBase64": base64});
    let lower = json!({"authority": "a", "clientId": "c", "jwkBase64": base64});
    for (inner, authority) in [
        (settings("c"), "https://test.maskinporten.no/"),
        (both, "a"),
        (lower, "a"),
    ] {
        for file in [
            json!({"MaskinportenSettings": inner}),
            json!({"Logging": {"LogLevel": "x"}, "A": {"B": inner}}),
            inner.clone(),
        ] {
            let file = read(&file, None).unwrap();
            assert_eq!(*file.key.identity(), Identity::Kid("key-1".into()));
            assert_eq!(file.client_id.as_deref(), Some("c"));
            assert_eq!(file.authority.as_deref(), Some(authority));
        }
    }
}

#[test]
fn of_several_settings_the_usual_ones_or_the_named_ones_are_meant() {
    let file = json!({
        "MaskinportenSettings": settings("usual"),
        "MaskinportenSettingsInternal": settings("internal"),
        "Own": {"Path": settings("own")},
    });
    assert_eq!(client(&file, None), "usual");
    assert_eq!(
        client(&file, Some("maskinportensettingsinternal")),
        "internal"
    );
    assert_eq!(client(&file, Some("Own:Path")), "own");
    let unclear = json!({"A": settings("a"), "B": {"C": settings("c")}});
    assert_eq!(
        read(&unclear, None).unwrap_err().to_string(),
        "there are several Maskinporten settings in the file: `A`, `B:C`"
    );
}

#[test]
fn settings_are_told_by_what_is_wrong_with_them() {
    let of = |change: fn(&mut Value)| {
        let mut inner = settings("c");
        change(&mut inner);
        let error = read(&json!({"MaskinportenSettings": inner}), None).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        of(|inner| inner["Jwk"]["q"] = " ".into()),
        "the key has no value for `q`"
    );
    assert_eq!(
        of(|inner| inner["JwkBase64"] = "*".into()),
        "the key is neither JSON, nor base64 of JSON, nor PEM, nor PKCS#12"
    );
    let not_json = of(|inner| inner["JwkBase64"] = STANDARD.encode("{").into());
    assert!(
        not_json.starts_with("the key is not valid JSON"),
        "{not_json}"
    );
    assert_eq!(
        of(|inner| inner["JwkBase64"] = STANDARD.encode("null").into()),
        "the key is JSON, but not an object"
    );
    assert_eq!(
        of(|inner| inner["Jwk"] = Value::Null),
        "the Maskinporten settings have neither `Jwk` nor `JwkBase64`"
    );
    assert_eq!(
        read(&settings("c"), Some("Elsewhere"))
            .unwrap_err()
            .to_string(),
        "there are no Maskinporten settings under `Elsewhere`"
    );
}
