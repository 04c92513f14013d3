//! Slopes of measured points.

/// The shortest time from which growth per hour is estimated. What grows in the first seconds says nothing about hours.
const MIN_HOURS: f64 = 5.0 / 60.0;

/// Growth per hour of points (hours, value). `None` if they span less than five minutes.
pub(crate) fn hourly_growth(points: &[(f64, f64)]) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    theil_sen(points).filter(|_| last.0 - first.0 >= MIN_HOURS)
}

/// Slope of the least-squares line. `None` with fewer than three points, or if all have the same x.
pub(crate) fn least_squares(points: &[(f64, f64)]) -> Option<f64> {
    let n = points.len() as f64;
    if points.len() < 3 {
        return None;
    }
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / n;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / n;
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let both: f64 = points
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    (spread > 0.0).then(|| both / spread)
}

/// Theil-Sen estimate: the median of the slopes of all pairs, which a few outliers do not affect. More than 500 points
/// are thinned out first.
fn theil_sen(points: &[(f64, f64)]) -> Option<f64> {
    let step = points.len().div_ceil(500).max(1);
    let points: Vec<(f64, f64)> = points.iter().copied().step_by(step).collect();
    let mut slopes: Vec<f64> = points
        .iter()
        .enumerate()
        .flat_map(|(i, a)| points[i + 1..].iter().map(move |b| (a, b)))
        .filter(|(a, b)| b.0 > a.0)
        .map(|(a, b)| (b.1 - a.1) / (b.0 - a.0))
        .collect();
    if slopes.is_empty() {
        return None;
    }
    slopes.sort_by(f64::total_cmp);
    Some(slopes[slopes.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_slope_of_a_line() {
        let line: Vec<(f64, f64)> = (0..20)
            .map(|i| (f64::from(i), 7.0 + 3.0 * f64::from(i)))
            .collect();
        assert!((least_squares(&line).expect("a slope") - 3.0).abs() < 1e-9);
        assert!((theil_sen(&line).expect("a slope") - 3.0).abs() < 1e-9);
        assert_eq!(least_squares(&[(1.0, 1.0); 5]), None);
        assert_eq!(theil_sen(&[(1.0, 1.0)]), None);
    }

    #[test]
    fn does_not_extrapolate_from_seconds() {
        let line = |seconds: u32| -> Vec<(f64, f64)> {
            let points = 0..=seconds;
            points
                .map(|s| (f64::from(s) / 3600.0, f64::from(s)))
                .collect()
        };
        assert_eq!(hourly_growth(&line(20)), None);
        assert_eq!(hourly_growth(&line(299)), None);
        assert!((hourly_growth(&line(300)).expect("a slope") - 3600.0).abs() < 1.0);
        assert_eq!(hourly_growth(&[]), None);
    }

    #[test]
    fn is_not_affected_by_an_outlier() {
        let mut line: Vec<(f64, f64)> = (0..20).map(|i| (f64::from(i), 5.0)).collect();
        line[10].1 = 5000.0;
        assert!(theil_sen(&line).expect("a slope").abs() < 1e-9);
    }
}
