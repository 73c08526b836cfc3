//! The operator's door: a UNIX socket in the same loop, one request a connection. What comes in is parsed by the host's own
//! codec and judged whole before anything is done. It must not know what the answers say.
mod answers;
mod metrics;
mod patch;

use super::{Hall, Owner};
use crate::proto::http1::{self, Decoder, Head, Item, Method, Reason, ResponseHead, Role, StartLine, Step};
use crate::reactor::{self, Fact, Kernel, Key, ListenOptions, Read};
use crate::time::Clock;
use patch::Patch;
use slab::Slab;
use std::collections::HashMap;
use std::path::Path;

/// Connections of operators at once; the oldest goes when one more comes.
const VISITS: usize = 16;

/// Bytes of a request's body.
const BODY_BYTES: usize = 64 << 10;

/// One connection.
struct Visit {
    key: Key,
    serial: u64,
    decoder: Decoder,
    request: Option<(Method, String)>,
    body: Vec<u8>,
}

/// Doors, who stands in them, and what they have ordered.
#[derive(Default)]
pub(super) struct Admin {
    visits: Slab<Visit>,
    serials: u64,
    /// Limits that an operator has changed, by tenant: they hold for later instances too.
    patches: HashMap<u32, Patch>,
}

/// What is said to a request.
pub(super) struct Answer {
    status: u16,
    kind: &'static str,
    text: String,
}

impl Answer {
    fn json(status: u16, value: &serde_json::Value) -> Answer {
        Answer { status, kind: "application/json", text: format!("{value}\n") }
    }

    fn error(status: u16, why: &str) -> Answer {
        Answer::json(status, &serde_json::json!({ "error": why }))
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

    pub(super) fn operator_came(&mut self, key: Key) {
        if self.admin.visits.len() >= VISITS
            && let Some((oldest, _)) = self.admin.visits.iter().min_by_key(|(_, visit)| visit.serial)
        {
            self.drop_visit(oldest as u32);
        }
        self.admin.serials += 1;
        let serial = self.admin.serials;
        let visit = Visit { key, serial, decoder: Decoder::new(Role::Server), request: None, body: Vec::new() };
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
        self.owners.set(visit.key, Owner::Nobody);
        let _gone = self.reactor.reset(visit.key);
    }

    /// Reads until the request is whole, or wrong.
    fn hear(&mut self, index: u32) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let answer = loop {
            let visit = &mut self.admin.visits[index as usize];
            match self.reactor.read(visit.key, &mut scratch) {
                Ok(Read::Data { count, .. }) => match visit.take(&scratch[..count], &mut self.parts) {
                    None => {}
                    Some(Ok(())) => break Some(self.answer_visit(index)),
                    Some(Err((status, why))) => break Some(Answer::error(status, why)),
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

    fn answer_visit(&mut self, index: u32) -> Answer {
        let visit = &mut self.admin.visits[index as usize];
        let body = std::mem::take(&mut visit.body);
        match visit.request.take() {
            Some((method, target)) => self.answer_operator(method, &target, &body),
            None => Answer::error(400, "there is no request"),
        }
    }

    /// The answer goes out, and the connection with it.
    fn say_to_operator(&mut self, index: u32, answer: &Answer) {
        let visit = self.admin.visits.remove(index as usize);
        self.owners.set(visit.key, Owner::Nobody);
        let fields = format!("Content-Type: {}\r\nCache-Control: no-store\r\n", answer.kind);
        let head = ResponseHead {
            request_version_minor: 1,
            status: answer.status,
            fields: fields.as_bytes(),
            content_length: Some(answer.text.len() as u64),
            should_keep_alive: false,
            ..ResponseHead::default()
        };
        let date = self.date.at(self.wall);
        if let Ok(out) = self.reactor.out_buffer(visit.key) {
            http1::encode_response(out, &head, answer.text.as_bytes(), date).expect("our own fields are in order");
        }
        self.let_drain(visit.key);
    }
}

impl Visit {
    /// Takes bytes; answers when the request is whole, or what is wrong with it.
    fn take(&mut self, mut input: &[u8], parts: &mut http1::Scratch) -> Option<Result<(), (u16, &'static str)>> {
        let limits = http1::Limits::default();
        loop {
            let Step { consumed, item } = self.decoder.decode(input, &limits, parts);
            input = &input[consumed.min(input.len())..];
            match item {
                Item::NeedMore => return None,
                Item::Head(head) => match request(&head) {
                    Some(request) => self.request = Some(request),
                    None => return Some(Err((400, "the request has no plain target"))),
                },
                Item::Body(bytes) if self.body.len() + bytes.len() > BODY_BYTES => {
                    return Some(Err((413, "the body is too large")));
                }
                Item::Body(bytes) => self.body.extend_from_slice(bytes),
                Item::End(_) => return Some(Ok(())),
                Item::UpgradePending | Item::Tunnel => return Some(Err((400, "nothing is upgraded here"))),
                Item::Error(Reason::HeaderOverflow) => return Some(Err((431, "the head is too large"))),
                Item::Error(_) => return Some(Err((400, "this is no HTTP/1.1"))),
            }
        }
    }
}

fn request(head: &Head<'_>) -> Option<(Method, String)> {
    let StartLine::Request { method, target } = head.start else { return None };
    let target = head.bytes.get(target.start as usize..(target.start + target.len) as usize)?;
    let plain = target.starts_with(b"/") && !target.iter().any(|byte| b"?%#".contains(byte));
    Some((method, String::from_utf8(target.to_vec()).ok().filter(|_| plain)?))
}
