//! The private key that signs grants, in any of the forms it is handed out in.

use std::fmt;

use aws_lc_rs::signature::{KeyPair, RsaKeyPair};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use super::KeyError;
use super::jwk::Jwk;

/// An RSA key of at least 2048 bits and the name (`kid`) Maskinporten knows it by. Shows neither when it is printed for debugging, only its size.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    bits: usize,
    key: EncodingKey,
}

impl SigningKey {
    /// Reads a key from a JWK as JSON, from base64 of such a JWK, or from PEM (PKCS#8 or PKCS#1).
    ///
    /// `kid` wins over the JWK's own; PEM has none, so there it must be given. No error quotes the key.
    pub fn from_text(text: &str, kid: Option<&str>) -> Result<Self, KeyError> {
        let text = text.trim_start_matches('\u{feff}').trim();
        let (own_kid, key) = match Form::of(text) {
            Form::Empty => return Err(KeyError::Empty),
            Form::Json => from_jwk(text)?,
            Form::Pem => (None, from_pem(text)?),
            Form::Base64 => from_jwk(&decode(text)?)?,
        };
        let kid = kid
            .map(str::trim)
            .filter(|kid| !kid.is_empty())
            .map(str::to_owned)
            .or(own_kid)
            .ok_or(KeyError::NoKid)?;
        let bits = check(&key)?;
        Ok(Self { kid, bits, key })
    }

    /// The name Maskinporten knows the key by.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The size of the key.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// The claims as a compact JWT signed with RS256.
    pub(super) fn sign<T: Serialize>(
        &self,
        claims: &T,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let header = Header {
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::RS256)
        };
        jsonwebtoken::encode(&header, claims, &self.key)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("bits", &self.bits)
            .finish_non_exhaustive()
    }
}

/// What a text looks like.
enum Form {
    Empty,
    Json,
    Pem,
    Base64,
}

impl Form {
    fn of(text: &str) -> Self {
        if text.is_empty() {
            Self::Empty
        } else if text.starts_with(['{', '[']) {
            Self::Json
        } else if text.contains(BEGIN) {
            Self::Pem
        } else {
            Self::Base64
        }
    }
}

const BEGIN: &str = "-----BEGIN ";
const SMALLEST: usize = 2048;

/// Standard base64, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn from_jwk(json: &str) -> Result<(Option<String>, EncodingKey), KeyError> {
    let jwk = Jwk::from_json(json)?;
    Ok((jwk.kid, EncodingKey::from_rsa_der(&jwk.der)))
}

