//! Pages of sorted maps.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Bound;

/// The first `limit` values whose keys come after `after`, in the order of their keys. The cost
/// does not depend on how many others there are.
pub(super) fn values_after<K, Q, V>(map: &BTreeMap<K, V>, after: Option<&Q>, limit: usize) -> Vec<V>
where
    K: Borrow<Q> + Ord,
    Q: Ord + ?Sized,
    V: Clone,
{
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let values = map.range::<Q, _>((from, Bound::Unbounded));
    values.take(limit).map(|(_, value)| value.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_the_key_even_if_it_is_no_longer_there() {
        let map: BTreeMap<u32, u32> = [(1, 10), (2, 20), (4, 40), (5, 50)].into();
        assert_eq!(values_after(&map, None::<&u32>, 3), [10, 20, 40]);
        assert_eq!(values_after(&map, Some(&2), 3), [40, 50]);
        assert_eq!(values_after(&map, Some(&3), 1), [40]);
        assert!(values_after(&map, Some(&5), 3).is_empty());
        assert!(values_after(&map, None::<&u32>, 0).is_empty());
    }
}
