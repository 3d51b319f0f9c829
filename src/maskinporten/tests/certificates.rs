//! Business certificates, made for this run: PEM and PKCS#12, whole and broken.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::Algorithm;
use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey,
    PrivateKeyChain,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use super::super::grant::tests::verified;
use super::super::key::tests::{jwk, pem, pkcs8};
use super::super::{Identity, KeyError, KeyFile, KeyOptions};

const PASSWORD: &str = "open sesame";

/// Certificates in DER: the leaf, the one above it, and the root.
struct Chain(Vec<Vec<u8>>);

impl Chain {
    /// For the key of this run, valid between the first days of two years.
    fn valid(from: i32, to: i32) -> Self {
        let key = KeyPair::try_from(pkcs8()).unwrap();
        Self::of(&key, from, to)
    }

    fn of(key: &KeyPair, from: i32, to: i32) -> Self {
        let params = |name: &str, ca: bool| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            if ca {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }
            params
        };
        let (root_key, middle_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root = params("Root", true);
        let root_der = root.self_signed(&root_key).unwrap();
        let root = Issuer::new(root, root_key);
        let middle = params("Issuer", true);
        let middle_der = middle.signed_by(&middle_key, &root).unwrap();
        let middle = Issuer::new(middle, middle_key);
        let mut leaf = params("DIGITALISERINGSDIREKTORATET", false);
        leaf.not_before = date_time_ymd(from, 1, 1);
        leaf.not_after = date_time_ymd(to, 1, 1);
        let leaf_der = leaf.signed_by(key, &middle).unwrap();
        Self(vec![
            leaf_der.der().to_vec(),
            middle_der.der().to_vec(),
            root_der.der().to_vec(),
        ])
    }

    /// Key and certificates in PEM, the leaf not first.
    fn pem(&self) -> String {
        let certificates: String = [2, 0, 1]
            .iter()
            .map(|index| pem("CERTIFICATE", &self.0[*index]))
            .collect();
        format!("{certificates}{}", pem("PRIVATE KEY", pkcs8()))
    }

    fn pkcs12(&self, encryption: EncryptionAlgorithm, mac: MacAlgorithm) -> Vec<u8> {
        let certificates = self.0.iter().map(|der| Certificate::from_der(der).unwrap());
        let chain = PrivateKeyChain::new(
            "id",
            PrivateKey::from_der(pkcs8()).unwrap(),
            certificates.collect::<Vec<_>>(),
        );
        let mut store = KeyStore::new();
        store.add_entry("virksomhet", KeyStoreEntry::PrivateKeyChain(chain));
        store
            .writer(PASSWORD)
            .encryption_algorithm(encryption)
            .mac_algorithm(mac)
            .write()
            .unwrap()
    }

    fn modern(&self) -> Vec<u8> {
        self.pkcs12(
            EncryptionAlgorithm::PbeWithHmacSha256AndAes256,
            MacAlgorithm::HmacSha256,
        )
    }
}

fn read(bytes: &[u8], password: Option<&str>) -> Result<KeyFile, KeyError> {
    let options = KeyOptions {
        password: password.map(Into::into),
        ..KeyOptions::default()
    };
    KeyFile::read(bytes, &options)
}

#[test]
fn the_whole_chain_goes_into_the_header_the_leaf_first() {
    let chain = Chain::valid(2020, 2090);
    let legacy = chain.pkcs12(
        EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc,
        MacAlgorithm::HmacSha1,
    );
    let expected: Vec<String> = chain.0.iter().map(|der| STANDARD.encode(der)).collect();
    let text = chain.pem();
    for bytes in [
        text.as_bytes(),
        &chain.modern(),
        &legacy,
        STANDARD.encode(chain.modern()).as_bytes(),
    ] {
        let key = read(bytes, Some(PASSWORD)).unwrap().key;
        let claims = serde_json::json!({"aud": "https://test.maskinporten.no/", "exp": 1});
        let grant = verified(&key.sign(&claims).unwrap(), Algorithm::RS256);
        assert_eq!(grant.header.x5c.as_ref(), Some(&expected));
        assert_eq!(grant.header.kid, None);
        let Identity::Certificate(certificate) = key.identity() else {
            panic!("{:?}", key.identity());
        };
        assert_eq!(certificate.subject, "CN=DIGITALISERINGSDIREKTORATET");
    }
}

