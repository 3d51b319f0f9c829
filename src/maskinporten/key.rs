//! The private key that signs grants, and the client settings that its file may hold.

use std::fmt;
use std::time::SystemTime;

use aws_lc_rs::signature::RsaKeyPair;
use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;

use super::key_error::NEW_KEY;
use super::key_format;
use super::key_material::KeyMaterial;
use super::{Algorithm, Certificate, KeyError, KeyOptions};

/// An RSA key of at least 2048 bits and its identity at Maskinporten: a `kid` or a business certificate. `Debug` shows neither.
#[derive(Clone)]
pub struct SigningKey {
    identity: Identity,
    algorithm: Algorithm,
    key: EncodingKey,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The key id on the client in Maskinporten.
    Kid(String),
    Certificate(Certificate),
}

/// A key, and the client settings in its file.
#[derive(Debug, Clone)]
pub struct KeyFile {
    pub key: SigningKey,
    /// The client id, from settings of Altinn Studio.
    pub client_id: Option<String>,
    /// The address of Maskinporten, from settings of Altinn Studio.
    pub authority: Option<String>,
}

impl KeyFile {
    /// Reads a key in any of these forms, plain or in base64: a JWK, a set of JWKs, Altinn Studio's `maskinporten-settings.json`, PEM (PKCS#8 or PKCS#1, also with
    /// certificates), DER, PKCS#12. The form is found from the bytes.
    ///
    /// Errors never quote the key.
    pub fn read(bytes: &[u8], options: &KeyOptions) -> Result<Self, KeyError> {
        let mut material = key_format::read(bytes, options)?;
        // A certificate in a file of its own replaces those beside the key.
        if let Some(text) = &options.certificate {
            material.certificates = key_format::read_certificates(text)?;
        }
        Ok(Self {
            client_id: material.client_id.take(),
            authority: material.authority.take(),
            key: SigningKey::new(material, options)?,
        })
    }
}

impl SigningKey {
    /// Reads a key from text, as [`KeyFile::read`] does. `kid` wins over the JWK's own.
    pub fn from_text(text: &str, kid: Option<&str>) -> Result<Self, KeyError> {
        let options = KeyOptions {
            kid: kid.map(str::to_owned),
            ..KeyOptions::default()
        };
        KeyFile::read(text.as_bytes(), &options).map(|file| file.key)
    }

