//! The operator's doors: a UNIX socket and a loopback port in the same loop, one request a connection. What comes in is parsed
//! by the host's own codec and judged whole before anything is done. It must not know what the answers say.
mod answers;
mod follow;
mod gate;
mod metrics;
mod patch;
mod report;

pub use report::{Count, HallReport, Report, TenantReport};

use super::{Hall, Owner};
use crate::proto::http1::{self, Decoder, Head, HeaderId, Item, Method, Reason, ResponseHead, Role, StartLine, Step};
use crate::reactor::{self, Addr, Fact, Kernel, Key, ListenOptions, Read};
use crate::time::Clock;
use gate::Gate;
use patch::Patch;
use slab::Slab;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;

/// Connections of operators at once; the oldest goes when one more comes.
const VISITS: usize = 16;

/// Bytes of a request's body.
const BODY_BYTES: usize = 64 << 10;

/// One connection.
struct Visit {
    key: Key,
    serial: u64,
    /// It came by the port.
    gated: bool,
    decoder: Decoder,
    request: Option<Asked>,
    body: Vec<u8>,
    /// The tenant whose log it hears, once it was answered, and lines that it had no room for.
    follows: Option<u32>,
    lost: u64,
    /// It waits until processes of tenants have told of them.
    waits: bool,
}

/// What is asked, and what the head says of who asks.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    method: Method,
    path: String,
    query: String,
    host: Option<String>,
    origin: Option<String>,
    /// `Sec-Fetch-Site`.
    site: Option<String>,
    authorization: Option<String>,
}

impl Default for Asked {
    fn default() -> Self {
        let none = || None;
        let (path, query) = (String::new(), String::new());
        Asked { method: Method::Get, path, query, host: none(), origin: none(), site: none(), authorization: none() }
    }
}

/// Doors, who stands in them, and what they have ordered.
#[derive(Default)]
pub(super) struct Admin {
    visits: Slab<Visit>,
    serials: u64,
    /// Limits that an operator has changed, by tenant: they hold for later instances too.
    patches: HashMap<u32, Patch>,
    gate: Option<Gate>,
    /// Visits that hear a log.
    followers: usize,
}

/// What is said to a request.
pub(super) struct Answer {
    status: u16,
    kind: &'static str,
    /// More lines of its head.
    fields: String,
    text: String,
}

impl Answer {
    fn json(status: u16, value: &serde_json::Value) -> Answer {
        Answer { status, kind: "application/json", fields: String::new(), text: format!("{value}\n") }
    }

    fn error(status: u16, code: &str, why: &str) -> Answer {
        Answer::json(status, &serde_json::json!({ "error": why, "code": code }))
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Lets operators in by a socket of this name, which is this user's alone.
    ///
    /// # Errors
    /// Those of listening, and of the file system.
    pub fn open_admin(&mut self, path: &Path) -> reactor::Result<()> {
        let key = self.reactor.listen_unix(path, &ListenOptions::default())?;
        self.owners.set(key, Owner::Door);
        Ok(())
    }

    /// Lets operators in by a port, too, who have the token. Answers where.
    ///
    /// # Errors
    /// Those of listening.
    pub fn open_admin_port(&mut self, at: SocketAddr, token: String) -> reactor::Result<SocketAddr> {
        let key = self.reactor.listen_tcp(at, &ListenOptions::default())?;
        self.owners.set(key, Owner::Gate);
        let local = match self.reactor.local_addr(key) {
            Ok(Addr::Ip(local)) => local,
            _ => at,
        };
        self.admin.gate = Some(Gate::new(local.port(), token));
        Ok(local)
    }

    pub(super) fn operator_came(&mut self, key: Key, gated: bool) {
        if self.admin.visits.len() >= VISITS
            && let Some((oldest, _)) = self.admin.visits.iter().min_by_key(|(_, visit)| visit.serial)
        {
            self.drop_visit(oldest as u32);
        }
        self.admin.serials += 1;
        let serial = self.admin.serials;
        let decoder = Decoder::new(Role::Server);
        let (body, request) = (Vec::new(), None);
        let visit = Visit { key, serial, gated, decoder, request, body, follows: None, lost: 0, waits: false };
        let index = self.admin.visits.insert(visit) as u32;
        self.owners.set(key, Owner::Visit(index));
    }

    pub(super) fn operator_fact(&mut self, index: u32, key: Key, fact: &Fact) {
        if self.admin.visits.get(index as usize).is_none_or(|visit| visit.key != key) {
            return;
        }
        match fact {
            Fact::Readable(_) => self.hear(index),
            Fact::Flushed { .. } | Fact::Connected { .. } => {}
            _ => self.drop_visit(index),
        }
    }

    fn drop_visit(&mut self, index: u32) {
        let visit = self.admin.visits.remove(index as usize);
        self.admin.followers -= usize::from(visit.follows.is_some());
        self.owners.set(visit.key, Owner::Nobody);
        let _gone = self.reactor.reset(visit.key);
    }

    /// Reads until the request is whole, or wrong.
    fn hear(&mut self, index: u32) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let answer = loop {
            let visit = &mut self.admin.visits[index as usize];
            match self.reactor.read(visit.key, &mut scratch) {
                // Who hears a log has nothing more to say.
                Ok(Read::Data { .. }) if visit.follows.is_some() => {}
                Ok(Read::Data { count, .. }) => match visit.take(&scratch[..count], &mut self.parts) {
                    None => {}
                    Some(Ok(())) => break self.let_in(index),
                    Some(Err((status, code, why))) => break Some(Answer::error(status, code, why)),
                },
                Ok(Read::WouldBlock) => break None,
                Ok(Read::Eof) | Err(_) => {
                    self.scratch = scratch;
                    return self.drop_visit(index);
                }
            }
        };
        self.scratch = scratch;
        if let Some(answer) = answer {
            self.say_to_operator(index, &answer);
        }
    }