#[test]
fn the_chain_may_be_in_a_file_of_its_own_and_a_kid_wins_over_it() {
    let certificates: String = Chain::valid(2020, 2090)
        .0
        .iter()
        .map(|der| pem("CERTIFICATE", der))
        .collect();
    let mut options = KeyOptions {
        certificate: Some(certificates),
        ..KeyOptions::default()
    };
    let text = pem("PRIVATE KEY", pkcs8());
    let key = KeyFile::read(text.as_bytes(), &options).unwrap().key;
    assert!(matches!(key.identity(), Identity::Certificate(_)));
    options.kid = Some("registered".into());
    let key = KeyFile::read(text.as_bytes(), &options).unwrap().key;
    assert_eq!(*key.identity(), Identity::Kid("registered".into()));
}

#[test]
fn a_certificate_is_told_by_what_is_wrong_with_it() {
    let refused = |bytes: &[u8], password| read(bytes, password).unwrap_err().to_string();
    let chain = Chain::valid(2020, 2090);
    assert_eq!(
        refused(&chain.modern(), None),
        "the PKCS#12 file is locked, and there is no password for it"
    );
    assert_eq!(
        refused(&chain.modern(), Some("sesame")),
        "the password does not open the PKCS#12 file"
    );
    let mut cut = chain.modern();
    cut.truncate(600);
    let damaged = refused(&cut, Some(PASSWORD));
    assert!(
        damaged.starts_with("the PKCS#12 file cannot be read: "),
        "{damaged}"
    );

    let mut store = KeyStore::new();
    let root = Certificate::from_der(&chain.0[2]).unwrap();
    store.add_entry("root", KeyStoreEntry::Certificate(root));
    let without_key = store.writer(PASSWORD).write().unwrap();
    assert_eq!(
        refused(&without_key, Some(PASSWORD)),
        "there is no private key in the PKCS#12 file"
    );

    assert_eq!(
        refused(Chain::valid(2020, 2021).pem().as_bytes(), None),
        "the certificate for CN=DIGITALISERINGSDIREKTORATET expired on 2021-01-01"
    );
    assert_eq!(
        refused(Chain::valid(2089, 2090).pem().as_bytes(), None),
        "the certificate for CN=DIGITALISERINGSDIREKTORATET is not valid before 2089-01-01"
    );
    let other = Chain::of(&KeyPair::generate().unwrap(), 2020, 2090).pem();
    assert_eq!(
        refused(other.as_bytes(), None),
        "the certificate does not belong to the key: it is for CN=Root"
    );
    let damaged = format!(
        "{}{}",
        pem("CERTIFICATE", b"x"),
        pem("PRIVATE KEY", pkcs8())
    );
    assert_eq!(
        refused(damaged.as_bytes(), None),
        "certificate 1 cannot be read"
    );
    let beside = |text: &str| {
        let options = KeyOptions {
            certificate: Some(text.to_owned()),
            ..KeyOptions::default()
        };
        let error = KeyFile::read(pem("PRIVATE KEY", pkcs8()).as_bytes(), &options).unwrap_err();
        error.to_string()
    };
    assert_eq!(beside("no PEM"), "the PEM cannot be read");
    assert_eq!(
        beside(&pem("PRIVATE KEY", pkcs8())),
        "certificate 1 cannot be read"
    );
    // A JWK has its own `kid`: no certificate is needed.
    assert!(read(jwk().to_string().as_bytes(), None).is_ok());
}
