//! Who may do what: the only place where the node refuses.
//!
//! The server's own rules come first, then the application's [`Policy`](super::policy::Policy).

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::Node;
use super::admission::Admission;
use super::policy::{
    Allowed, Answer, Connect, Decision, History, Join, Message, Publish, Subscribe, Terms, Topic,
    note_panic,
};
use crate::hub::{
    Client, ClientInfo, ClientRef, HubClosed, JoinError, LeaveError, Phase, Topic as HubTopic,
};
use crate::protocol::{
    ChannelName, ErrorCode, Identity, Json, PublishRequest, Refusal, ResumeRequest, RoomName,
    Subject, TopicKind, TopicName,
};

impl Node {
    /// Whether one more connection is accepted.
    pub fn admit_connection(&self) -> Result<(), Refusal> {
        if self.is_draining() {
            return Err(ErrorCode::Draining.into());
        }
        self.has_room(self.awaiting.count())
    }

    /// Whether one more connection fits beside those that are open, and those that are
    /// `awaiting` a decision: these may all be allowed at once.
    fn has_room(&self, awaiting: usize) -> Result<(), Refusal> {
        let max = self.options.max_connections;
        if max > 0 && self.hub.links() + awaiting >= max {
            return Err(ErrorCode::TooManyConnections.into());
        }
        Ok(())
    }

    /// Asks the policy whether this client may connect, and as whom.
    pub async fn admit(&self, mut info: ClientInfo) -> Result<Admission, Refusal> {
        let place = self.awaiting.enter();
        self.has_room(place.ahead)?;
        let id = Uuid::now_v7();
        let client = ClientRef::new(id, &info, true);
        let asked = Connect { client };
        let ask = || self.policy.connect(asked);
        if let Allowed::Changed(identity) = self.guarded(ask, self.policy_deadline()).await? {
            info.identity = Some(Arc::new(identity));
        }
        Ok(Admission::new(self.policy.clone(), id, info, place))
    }

    /// Whether a client may subscribe to a channel, and on what terms. The server's own
    /// channels can be subscribed to only by their audience.
    pub(super) async fn may_subscribe(
        &self,
        client: &Client,
        channel: &ChannelName,
        resume: Option<&ResumeRequest>,
    ) -> Result<Terms, Refusal> {
        if channel.is_reserved() {
            may_receive(client, channel)?;
            return Ok(Terms::default());
        }
        let asked = Subscribe {
            client: client.view(),
            channel,
            resume,
        };
        let answer = self.answered(client, self.policy.subscribe(asked)).await;
        changed(answer, channel).map(Option::unwrap_or_default)
    }

    /// Nobody can unsubscribe from the server's own channels.
    pub(super) fn may_unsubscribe(channel: &ChannelName) -> Result<(), Refusal> {
        if channel.is_reserved() {
            return Err(refuse(ErrorCode::Forbidden, channel));
        }
        Ok(())
    }

    /// Whether a client may join a room, and on what terms.
    pub(super) async fn may_join(
        &self,
        client: &Client,
        room: &RoomName,
        resume: Option<&ResumeRequest>,
    ) -> Result<Terms, Refusal> {
        let asked = Join {
            client: client.view(),
            room,
            resume,
        };
        let answer = self.answered(client, self.policy.join(asked)).await;
        changed(answer, room).map(Option::unwrap_or_default)
    }

    /// Whether a client may send a message to a room, which only members may. Returns what
    /// is sent instead of `content`, if the policy changes it.
    pub(super) async fn may_say(
        &self,
        client: &Client,
        room: &RoomName,
        content: &Json,
    ) -> Result<Option<Json>, Refusal> {
        self.member_of(client, room)?;
        let asked = Message {
            client: client.view(),
            room,
            content,
        };
        let decision = self.policy.message(asked);
        let waited = matches!(decision, Decision::Later(_));
        let answer = self.answered(client, decision).await;
        let content = changed(answer, room)?;
        if waited {
            // The application may have ended the membership meanwhile.
            self.member_of(client, room)?;
        }
        Ok(content)
    }

    /// Whether a client may read a channel's history.
    pub(super) async fn may_read_channel(
        &self,
        client: &Client,
        channel: &ChannelName,
    ) -> Result<(), Refusal> {
        if channel.is_reserved() {
            return may_receive(client, channel);
        }
        self.may_read(client, Topic::Channel(channel)).await
    }

    /// Whether a client may read a room's history, which only members may.
    pub(super) async fn may_read_room(
        &self,
        client: &Client,
        room: &RoomName,
    ) -> Result<(), Refusal> {
        self.member_of(client, room)?;
        self.may_read(client, Topic::Room(room)).await
    }

    async fn may_read(&self, client: &Client, topic: Topic<'_>) -> Result<(), Refusal> {
        let asked = History {
            client: client.view(),
            topic,
        };
        let answer = self.answered(client, self.policy.history(asked)).await;
        changed(answer, topic).map(drop)
    }

    /// Only members read a room's history and send messages to it.
    fn member_of(&self, client: &Client, room: &RoomName) -> Result<Arc<HubTopic>, Refusal> {
        let topic = self.hub.topic(TopicKind::Room, room.as_str());
        topic
            .filter(|topic| client.is_member(topic))
            .ok_or_else(|| refuse(ErrorCode::NotInRoom, room))
    }

