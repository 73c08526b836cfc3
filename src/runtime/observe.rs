//! What an operator sees of a hall and of each guest in it: plain numbers, taken from counters that are kept anyway. It
//! must not know who looks, nor how it is shown.
use super::Hall;
use super::seat::{GuestId, Running, Seat};
use crate::policy::{Bound, Limits, Meter};
use crate::reactor::Kernel;
use crate::time::{Clock, Mono};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Steps in each doubling of a latency: a number is at most a fifth too high.
const STEPS: usize = 4;

/// Doublings above a microsecond: up to 67 seconds.
const DOUBLINGS: usize = 26;

const BUCKETS: usize = STEPS * DOUBLINGS;

/// Latencies of the last one to two of these are «recent».
const WINDOW: Duration = Duration::from_secs(5);

/// How long answers took, from the head of the request to the last byte handed over, as counts by size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<u32>", try_from = "Vec<u32>")]
pub struct Latencies {
    counts: [u32; BUCKETS],
}

impl From<Latencies> for Vec<u32> {
    /// Without the zeros at its end.
    fn from(latencies: Latencies) -> Vec<u32> {
        let used = latencies.counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
        latencies.counts[..used].to_vec()
    }
}

impl TryFrom<Vec<u32>> for Latencies {
    type Error = &'static str;

    fn try_from(counts: Vec<u32>) -> Result<Latencies, Self::Error> {
        let mut latencies = Latencies::default();
        let place = latencies.counts.get_mut(..counts.len()).ok_or("there are not so many buckets")?;
        place.copy_from_slice(&counts);
        Ok(latencies)
    }
}

/// How a guest or a tenant is.
pub type Word = &'static str;

/// The words for how a guest or a tenant is.
const WORDS: [&str; 11] =
    ["sleeping", "dozing", "idle", "busy", "running", "resting", "held", "stopped", "starting", "failed", "unknown"];

/// One of those words, as another process tells it; any other is `unknown`.
pub(super) fn known_word<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Word, D::Error> {
    let word = String::deserialize(from)?;
    Ok(WORDS.into_iter().find(|known| *known == word).unwrap_or("unknown"))
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies { counts: [0; BUCKETS] }
    }
}

impl Latencies {
    fn bucket(micros: u64) -> usize {
        let micros = micros.max(1);
        let doubling = micros.ilog2() as usize;
        let step = (micros << STEPS.ilog2() >> doubling) as usize - STEPS;
        (doubling * STEPS + step).min(BUCKETS - 1)
    }

    /// The least number of microseconds that is above a bucket.
    fn above(bucket: usize) -> u64 {
        let (doubling, step) = (bucket / STEPS, bucket % STEPS);
        (((STEPS + step + 1) as u64) << doubling).div_ceil(STEPS as u64)
    }

    fn add(&mut self, span: Duration) {
        let count = &mut self.counts[Self::bucket(span.as_micros() as u64)];
        *count = count.saturating_add(1);
    }

    /// Microseconds that this share of the answers stayed below; 0 when there are none.
    pub fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.total() as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return Self::above(bucket).max(1);
            }
        }
        0
    }

    /// Answers in all.
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// Answers that took less than so many microseconds, a power of two.
    pub fn below(&self, micros: u64) -> u64 {
        let buckets = micros.max(1).ilog2() as usize * STEPS;
        self.counts.iter().take(buckets).map(|count| u64::from(*count)).sum()
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Latencies) {
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count = count.saturating_add(more));
    }

    /// Buckets that have counts, and these.
    pub fn sparse(&self) -> Vec<(u64, u64)> {
        let all = self.counts.iter().enumerate().map(|(bucket, count)| (bucket as u64, u64::from(*count)));
        all.filter(|(_, count)| *count > 0).collect()
    }

    /// The same from such pairs; what is beyond the last bucket is in it.
    pub fn from_sparse(pairs: impl Iterator<Item = (u64, u64)>) -> Latencies {
        let mut all = Latencies::default();
        for (bucket, count) in pairs {
            let sum = &mut all.counts[(bucket as usize).min(BUCKETS - 1)];
            *sum = sum.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        }
        all
    }

    fn since(&self, before: &Latencies) -> Latencies {
        let mut counts = self.counts;
        counts.iter_mut().zip(before.counts).for_each(|(count, before)| *count = count.wrapping_sub(before));
        Latencies { counts }
    }
}

/// Answers of one guest. What it costs while there are none is a few words.
#[derive(Default)]
pub(super) struct Served {
    /// By the first digit of the status.
    classes: [u64; 6],
    micros: u64,
    spans: Option<Box<Spans>>,
}

