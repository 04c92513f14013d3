//! Carries out operations in the hub and in the model, and compares the results.

use std::sync::Arc;

use tokio::time::sleep;
use uuid::Uuid;
use wavecast::dialect::ClassId;
use wavecast::hub::{ClientInfo, Link, Pipe};
use wavecast::protocol::CloseCode;

use super::member::Member;
use super::operation::{Kind, Length, Operation, Step};
use super::world::{LONG_AFTER, World};

const CLOSED_BY_OPERATOR: u16 = 4000;

impl World {
    /// Carries out a step, and waits until the hub has come to rest.
    pub(super) async fn take(&mut self, step: Step) {
        self.steps += 1;
        match step {
            Step::One(operation) => self.apply(operation).await,
            Step::Together(operations) => {
                self.together = true;
                for operation in operations {
                    let is_abrupt = operation.is_abrupt();
                    if is_abrupt {
                        self.settle().await;
                    }
                    self.apply(operation).await;
                    if is_abrupt {
                        self.settle().await;
                    }
                }
                self.together = false;
            }
        }
        self.settle().await;
    }

    async fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Connect(kind, class) => self.connect(kind, class).await,
            Operation::Join(who, room) => self.join(who, room).await,
            Operation::Leave(who, room) => self.leave(who, room).await,
            Operation::Say(who, room, length, reply) => self.say(who, room, length, reply).await,
            Operation::Broadcast(room, exclude) => self.broadcast(room, exclude).await,
            Operation::Subscribe(who, channel, resume) => {
                self.subscribe(who, channel, resume).await;
            }
            Operation::Unsubscribe(who, channel) => self.unsubscribe(who, channel).await,
            Operation::Publish(channel, length) => self.publish(Some(channel), length).await,
            Operation::PublishToAll => self.publish(None, Length::Short).await,
            Operation::Close(who) => self.close(who).await,
            Operation::Disconnect(who) => self.disconnect(who).await,
            Operation::Read(who) => self.read(who).await,
            Operation::Pass => {
                sleep(LONG_AFTER).await;
                self.expire();
            }
        }
    }

    pub(super) async fn connect(&mut self, kind: Kind, class: ClassId) {
        let pipe = Arc::<Pipe>::default();
        let client = if kind == Kind::Detached {
            let made = self.node.client_or_detached(Uuid::now_v7());
            made.unwrap()
        } else {
            let info = ClientInfo {
                class,
                ..ClientInfo::default()
            };
            let made = self
                .node
                .connect(info, None, Link::Pipe(pipe.clone()))
                .await;
            made.unwrap()
        };
        self.members.push(Member::new(kind, client, pipe));
    }

    async fn close(&mut self, who: usize) {
        let Some(who) = self.living(who) else { return };
        if self.members[who].kind != Kind::Detached {
            let client = &self.members[who].client;
            let closed = self.node.close(client, CloseCode::ClosedByOperator, None);
            closed.await.unwrap();
            self.members[who].close = Some(CLOSED_BY_OPERATOR);
        }
    }

    async fn read(&mut self, who: usize) {
        let Some(who) = self.living(who) else { return };
        let member = &mut self.members[who];
        member.received.take(&member.pipe).await;
    }

    async fn disconnect(&mut self, who: usize) {
        let Some(who) = self.living(who) else { return };
        // A message that it has not received by now will never arrive.
        let member = &mut self.members[who];
        member.received.take(&member.pipe).await;
        self.end_memberships(who).await;
        self.release(who);
    }

    /// Ends all memberships, as the task of a connection does.
    pub(super) async fn end_memberships(&mut self, who: usize) {
        self.node
            .disconnect(&self.members[who].client)
            .await
            .unwrap();
        self.members[who].alive = false;
        self.members[who].channels.clear();
        for index in self.members[who].rooms.clone() {
            self.forget_member(who, index);
        }
    }

    pub(super) fn release(&mut self, who: usize) {
        let member = &mut self.members[who];
        if !std::mem::replace(&mut member.released, true) {
            self.node.hub().release(&member.client, true).unwrap();
        }
    }
}
