//! A stream with an end that shows, and a limit on how much one record may swallow.

use std::io::{self, Read};

/// What the stream ends with. Read as a row of its own it says that all is well; inside a value it says that a quotation mark is open.
const END: &[u8] = b"\n\0\0end of the file\n";

/// Stands between a decoded file and the parser, which by itself tells neither an open quotation mark nor a record without end.
#[derive(Debug)]
pub(super) struct Guard<R> {
    inner: R,
    ended: bool,
    end: &'static [u8],
    allowance: usize,
    cr_ends_lines: bool,
}

impl<R> Guard<R> {
    /// `cr_ends_lines`: lines end with a carriage return alone, as old Macs wrote them; they become line feeds.
    pub(super) fn new(inner: R, cr_ends_lines: bool) -> Self {
        Self {
            inner,
            ended: false,
            end: END,
            allowance: usize::MAX,
            cr_ends_lines,
        }
    }

    /// How many bytes may be read from now on; past them reading fails.
    pub(super) fn allow(&mut self, bytes: usize) {
        self.allowance = bytes;
    }

    /// Whether the allowance is used up.
    pub(super) fn is_spent(&self) -> bool {
        self.allowance == 0
    }
}

/// What a record says about the end of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing: it is a row.
    None,
    /// It is the end.
    Clean,
    /// The file ended inside a quotation mark.
    Open,
}

impl Ending {
    /// Reads the ending off the values of a record, all in one.
    pub(super) fn of(values: &[u8]) -> Self {
        if !values.contains(&0) {
            Self::None
        } else if values == END.trim_ascii() {
            Self::Clean
        } else if values.ends_with(END) {
            Self::Open
        } else {
            Self::None
        }
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.allowance == 0 {
            return Err(io::Error::other("the record is too long"));
        }
        let mut read = 0;
        while !self.ended {
            match self.inner.read(buffer) {
                Ok(0) => self.ended = true,
                Ok(some) => {
                    read = some;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.ended {
            read = self.end.read(buffer)?;
        } else if self.cr_ends_lines {
            for byte in buffer.iter_mut().take(read).filter(|byte| **byte == b'\r') {
                *byte = b'\n';
            }
        }
        self.allowance = self.allowance.saturating_sub(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_shows() {
        let mut all = Vec::new();
        Guard::new(&b"a\r\nb"[..], false)
            .read_to_end(&mut all)
            .unwrap();
        assert_eq!(all, b"a\r\nb\n\0\0end of the file\n");
        assert_eq!(Ending::of(b"a"), Ending::None);
        assert_eq!(Ending::of(b"a\0"), Ending::None);
        assert_eq!(Ending::of(b"\0\0end of the file"), Ending::Clean);
        assert_eq!(Ending::of(b"open\n\0\0end of the file\n"), Ending::Open);
    }

    #[test]
    fn returns_become_line_feeds_when_they_end_lines() {
        let mut all = Vec::new();
        Guard::new(&b"a\rb"[..], true)
            .read_to_end(&mut all)
            .unwrap();
        assert!(all.starts_with(b"a\nb\n"));
    }

    #[test]
    fn past_the_allowance_reading_fails() {
        let mut guard = Guard::new(&b"abcdef"[..], false);
        guard.allow(4);
        assert!(guard.read_to_end(&mut Vec::new()).is_err());
        assert!(guard.is_spent());
    }
}
