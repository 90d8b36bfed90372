//! Choices that are the same in every run, for invented data only.

/// A sequence of numbers that looks random (SplitMix64). Each person has a sequence of their own, so that a change of one person
/// leaves the others as they are.
#[derive(Debug)]
pub(super) struct Seed(u64);

impl Seed {
    /// Creates the sequence with this number.
    pub(super) fn new(number: usize) -> Self {
        Self((number as u64).wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(2_026))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from `first` to `last`.
    pub(super) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.next() % (last.saturating_sub(first) + 1)
    }

    /// Returns one of the items, or `None` if there are none.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        let last = items.len().checked_sub(1)?;
        let index = self.between(0, last as u64);
        items.get(usize::try_from(index).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Seed;

    #[test]
    fn the_same_number_makes_the_same_choices_and_another_one_makes_others() {
        let choices = |number| -> Vec<u64> {
            let mut seed = Seed::new(number);
            (0..8).map(|_| seed.between(3, 9)).collect()
        };
        assert_eq!(choices(1), choices(1));
        assert_ne!(choices(1), choices(2));
        assert!((1..50).flat_map(choices).all(|number| (3..=9).contains(&number)));
    }
}