    fn new(material: KeyMaterial, options: &KeyOptions) -> Result<Self, KeyError> {
        check_key(&material.der)?;
        let given = options.kid.as_deref().map(str::trim);
        let given = given.filter(|kid| !kid.is_empty());
        let kid = given.map(str::to_owned).or(material.kid);
        let identity = match kid {
            Some(kid) => Identity::Kid(kid),
            None if material.certificates.is_empty() => {
                return Err(KeyError::new(
                    "the key has no `kid`",
                    "set `auth.key.kid` (or --kid) to the key's id, as shown on the client in Maskinporten's self-service; a business certificate needs none",
                ));
            }
            // Only without a `kid`: a key may be registered on the client and have a certificate too.
            None => Identity::Certificate(Certificate::find(
                &material.certificates,
                &material.der,
                SystemTime::now(),
            )?),
        };
        Ok(Self {
            identity,
            algorithm: options.algorithm.or(material.algorithm).unwrap_or_default(),
            key: EncodingKey::from_rsa_der(&material.der),
        })
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Signs claims as a compact JWT.
    pub(super) fn sign<T: Serialize>(
        &self,
        claims: &T,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(match self.algorithm {
            Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
            Algorithm::Rs384 => jsonwebtoken::Algorithm::RS384,
            Algorithm::Rs512 => jsonwebtoken::Algorithm::RS512,
        });
        match &self.identity {
            Identity::Kid(kid) => header.kid = Some(kid.clone()),
            Identity::Certificate(certificate) => header.x5c = Some(certificate.chain.clone()),
        }
        jsonwebtoken::encode(&header, claims, &self.key)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

/// The smallest accepted modulus, in bits: Maskinporten and the cryptographic library refuse smaller keys.
const MIN_BITS: usize = 2048;

/// Checks the size of the key, and that its numbers fit together.
fn check_key(der: &[u8]) -> Result<(), KeyError> {
    // Measured from the DER first: the library refuses small keys without naming their size.
    if let Some(bits) = modulus_bits(der).filter(|bits| *bits < MIN_BITS) {
        return Err(KeyError::new(
            format!("the key has {bits} bits, and must have at least 2048"),
            NEW_KEY,
        ));
    }
    // The library's own reasons are identifiers from its code, which help no user.
    RsaKeyPair::from_der(der)
        .map_err(|_| KeyError::unreadable("the key is damaged: its numbers do not fit together"))?;
    Ok(())
}

fn modulus_bits(der: &[u8]) -> Option<usize> {
    let key = pkcs1::RsaPrivateKeyRef::try_from(der).ok()?;
    let bytes = key.modulus.as_bytes();
    let leading = bytes.first()?.leading_zeros() as usize;
    Some(bytes.len() * 8 - leading)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::OnceLock;

    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rsa::KeySize;
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
    use pkcs1::RsaPrivateKeyRef;
    use pkcs8::PrivateKeyInfoRef;
    use serde_json::{Value, json};

    use super::*;

    /// The PKCS#8 DER of a key made for this run.
    pub(crate) fn pkcs8() -> &'static [u8] {
        static DER: OnceLock<Vec<u8>> = OnceLock::new();
        DER.get_or_init(|| {
            let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
            pair.as_der().unwrap().as_ref().to_vec()
        })
    }

    pub(crate) fn pem(label: &str, der: &[u8]) -> String {
        let body = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    pub(crate) fn pkcs1_der() -> Vec<u8> {
        let key = PrivateKeyInfoRef::try_from(pkcs8()).unwrap();
        key.private_key.as_bytes().to_vec()
    }

    /// The same key as Maskinporten's customers keep it.
    pub(crate) fn jwk() -> Value {
        let der = pkcs1_der();
        let key = RsaPrivateKeyRef::try_from(der.as_slice()).unwrap();
        let number = |number: &pkcs1::UintRef<'_>| URL_SAFE_NO_PAD.encode(number.as_bytes());
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "key-1",
            "n": number(&key.modulus), "e": number(&key.public_exponent), "d": number(&key.private_exponent),
            "p": number(&key.prime1), "q": number(&key.prime2),
            "dp": number(&key.exponent1), "dq": number(&key.exponent2), "qi": number(&key.coefficient),
        })
    }

    pub(crate) fn key() -> SigningKey {
        SigningKey::from_text(&jwk().to_string(), None).unwrap()
    }

    fn with(name: &str, value: Value) -> String {
        let mut jwk = jwk();
        jwk[name] = value;
        jwk.to_string()
    }

    fn refused(text: &str) -> String {
        let error = SigningKey::from_text(text, Some("key-1")).unwrap_err();
        error.to_string()
    }

    const BLANK: &str = "the key has no value for ";

    #[test]
    fn every_form_of_a_key_signs_the_same() {
        let json = jwk().to_string();
        let (std, url) = (STANDARD.encode(&json), URL_SAFE_NO_PAD.encode(&json));
        let lines = std
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect::<Vec<_>>()
            .join("\r\n");
        let pkcs1 = pem("RSA PRIVATE KEY", &pkcs1_der());
        let chain = format!(
            "Bag Attributes\n    friendlyName: a\n{}{}",
            pem("CERTIFICATE", b"x"),
            pem("PRIVATE KEY", pkcs8())
        );
        let set = json!({"keys": [{"kty": "EC"}, jwk()]}).to_string();
        let (chain64, der64) = (STANDARD.encode(&chain), STANDARD.encode(pkcs8()));
        // As many a variable and JSON file has it.
        let escaped = pem("PRIVATE KEY", pkcs8()).replace('\n', "\\n");
        let escaped_windows = format!("\"{}\"", pkcs1.replace('\n', "\\r\\n"));
        let forms: [&[u8]; 14] = [
            escaped.as_bytes(),
            escaped_windows.as_bytes(),
            json.as_bytes(),
            &format!("\u{feff} {json}\n").into_bytes(),
            std.as_bytes(),
            url.as_bytes(),
            lines.as_bytes(),
            pkcs1.as_bytes(),
            chain.as_bytes(),
            set.as_bytes(),
            chain64.as_bytes(),
            pkcs8(),
            &pkcs1_der(),
            der64.as_bytes(),
        ];
        let expected = key().sign(&json!({"a": 1})).unwrap();
        let options = KeyOptions {
            kid: Some("key-1".into()),
            ..KeyOptions::default()
        };
        for form in forms {
            let KeyFile { key, .. } = KeyFile::read(form, &options).unwrap();
            let form = String::from_utf8_lossy(form);
            assert_eq!(key.sign(&json!({"a": 1})).unwrap(), expected, "{form}");
        }
    }

    #[test]
    fn the_given_kid_wins_over_the_keys_own() {
        let json = jwk().to_string();
        for (given, expected) in [
            (None, "key-1"),
            (Some(" "), "key-1"),
            (Some("other"), "other"),
        ] {
            let key = SigningKey::from_text(&json, given).unwrap();
            assert_eq!(*key.identity(), Identity::Kid(expected.into()));
        }
    }

    #[test]
    fn the_given_algorithm_wins_over_the_keys_own() {
        let algorithm = |json: &str, given| {
            let options = KeyOptions {
                algorithm: given,
                ..KeyOptions::default()
            };
            KeyFile::read(json.as_bytes(), &options)
                .unwrap()
                .key
                .algorithm
        };
        let own = with("alg", "RS512".into());
        assert_eq!(algorithm(&own, None), Algorithm::Rs512);
        assert_eq!(algorithm(&own, Some(Algorithm::Rs384)), Algorithm::Rs384);
        assert_eq!(algorithm(&with("alg", "".into()), None), Algorithm::Rs256);
    }

    #[test]
    fn a_set_of_keys_has_one_that_is_meant() {
        let other = |kid: &str, name: &str, value: &str| {
            let mut jwk = jwk();
            jwk["kid"] = kid.into();
            jwk[name] = value.into();
            jwk
        };
        let set = json!({"keys": [other("a", "use", "sig"), other("b", "use", "sig"), other("c", "use", "enc")]}).to_string();
        let both = "this is a set of 3 keys, and 2 of them can be meant";
        let error = SigningKey::from_text(&set, None).unwrap_err();
        assert_eq!(error.to_string(), both);
        let key = SigningKey::from_text(&set, Some("b")).unwrap();
        assert_eq!(*key.identity(), Identity::Kid("b".into()));
        let error = SigningKey::from_text(&set, Some("d")).unwrap_err();
        assert_eq!(error.to_string(), both.replace('2', "0"));
        let alone = json!({"keys": [other("c", "use", "enc")]}).to_string();
        assert!(refused(&alone).ends_with("says otherwise (enc)"));
    }

    #[test]
    fn padding_does_not_matter() {
        // A leading zero byte does not change a number.
        let padded = URL_SAFE.encode([0, 1, 0, 1]);
        assert!(padded.ends_with("=="));
        assert!(SigningKey::from_text(&with("e", padded.into()), None).is_ok());
    }

    #[test]
    fn a_broken_key_is_told_by_what_is_wrong_with_it() {
        let not_json = "the key is not valid JSON (line 1, column ";
        for (text, expected) in [
            (" \n".to_owned(), "the key is empty"),
            ("{\"kty\": \"RSA\"".into(), not_json),
            (STANDARD.encode("not JSON"), not_json),
            (STANDARD.encode([255, 254]), not_json),
            (
                "keys/maskinporten.jwk".into(),
                "the key is neither JSON, nor base64 of JSON, nor PEM, nor PKCS#12",
            ),
            ("[]".into(), "the key is JSON, but not an object"),
            (
                r#"{"keys": []}"#.into(),
                "this is a set of 0 keys, and 0 of them can be meant",
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nAAAA\n".into(),
                "the PEM cannot be read",
            ),
            (pem("PRIVATE KEY", b"x"), "the PEM cannot be read"),
            (
                format!("{0}{0}", pem("PRIVATE KEY", pkcs8())),
                "there are 2 private keys, and only one can be meant",
            ),
            (
                with("alg", "ES256".into()),
                "the key is for ES256, and Maskinporten takes",
            ),
            (
                with("alg", "none".into()),
                "the key is for none, and Maskinporten takes",
            ),
        ] {
            let error = SigningKey::from_text(&text, Some("key-1")).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_jwk_is_told_by_the_members_that_are_wrong() {
        let only_d = json!({"kty": "RSA", "n": "AQ", "e": "AQAB", "d": "AQ"}).to_string();
        for (text, blank) in [
            (with("p", " ".into()), "`p`"),
            (with("n", Value::Null), "`n`"),
            (only_d, "`p`, `q`, `dp`, `dq`, `qi`"),
            (
                "{}".into(),
                "`kty`, `n`, `e`, `d`, `p`, `q`, `dp`, `dq`, `qi`",
            ),
        ] {
            assert_eq!(refused(&text), format!("{BLANK}{blank}"));
        }
        // As Altinn's template has it; without a `kid` from elsewhere that is missing too.
        let names = ["kty", "kid", "n", "e", "d", "p", "q", "dp", "dq", "qi"];
        let template: serde_json::Map<_, _> = names
            .map(|name| (name.to_owned(), json!("")))
            .into_iter()
            .collect();
        let error = SigningKey::from_text(&Value::Object(template).to_string(), None).unwrap_err();
        let all = "`kty`, `n`, `e`, `d`, `p`, `q`, `dp`, `dq`, `qi`, `kid`";
        assert_eq!(error.to_string(), format!("{BLANK}{all}"));

        for (text, expected) in [
            (
                with("dq", "not*base64".into()),
                "the key's `dq` is not base64url",
            ),
            (
                with("kty", "EC".into()),
                "the key is of type EC, and Maskinporten takes RSA only",
            ),
            (
                with("use", "enc".into()),
                "the key is not for signatures: its `use` or `key_ops` says otherwise (enc)",
            ),
            (
                with("key_ops", json!(["verify"])),
                "the key is not for signatures: its `use` or `key_ops` says otherwise (key_ops)",
            ),
            (
                with("d", "AQAB".into()),
                "the key is damaged: its numbers do not fit together",
            ),
        ] {
            assert_eq!(refused(&text), expected);
        }
        let no_kid = SigningKey::from_text(&with("kid", "".into()), None);
        assert_eq!(no_kid.unwrap_err().to_string(), "the key has no `kid`");
    }

    #[test]
    fn the_public_half_cannot_sign() {
        let public = json!({"kty": "RSA", "kid": "key-1", "n": jwk()["n"], "e": jwk()["e"]});
        for text in [
            public.to_string(),
            pem("PUBLIC KEY", b"x"),
            pem("CERTIFICATE", b"x"),
        ] {
            assert_eq!(refused(&text), "this is a public key: it cannot sign");
        }
    }

    #[test]
    fn pem_of_another_kind_is_told_by_its_kind() {
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = pair.to_pkcs8v1().unwrap();
        let ec = "the key is of type EC, and Maskinporten takes RSA only";
        assert_eq!(refused(&pem("PRIVATE KEY", der.as_ref())), ec);
        assert_eq!(refused(&pem("EC PRIVATE KEY", b"x")), ec);
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nAAAA\n-----END RSA PRIVATE KEY-----";
        for locked in [&pem("ENCRYPTED PRIVATE KEY", b"x"), old] {
            assert_eq!(refused(locked), "the key is locked with a password");
        }
        let no_kid = SigningKey::from_text(&pem("PRIVATE KEY", pkcs8()), None);
        assert_eq!(no_kid.unwrap_err().to_string(), "the key has no `kid`");
    }

    #[test]
    fn a_small_key_is_told_by_its_size() {
        let small = with("n", URL_SAFE_NO_PAD.encode([0x80; 128]).into());
        assert_eq!(
            refused(&small),
            "the key has 1024 bits, and must have at least 2048"
        );
    }

    #[test]
    fn no_error_and_no_debug_print_shows_the_key() {
        let secret = jwk()["d"].as_str().unwrap()[..20].to_owned();
        let debug = format!("{:?} {:#?}", key(), key());
        assert!(
            !debug.contains(&secret) && !debug.contains("key-1"),
            "{debug}"
        );
        let broken = jwk().to_string().replace("\"kty\"", "kty");
        for text in [
            broken.as_str(),
            &with("q", "*".into()),
            &with("kid", "".into()),
        ] {
            let error = SigningKey::from_text(text, None).unwrap_err();
            assert!(!format!("{error} {error:?}").contains(&secret));
        }
    }
}
