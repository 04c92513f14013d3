//! How far apart publications are: evenly, or at random as independent users would publish.

use super::popularity::mix;
use std::sync::Arc;

/// The places of all publications on a scale where the mean distance is 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals {
    /// Where each publication is; `None` if they are evenly spaced.
    places: Option<Arc<[f64]>>,
}

impl Arrivals {
    /// Evenly spaced publications.
    pub(crate) fn constant() -> Self {
        Self::default()
    }

    /// A Poisson process: the distances are exponentially distributed. `most` is the highest number of publications.
    pub(crate) fn poisson(seed: u64, most: u64) -> Self {
        let mut place = 0.0;
        let places = (0..most).map(|n| {
            let uniform = (mix(seed.rotate_left(32) ^ n) >> 11) as f64 / (1u64 << 53) as f64;
            place -= (1.0 - uniform).ln();
            place
        });
        Self {
            places: Some(places.collect()),
        }
    }

    /// Whether they are evenly spaced.
    pub(crate) fn is_even(&self) -> bool {
        self.places.is_none()
    }

    /// Where publication `n` is; infinity if there are not so many.
    pub(super) fn place(&self, n: u64) -> f64 {
        match &self.places {
            None => n as f64,
            Some(places) => places.get(n as usize).copied().unwrap_or(f64::INFINITY),
        }
    }

    /// The place where publication `n` would begin a schedule: a random distance before it, or none.
    pub(super) fn start(&self, n: u64) -> f64 {
        match (&self.places, n) {
            (None, _) => n as f64,
            (Some(_), 0) => 0.0,
            (Some(_), n) => self.place(n - 1),
        }
    }

    /// The first publication at a place or after it.
    pub(super) fn next(&self, place: f64) -> u64 {
        match &self.places {
            // What floating-point numbers miss by is not a distance.
            None => (place - 1e-6).ceil().max(0.0) as u64,
            Some(_) => self.before(place),
        }
    }

    /// The number of publications before a place.
    pub(super) fn before(&self, place: f64) -> u64 {
        match &self.places {
            None => place.round() as u64,
            Some(places) => places.partition_point(|own| *own < place) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_poisson_arrivals_at_random_with_the_right_mean() {
        let arrivals = Arrivals::poisson(7, 20_000);
        let gaps: Vec<f64> = (1..20_000)
            .map(|n| arrivals.place(n) - arrivals.place(n - 1))
            .collect();
        let count = gaps.len() as f64;
        let mean = gaps.iter().sum::<f64>() / count;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
        assert!((0.97..1.03).contains(&mean), "{mean}");
        // The variance of an exponential distribution is the square of its mean.
        assert!((0.9..1.1).contains(&variance), "{variance}");
        let short = gaps.iter().filter(|gap| **gap < 0.1).count() as f64 / count;
        assert!((0.085..0.105).contains(&short), "{short}");
        assert_eq!(arrivals.before(arrivals.place(500)), 500);
        assert!(arrivals.place(20_000).is_infinite());
        let other = Arrivals::poisson(8, 1);
        assert!((other.place(0) - arrivals.place(0)).abs() > 1e-9);
    }
}
