//! What was made of texts lately.

/// How many texts are remembered, and how long they may be.
const KNOWN: usize = 1024;
const LONGEST: usize = 48;

/// What was made of short texts lately, for whoever hands them to another language: most fields have
/// few values, and to find one again takes a fraction of the time that it takes to make it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Recent<T> {
    /// Empty until the first text.
    known: Vec<Known<T>>,
    /// What was made of the last text that is too long.
    long: Option<T>,
}

/// A text and what was made of it, side by side: what is looked at lies in one line of the processor's
/// cache.
#[derive(Debug)]
#[repr(align(64))]
struct Known<T> {
    length: u8,
    text: [u8; LONGEST],
    made: Option<T>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { known: Vec::new(), long: None }
    }
}

impl<T> Recent<T> {
    /// What was made of a text, or else what `make` makes of it.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    #[inline]
    pub fn get<E>(
        &mut self,
        text: &[u8],
        make: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<&T, E> {
        if self.known.is_empty() {
            self.known.resize_with(KNOWN, || Known { length: 0, text: [0; LONGEST], made: None });
        }
        let Some(known) = self.known.get_mut(slot(text)).filter(|_| text.len() <= LONGEST) else {
            return Ok(self.long.insert(make(text)?));
        };
        if known.made.is_none() || known.text.get(..usize::from(known.length)) != Some(text) {
            let made = make(text)?;
            if let Some(known) = known.text.get_mut(..text.len()) {
                known.copy_from_slice(text);
            }
            known.length = text.len() as u8;
            return Ok(known.made.insert(made));
        }
        match &known.made {
            Some(made) => Ok(made),
            None => Ok(self.long.insert(make(text)?)),
        }
    }
}

/// Where a text is remembered: whoever makes texts meet there gains nothing but that each is made anew.
#[inline]
fn slot(text: &[u8]) -> usize {
    let word = |chunk: Option<&[u8; 8]>| chunk.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let (first, last) = match text.len() {
        0..8 => (text.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)), 0),
        _ => (word(text.first_chunk()), word(text.last_chunk())),
    };
    let middle = text.get(text.len() / 2).copied().unwrap_or_default();
    let mixed = (first ^ last.rotate_left(23) ^ u64::from(middle) << 17 ^ text.len() as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 54) as usize
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn every_text_has_its_own() {
        let mut recent = Recent::default();
        let texts: Vec<String> = (0..5000).map(|n| format!("{n}{}", "x".repeat(n % 60))).collect();
        for _ in 0..3 {
            for text in &texts {
                let made = recent.get(text.as_bytes(), |text| Ok::<_, Infallible>(text.to_vec()));
                assert_eq!(made, Ok(&text.clone().into_bytes()));
            }
        }
    }

    #[test]
    fn what_is_remembered_is_not_made_again() {
        let mut recent = Recent::default();
        assert_eq!(recent.get(b"a", |_| Ok::<_, ()>(1)), Ok(&1));
        assert_eq!(recent.get(b"a", |_| Err(())), Ok(&1));
        assert_eq!(recent.get(b"", |_| Err(())), Err(()));
    }
}
