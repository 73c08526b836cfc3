//! Lines from a process of tenants to the one with the fronts, which knows names and formats, keeps what operators read, and
//! lets nobody print more than his rate. A process is not believed about that: what it says beyond what its tenants together
//! may print is dropped here and counted. Its own last words (a panic's) come by a pipe, under the process's name, as text.
//! It must not know where lines go.
use super::super::{Hall, Owner};
use super::told::Stream;
use super::traces::TraceEnd;
use crate::policy::{Bucket, Rate};
use crate::proto::ipc::{self, Fault, Kind};
use crate::reactor::{Fact, Kernel, Key, Read};
use crate::time::{Clock, Mono};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Bytes before a line: u32 whose it is, u8 which stream, u32 its length. Little endian.
const HEAD: usize = 9;

/// Of no tenant in particular.
const NOBODY: u32 = u32::MAX;

/// Bytes of lines in one frame.
const FRAME_BYTES: usize = 256 << 10;

/// What a process holds its tenants to is held to here with so much room: only who lies meets it.
const ROOM: u64 = 2;

/// What a process may say for itself, which is its end as a rule.
const OWN: Rate = Rate { per_second: 4 << 10, burst: 64 << 10 };

/// How often it is told what was dropped.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Reads of what a process says for itself, in one turn.
const READS: usize = 2;

/// What one tenant, or a process itself, has printed of late.
#[derive(Clone, Copy, Debug, Default)]
struct Flood {
    bucket: Bucket,
    dropped: u64,
    bytes: u64,
    told: Option<Mono>,
}

/// What is known of a process's words: of its tenants by their places, its own last.
#[derive(Debug, Default)]
pub(super) struct Words {
    floods: Vec<Flood>,
    /// Where its own come in, and the beginning of a line.
    pipe: Option<Key>,
    begun: Vec<u8>,
}

/// One line, as it travels.
struct Record<'a> {
    slot: u32,
    stream: Stream,
    text: &'a [u8],
}

/// Appends one.
pub(super) fn put_record(tenant: Option<u32>, stream: Stream, text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&tenant.unwrap_or(NOBODY).to_le_bytes());
    out.push(stream.code());
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text);
}

