//! Why a key cannot sign grants, and what to do about it; never quotes the key.

/// Why a text or a file is not a key that can sign grants. Never quotes the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Nothing there.
    #[error("the key is empty")]
    Empty,
    /// It looks like JSON, or is base64 of something, but it is not JSON.
    #[error("the key is not valid JSON (line {line}, column {column})")]
    NotJson {
        /// The line where reading stopped, from 1.
        line: usize,
        /// The column where reading stopped, from 1; 0 when there is none.
        column: usize,
    },
    /// JSON, but a list or a single value.
    #[error("the key is JSON, but not an object")]
    NotAnObject,
    /// A set of keys (`{"keys": […]}`) in which it is not clear which one is meant.
    #[error("this is a set of {keys} keys, and {fitting} of them can be meant")]
    KeySet {
        /// How many keys are in the set.
        keys: usize,
        /// How many of them are private keys for signatures (with the `kid` that was asked for).
        fitting: usize,
    },
    /// Neither JSON nor PEM, and base64 neither.
    #[error("the key is neither JSON, nor base64 of JSON, nor PEM, nor PKCS#12")]
    NotBase64,
    /// Members that must have a value have none.
    #[error("the key has no value for {members}")]
    Blank {
        /// Their names, quoted and joined.
        members: String,
    },
    /// A number of the key cannot be read.
    #[error("the key's `{member}` is not base64url")]
    NotBase64Url {
        /// The member.
        member: &'static str,
    },
    /// The public half.
    #[error("this is a public key: it cannot sign")]
    PublicOnly,
    /// Another kind of key.
    #[error("the key is of type {found}, and Maskinporten takes RSA only")]
    NotRsa {
        /// Its `kty`, or its kind.
        found: String,
    },
    /// A key for encryption.
    #[error("the key is not for signatures: its `use` or `key_ops` says otherwise ({found})")]
    NotForSigning {
        /// What it says.
        found: String,
    },
    /// An algorithm Maskinporten does not take.
    #[error("the key is for {found}, and Maskinporten takes RS256, RS384 and RS512 only")]
    Algorithm {
        /// Its `alg`.
        found: String,
    },
    /// PEM behind a password.
    #[error("the key is locked with a password")]
    Encrypted,
    /// PEM that cannot be read.
    #[error("the PEM cannot be read")]
    NotPem,
    /// More than one private key where one is meant.
    #[error("there are {count} private keys, and only one can be meant")]
    SeveralKeys {
        /// How many.
        count: usize,
    },
    /// Nobody can know which key it is.
    #[error("the key has no `kid`")]
    NoKid,
    /// Below 2048 bits.
    #[error("the key has {bits} bits, and must have at least 2048")]
    TooSmall {
        /// Its size.
        bits: usize,
    },
    /// The numbers do not make up an RSA key.
    #[error("the key is damaged: {reason}")]
    Unfit {
        /// The cryptography's own words.
        reason: String,
    },
    /// A PKCS#12 file, and no password for it.
    #[error("the PKCS#12 file is locked, and there is no password for it")]
    NoPassword,
    /// A PKCS#12 file, and the wrong password.
    #[error("the password does not open the PKCS#12 file")]
    WrongPassword,
    /// Binary, but not PKCS#12 that can be read.
    #[error("the PKCS#12 file cannot be read: {reason}")]
    NotPkcs12 {
        /// The reader's own words.
        reason: String,
    },
    /// PKCS#12 with certificates alone.
    #[error("there is no private key in the PKCS#12 file")]
    NoKeyInside,
    /// Something that should be a certificate is not.
    #[error("certificate {number} cannot be read")]
    NotACertificate {
        /// Which one, from 1.
        number: usize,
    },
    /// No certificate is for this key.
    #[error("the certificate does not belong to the key: it is for {subject}")]
    OtherCertificate {
        /// The subject of the first certificate.
        subject: String,
    },
    /// The certificate's time is over.
    #[error("the certificate for {subject} expired on {on}")]
    Expired {
        /// Its subject.
        subject: String,
        /// The last day, as `2026-11-30`.
        on: String,
    },
    /// The certificate's time has not come.
    #[error("the certificate for {subject} is not valid before {from}")]
    NotYetValid {
        /// Its subject.
        subject: String,
        /// The first day.
        from: String,
    },
    /// Altinn Studio's settings, several times, and none by the usual name.
    #[error("there are several Maskinporten settings in the file: {sections}")]
    SeveralSections {
        /// Their paths, quoted and joined.
        sections: String,
    },
    /// A section that is not there.
    #[error("there are no Maskinporten settings under `{section}`")]
    NoSection {
        /// The path that was asked for.
        section: String,
    },
    /// Altinn Studio's settings without a key.
    #[error("the Maskinporten settings have neither `Jwk` nor `JwkBase64`")]
    NoKeyInSettings,
}

impl KeyError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::PublicOnly => {
                "give the private key: the file that was kept when the public one was registered"
            }
            Self::Encrypted => {
                "unlock it into a file only you can read: (umask 077; openssl pkey -in locked.pem -out key.pem)"
            }
            Self::NoKid => {
                "set `auth.key.kid` (or --kid) to the key's id, as shown on the client in Maskinporten's self-service; a business certificate needs none"
            }
            Self::KeySet { .. } => {
                "say which one with `auth.key.kid` (or --kid), or give one of the keys by itself"
            }
            Self::SeveralKeys { .. } => "give a file with one of the keys and its certificates",
            Self::NotRsa { .. } | Self::TooSmall { .. } => {
                "make a new key, and register its public half on the client: openssl genrsa -out key.pem 2048"
            }
            Self::Algorithm { .. } => {
                "register an RSA key for RS256, or say `auth.key.algorithm: RS256` when the key is registered for that"
            }
            Self::NotForSigning { .. } => "give the client's key for signatures: `use` is `sig`",
            Self::NotBase64
            | Self::NotJson { .. }
            | Self::NotAnObject
            | Self::NotBase64Url { .. }
            | Self::NotPem
            | Self::NotPkcs12 { .. }
            | Self::NotACertificate { .. }
            | Self::Unfit { .. } => "check that the whole key was copied, and nothing more",
            Self::Blank { .. } => "a private RSA key has the members n, e, d, p, q, dp, dq and qi",
            Self::NoPassword | Self::WrongPassword => {
                "set `auth.key.password` to `{ file: PATH }` or `{ env: NAME }`, or set MASSEBREV_KEY_PASSWORD; it never stands on the command line"
            }
            Self::NoKeyInside => "export it again, with its private key",
            Self::OtherCertificate { .. } => {
                "give the certificate that was issued for this key, and its chain"
            }
            Self::Expired { .. } => {
                "order a new business certificate, or use a key of your own that is registered on the client"
            }
            Self::NotYetValid { .. } => {
                "wait until then, or check this machine's clock: timedatectl"
            }
            Self::SeveralSections { .. } | Self::NoSection { .. } => {
                "say which one with `auth.key.section`, as `MaskinportenSettings` or `Outer:Inner`"
            }
            Self::NoKeyInSettings => {
                "get the file from Altinn Studio again, or give the key by itself"
            }
            Self::Empty => "check the file or the variable it should come from",
        };
        Some(hint.to_owned())
    }
}
