//! How long a connection may wait for a request, and how long the head of a request may take.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::time;

use super::slots::HttpSlot;
use crate::transport::Arrivals;

/// hyper's timer for the heads of a connection's requests. hyper knows one timeout, from the end of
/// a response to the next request. Here, a connection may be idle for longer than a head may take,
/// which counts from its first byte, or from the end of the last response if that byte had arrived by
/// then. The head of the first request counts from the accept on.
#[derive(Debug)]
pub(super) struct HeadTimer {
    head_timeout: Duration,
    keep_alive: Duration,
    /// Whether there was a request before.
    is_reused: AtomicBool,
    arrivals: Arrivals,
    slot: Arc<HttpSlot>,
    created: Instant,
}

impl HeadTimer {
    pub(super) fn new(
        (head_timeout, keep_alive): (Duration, Duration),
        arrivals: Arrivals,
        slot: Arc<HttpSlot>,
    ) -> Self {
        Self {
            head_timeout,
            keep_alive,
            is_reused: AtomicBool::new(false),
            arrivals,
            slot,
            created: Instant::now(),
        }
    }

    /// How long the connection may be idle from now on. Idle connections must not keep others out.
    fn idle_timeout(&self) -> Duration {
        if self.slot.is_one_of_many() {
            self.keep_alive.min(self.head_timeout)
        } else {
            self.keep_alive
        }
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    /// hyper asks when it begins to wait for a head. Its own deadline does not matter.
    fn sleep_until(&self, _deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let is_reused = self.is_reused.swap(true, Ordering::Relaxed);
        let idle = is_reused && !self.arrivals.is_next_begun();
        let arrivals = idle.then(|| self.arrivals.clone());
        if let Some(arrivals) = &arrivals {
            arrivals.forget();
        }
        let timeout = if idle {
            self.idle_timeout()
        } else {
            self.head_timeout
        };
        Box::pin(HeadDeadline {
            timeout,
            head_timeout: self.head_timeout,
            idle: arrivals,
            sleep: None,
        })
    }

    /// Only used for the deadline that does not matter: it is always the same, and the clock is not
    /// read for each request.
    fn now(&self) -> Instant {
        self.created
    }
}

/// Ready when a connection has waited too long for a request, or for the rest of its head.
struct HeadDeadline {
    timeout: Duration,
    head_timeout: Duration,
    /// Until the first byte of the head has arrived.
    idle: Option<Arrivals>,
    /// None until the connection has to wait. Heads are often there already.
    sleep: Option<Pin<Box<time::Sleep>>>,
}

impl Sleep for HeadDeadline {}

impl Future for HeadDeadline {
    type Output = ();

    /// hyper polls it at once, after it has read what there was.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.idle.as_ref().is_some_and(Arrivals::is_any) {
            this.idle = None;
            this.timeout = this.head_timeout;
            this.sleep = None;
        }
        let timeout = this.timeout;
        let sleep = this
            .sleep
            .get_or_insert_with(|| Box::pin(time::sleep(timeout)));
        sleep.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::serving::slots::HttpSlots;

    const HEAD: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(75);

    fn timer(slots: &HttpSlots, arrivals: &Arrivals) -> HeadTimer {
        let slot = slots.take().expect("a slot");
        HeadTimer::new((HEAD, IDLE), arrivals.clone(), Arc::new(slot))
    }

    async fn waited(timer: &HeadTimer) -> Duration {
        let began = time::Instant::now();
        timer.sleep(Duration::ZERO).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_head_counts_from_the_accept_on_and_later_ones_from_their_first_byte() {
        let arrivals = Arrivals::default();
        let timer = timer(&HttpSlots::new(10), &arrivals);
        assert_eq!(waited(&timer).await, HEAD);
        // What came before the wait belongs to an earlier request.
        arrivals.record(b"GET / HTTP/1.1\r\n\r\n");
        arrivals.record_request(false);
        assert_eq!(waited(&timer).await, IDLE);
        // Unless that had ended.
        arrivals.record(b"G");
        arrivals.record_request(false);
        assert_eq!(waited(&timer).await, HEAD);
        arrivals.record_request(true);
        assert_eq!(waited(&timer).await, IDLE);
        let began = time::Instant::now();
        let mut waiting = timer.sleep(Duration::ZERO);
        let byte = async {
            time::sleep(IDLE / 2).await;
            arrivals.record(b"G");
        };
        tokio::select! {
            () = &mut waiting => panic!("it was not idle for long"),
            () = byte => {}
        }
        // hyper reads, and polls the timer, when bytes arrive.
        waiting.await;
        assert_eq!(began.elapsed(), IDLE / 2 + HEAD);
    }

    #[tokio::test(start_paused = true)]
    async fn when_half_of_all_slots_are_taken_idle_connections_end_sooner() {
        let (slots, arrivals) = (HttpSlots::new(4), Arrivals::default());
        let one = timer(&slots, &arrivals);
        let _two = slots.take();
        assert_eq!([waited(&one).await, waited(&one).await], [HEAD, IDLE]);
        let three = slots.take();
        assert_eq!(waited(&one).await, HEAD);
        drop(three);
        assert_eq!(waited(&one).await, IDLE);
    }
}