/// Base64 of text, broken into lines or not, in either alphabet.
fn decode(text: &str) -> Result<String, KeyError> {
    let plain: String = text
        .chars()
        .filter(|character| !character.is_whitespace())
        .map(|character| match character {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    let bytes = BASE64.decode(plain).map_err(|_| KeyError::NotBase64)?;
    String::from_utf8(bytes).map_err(|_| KeyError::NotJson { line: 1, column: 0 })
}

fn from_pem(text: &str) -> Result<EncodingKey, KeyError> {
    let labels: Vec<&str> = text
        .split(BEGIN)
        .skip(1)
        .filter_map(|rest| rest.split("-----").next())
        .collect();
    let Some(label) = labels.iter().find(|label| label.ends_with("PRIVATE KEY")) else {
        return Err(KeyError::PublicOnly);
    };
    if *label == "ENCRYPTED PRIVATE KEY" || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(KeyError::Encrypted);
    }
    if *label == "EC PRIVATE KEY" {
        return Err(KeyError::NotRsa { found: "EC".into() });
    }
    // From the private key on: a certificate may stand before it in the same file.
    let start = text.find(&format!("{BEGIN}{label}")).unwrap_or_default();
    let pem = &text.as_bytes()[start..];
    EncodingKey::from_rsa_pem(pem).map_err(|_| {
        let other = [
            ("EC", EncodingKey::from_ec_pem(pem).is_ok()),
            ("Ed25519", EncodingKey::from_ed_pem(pem).is_ok()),
        ];
        match other.iter().find(|(_, fits)| *fits) {
            Some((found, _)) => KeyError::NotRsa {
                found: (*found).into(),
            },
            None => KeyError::NotPem,
        }
    })
}

/// Whether the cryptography accepts the key; gives its size in bits.
fn check(key: &EncodingKey) -> Result<usize, KeyError> {
    // Measured from the DER itself: the cryptography refuses small keys without telling their size.
    let bits = modulus_bits(key.as_bytes());
    if let Some(bits) = bits.filter(|bits| *bits < SMALLEST) {
        return Err(KeyError::TooSmall { bits });
    }
    let pair = RsaKeyPair::from_der(key.as_bytes()).map_err(|error| KeyError::Unfit {
        reason: error.to_string(),
    })?;
    Ok(bits.unwrap_or(pair.public_key().modulus_len() * 8))
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
    use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
    use pkcs1::RsaPrivateKeyRef;
    use serde_json::{Value, json};

    use super::*;

    /// The PKCS#8 DER of a key made for this run.
    fn pkcs8() -> &'static [u8] {
        static DER: OnceLock<Vec<u8>> = OnceLock::new();
        DER.get_or_init(|| {
            let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
            pair.as_der().unwrap().as_ref().to_vec()
        })
    }

    fn pem(label: &str, der: &[u8]) -> String {
        let body = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    fn pkcs1_der() -> Vec<u8> {
        let key = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", pkcs8()).as_bytes()).unwrap();
        key.as_bytes().to_vec()
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

    fn refused(text: &str) -> KeyError {
        SigningKey::from_text(text, Some("key-1")).unwrap_err()
    }

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
            "{}{}",
            pem("CERTIFICATE", b"x"),
            pem("PRIVATE KEY", pkcs8())
        );
        let forms = [
            &json,
            &format!("\u{feff} {json}\n"),
            &std,
            &url,
            &lines,
            &pkcs1,
            &chain,
        ];
        let expected = key().sign(&json!({"a": 1})).unwrap();
        for form in forms {
            let key = SigningKey::from_text(form, Some("key-1")).unwrap();
            assert_eq!(key.bits(), 2048);
            assert_eq!(key.sign(&json!({"a": 1})).unwrap(), expected, "{form}");
        }
    }

    #[test]
    fn the_given_kid_wins_over_the_keys_own() {
        let json = jwk().to_string();
        let kid = |given| {
            SigningKey::from_text(&json, given)
                .unwrap()
                .kid()
                .to_owned()
        };
        assert_eq!(kid(None), "key-1");
        assert_eq!(kid(Some(" ")), "key-1");
        assert_eq!(kid(Some("other")), "other");
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
        assert_eq!(refused(" \n"), KeyError::Empty);
        assert!(matches!(
            refused("{\"kty\": \"RSA\""),
            KeyError::NotJson { line: 1, .. }
        ));
        assert!(matches!(
            refused(&STANDARD.encode("not JSON")),
            KeyError::NotJson { .. }
        ));
        assert!(matches!(
            refused(&STANDARD.encode([255, 254])),
            KeyError::NotJson { .. }
        ));
        assert_eq!(refused("keys/maskinporten.jwk"), KeyError::NotBase64);
        assert_eq!(refused("[]"), KeyError::NotAnObject);
        assert_eq!(
            refused(&json!({"keys": [jwk()]}).to_string()),
            KeyError::KeySet
        );
        assert_eq!(
            refused("-----BEGIN PRIVATE KEY-----\nAAAA\n"),
            KeyError::NotPem
        );
        let blank = KeyError::Blank {
            members: "`kty`".into(),
        };
        assert_eq!(refused("{}"), blank);
    }

    #[test]
    fn a_jwk_is_told_by_the_member_that_is_wrong() {
        let blank = |members: &str| KeyError::Blank {
            members: members.into(),
        };
        assert_eq!(refused(&with("p", " ".into())), blank("`p`"));
        assert_eq!(refused(&with("n", Value::Null)), blank("`n`"));
        let only_d =
            json!({"kty": "RSA", "kid": "k", "n": "AQ", "e": "AQAB", "d": "AQ"}).to_string();
        assert_eq!(refused(&only_d), blank("`p`, `q`, `dp`, `dq`, `qi`"));
        assert_eq!(
            refused(&with("dq", "not*base64".into())),
            KeyError::NotBase64Url { member: "dq" }
        );
        assert_eq!(
            refused(&with("kty", "EC".into())),
            KeyError::NotRsa { found: "EC".into() }
        );
        assert_eq!(
            refused(&with("use", "enc".into())),
            KeyError::NotForSigning {
                found: "enc".into()
            }
        );
        assert!(matches!(
            refused(&with("key_ops", json!(["verify"]))),
            KeyError::NotForSigning { .. }
        ));
        assert!(matches!(
            refused(&with("d", "AQAB".into())),
            KeyError::Unfit { .. }
        ));
        let no_kid = SigningKey::from_text(&with("kid", "".into()), None);
        assert_eq!(no_kid.unwrap_err(), KeyError::NoKid);
    }

    #[test]
    fn the_public_half_cannot_sign() {
        let public = json!({"kty": "RSA", "kid": "key-1", "n": jwk()["n"], "e": jwk()["e"]});
        assert_eq!(refused(&public.to_string()), KeyError::PublicOnly);
        assert_eq!(refused(&pem("PUBLIC KEY", b"x")), KeyError::PublicOnly);
        assert_eq!(refused(&pem("CERTIFICATE", b"x")), KeyError::PublicOnly);
    }

    #[test]
    fn pem_of_another_kind_is_told_by_its_kind() {
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = pair.to_pkcs8v1().unwrap();
        let ec = KeyError::NotRsa { found: "EC".into() };
        assert_eq!(refused(&pem("PRIVATE KEY", der.as_ref())), ec);
        assert_eq!(refused(&pem("EC PRIVATE KEY", b"x")), ec);
        assert_eq!(
            refused(&pem("ENCRYPTED PRIVATE KEY", b"x")),
            KeyError::Encrypted
        );
        let locked = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nAAAA\n-----END RSA PRIVATE KEY-----";
        assert_eq!(refused(locked), KeyError::Encrypted);
        let no_kid = SigningKey::from_text(&pem("PRIVATE KEY", pkcs8()), None);
        assert_eq!(no_kid.unwrap_err(), KeyError::NoKid);
    }

    #[test]
    fn a_small_key_is_told_by_its_size() {
        let small = with("n", URL_SAFE_NO_PAD.encode([0x80; 128]).into());
        assert_eq!(refused(&small), KeyError::TooSmall { bits: 1024 });
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