/// The first of several, and the others.
fn first(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
    let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
    let (text, rest) = rest.split_at_checked(number(5) as usize)?;
    Some((Record { slot: number(0), stream: Stream::of(head[4])?, text }, rest))
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// In a process of tenants: records go to the one with the fronts. Whether they were taken: it may be behind.
    pub(super) fn send_records(&mut self, records: &[u8]) -> bool {
        let Some(channel) = self.parent_channel() else { return false };
        if self.unsent(channel).0 > self.tenants.limits.log_follow_bytes as usize {
            return false;
        }
        let (mut from, mut at) = (0, 0);
        while let Some((_, rest)) = first(&records[at..]) {
            let next = records.len() - rest.len();
            if next - from > FRAME_BYTES && at > from {
                self.send_lines(channel, &records[from..at]);
                from = at;
            }
            at = next;
        }
        if at > from {
            self.send_lines(channel, &records[from..at]);
        }
        true
    }

    fn send_lines(&mut self, channel: u32, records: &[u8]) {
        let mut bytes = Vec::with_capacity(ipc::HEAD + records.len());
        ipc::encode(&mut bytes, &ipc::Frame { kind: Kind::Lines, fd: false, more: false, id: 0, payload: records });
        self.send_plain(channel, bytes);
    }

    /// Lines from a process of tenants.
    pub(super) fn take_lines(&mut self, index: u32, mut payload: &[u8]) -> Result<(), Fault> {
        let most = self.tenants.limits.line_bytes as usize;
        while !payload.is_empty() {
            let (record, rest) = first(payload).ok_or(Fault::OutOfPlace)?;
            payload = rest;
            let plan = &self.tenants.cordons.all[index as usize].plan;
            let whose = plan.tenants.get(record.slot as usize).copied();
            if (whose.is_none() && record.slot != NOBODY) || record.text.len() > most {
                return Err(Fault::OutOfPlace);
            }
            let ended = match record.stream {
                Stream::Trace => Some(serde_json::from_slice(record.text).map_err(|_| Fault::OutOfPlace)?),
                _ => None,
            };
            if self.may_print(index, whose.map(|tenant| (record.slot, tenant)), record.text.len()) {
                self.take_line(index, whose, &record, ended.as_ref());
            }
        }
        Ok(())
    }

    fn take_line(&mut self, index: u32, whose: Option<u32>, record: &Record<'_>, ended: Option<&TraceEnd>) {
        match (whose, ended) {
            (_, Some(ended)) => self.tell_trace(whose, ended),
            (None, None) => self.say_of_cordon(index, &String::from_utf8_lossy(record.text)),
            (Some(tenant), None) => {
                let mut out = Vec::new();
                self.tell_line(tenant, record.stream, record.text, &mut out);
                let fd = if record.stream == Stream::Stdout { 1 } else { 2 };
                self.print_in_room(fd, &out);
            }
        }
    }

    /// Whether a process may have so many bytes more printed, for a tenant or itself. What it may not is told now and then.
    fn may_print(&mut self, index: u32, whose: Option<(u32, u32)>, count: usize) -> bool {
        let rate = match whose {
            Some((_, tenant)) => self.rate_of_log(tenant),
            None => Some(OWN),
        };
        let Some(rate) = rate else { return true };
        let now = self.now;
        let cordon = &mut self.tenants.cordons.all[index as usize];
        let own = cordon.plan.tenants.len();
        cordon.words.floods.resize(own + 1, Flood::default());
        let flood = &mut cordon.words.floods[whose.map_or(own, |(slot, _)| slot as usize)];
        // Its line end counts too.
        let fits = flood.bucket.take(rate, now.0, count as u64 + 1);
        if !fits {
            flood.dropped += 1;
            flood.bytes += count as u64;
        }
        if flood.dropped > 0 && flood.told.is_none_or(|at| now.since(at) >= TELL_EVERY) {
            let text = format!("{} lines of {} bytes were dropped: more than it may print", flood.dropped, flood.bytes);
            (flood.dropped, flood.bytes, flood.told) = (0, 0, Some(now));
            match whose {
                Some((_, tenant)) => self.say(tenant, &text),
                None => self.say_of_cordon(index, &text),
            }
        }
        fits
    }

    /// What a tenant's instances may print together, and some room.
    fn rate_of_log(&mut self, tenant: u32) -> Option<Rate> {
        let limits = self.limits_as_changed(tenant)?;
        let count = ROOM * u64::from(self.tenants.tenant(tenant)?.plan.instances.most.max(1));
        let wide = |rate: Rate| {
            let Rate { per_second, burst } = rate;
            Rate { per_second: per_second.saturating_mul(count), burst: burst.saturating_mul(count) }
        };
        limits.log_bytes.map(wide)
    }

    /// A process's own words come by this descriptor from now on.
    pub(super) fn hear_cordon(&mut self, index: u32, ours: OwnedFd) {
        self.hush_cordon(index);
        let Ok(key) = self.reactor.adopt_stream(ours, true) else { return };
        self.owners.set(key, Owner::Words(index));
        self.tenants.cordons.all[index as usize].words.pipe = Some(key);
    }

    /// Something has come by it.
    pub(in crate::runtime) fn words_fact(&mut self, index: u32, key: Key, fact: &Fact) {
        let known = self.tenants.cordons.all.get(index as usize).is_some_and(|cordon| cordon.words.pipe == Some(key));
        match fact {
            _ if !known => {}
            Fact::Readable(_) => self.read_words(index, key),
            Fact::Flushed { .. } | Fact::Connected { .. } => {}
            _ => self.hush_cordon(index),
        }
    }

    fn read_words(&mut self, index: u32, key: Key) {
        let mut scratch = std::mem::take(&mut self.scratch);
        for _ in 0..READS {
            match self.reactor.read(key, &mut scratch) {
                Ok(Read::Data { count, .. }) => self.take_words(index, &scratch[..count]),
                Ok(Read::WouldBlock) => break,
                Ok(Read::Eof) | Err(_) => {
                    self.hush_cordon(index);
                    break;
                }
            }
        }
        self.scratch = scratch;
    }

    fn take_words(&mut self, index: u32, bytes: &[u8]) {
        let most = self.tenants.limits.line_bytes as usize;
        let words = &mut self.tenants.cordons.all[index as usize].words;
        let mut whole = std::mem::take(&mut words.begun);
        whole.extend_from_slice(bytes);
        let mut lines: Vec<&[u8]> = whole.split(|byte| *byte == b'\n').collect();
        let begun = lines.pop().unwrap_or_default();
        words.begun = begun[..begun.len().min(most)].to_vec();
        for line in lines {
            let line = &line[..line.len().min(most)];
            if self.may_print(index, None, line.len()) {
                self.say_of_cordon(index, &String::from_utf8_lossy(line));
            }
        }
    }

    /// Nothing more is heard from it.
    pub(super) fn hush_cordon(&mut self, index: u32) {
        let words = &mut self.tenants.cordons.all[index as usize].words;
        words.begun.clear();
        if let Some(key) = words.pipe.take() {
            self.owners.set(key, Owner::Nobody);
            let _gone = self.reactor.close(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_as_they_went_in_and_half_of_one_is_none() {
        let mut bytes = Vec::new();
        put_record(Some(3), Stream::Stderr, b"one", &mut bytes);
        put_record(None, Stream::Host, b"", &mut bytes);
        let (one, rest) = first(&bytes).expect("there are two");
        assert_eq!((one.slot, one.stream, one.text), (3, Stream::Stderr, &b"one"[..]));
        let (two, rest) = first(rest).expect("there is another");
        assert_eq!((two.slot, two.stream, two.text, rest), (NOBODY, Stream::Host, &b""[..], &b""[..]));
        assert!((0..HEAD + 3).all(|count| first(&bytes[..count]).is_none()));
        bytes[4] = 99;
        assert!(first(&bytes).is_none(), "no such stream");
    }
}
