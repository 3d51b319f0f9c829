//! A file that is read from disk once, and sent completely only when it is still the one that was checked.

use std::io::Read as _;
use std::path::PathBuf;

use aws_lc_rs::digest::{Context, SHA256, digest};
use futures::stream::{Stream, try_unfold};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use tokio::task::spawn_blocking;

use crate::plain_file;
use crate::secret::redact;

/// A file with the size and checksum it had when it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFile {
    pub path: PathBuf,
    pub size: u64,
    /// The SHA-256. Altinn compares the MD5 that it was told.
    pub digest: [u8; 32],
}

#[derive(Debug)]
pub(crate) enum Content {
    /// The whole file, compared.
    Whole(Vec<u8>),
    /// A file with its old size, which is compared while it is sent.
    Stream(CheckedFile),
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

/// The largest file in bytes that is read at once, before its request begins.
const WHOLE: u64 = 256 << 10;

impl CheckedFile {
    /// Opens the file before a request begins: a missing or changed one must not cost a request.
    pub(crate) async fn open(&self) -> Result<Content, FileError> {
        if self.size > WHOLE {
            return match tokio::fs::metadata(&self.path).await {
                Ok(found) if found.is_file() && found.len() == self.size => {
                    Ok(Content::Stream(self.clone()))
                }
                Ok(_) => Err(self.changed()),
                Err(source) => Err(self.unreadable(source)),
            };
        }
        let file = self.clone();
        let read = spawn_blocking(move || file.read());
        read.await
            .unwrap_or_else(|error| Err(self.unreadable(error.into())))
    }

    fn read(&self) -> Result<Content, FileError> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or_default() + 1);
        let read = plain_file::open(&self.path)
            .and_then(|file| file.take(self.size + 1).read_to_end(&mut bytes));
        match read {
            Err(source) => Err(self.unreadable(source)),
            Ok(_) if digest(&SHA256, &bytes).as_ref() != self.digest => Err(self.changed()),
            Ok(_) => Ok(Content::Whole(bytes)),
        }
    }

    /// Streams the content. When it differs from the checked one, the stream ends with an error before the last chunk.
    pub(crate) fn stream(self) -> impl Stream<Item = Result<Vec<u8>, FileError>> + Send + 'static {
        let reading = Reading {
            left: self.size,
            content: self,
            file: None,
            sha: Context::new(&SHA256),
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

struct Reading {
    content: CheckedFile,
    file: Option<File>,
    sha: Context,
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
            self.sha.update(&piece);
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
        if self.sha.clone().finish().as_ref() == self.content.digest && self.left == 0 {
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
        CheckedFile {
            path,
            size: bytes.len() as u64,
            digest: digest(&SHA256, bytes).as_ref().try_into().unwrap(),
        }
    }

    async fn stream(content: CheckedFile) -> (Vec<u8>, Option<String>) {
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
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
            let content = on_disk(folder.path(), "a.pdf", &bytes);
            match content.open().await.unwrap() {
                Content::Whole(read) => assert!(read == bytes && size as u64 <= WHOLE, "{size}"),
                Content::Stream(_) => assert!(size as u64 > WHOLE, "{size}"),
            }
            let (read, error) = stream(content).await;
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
            assert!(
                content.open().await.is_err(),
                "found before a request begins"
            );
            let (read, error) = stream(content).await;
            assert!(read.len() < before.len(), "{} bytes", read.len());
            let error = error.unwrap();
            assert!(error.ends_with("is no longer what was checked"), "{error}");
            assert!(!error.contains("07827199405"), "{error}");
        }
    }

    /// Opening a pipe that took the file's place would wait for ever.
    #[tokio::test]
    #[cfg(unix)]
    async fn what_is_no_plain_file_any_more_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        for size in [1, 3 * CHUNK] {
            let content = on_disk(folder.path(), "a.pdf", &vec![7; size]);
            std::fs::remove_file(&content.path).unwrap();
            let made = std::process::Command::new("mkfifo")
                .arg(&content.path)
                .status();
            assert!(made.unwrap().success());
            assert!(content.open().await.is_err(), "{size}");
            std::fs::remove_file(&content.path).unwrap();
        }
    }

    #[tokio::test]
    async fn a_file_that_is_gone_is_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let content = on_disk(folder.path(), "a.pdf", b"a");
        std::fs::remove_file(&content.path).unwrap();
        assert!(content.open().await.is_err());
        let (_, error) = stream(content).await;
        assert_eq!(error.unwrap(), "`a.pdf` cannot be read");
    }
}
