//! How publications are spread over channels or rooms.

use std::str::FromStr;
use std::sync::Arc;

/// The `--popularity` flag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Popularity {
    /// Channels take turns.
    Even,
    /// Zipf's law: the share of rank `k` is proportional to `1 / k^exponent`.
    Zipf(f64),
}

impl FromStr for Popularity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "even" {
            return Ok(Self::Even);
        }
        text.strip_prefix("zipf:")
            .and_then(|exponent| exponent.parse().ok())
            .filter(|exponent| (0.0..=10.0).contains(exponent))
            .map(Self::Zipf)
            .ok_or_else(|| format!("`{text}` is neither even nor zipf:EXPONENT (0 to 10)"))
    }
}

/// Picks the channel of each publication.
#[derive(Clone, Debug)]
pub(crate) struct ChannelPicker {
    /// Cumulative shares, up to 1. `None` if channels take turns.
    ends: Option<Arc<[f64]>>,
    channels: u32,
    seed: u64,
}

impl ChannelPicker {
    pub(crate) fn new(popularity: Popularity, channels: u32, seed: u64) -> Self {
        let ends = match popularity {
            Popularity::Even => None,
            Popularity::Zipf(exponent) => {
                let mut sum = 0.0;
                let sums: Vec<f64> = (1..=channels)
                    .map(|rank| {
                        sum += f64::from(rank).powf(-exponent);
                        sum
                    })
                    .collect();
                Some(sums.iter().map(|part| part / sum).collect())
            }
        };
        Self {
            ends,
            channels,
            seed,
        }
    }

    /// Whether channels take turns.
    pub(crate) fn is_even(&self) -> bool {
        self.ends.is_none()
    }

    /// The channel of publication `n`.
    pub(crate) fn of(&self, n: u64) -> u32 {
        let Some(ends) = &self.ends else {
            return (n % u64::from(self.channels)) as u32;
        };
        let place = mix(n ^ self.seed) as f64 / u64::MAX as f64;
        let rank = ends.partition_point(|end| *end < place);
        (rank as u32).min(self.channels - 1)
    }
}

/// The finalizer of `SplitMix64`: every bit of the input affects every bit of the output.
pub(super) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_rank_two_half_of_what_rank_one_gets() {
        let picker = ChannelPicker::new(Popularity::Zipf(1.0), 4, 7);
        let mut counts = [0u32; 4];
        for n in 0..25_000 {
            counts[picker.of(n) as usize] += 1;
        }
        // The shares are 12, 6, 4 and 3 of 25.
        for (count, expected) in counts.into_iter().zip([12_000, 6000, 4000, 3000]) {
            assert!(count.abs_diff(expected) < 400, "{counts:?}");
        }
    }

    #[test]
    fn takes_turns_when_it_is_even() {
        let picker = ChannelPicker::new(Popularity::Even, 3, 7);
        let turns: Vec<u32> = (0..5).map(|n| picker.of(n)).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1]);
        assert!(picker.is_even());
    }

    #[test]
    fn reads_the_flag() {
        assert_eq!("even".parse(), Ok(Popularity::Even));
        assert_eq!("zipf:1.1".parse(), Ok(Popularity::Zipf(1.1)));
        for wrong in ["", "zipf", "zipf:", "zipf:x", "zipf:-1", "zipf:NaN"] {
            assert!(wrong.parse::<Popularity>().is_err(), "{wrong}");
        }
    }
}
