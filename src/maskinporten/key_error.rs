//! Why a key cannot sign grants.

/// Why a text or a file is not a key that can sign grants. Never quotes the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct KeyError {
    kind: KeyErrorKind,
    message: String,
    hint: &'static str,
}

/// The sort of thing that is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyErrorKind {
    /// No key in a form that is known, or a damaged one.
    Unreadable,
    /// A key that cannot sign grants: of another type, size or purpose, or the public half.
    Unsuitable,
    /// Something that belongs to the key is missing.
    Incomplete,
    /// Several keys, and it is not clear which one is meant.
    Ambiguous,
    /// The password is missing or wrong.
    Locked,
    /// The certificate is not valid, or not that of the key.
    Certificate,
}

impl KeyError {
    pub(super) fn new(kind: KeyErrorKind, message: impl Into<String>, hint: &'static str) -> Self {
        Self {
            kind,
            message: message.into(),
            hint,
        }
    }

    pub(super) fn unreadable(message: impl Into<String>) -> Self {
        let hint = "check that the whole key was copied, and nothing more";
        Self::new(KeyErrorKind::Unreadable, message, hint)
    }

    pub(super) fn not_json(line: usize, column: usize) -> Self {
        Self::unreadable(format!(
            "the key is not valid JSON (line {line}, column {column})"
        ))
    }

    pub(super) fn not_a_certificate(number: usize) -> Self {
        Self::unreadable(format!("certificate {number} cannot be read"))
    }

    pub(super) fn public_only() -> Self {
        Self::new(
            KeyErrorKind::Unsuitable,
            "this is a public key: it cannot sign",
            "give the private key: the file that was kept when the public one was registered",
        )
    }

    /// `found` is its `kty`, or its kind.
    pub(super) fn not_rsa(found: &str) -> Self {
        let found: String = found.chars().take(20).collect();
        Self::new(
            KeyErrorKind::Unsuitable,
            format!("the key is of type {found}, and Maskinporten takes RSA only"),
            NEW_KEY,
        )
    }

    pub(super) fn too_small(bits: usize) -> Self {
        Self::new(
            KeyErrorKind::Unsuitable,
            format!("the key has {bits} bits, and must have at least 2048"),
            NEW_KEY,
        )
    }

    pub(super) fn several_keys(count: usize) -> Self {
        Self::new(
            KeyErrorKind::Ambiguous,
            format!("there are {count} private keys, and only one can be meant"),
            "give a file with one of the keys and its certificates",
        )
    }

    /// The sort of thing that is wrong.
    pub fn kind(&self) -> KeyErrorKind {
        self.kind
    }

    /// The command or setting that may help.
    pub fn hint(&self) -> &'static str {
        self.hint
    }
}

const NEW_KEY: &str =
    "make a new key, and register its public half on the client: openssl genrsa -out key.pem 2048";
