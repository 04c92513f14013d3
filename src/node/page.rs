//! A page of a sorted list.

/// The longest part of a list that is read at once; a lock is held meanwhile.
const MAX_PIECE: usize = 1024;

/// A page of a sorted list.
///
/// The next page starts after the last item of this one.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The number of items in the whole list.
    pub total: usize,
    /// Whether more items follow this page.
    pub more: bool,
}

impl<T> Page<T> {
    /// The page with each item converted.
    pub(crate) fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(convert).collect(),
            total: self.total,
            more: self.more,
        }
    }

    /// The first `limit` items after `after`. `read` gets a key and a number, and returns at most
    /// that many items after the key, in the order of their keys, and the length of the list.
    pub(super) fn read<K>(
        after: Option<&K>,
        limit: usize,
        key: impl Fn(&T) -> K,
        read: impl Fn(Option<&K>, usize) -> (Vec<T>, usize),
    ) -> Self {
        // One item more shows whether the list goes on.
        let wanted = limit.saturating_add(1);
        let mut piece = wanted.min(MAX_PIECE);
        let (mut items, mut total) = read(after, piece);
        let mut found = items.len();
        while found == piece && items.len() < wanted {
            piece = (wanted - items.len()).min(MAX_PIECE);
            let after = items.last().map(&key);
            let (next, length) = read(after.as_ref(), piece);
            found = next.len();
            total = length;
            items.extend(next);
        }
        let more = items.len() > limit;
        items.truncate(limit);
        Self { items, total, more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(length: usize, after: Option<&usize>, limit: usize) -> Page<usize> {
        let key = |item: &usize| *item;
        Page::read(after, limit, key, |after, limit| {
            let from = after.map_or(0, |after| after + 1);
            ((from..length).take(limit).collect(), length)
        })
    }

    #[test]
    fn pages_cover_a_list_in_order_and_skip_nothing() {
        for (length, limit) in [(25, 10), (20, 10), (0, 10), (5000, 3000), (2048, 1023)] {
            let mut seen = Vec::new();
            loop {
                let page = page(length, seen.last(), limit);
                assert_eq!(page.total, length);
                assert_eq!(page.more, seen.len() + page.items.len() < length);
                seen.extend_from_slice(&page.items);
                if !page.more {
                    break;
                }
            }
            assert_eq!(seen, (0..length).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_page_may_be_empty_or_everything() {
        let empty = page(3, None, 0);
        assert_eq!((empty.items.len(), empty.total, empty.more), (0, 3, true));
        let all = page(5000, None, usize::MAX);
        assert_eq!((all.items.len(), all.total, all.more), (5000, 5000, false));
    }
}
