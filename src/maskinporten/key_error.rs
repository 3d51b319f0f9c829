//! The error for keys that cannot sign grants.

/// The reason why a text or file is not a key that can sign grants. Never quotes the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct KeyError {
    message: String,
    hint: &'static str,
}

impl KeyError {
    pub(super) fn new(message: impl Into<String>, hint: &'static str) -> Self {
        Self {
            message: message.into(),
            hint,
        }
    }

    pub(super) fn unreadable(message: impl Into<String>) -> Self {
        let hint = "check that the whole key was copied, and nothing more";
        Self::new(message, hint)
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
            "this is a public key: it cannot sign",
            "give the private key: the file that was kept when the public one was registered",
        )
    }

    /// The error for another key type; `found` is its `kty` or its name.
    pub(super) fn not_rsa(found: &str) -> Self {
        // Cut: a misplaced secret must not be quoted in full.
        let found: String = found.chars().take(20).collect();
        Self::new(
            format!("the key is of type {found}, and Maskinporten takes RSA only"),
            NEW_KEY,
        )
    }

    pub(super) fn several_keys(count: usize) -> Self {
        Self::new(
            format!("there are {count} private keys, and only one can be meant"),
            "give a file with one of the keys and its certificates",
        )
    }

    pub fn hint(&self) -> &'static str {
        self.hint
    }
}

pub(super) const NEW_KEY: &str =
    "make a new key, and register its public half on the client: openssl genrsa -out key.pem 2048";