#[derive(Default)]
struct Spans {
    all: Latencies,
    /// As they were when the window before this one began, and this one.
    older: Latencies,
    old: Latencies,
    turned: Mono,
}

impl Served {
    /// A response is whole.
    pub fn answered(&mut self, status: u16, span: Duration, now: Mono) {
        self.classes[usize::from(status / 100).min(5)] += 1;
        self.micros += span.as_micros() as u64;
        let spans = self.spans.get_or_insert_default();
        spans.turn(now);
        spans.all.add(span);
    }
}

impl Spans {
    fn turn(&mut self, now: Mono) {
        let passed = now.since(self.turned);
        if passed >= WINDOW {
            let before = std::mem::replace(&mut self.old, self.all.clone());
            self.older = if passed >= 2 * WINDOW { self.all.clone() } else { before };
            self.turned = now;
        }
    }

    fn recent(&self, now: Mono) -> Latencies {
        match now.since(self.turned) {
            passed if passed >= 2 * WINDOW => Latencies::default(),
            passed if passed >= WINDOW => self.all.since(&self.old),
            _ => self.all.since(&self.older),
        }
    }
}

/// The loop's own counters.
#[derive(Debug)]
pub(super) struct Watch {
    born: Mono,
    /// When the last turn was over.
    pub turn_over: Mono,
    turns: u64,
    longest: Duration,
    busy: Duration,
}

impl Watch {
    pub fn new(now: Mono) -> Watch {
        Watch { born: now, turn_over: now, turns: 0, longest: Duration::ZERO, busy: Duration::ZERO }
    }

    /// A turn that began then is over now.
    pub fn turn_ended(&mut self, began: Mono, now: Mono) {
        let span = now.since(began);
        self.turns += 1;
        self.busy += span;
        self.longest = self.longest.max(span);
        self.turn_over = now;
    }
}

/// One guest as an operator sees it.
#[cfg_attr(test, derive(Default))]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GuestView {
    /// `idle`, `dozing` (idle, and its pages given back), `sleeping` (its memory has been put aside), `busy` (events wait), `running`
    /// (inside a turn), `resting` (over a rate), `held` (waits for a child, or until its log is read).
    #[serde(deserialize_with = "known_word")]
    pub state: Word,
    /// What it has used, and the bounds it has met.
    pub meter: Meter,
    pub limits: Limits,
    /// Linear memory; none is had while it sleeps.
    pub memory_bytes: u64,
    /// What is kept of it while it sleeps.
    pub at_rest_bytes: u64,
    /// Requests answered, by the first digit of the status.
    pub responses: [u64; 6],
    /// Time that all answers took.
    pub micros: u64,
    /// Latencies since its start, and of the last five to ten seconds.
    pub latencies: Latencies,
    pub recent: Latencies,
    /// Connections of its listeners.
    pub connections: u32,
    pub handles: usize,
    pub listeners: u32,
    /// Sockets that it has opened itself.
    pub sockets: u32,
    /// A timer is armed.
    pub timers: u32,
    pub operations: u32,
    pub children: usize,
    pub files: usize,
    /// Bytes that wait to be sent, and of log.
    pub pending_bytes: u64,
    pub log_pending_bytes: u32,
}

impl GuestView {
    /// Requests answered.
    pub fn requests(&self) -> u64 {
        // Another process may have told them.
        self.responses.iter().copied().fold(0, u64::saturating_add)
    }

    /// How often a bound was met, for those that were.
    pub fn hits(&self) -> impl Iterator<Item = (Bound, u32)> + '_ {
        Bound::ALL.into_iter().map(|bound| (bound, self.meter.hits(bound))).filter(|(_, hits)| *hits > 0)
    }
}

