//! A file that is streamed from disk, and sent completely only when it is still the one that was checked.

use std::path::PathBuf;

use futures::stream::{Stream, try_unfold};
use md5::{Digest as _, Md5};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use crate::secret::redact;

/// A file with the size and checksum it had when it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFile {
    pub path: PathBuf,
    pub size: u64,
    /// The MD5 in lower-case hexadecimal.
    pub md5: String,
}

/// The reason why a file cannot be sent. In that case Altinn has received neither the file nor its letter, because the last chunk leaves only after the comparison.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("`{file}` is no longer what was checked")]
    Changed { file: String },
    #[error("`{file}` cannot be read")]
    Unreadable {
        file: String,
        #[source]
        source: std::io::Error,
    },
}

/// The chunk size in bytes. Two chunks of each file in transit are in memory.
const CHUNK: usize = 128 << 10;

impl CheckedFile {
    /// Checks, before a request begins, that the file exists with its old size.
    pub(crate) async fn check_size(&self) -> Result<(), FileError> {
        match tokio::fs::metadata(&self.path).await {
            Ok(found) if found.len() == self.size => Ok(()),
            Ok(_) => Err(self.changed()),
            Err(source) => Err(self.unreadable(source)),
        }
    }

    /// Streams the content. When it differs from the checked one, the stream ends with an error before the last chunk.
    pub(crate) fn stream(self) -> impl Stream<Item = Result<Vec<u8>, FileError>> + Send + 'static {
        let reading = Reading {
            left: self.size,
            content: self,
            file: None,
            md5: Md5::new(),
            held: Vec::new(),
        };
        try_unfold(reading, async |mut reading| {
            let piece = reading.next().await?;
            Ok(piece.map(|piece| (piece, reading)))
        })
    }

    fn changed(&self) -> FileError {
        FileError::Changed { file: self.name() }
    }

    fn unreadable(&self, source: std::io::Error) -> FileError {
        let file = self.name();
        FileError::Unreadable { file, source }
    }

    /// The name for errors, masked: files may be named by identity numbers.
    fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        redact(&name.to_string_lossy()).into_owned()
    }
}

/// The state of a file that is being streamed.
struct Reading {
    content: CheckedFile,
    file: Option<File>,
    md5: Md5,
    /// The number of bytes still to be read.
    left: u64,
    /// The last chunk that was read, held back until more is known.
    held: Vec<u8>,
}

impl Reading {
    /// Returns the next chunk. The last one is held back until the whole content has been compared.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, FileError> {
        loop {
            let piece = self.read().await?;
            if piece.is_empty() {
                // The request has announced its length: without the last chunk the server discards it.
                self.compare()?;
                let last = std::mem::take(&mut self.held);
                return Ok((!last.is_empty()).then_some(last));
            }
            // A file that has grown is changed, even if its beginning is the same.
            self.left = match self.left.checked_sub(piece.len() as u64) {
                Some(left) => left,
                None => return Err(self.content.changed()),
            };
            self.md5.update(&piece);
            let before = std::mem::replace(&mut self.held, piece);
            if !before.is_empty() {
                return Ok(Some(before));
            }
        }
    }

    async fn read(&mut self) -> Result<Vec<u8>, FileError> {
        let mut piece = Vec::with_capacity(CHUNK);
        let read = async {
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(File::open(&self.content.path).await?),
            };
            file.take(CHUNK as u64).read_to_end(&mut piece).await
        };
        match read.await {
            Ok(_) => Ok(piece),
            Err(source) => Err(self.content.unreadable(source)),
        }
    }

    /// Compares the digest and the length with those of the check.
    fn compare(&self) -> Result<(), FileError> {
        let found = self.md5.clone().finalize();
        let mut known = self.content.md5.as_bytes().chunks_exact(2);
        let same = found.iter().all(|byte| {
            let digits = known.next().and_then(|pair| std::str::from_utf8(pair).ok());
            digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) == Some(*byte)
        });
        if same && self.left == 0 {
            Ok(())
        } else {
            Err(self.content.changed())
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use futures::StreamExt as _;

    use super::*;

    /// A file on disk, and what is known of it.
    pub(crate) fn on_disk(folder: &std::path::Path, name: &str, bytes: &[u8]) -> CheckedFile {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        let digest = Md5::digest(bytes);
        CheckedFile {
            path,
            size: bytes.len() as u64,
            md5: digest
                .iter()
                .fold(String::new(), |text, byte| text + &format!("{byte:02x}")),
        }
    }

    async fn read(content: CheckedFile) -> (Vec<u8>, Option<String>) {
        let mut stream = std::pin::pin!(content.stream());
        let mut bytes = Vec::new();
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(piece) => bytes.extend(piece),
                Err(error) => return (bytes, Some(error.to_string())),
            }
        }
        (bytes, None)
    }

    #[tokio::test]
    async fn what_was_checked_arrives_whole() {
        let folder = tempfile::tempdir().unwrap();
        for size in [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
            let content = on_disk(folder.path(), "a.pdf", &bytes);
            content.check_size().await.unwrap();
            let (read, error) = read(content).await;
            assert_eq!((read == bytes, error), (true, None), "{size}");
        }
    }

    #[tokio::test]
    async fn of_what_has_changed_the_last_piece_is_never_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let before = vec![7; 2 * CHUNK];
        let mut touched = before.clone();
        touched[0] = 8;
        let longer = [&before[..], b"x"].concat();
        for after in [&touched[..], &longer, &before[1..], b""] {
            let content = on_disk(folder.path(), "07827199405.pdf", &before);
            std::fs::write(&content.path, after).unwrap();
            let same_size = content.check_size().await.is_ok();
            assert_eq!(same_size, after.len() == before.len());
            let (read, error) = read(content).await;
            assert!(read.len() < before.len(), "{} bytes", read.len());
            let error = error.unwrap();
            assert!(error.ends_with("is no longer what was checked"), "{error}");
            assert!(!error.contains("07827199405"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_gone_is_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let content = on_disk(folder.path(), "a.pdf", b"a");
        std::fs::remove_file(&content.path).unwrap();
        assert!(content.check_size().await.is_err());
        let (_, error) = read(content).await;
        assert_eq!(error.unwrap(), "`a.pdf` cannot be read");
    }
}
