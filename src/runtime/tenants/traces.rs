//! Traces: each request of a front has a `traceparent`, the client's trace or one of its own, and its end is a line of JSON.
//! Nothing is sent anywhere: who collects logs collects traces. It must not know how heads are told.
use super::super::Hall;
use super::printed::put_record;
use super::told::{Stream, json_line};
use crate::guest::GuestState;
use crate::proto::forwarded::Retold;
use crate::proto::http1::Head;
use crate::proto::traceparent::{Traceparent, text};
use crate::reactor::Kernel;
use crate::time::Clock;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bytes of a request's first line that are logged.
const LINE_BYTES: usize = 256;

/// One request that is traced.
#[derive(Debug)]
pub(in crate::runtime) struct Trace {
    own: Traceparent,
    /// The span that the client told.
    parent: Option<[u8; 8]>,
    /// Method and target.
    what: Box<str>,
}

impl Trace {
    /// The request's own span, told to the script in the place of what the client sent.
    pub fn begin(state: &mut GuestState, head: &Head<'_>, retold: &mut Retold) -> Trace {
        let mut random = [0; 24];
        state.outside.random(&mut random);
        let fresh = Traceparent {
            trace: random[..16].try_into().expect("16 bytes"),
            span: random[16..].try_into().expect("8 bytes"),
            flags: 1,
        };
        let named = |name: &'static [u8]| move |other: &[u8]| other.eq_ignore_ascii_case(name);
        let told = retold.take(named(b"traceparent"));
        // Said twice is said by nobody.
        let told = Some(&told[..]).filter(|told| told.len() == 1).and_then(|told| Traceparent::read(&told[0]));
        let own = told.map_or(fresh, |told| Traceparent { span: fresh.span, ..told });
        if told.is_none() {
            // It is about a trace that nobody knows.
            retold.take(named(b"tracestate"));
        }
        retold.add("traceparent", own.text().as_bytes());
        let line = head.bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = line.strip_suffix(b" HTTP/1.1").or_else(|| line.strip_suffix(b" HTTP/1.0")).unwrap_or(line);
        let what = String::from_utf8_lossy(&line[..line.len().min(LINE_BYTES)]).into();
        Trace { own, parent: told.map(|told| told.span), what }
    }
}

/// How one ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TraceEnd {
    trace: [u8; 16],
    span: [u8; 8],
    parent: Option<[u8; 8]>,
    sampled: bool,
    status: u16,
    micros: u64,
    what: Box<str>,
}

impl TraceEnd {
    /// As members of a line's JSON.
    fn members(&self) -> String {
        let parent = self.parent.map_or("null".into(), |parent| format!("\"{}\"", text(&parent)));
        format!(
            ",\"traceId\":\"{}\",\"spanId\":\"{}\",\"parentId\":{parent},\"sampled\":{},\"status\":{},\"micros\":{}",
            text(&self.trace),
            text(&self.span),
            self.sampled,
            self.status,
            self.micros,
        )
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A traced request has been answered.
    pub(in crate::runtime) fn trace_ended(&mut self, guest: u32, trace: &Trace, status: u16, span: Duration) {
        let tenant = self.seats.get(guest as usize).and_then(|seat| seat.tenancy).map(|tenancy| tenancy.tenant);
        let Traceparent { trace: id, span: own, flags } = trace.own;
        let end = TraceEnd {
            trace: id,
            span: own,
            parent: trace.parent,
            sampled: flags & 1 == 1,
            status,
            micros: span.as_micros() as u64,
            what: trace.what.clone(),
        };
        if !self.tenants.is_cordon() {
            return self.tell_trace(tenant, &end);
        }
        let (mut record, line) = (Vec::new(), serde_json::to_vec(&end).unwrap_or_default());
        put_record(tenant, Stream::Trace, &line, &mut record);
        if !self.send_records(&record) {
            self.tenants.traces_dropped += 1;
        }
    }

    /// The line of a request's end.
    pub(super) fn tell_trace(&mut self, tenant: Option<u32>, end: &TraceEnd) {
        let tenant = tenant.and_then(|tenant| self.tenants.all.get(tenant as usize));
        let name = tenant.map(|tenant| tenant.plan.name.as_str());
        let line = json_line(self.wall, name, Stream::Trace, &end.what, &end.members());
        if !self.print_in_room(1, line.as_bytes()) {
            self.tenants.traces_dropped += 1;
        }
    }
}