/// The loop as an operator sees it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HallView {
    pub up: Duration,
    pub turns: u64,
    /// Time outside the kernel's wait.
    pub busy: Duration,
    pub longest_turn: Duration,
    pub guests: usize,
    pub connections: usize,
    pub exchanges: usize,
    pub streams: usize,
    pub listeners: usize,
    pub timers: usize,
    /// HTTP connections so far.
    pub accepted: u64,
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// The loop's numbers.
    pub fn view(&self) -> HallView {
        HallView {
            up: self.gauges.turn_over.since(self.gauges.born),
            turns: self.gauges.turns,
            busy: self.gauges.busy,
            longest_turn: self.gauges.longest,
            guests: self.seats.len(),
            connections: self.conns.len(),
            exchanges: self.exchanges.len(),
            streams: self.streams.len(),
            listeners: self.listeners.len(),
            timers: self.timers.len(),
            accepted: u64::from(self.serials),
        }
    }

    /// Forgets the longest turn so far, so that the next view tells of those from here on.
    pub fn forget_longest_turn(&mut self) {
        self.gauges.longest = Duration::ZERO;
    }

    /// A guest's numbers, while it lives.
    pub fn view_guest(&self, id: GuestId) -> Option<GuestView> {
        let seat = self.seats.get(id.0 as usize)?;
        let state = seat.guest.state();
        let (latencies, recent) = match &seat.served.spans {
            Some(spans) => (spans.all.clone(), spans.recent(self.now)),
            None => Default::default(),
        };
        Some(GuestView {
            state: seat.word(),
            meter: state.meter,
            limits: state.limits.clone(),
            memory_bytes: if seat.guest.is_asleep() { 0 } else { state.memory_bytes() },
            at_rest_bytes: seat.guest.at_rest().unwrap_or(0),
            responses: seat.served.classes,
            micros: seat.served.micros,
            latencies,
            recent,
            connections: seat.conns.len() as u32,
            handles: state.handles.len(),
            listeners: state.listeners,
            sockets: state.handles.opened(),
            timers: u32::from(seat.timer.is_some()),
            operations: state.operations,
            children: state.children.len(),
            files: state.files.len(),
            pending_bytes: state.pending_total,
            log_pending_bytes: state.log_pending,
        })
    }

    /// Gives a guest other limits, from its next call on. Of what it holds already nothing is taken away.
    pub fn set_limits(&mut self, id: GuestId, limits: Limits) -> bool {
        let Some(seat) = self.seats.get_mut(id.0 as usize) else { return false };
        seat.guest.state_mut().set_limits(limits);
        // Who rests goes on, and is judged by the new ones when it has run.
        self.end_rest(id.0);
        true
    }
}

impl Seat {
    fn word(&self) -> &'static str {
        match (self.rest.is_some(), self.hold.is_some(), self.running) {
            (true, ..) => "resting",
            (_, true, _) => "held",
            (_, _, Running::Yielded) => "running",
            _ if self.is_busy() => "busy",
            _ if self.guest.is_asleep() => "sleeping",
            _ if self.guest.dozes() => "dozing",
            _ => "idle",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_at_most_a_quarter_too_high_and_never_too_low() {
        for micros in [1, 2, 3, 4, 5, 7, 8, 100, 999, 1000, 1001, 65_535, 65_536, 1_000_000, 60_000_000] {
            let mut latencies = Latencies::default();
            latencies.add(Duration::from_micros(micros));
            let told = latencies.quantile(0.99);
            assert!(told > micros, "{micros} is told as below {told}");
            assert!(told <= micros + micros / 4 + 1, "{micros} is told as below {told}");
        }
    }

    #[test]
    fn numbers_that_another_process_tells_may_be_any() {
        let view = GuestView { responses: [u64::MAX, 1, 0, 0, 0, 7], ..GuestView::default() };
        assert_eq!(view.requests(), u64::MAX);
    }

    #[test]
    fn shares_are_of_all() {
        let mut latencies = Latencies::default();
        (0..990).for_each(|_| latencies.add(Duration::from_micros(10)));
        (0..10).for_each(|_| latencies.add(Duration::from_millis(10)));
        assert!(latencies.quantile(0.5) <= 12);
        assert!(latencies.quantile(0.99) <= 12);
        assert!(latencies.quantile(0.995) > 10_000);
        assert_eq!(latencies.total(), 1000);
        assert_eq!((latencies.below(8), latencies.below(16), latencies.below(1 << 20)), (0, 990, 1000));
    }

    #[test]
    fn out_of_range_is_in_the_last_bucket() {
        let mut latencies = Latencies::default();
        latencies.add(Duration::from_secs(100_000));
        latencies.add(Duration::ZERO);
        assert_eq!(latencies.total(), 2);
        assert_eq!(Latencies::default().quantile(0.99), 0);
    }

    #[test]
    fn recent_forgets() {
        let mut served = Served::default();
        let second = |n: u64| Mono(n * 1_000_000_000);
        served.answered(200, Duration::from_millis(100), second(0));
        for at in 1..30 {
            served.answered(503, Duration::from_micros(10), second(at));
        }
        let spans = served.spans.as_ref().expect("there were answers");
        assert!(spans.recent(second(29)).quantile(1.0) <= 12, "what was long ago is not recent");
        assert_eq!(spans.all.total(), 30);
        assert_eq!(spans.recent(second(60)).total(), 0);
        assert_eq!(served.classes, [0, 0, 1, 0, 0, 29]);
    }
}
