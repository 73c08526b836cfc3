//! Connections of guests that sleep. A peer that leaves wakes nobody; what another sends waits, unread, until its guest is
//! awake. It must not know how a guest is woken.
use super::Hall;
use crate::reactor::{Kernel, Key, Read};
use crate::time::Clock;

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Something has come on a connection whose guest sleeps. What was read is kept with it: if the guest cannot be woken, both
    /// go to another.
    pub(super) fn knock(&mut self, index: u32, key: Key) {
        match self.reactor.read(key, &mut self.scratch) {
            Ok(Read::Data { count, .. }) => {
                let guest = self.conns[index as usize].guest;
                let traffic = &mut self.seats[guest as usize].guest.state_mut().conn_traffic;
                if let Some([_, received]) = traffic.get_mut(index as usize) {
                    *received += count as u64;
                }
                let scratch = std::mem::take(&mut self.scratch);
                self.block(index, &scratch[..count]);
                self.scratch = scratch;
                self.tenants.knock(key);
            }
            Ok(Read::WouldBlock) => {}
            Ok(Read::Eof) => self.conn_eof(index),
            Err(error) => self.lose_conn(index, Some(error)),
        }
    }
}