    /// Who may ask is answered, now or when processes of tenants have told what they know.
    fn let_in(&mut self, index: u32) -> Option<Answer> {
        let visit = &self.admin.visits[index as usize];
        let (gate, asked) = (self.admin.gate.as_mut().filter(|_| visit.gated), visit.request.as_ref());
        let stopped = gate.zip(asked).and_then(|(gate, asked)| gate.stop(asked));
        if stopped.is_some() {
            return stopped;
        }
        if self.ask_cordons() {
            self.admin.visits[index as usize].waits = true;
            return None;
        }
        Some(self.answer_visit(index))
    }

    /// What is asked of other processes has been told, or will not be.
    pub(super) fn answer_operators(&mut self) {
        let waits = self.admin.visits.iter().filter(|(_, visit)| visit.waits);
        for index in waits.map(|(index, _)| index as u32).collect::<Vec<_>>() {
            self.admin.visits[index as usize].waits = false;
            let answer = self.answer_visit(index);
            self.say_to_operator(index, &answer);
        }
    }

    fn answer_visit(&mut self, index: u32) -> Answer {
        let visit = &mut self.admin.visits[index as usize];
        let body = std::mem::take(&mut visit.body);
        let Some(asked) = visit.request.take() else { return Answer::error(400, "ERR_HTTP", "there is no request") };
        self.answer_operator(index, &asked, &body)
    }

    /// The answer goes out, and the connection with it, if it does not stay for a log.
    fn say_to_operator(&mut self, index: u32, answer: &Answer) {
        let visit = &self.admin.visits[index as usize];
        let (key, stays) = (visit.key, visit.follows.is_some());
        let own = if visit.gated { gate::FIELDS } else { "" };
        let fields = format!("Content-Type: {}\r\nCache-Control: no-store\r\n{own}{}", answer.kind, answer.fields);
        if stays {
            // What has no end known ends with the connection.
            let head = format!("HTTP/1.1 {} OK\r\n{fields}Connection: close\r\n\r\n", answer.status);
            let _gone = self.reactor.send(key, head.as_bytes());
            let _gone = self.reactor.send(key, answer.text.as_bytes());
            return;
        }
        let head = ResponseHead {
            request_version_minor: 1,
            status: answer.status,
            fields: fields.as_bytes(),
            content_length: Some(answer.text.len() as u64),
            should_keep_alive: false,
            ..ResponseHead::default()
        };
        let date = self.date.at(self.wall);
        if let Ok(out) = self.reactor.out_buffer(key) {
            http1::encode_response(out, &head, answer.text.as_bytes(), date).expect("our own fields are in order");
        }
        self.admin.visits.remove(index as usize);
        self.owners.set(key, Owner::Nobody);
        self.let_drain(key);
    }
}

impl Visit {
    /// Takes bytes; answers when the request is whole, or what is wrong with it.
    fn take(&mut self, mut input: &[u8], parts: &mut http1::Scratch) -> Option<Result<(), Wrong>> {
        let limits = http1::Limits::default();
        loop {
            let Step { consumed, item } = self.decoder.decode(input, &limits, parts);
            input = &input[consumed.min(input.len())..];
            match item {
                Item::NeedMore => return None,
                Item::Head(head) => match request(&head) {
                    Some(request) => self.request = Some(request),
                    None => return Some(Err((400, "ERR_TARGET", "the request has no plain target"))),
                },
                Item::Body(bytes) if self.body.len() + bytes.len() > BODY_BYTES => {
                    return Some(Err((413, "ERR_TOO_LARGE", "the body is too large")));
                }
                Item::Body(bytes) => self.body.extend_from_slice(bytes),
                Item::End(_) => return Some(Ok(())),
                Item::UpgradePending | Item::Tunnel => return Some(Err((400, "ERR_HTTP", "nothing is upgraded here"))),
                Item::Error(Reason::HeaderOverflow) => {
                    return Some(Err((431, "ERR_TOO_LARGE", "the head is too large")));
                }
                Item::Error(_) => return Some(Err((400, "ERR_HTTP", "this is no HTTP/1.1"))),
            }
        }
    }
}

/// Status, code and words.
type Wrong = (u16, &'static str, &'static str);

fn request(head: &Head<'_>) -> Option<Asked> {
    let StartLine::Request { method, target } = head.start else { return None };
    let target = head.bytes.get(target.start as usize..(target.start + target.len) as usize)?;
    let target = std::str::from_utf8(target).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_plain = path.starts_with('/') && !target.contains(['%', '#']);
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let field = |id: HeaderId| head.field(id).map(text);
    let named = |name: &[u8]| head.fields.iter().find(|field| field.name_in(head.bytes).eq_ignore_ascii_case(name));
    is_plain.then(|| Asked {
        method,
        path: path.into(),
        query: query.into(),
        host: field(HeaderId::Host),
        origin: field(HeaderId::Origin),
        site: named(b"sec-fetch-site").map(|field| text(field.value_in(head.bytes))),
        authorization: field(HeaderId::Authorization),
    })
}
