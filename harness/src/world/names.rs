//! Random texts that a seed repeats.

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Draws names, codes and passwords from a seed.
#[derive(Debug)]
pub(super) struct Names(StdRng);

impl Names {
    pub(super) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// Letters and digits that need no encoding anywhere.
    pub(super) fn text(&mut self, length: usize) -> String {
        const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
        let letter = |_| char::from(LETTERS[self.0.random_range(0..LETTERS.len())]);
        (0..length).map(letter).collect()
    }

    /// A password.
    pub(super) fn password(&mut self) -> String {
        format!("pw-{}", self.text(24))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_names() {
        let draw = |seed| {
            let mut names = Names::new(seed);
            (names.text(8), names.password())
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
