//! From the characters that the YAML parser counts to bytes.

/// The byte of each character of a text.
#[derive(Debug)]
pub(super) struct Offsets {
    /// The byte each character begins at; empty when all characters are one byte long.
    bytes: Vec<usize>,
    length: usize,
}

impl Offsets {
    /// Those of `text`.
    pub(super) fn new(text: &str) -> Self {
        let bytes = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(at, _)| at).collect()
        };
        Self {
            bytes,
            length: text.len(),
        }
    }

    /// The byte that a character begins at; the end of the text for what lies behind it.
    pub(super) fn byte(&self, character: usize) -> usize {
        match self.bytes.as_slice() {
            [] => character.min(self.length),
            bytes => bytes.get(character).copied().unwrap_or(self.length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Offsets;

    #[test]
    fn characters_become_bytes() {
        let offsets = Offsets::new("aå🎉b");
        let bytes: Vec<_> = (0..6).map(|character| offsets.byte(character)).collect();
        assert_eq!(bytes, [0, 1, 3, 7, 8, 8]);
        assert_eq!(Offsets::new("ab").byte(9), 2);
    }
}
