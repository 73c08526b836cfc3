//! Heads of requests as a tenant's guest is told them: with lines of the front's own, if the operator wants such. It must not
//! know how a head is told.
use super::{Tenants, Trace};
use crate::guest::{Ends, GuestState};
use crate::proto::forwarded::{Retold, forward};
use crate::proto::http1::Head;

impl Tenants {
    /// The head as it is told, and its trace; none: as it was sent.
    pub fn retell(&self, state: &mut GuestState, index: u32, head: &Head<'_>) -> (Option<Retold>, Option<Box<Trace>>) {
        if self.manners == super::Manners::default() {
            return (None, None);
        }
        let mut retold = Retold::new(head);
        if let Some(believed) = self.manners.forwarded
            && let Some(Some(Ends::Tcp { peer: Some(peer), .. })) = state.conn_ends.get(index as usize)
        {
            forward(&mut retold, peer.ip(), state.conn_tls.contains_key(&index), believed);
        }
        let trace = self.manners.trace.then(|| Box::new(Trace::begin(state, head, &mut retold)));
        (Some(retold), trace)
    }
}
