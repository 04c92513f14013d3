//! A hub with one shard, and many clients on real sockets.

use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::dialect::Dialects;
use wavecast::hub::{Client, ClientInfo, Hub, HubOptions, JoinOptions, Link};
use wavecast::transport::SocketOptions;

use crate::measure::cpu_time;
use crate::receivers::Receivers;
use crate::workload::{Topic, Workload};

pub(crate) struct Fleet {
    runtime: Runtime,
    hub: Hub,
    clients: Vec<Arc<Client>>,
    sockets: Vec<Arc<TcpStream>>,
    receivers: Receivers,
}

impl Fleet {
    /// Connects that many clients.
    pub(crate) fn new(clients: usize) -> Self {
        Self::with_mailbox(clients, HubOptions::default().mailbox_deliveries)
    }

    /// The same, with a mailbox that holds that many deliveries.
    pub(crate) fn with_mailbox(clients: usize, mailbox_deliveries: usize) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let entered = runtime.enter();
        let options = HubOptions {
            shards: 1,
            mailbox_deliveries,
            // No pings, because the receivers count bytes.
            ping_interval: Duration::from_secs(30 * 24 * 3600),
            pong_timeout: Duration::from_secs(90 * 24 * 3600),
            ..HubOptions::default()
        };
        let hub = Hub::new(&options, Dialects::default(), &TaskTracker::new());
        let (receivers, accepted) = Receivers::start(clients);
        let connect = |socket: std::net::TcpStream| {
            socket.set_nonblocking(true).expect("a nonblocking socket");
            let socket = Arc::new(TcpStream::from_std(socket).expect("a registered socket"));
            SocketOptions::default().apply(&socket);
            let link = Link::Tcp(socket.clone());
            let client = hub.connect(Uuid::now_v7(), ClientInfo::default(), link);
            (client.expect("a running hub").expect("a new id"), socket)
        };
        let (clients, sockets) = accepted.into_iter().map(connect).unzip();
        drop(entered);
        Self {
            runtime,
            hub,
            clients,
            sockets,
            receivers,
        }
    }

    /// Makes the members of a topic join it.
    pub(crate) fn join(&self, topic: &Topic) {
        self.runtime.block_on(async {
            for member in &topic.members {
                let (client, options) = (&self.clients[*member], JoinOptions::default());
                let joined = self
                    .hub
                    .join(client, topic.kind, &topic.name, options, |_, _| None);
                joined.await.expect("a member");
            }
            self.hub.probe().await.expect("a running hub");
        });
    }

    /// One round of the hub: publications that the shard finds in its mailbox together, as far as
    /// the mailbox holds them.
    pub(crate) fn round_of_hub(&mut self, workload: &Workload<'_>) -> Duration {
        self.runtime.block_on(async {
            self.receivers.expect(workload.bytes).await;
            let start = cpu_time();
            for publication in &workload.publications {
                let topic = publication.topic;
                let sender = publication.sender.map(|sender| self.clients[sender].id());
                let ack = |_: &_| sender.map(|_| topic.ack.clone());
                let published =
                    self.hub
                        .publish(topic.kind, &topic.name, &topic.message, sender, ack);
                published.await.expect("a running hub");
            }
            self.receivers.wait().await;
            cpu_time().saturating_sub(start)
        })
    }

    /// One round of the bare loop: the same bytes, with one system call per socket.
    pub(crate) fn round_of_bare_loop(&mut self, workload: &Workload<'_>) -> Duration {
        self.runtime.block_on(async {
            self.receivers.expect(workload.bytes).await;
            let start = cpu_time();
            for (socket, bytes) in workload.sends() {
                let sent = SockRef::from(&*self.sockets[socket]).send(bytes);
                assert_eq!(sent.expect("room in the socket"), bytes.len());
            }
            self.receivers.wait().await;
            cpu_time().saturating_sub(start)
        })
    }
}
