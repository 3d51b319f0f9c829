//! The content of an uploaded file, measured and digested while it arrives, so that files larger than memory can be received.

use std::fmt::Write as _;

use axum::body::Bytes;
use md5::{Digest, Md5};

/// The largest file whose bytes are kept, in bytes.
const KEPT_LIMIT: usize = 1_000_000;

pub(super) struct Content {
    pub(super) length: u64,
    digest: Md5,
    kept: Option<Vec<u8>>,
}

impl Content {
    /// Starts an empty content; with `keep` its bytes are kept up to [`KEPT_LIMIT`].
    pub(super) fn new(keep: bool) -> Self {
        Self {
            length: 0,
            digest: Md5::new(),
            kept: keep.then(Vec::new),
        }
    }

    pub(super) fn append(&mut self, piece: &[u8]) {
        self.digest.update(piece);
        self.length += u64::try_from(piece.len()).unwrap_or_default();
        // Past the limit the whole copy is dropped, because a part of a file is of no use.
        let kept = self.kept.take();
        self.kept = kept.filter(|kept| kept.len() + piece.len() <= KEPT_LIMIT);
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(piece);
        }
    }

    /// The MD5 in lower-case hexadecimal.
    pub(super) fn checksum(&self) -> String {
        let mut checksum = String::with_capacity(32);
        for byte in self.digest.clone().finalize() {
            // Writing to a string cannot fail.
            let _ = write!(checksum, "{byte:02x}");
        }
        checksum
    }

    pub(super) fn kept(self) -> Option<Bytes> {
        self.kept.map(Bytes::from)
    }
}
