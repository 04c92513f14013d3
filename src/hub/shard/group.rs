//! Members that take the same form.

use super::slots::Slots;
use crate::hub::forms::FormKey;

/// The members that take the same form of a publication.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) key: FormKey,
    pub(super) slots: Slots,
}