    /// Asks the policy whether a backend may publish an event, and returns the event as it
    /// may be published. `deadline` is the one of [`policy_deadline`](Self::policy_deadline).
    pub async fn review(
        &self,
        publisher: Option<&Identity>,
        mut request: PublishRequest,
        deadline: Instant,
    ) -> Result<PublishRequest, Refusal> {
        let asked = Publish {
            publisher,
            target: &request.target,
            id: request.id.as_ref(),
            name: request.name.as_ref(),
            data: &request.data,
        };
        let ask = || self.policy.publish(asked);
        if let Allowed::Changed(edit) = self.guarded(ask, deadline).await? {
            request.name = edit.name.or(request.name);
            request.data = edit.data.unwrap_or(request.data);
        }
        Ok(request)
    }

    /// Until when the policy has to answer what it is asked now.
    pub fn policy_deadline(&self) -> Instant {
        Instant::now() + self.options.policy_timeout
    }

    /// The answer to a client's command. Nobody waits for it once the connection ends.
    async fn answered<T>(&self, client: &Client, decision: Decision<'_, T>) -> Answer<T> {
        let mut later = match decision {
            Decision::Now(answer) => return answer,
            Decision::Later(later) => later,
        };
        let answer = poll_fn(|cx| {
            client.register_task(cx.waker());
            if client.phase() != Phase::Open {
                return Poll::Ready(Err(join_error_code(JoinError::Disconnected).into()));
            }
            later.as_mut().poll(cx)
        });
        in_time(self.policy_deadline(), answer).await
    }

    /// The answer to a request over HTTP, where no connection would catch a panic.
    async fn guarded<'a, T>(
        &self,
        ask: impl FnOnce() -> Decision<'a, T>,
        deadline: Instant,
    ) -> Answer<T> {
        let mut answer = pin!(async {
            match ask() {
                Decision::Now(answer) => answer,
                Decision::Later(later) => in_time(deadline, later).await,
            }
        });
        poll_fn(|cx| {
            let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx)));
            polled.unwrap_or_else(|_panic| {
                self.hub.metrics().panics_total.add(1);
                note_panic("a request");
                Poll::Ready(Err(ErrorCode::Internal.into()))
            })
        })
        .await
    }
}

async fn in_time<T>(deadline: Instant, answer: impl Future<Output = Answer<T>>) -> Answer<T> {
    timeout_at(deadline, answer).await.unwrap_or_else(|_| {
        let detail = "the application did not decide in time";
        Err(Refusal::new(ErrorCode::Overloaded).with_detail(detail))
    })
}

/// The change that an answer makes, or a refusal that says what it is about.
fn changed<'a, T>(
    answer: Answer<T>,
    topic: impl Into<TopicName<'a>>,
) -> Result<Option<T>, Refusal> {
    match answer {
        Ok(Allowed::AsAsked) => Ok(None),
        Ok(Allowed::Changed(to)) => Ok(Some(to)),
        Err(refusal) if refusal.subject == Subject::None => Err(refusal.about(topic.into())),
        Err(refusal) => Err(refusal),
    }
}

/// The server's own channels are for their audience.
fn may_receive(client: &Client, channel: &ChannelName) -> Result<(), Refusal> {
    if channel.reaches_everyone() || channel.user() == client.user() {
        return Ok(());
    }
    Err(refuse(ErrorCode::Forbidden, channel))
}

/// A refusal about a room or channel.
fn refuse<'a>(code: ErrorCode, topic: impl Into<TopicName<'a>>) -> Refusal {
    Refusal::new(code).about(topic.into())
}

/// The room or channel keeps no history.
pub(super) fn refuse_history<'a>(topic: impl Into<TopicName<'a>>) -> Refusal {
    refuse(ErrorCode::NoHistory, topic)
}

/// The history contains what the reply cannot.
pub(super) fn refuse_unreadable<'a>(topic: impl Into<TopicName<'a>>) -> Refusal {
    refuse(ErrorCode::Internal, topic)
}

/// The hub has shut down.
pub(super) fn refuse_closed<'a>(topic: impl Into<TopicName<'a>>) -> Refusal {
    refuse(ErrorCode::Draining, topic)
}

/// Why the hub did not let a client connect.
pub(super) fn refuse_connect(error: JoinError) -> Refusal {
    join_error_code(error).into()
}

/// Why the hub did not let a client join.
pub(super) fn refuse_join<'a>(error: JoinError, topic: impl Into<TopicName<'a>>) -> Refusal {
    refuse(join_error_code(error), topic)
}

fn join_error_code(error: JoinError) -> ErrorCode {
    match error {
        JoinError::Full => ErrorCode::RoomFull,
        JoinError::TooManyTopics => ErrorCode::TooManyTopics,
        JoinError::Disconnected => ErrorCode::NotFound,
        JoinError::Closed(HubClosed) => ErrorCode::Draining,
    }
}

/// Why the hub did not let a client leave.
pub(super) fn refuse_leave<'a>(error: LeaveError, topic: impl Into<TopicName<'a>>) -> Refusal {
    let topic = topic.into();
    let code = match (error, topic.kind()) {
        (LeaveError::NotAMember, TopicKind::Room) => ErrorCode::NotInRoom,
        (LeaveError::NotAMember, TopicKind::Channel) => ErrorCode::NotSubscribed,
        (LeaveError::Closed(HubClosed), _) => ErrorCode::Draining,
    };
    refuse(code, topic)
}
