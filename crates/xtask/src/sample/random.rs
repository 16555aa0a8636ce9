//! A small random generator of our own, so that a seed gives the same numbers for ever: splitmix64.

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // The high half of the product is even enough, and takes no division.
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// True so many times in a hundred.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of them; of no one, the default.
    pub(super) fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        from.get(self.below(from.len() as u64) as usize).copied().unwrap_or_default()
    }

    /// One of them, those in front much more often than those behind.
    pub(super) fn pick_front<T: Copy + Default>(&mut self, from: &[T]) -> T {
        let length = from.len() as u64;
        let end = self.below(length) + 1;
        from.get(self.below(end) as usize).copied().unwrap_or_default()
    }

    /// Appends so many letters and digits of `alphabet`.
    pub(super) fn text(&mut self, out: &mut String, alphabet: &[u8], length: usize) {
        for _ in 0..length {
            out.push(char::from(self.pick(alphabet)));
        }
    }

    /// Appends a UUID.
    pub(super) fn uuid(&mut self, out: &mut String) {
        let mut bits = u128::from(self.next()) << 64 | u128::from(self.next());
        for at in 0..32 {
            if matches!(at, 8 | 12 | 16 | 20) {
                out.push('-');
            }
            out.push(match at {
                12 => '4',
                16 => ['8', '9', 'a', 'b'].get((bits & 3) as usize).copied().unwrap_or('8'),
                _ => char::from_digit((bits & 15) as u32, 16).unwrap_or('0'),
            });
            bits >>= 4;
        }
    }
}
