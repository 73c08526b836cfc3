//! A configuration that was read again, by whoever has one, and what it makes of this hall: tenants, fronts, processes, and what is to
//! be deployed. It must not know what is written where.
use super::super::Hall;
use super::{Again, Reload};
use crate::reactor::Kernel;
use crate::time::Clock;

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Has the configuration read again. Answers whether anything is deployed; none: it was not read, or is not in order.
    pub fn reload_tenants(&mut self, what: Again) -> Option<bool> {
        if self.tenants.is_cordon() {
            self.tell_changed(what);
            return None;
        }
        match self.tenants.keeper.as_mut()?.reload(what) {
            Ok(reload) => {
                let differs = !reload.deploy.is_empty();
                self.take_reload(reload);
                Some(differs)
            }
            Err(why) => {
                self.say_all(&format!("{why}; nothing is changed"));
                None
            }
        }
    }

    /// In a process of tenants: they are so from here on.
    pub(super) fn renew_tenants(&mut self, hive: &str) {
        if let Some(reload) = self.tenants.keeper.as_mut().and_then(|keeper| keeper.renew(hive.as_bytes())) {
            self.take_reload(reload);
        }
    }

    fn take_reload(&mut self, reload: Reload) {
        let Reload { notes, routes, plans, gone, deploy, acceptor, fronts, manners, cordons } = reload;
        notes.iter().for_each(|note| self.say_all(note));
        self.set_acceptor(acceptor);
        self.set_manners(manners);
        // A process of tenants has none.
        let arranged = if self.tenants.is_cordon() { Ok(Vec::new()) } else { self.arrange_fronts(&fronts) };
        match arranged {
            Ok(opened) => opened.into_iter().for_each(|at| self.say_all(&format!("listening on {at}"))),
            Err((at, error)) => {
                self.say_all(&format!("cannot listen on {at}: {}; fronts stay as they were", error.name()));
            }
        }
        self.arrange(routes, plans, gone);
        if self.tenants.are_apart() {
            self.arrange_cordons(cordons);
        }
        self.tenants.deploying.extend(deploy);
    }
}
