//! A file on its way: streamed from disk, and sent whole only when it is still what was checked.

use std::path::PathBuf;

use futures::stream::{Stream, try_unfold};
use md5::{Digest as _, Md5};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use crate::secret::redact;

/// A file as it was when it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFile {
    pub path: PathBuf,
    pub size: u64,
    /// Its MD5 in lower-case hexadecimal.
    pub md5: String,
}

/// Why a file cannot be sent. Altinn has not got it then, nor the letter it was to go with: the last piece leaves only after the whole has been compared.
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

/// Read and sent at a time, in bytes. Of each file that is on its way two pieces are in memory.
const PIECE: usize = 128 << 10;

impl CheckedFile {
    /// Checks that the file is there and as long as it was, before anything is sent.
    pub(crate) async fn check_size(&self) -> Result<(), FileError> {
        match tokio::fs::metadata(&self.path).await {
            Ok(found) if found.len() == self.size => Ok(()),
            Ok(_) => Err(self.changed()),
            Err(source) => Err(self.unreadable(source)),
        }
    }

    /// The bytes, in pieces. Ends in an error before the last of them when they are others than those that were checked.
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

    /// Names of files may be identity numbers.
    fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        redact(&name.to_string_lossy()).into_owned()
    }
}

/// A file that is being read.
struct Reading {
    content: CheckedFile,
    file: Option<File>,
    md5: Md5,
    /// Bytes that are still to be read.
    left: u64,
    /// Read, and not yet sent.
    held: Vec<u8>,
}

impl Reading {
    /// The next piece; the last is held back until the whole is known to be right.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, FileError> {
        loop {
            let piece = self.read().await?;
            if piece.is_empty() {
                // The length has been announced: without the last piece the server drops the request.
                self.compare()?;
                let last = std::mem::take(&mut self.held);
                return Ok((!last.is_empty()).then_some(last));
            }
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
        let mut piece = Vec::with_capacity(PIECE);
        let read = async {
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(File::open(&self.content.path).await?),
            };
            file.take(PIECE as u64).read_to_end(&mut piece).await
        };
        match read.await {
            Ok(_) => Ok(piece),
            Err(source) => Err(self.content.unreadable(source)),
        }
    }

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
        for size in [1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
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
        let before = vec![7; 2 * PIECE];
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
