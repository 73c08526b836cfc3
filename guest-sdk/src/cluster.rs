//! Several processes of this guest behind the same addresses, or this process as a worker of a script's cluster (where
//! `Server::listen` by itself is enough, as in Node). Every one runs the same main function: the first is the primary, which
//! starts the others, opens the addresses and serves nothing itself; in the others, the workers, the same calls give what
//! serves. The host deals connections out: to the worker with the fewest that it has not begun. It must not know what is
//! served.
use crate::http::{self, Request, Response, Server};
use crate::net::{Listener, Stream};
use crate::process::{self, Channel, ChannelEvent, ChildEvent};
use crate::raw::{self, Handle};
use crate::{timer, worker, Result};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// A worker that ended sooner is replaced no sooner: one that cannot start must not be all that this machine does.
const PATIENCE: Duration = Duration::from_secs(1);

/// This process as one of several.
pub struct Cluster {
    role: Role,
    /// Addresses asked for so far: in every process the same, in the same order.
    asked: Cell<u32>,
}

enum Role {
    Primary(Rc<Primary>),
    Worker(u32),
    /// Of a script's cluster: there an address is asked for by what it is.
    Scripts(u32),
}

/// What the first process keeps.
#[derive(Default)]
struct Primary {
    workers: RefCell<BTreeMap<u32, Channel>>,
    /// Listeners, by the numbers that workers know them by.
    shared: RefCell<Vec<(u32, Handle)>>,
}

/// What an address is here.
#[derive(Debug)]
pub enum Side<T> {
    /// The address itself, whose connections go to the workers.
    Primary(Listener),
    /// What serves the connections that this worker is dealt.
    Worker(T),
}

impl Cluster {
    /// In the first process: starts that many workers, each in a process of its own, and another whenever one has ended.
    /// In a worker: finds out that it is one.
    ///
    /// # Errors
    /// `EACCES` without the grant to fork.
    pub fn start(workers: u32) -> Result<Cluster> {
        let role = match (worker::number(), process::worker()) {
            (Some(number), _) => Role::Scripts(number),
            (None, Some(number)) => {
                if let Some(primary) = process::parent() {
                    // It has no work without it.
                    primary.on(|_, event| {
                        if let ChannelEvent::Closed(_) = event {
                            process::exit(0)
                        }
                    });
                }
                Role::Worker(number)
            }
            (None, None) => {
                let primary = Rc::new(Primary::default());
                for number in 1..=workers {
                    Primary::fork(&primary, number)?;
                }
                Role::Primary(primary)
            }
        };
        Ok(Cluster { role, asked: Cell::new(0) })
    }

    /// This worker's number, from 1 on; a worker that takes another's place has its number. The primary has none.
    pub fn worker(&self) -> Option<u32> {
        match self.role {
            Role::Worker(number) | Role::Scripts(number) => Some(number),
            Role::Primary(_) => None,
        }
    }

    /// An HTTP server that the workers share.
    ///
    /// # Errors
    /// As [`Server::listen`].
    pub fn serve<O: http::Outcome>(
        &self,
        address: &str,
        handler: impl FnMut(Request<'_>, Response) -> O + 'static,
    ) -> Result<Side<Server>> {
        self.share(address, |id| match id {
            Some(id) => Server::shared(id, &http::Options::default(), handler),
            None => Server::listen(address, handler),
        })
    }

    /// A listener for streams that the workers share.
    ///
    /// # Errors
    /// As [`Listener::listen`].
    pub fn listen(&self, address: &str, call: impl FnMut(Stream) + 'static) -> Result<Side<Listener>> {
        self.share(address, |id| match id {
            Some(id) => Listener::shared(id, call),
            None => Listener::listen(address, call),
        })
    }

    /// A worker of a script's cluster stops listening, and leaves when its last connection has ended. Others end by
    /// [`process::exit`].
    pub fn disconnect(&self) {
        worker::disconnect();
    }

    fn share<T>(&self, address: &str, serve: impl FnOnce(Option<u32>) -> Result<T>) -> Result<Side<T>> {
        self.asked.set(self.asked.get() + 1);
        let id = self.asked.get();
        let primary = match &self.role {
            Role::Worker(_) => return serve(Some(id)).map(Side::Worker),
            Role::Scripts(_) => return serve(None).map(Side::Worker),
            Role::Primary(primary) => primary,
        };
        let listener = Listener::listen(address, |stream| stream.close())?;
        primary.shared.borrow_mut().push((id, listener.handle()));
        for channel in primary.workers.borrow().values() {
            raw::listener_share(listener.handle(), channel.handle(), id)?;
        }
        Ok(Side::Primary(listener))
    }
}

impl Primary {
    fn fork(this: &Rc<Primary>, number: u32) -> Result<()> {
        let (own, began) = (this.clone(), timer::now());
        let child = process::fork_worker(number, move |event| match event {
            ChildEvent::Started(_) => {}
            _ => Primary::ended(&own, number, timer::now().saturating_sub(began)),
        })?;
        for (id, listener) in &*this.shared.borrow() {
            raw::listener_share(*listener, child.channel().handle(), *id)?;
        }
        this.workers.borrow_mut().insert(number, child.channel().clone());
        Ok(())
    }

    fn ended(this: &Rc<Primary>, number: u32, lived: Duration) {
        this.workers.borrow_mut().remove(&number);
        let own = this.clone();
        timer::after(PATIENCE.saturating_sub(lived), move || {
            if Primary::fork(&own, number).is_err() {
                Primary::ended(&own, number, Duration::from_secs(0));
            }
        });
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Cluster({:?})", self.worker())
    }
}
