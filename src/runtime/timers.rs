//! Whose timer has fired: tokens, and the way from a timer back to its owner. It must not know what
//! the owner does then.
use super::Hall;
use crate::reactor::Kernel;
use crate::time::{Clock, Expired};

/// Timers that fire in one turn: bounds the turn, the rest fire in the next.
const EXPIRE_BUDGET: usize = 1024;

/// Whom a timer belongs to; the number indexes the hall's table of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A guest's one timer.
    Guest(u32),
    /// The deadline of what an HTTP connection waits for.
    Conn(u32),
    /// A connection without traffic.
    ConnIdle(u32),
    /// A stream without traffic.
    StreamIdle(u32),
    /// A listener that rests for want of descriptors.
    Rearm(u32),
    /// The grace of a hall that is leaving.
    Leave,
    /// Standard output was full.
    Logs,
    /// A stream that nobody owns has bytes left.
    Draining(u32),
    /// An HTTP connection whose peer does not take all that it is sent.
    ConnSlow(u32),
    /// A guest that is held may have waited long enough.
    Held,
    /// A child whose channel has ended.
    Child(u32),
    /// The process that started this one is gone.
    Orphan,
    /// A guest has rested.
    Rest(u32),
    /// What a connection of nobody's waits for.
    Visitor(u32),
    /// A tenant is to be looked at.
    Tenant(u32),
    /// Listeners of the hall's own rest for want of descriptors.
    RearmOwn,
    /// A process of tenants is to be looked at.
    Cordon(u32),
    /// Processes of tenants have had their time to answer.
    Asked(u32),
    /// A process of tenants is to be asked whether it goes on.
    Pulse(u32),
    /// The configuration is to be read again.
    Hive,
    /// The time of a call by the embedding program.
    Call(u32),
    /// A guest has maybe had nothing to do for a while.
    Doze,
    /// The next one that wants to sleep may begin to.
    Drowsy,
    /// Those that are to wake may find what they lacked.
    Risers,
    /// Processes below may have asked to have their folders measured.
    Hoards,
}

impl Token {
    pub fn pack(self) -> u64 {
        let (kind, index) = match self {
            Token::Guest(index) => (0, index),
            Token::Conn(index) => (1, index),
            Token::ConnIdle(index) => (2, index),
            Token::StreamIdle(index) => (3, index),
            Token::Rearm(index) => (4, index),
            Token::Leave => (5, 0),
            Token::Logs => (6, 0),
            Token::Draining(index) => (7, index),
            Token::ConnSlow(index) => (8, index),
            Token::Held => (9, 0),
            Token::Child(index) => (10, index),
            Token::Orphan => (11, 0),
            Token::Rest(index) => (12, index),
            Token::Visitor(index) => (13, index),
            Token::Tenant(index) => (14, index),
            Token::RearmOwn => (15, 0),
            Token::Call(index) => (16, index),
            Token::Doze => (17, 0),
            Token::Cordon(index) => (18, index),
            Token::Hive => (19, 0),
            Token::Asked(number) => (20, number),
            Token::Pulse(index) => (21, index),
            Token::Drowsy => (22, 0),
            Token::Risers => (23, 0),
            Token::Hoards => (24, 0),
        };
        u64::from(kind as u32) << 32 | u64::from(index)
    }

    fn unpack(token: u64) -> Token {
        let index = token as u32;
        match token >> 32 {
            0 => Token::Guest(index),
            1 => Token::Conn(index),
            2 => Token::ConnIdle(index),
            3 => Token::StreamIdle(index),
            4 => Token::Rearm(index),
            5 => Token::Leave,
            6 => Token::Logs,
            7 => Token::Draining(index),
            8 => Token::ConnSlow(index),
            9 => Token::Held,
            10 => Token::Child(index),
            11 => Token::Orphan,
            12 => Token::Rest(index),
            13 => Token::Visitor(index),
            14 => Token::Tenant(index),
            15 => Token::RearmOwn,
            16 => Token::Call(index),
            17 => Token::Doze,
            18 => Token::Cordon(index),
            19 => Token::Hive,
            20 => Token::Asked(index),
            21 => Token::Pulse(index),
            22 => Token::Drowsy,
            23 => Token::Risers,
            _ => Token::Hoards,
        }
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Timers that are due.
    pub(super) fn fire_timers(&mut self) {
        let mut expired = std::mem::take(&mut self.expired);
        self.timers.expire(self.now, EXPIRE_BUDGET, &mut expired);
        for Expired { id, token, .. } in expired.drain(..) {
            match Token::unpack(token) {
                Token::Guest(index) => self.guest_timer(index, id),
                Token::Conn(index) => self.conn_timer(index, id),
                Token::ConnIdle(index) => self.conn_idle_timer(index, id),
                Token::StreamIdle(index) => self.stream_idle_timer(index, id),
                Token::Rearm(index) => self.listener_rearm(index),
                Token::Leave => self.leave_timer(),
                Token::Logs => self.logs_timer(),
                Token::Draining(index) => self.draining_timer(index),
                Token::ConnSlow(index) => self.conn_slow_timer(index, id),
                // It has ended the wait, which is all.
                Token::Held => {}
                Token::Child(index) => self.child_timer(index),
                Token::Orphan => self.orphan_timer(),
                Token::Rest(index) => self.rested(index, id),
                Token::Visitor(index) => self.visitor_late(index, id),
                Token::Tenant(index) => self.tenant_timer(index, id),
                Token::RearmOwn => self.rearm_own(),
                Token::Call(index) => self.call_timer(index, id),
                Token::Doze => self.doze_timer(),
                Token::Drowsy => self.drowsy_timer(),
                Token::Risers => self.risers_timer(),
                Token::Hoards => self.hoards_timer(),
                Token::Pulse(index) => self.pulse_timer(index),
                Token::Cordon(index) => self.cordon_timer(index),
                Token::Hive => self.hive_timer(),
                Token::Asked(number) => self.asked_timer(number),
            }
        }
        self.expired = expired;
    }
}
