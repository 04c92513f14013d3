//! Broadcasts to every connection, whatever it is subscribed to.

use std::sync::Arc;

use super::Shard;
use super::entry::Entry;
use super::fan_out::{READ_AHEAD, Recipients};
use super::run::{Delivery, Layout, delivery, form_of};
use super::slots::Block;
use crate::dialect::ClassId;
use crate::hub::forms::FormKey;
use crate::hub::topic::Topic;
use crate::wire::Frame;

impl Shard {
    pub(super) async fn deliver_to_everyone(&mut self, run: &[&Entry]) {
        let everyone = self.everyone.clone();
        let classes: Vec<ClassId> = self.classes.iter().collect();
        match classes[..] {
            [class] => {
                let key = FormKey::new(class, false);
                self.deliver_form(Recipients::Everyone, key, &everyone, run)
                    .await;
            }
            _ => self.deliver_to_classes(&classes, &everyone, run).await,
        }
    }

    /// Delivers a run to every connection, in the form of its class: laid out once per class, and
    /// written in one walk.
    async fn deliver_to_classes(
        &mut self,
        classes: &[ClassId],
        topic: &Arc<Topic>,
        run: &[&Entry],
    ) {
        let made = classes.iter().map(|&class| {
            let key = FormKey::new(class, false);
            run.iter().filter_map(|entry| form_of(entry, key)).collect()
        });
        let made: Vec<Vec<Frame>> = made.collect();
        let forms = made.iter().map(|frames| {
            let frames = run.iter().zip(frames);
            let deliveries =
                frames.filter_map(|(entry, frame)| delivery(entry, topic, frame, false));
            deliveries.collect()
        });
        let forms: Vec<Vec<Delivery<'_>>> = forms.collect();
        // A run has only broadcasts, so all forms have its length. Counted, so that no slice can be
        // out of range.
        let len = forms.iter().map(Vec::len).min().unwrap_or(0);
        let mut start = 0;
        while start < len {
            // As many as fit in every form.
            let lens = forms.iter().map(|form| self.chunk_len(&form[start..len]));
            let end = start + lens.min().unwrap_or(len);
            let mut bytes = vec![Vec::new(); classes.len()];
            let layouts = forms.iter().zip(&mut bytes);
            let layouts = layouts.map(|(form, bytes)| Layout::new(&form[start..end], bytes));
            let layouts: Vec<_> = classes.iter().copied().zip(layouts).collect();
            self.write_layouts(&layouts).await;
            start = end;
            if start < len {
                self.flush_dirty().await;
            }
        }
    }

    async fn write_layouts(&mut self, layouts: &[(ClassId, Layout<'_>)]) {
        let (mut from, mut block) = (0, Block::default());
        while let Some(next) = self.next_connected(from, &mut block) {
            from = next;
            for slots in block.slots().chunks(READ_AHEAD) {
                self.read_ahead(slots.iter().copied());
                for &slot in slots {
                    let connection = self.connections.get(slot as usize);
                    let class = connection.and_then(|connection| connection.class);
                    let mut layouts = layouts.iter();
                    let taken = layouts.find(|(of, _)| Some(*of) == class);
                    if let Some((_, layout)) = taken
                        && self.write_layout_to(slot, layout)
                    {
                        self.metrics.deliveries_total.add(layout.len());
                    }
                }
                self.yield_if_due().await;
            }
        }
    }

    /// Fills `block` with the connections from slot `from` on, and returns where to go on.
    pub(super) fn next_connected(&self, from: u32, block: &mut Block) -> Option<u32> {
        block.clear();
        for slot in from..self.connections.capacity() as u32 {
            let connection = self.connections.get(slot as usize);
            if connection.is_some_and(|connection| connection.class.is_some()) {
                block.push(slot);
                if block.is_full() {
                    break;
                }
            }
        }
        block.slots().last().map(|last| last + 1)
    }
}
