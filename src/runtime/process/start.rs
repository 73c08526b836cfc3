//! Starting children: descriptors are made when a guest asks, so that its streams are there at once; the process itself
//! begins when the tree allows it. It must not know what becomes of it afterwards.
use super::channel::{Channel, Far, Waiting};
use super::child::{Child, Stage, Wished};
use super::nursery::Filter;
use super::order::{ChildOrder, environment};
use super::{Clones, Hall, Wisher};
use crate::guest::{ChildEnd, ChildPlan, ChildProgram, Handle, Kit, Legacy};
use crate::policy::Run;
use crate::proto::ipc::{self, Frame, Kind, Side};
use crate::reactor::process::{self, Process, Spawn};
use crate::reactor::{Errno, Kernel};
use crate::runtime::listeners::errno;
use crate::runtime::seat::Resource;
use crate::runtime::streams::Stream;
use crate::time::Clock;
use serde_json::Value;
use skep_abi::errno::{ENOMEM, ENOSYS};
use skep_abi::{child_state, events};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;

/// The hidden word of the command line that makes this program a child.
pub const CHILD_WORD: &str = "child";

/// What a program that starts this one again hands on: the grants of the guest that started it, a word a line.
pub const OPTIONS: &str = "SKEP_OPTIONS";

/// Variables that would have a program load or run something else than what was granted.
const UNCLEAN: [&str; 6] = ["LD_", "DYLD_", "NODE_OPTIONS", "BASH_ENV", "ENV", "SKEP_"];

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A guest asks for a process.
    pub(in crate::runtime) fn child_start(&mut self, guest: u32, handle: Handle, plan: ChildPlan) {
        let is_guest = !matches!(plan.program, ChildProgram::Path(_));
        if let Some(index) = self.prepare_child(guest, handle, plan) {
            // Programs were granted by name, and are not counted.
            if is_guest { self.wish(Wisher::Own(index)) } else { self.start_child(index) }
        }
    }

    /// A guest asks for a clone: the channel is there at once, the process follows when the turn has ended.
    pub(in crate::runtime) fn prepare_clone(&mut self, guest: u32, handle: Handle, plan: ChildPlan) {
        if let Some(index) = self.prepare_child(guest, handle, plan) {
            self.seats[guest as usize].clones.push((handle, index));
        }
    }

    /// The image has been taken, or none can be.
    pub(in crate::runtime) fn start_clone(&mut self, index: u32, taken: Option<Legacy>) {
        let can_clone = self.can_clone();
        let Some(child) = self.processes.children.get_mut(index as usize) else { return };
        let Stage::Wished(wished) = &mut child.stage else { return };
        match (&mut wished.plan.program, taken) {
            (ChildProgram::Clone { legacy, .. }, Some(taken)) if can_clone => {
                *legacy = Some(Box::new(taken));
                self.wish(Wisher::Own(index));
            }
            _ if !can_clone => self.child_refused(index, ENOSYS),
            _ => self.child_refused(index, ENOMEM),
        }
    }

    /// Its place, and what a guest may use of it at once.
    fn prepare_child(&mut self, guest: u32, handle: Handle, plan: ChildPlan) -> Option<u32> {
        self.processes.tree.most = self.seats[guest as usize].guest.state().grants.fork;
        let is_guest = !matches!(plan.program, ChildProgram::Path(_));
        let child = Child {
            owner: Some((guest, handle)),
            stage: Stage::Ended(process::End::Code(0)),
            channel: None,
            is_guest,
            detached: plan.detached,
            said: None,
            reason: None,
            row: None,
            below: 0,
            outputs: 0,
        };
        let index = self.processes.children.insert(child) as u32;
        self.seats[guest as usize].bind(handle, Resource::Child(index));
        match self.prepare(index, guest, plan) {
            Ok(wished) => {
                self.processes.children[index as usize].stage = Stage::Wished(Box::new(wished));
                Some(index)
            }
            Err(error) => {
                self.child_failed(index, errno(error) as i32);
                None
            }
        }
    }

    /// Makes the child's descriptors, and the guest's ends of them.
    fn prepare(&mut self, index: u32, guest: u32, plan: ChildPlan) -> Result<Wished, Errno> {
        if !self.processes.watching {
            self.reactor.watch_signal(process::CHILD_SIGNAL)?;
            self.processes.watching = true;
        }
        let mut far = None;
        if self.processes.children[index as usize].is_guest {
            let (ours, theirs) = process::pair()?;
            let key = self.reactor.open_channel(ours)?;
            let user = plan.channel.map(|channel| (guest, channel));
            let decoder = self.decoder(Side::Child);
            let channel = Channel::new(key, Far::Child(index), user, decoder, VecDeque::new());
            self.processes.children[index as usize].channel = Some(self.add_channel(channel));
            far = Some(theirs);
        }
        let mut ends = Vec::new();
        for (at, end) in plan.stdio.iter().enumerate() {
            let end = self.child_end(index, guest, at, end)?;
            ends.push(end);
        }
        Ok(Wished { plan, ends, far })
    }

    /// One descriptor for a child.
    fn child_end(&mut self, child: u32, guest: u32, at: usize, end: &ChildEnd) -> Result<Option<OwnedFd>, Errno> {
        Ok(match end {
            ChildEnd::Null | ChildEnd::Absent => None,
            ChildEnd::Inherit(0) => Some(process::duplicate(std::io::stdin().as_fd())?),
            ChildEnd::Inherit(1) => Some(process::duplicate(std::io::stdout().as_fd())?),
            ChildEnd::Inherit(_) => Some(process::duplicate(std::io::stderr().as_fd())?),
            ChildEnd::File(file) | ChildEnd::Way(file) => Some(process::duplicate(file.as_fd())?),
            ChildEnd::Stream(stream) => match self.seats[guest as usize].resource(*stream) {
                Resource::Stream(index) => Some(self.reactor.share(self.streams[index as usize].key)?),
                _ => return Err(Errno::EBADF),
            },
            ChildEnd::Pipe(stream) => {
                let (ours, theirs) = process::pair()?;
                let key = self.reactor.adopt_stream(ours, true)?;
                let index = self.streams.vacant_key() as u32;
                let place = match stream {
                    Some(handle) => {
                        self.seats[guest as usize].bind(*handle, Resource::Stream(index));
                        *handle
                    }
                    None => Handle::from_raw(0),
                };
                let mut new = Stream::new(guest, place, key, None);
                if stream.is_some() {
                    new.credit = 0;
                } else {
                    new.kept_for = Some((child, at as u32));
                    self.processes.children[child as usize].outputs += 1;
                }
                self.adopt_stream(new, None, crate::reactor::Addr::Unix);
                Some(theirs)
            }
        })
    }

    /// It may begin.
    pub(super) fn start_child(&mut self, index: u32) {
        let child = &mut self.processes.children[index as usize];
        let (Some((guest, handle)), Stage::Wished(wished)) =
            (child.owner, std::mem::replace(&mut child.stage, Stage::Ended(process::End::Code(0))))
        else {
            return;
        };
        let (channel, is_guest) = (child.channel, child.is_guest);
        let started = self.claim_row(index, guest, &wished).and_then(|()| self.spawn(index, guest, channel, *wished));
        match started {
            Ok(process) => {
                let pid = process.id();
                self.processes.children[index as usize].stage = Stage::Runs(process);
                if let Some(state) = self.child_state(Some((guest, handle))) {
                    state.status.state = child_state::RUNNING;
                    state.status.pid = pid;
                    if !state.sync {
                        self.seats[guest as usize].tell(events::CHILD_STARTED, Some(handle), pid, &[]);
                    }
                }
            }
            Err(error) => {
                self.take_row_back(index);
                self.give_back(u32::from(is_guest));
                self.child_failed(index, errno(error) as i32);
            }
        }
    }

    fn spawn(&mut self, index: u32, guest: u32, channel: Option<u32>, wished: Wished) -> Result<Process, Errno> {
        let Wished { mut plan, ends, far } = wished;
        let (order, legacy) = match &mut plan.program {
            ChildProgram::Guest { text, .. } => (ChildOrder::of_program(text).ok_or(Errno::EINVAL)?, None),
            ChildProgram::Clone { legacy, .. } => {
                let module = matches!(self.processes.clones, Clones::OfModule(_));
                (ChildOrder::of_clone(module), legacy.take())
            }
            ChildProgram::Path(path) => {
                let program = path.get().clone();
                return self.spawn_program(guest, program, plan, ends);
            }
        };
        let order = self.order(guest, order, &plan)?;
        let mut ends = ends.into_iter();
        // What may fail comes before there is a process, or it would be nobody's.
        let input = match ends.next().flatten() {
            Some(input) => input,
            None => std::fs::File::open("/dev/null").map_err(Errno::from)?.into(),
        };
        let stdio: Vec<Option<OwnedFd>> = std::iter::once(far).chain(ends.by_ref().take(2)).collect();
        let filter = match (&order.grants.run, order.unconfined) {
            (Run::None, _) => Filter::Own,
            (_, false) => Filter::Programs,
            (_, true) => Filter::None,
        };
        let module = order.is_module();
        // What a nursery has made ready is the code of scripts.
        let own_code = module || (legacy.is_some() && order.module);
        let hatched = if own_code { None } else { self.processes.hatch(&stdio, filter, plan.detached)? };
        let nested = hatched.is_some();
        let process = match hatched {
            Some(process) => process,
            None => self.start_alone(stdio, plan.detached)?,
        };
        let channel = channel.expect("a guest has one");
        self.send_control(channel, Kind::Input, 0, &[], Some(input));
        for (number, (fd, end)) in ends.zip(&plan.stdio[3.min(plan.stdio.len())..]).enumerate() {
            let file = u8::from(matches!(end, ChildEnd::File(_)));
            if let Some(fd) = fd {
                self.send_control(channel, Kind::Given, number as u64 + 3, &[file], Some(fd));
            }
        }
        let kit = |hall: &mut Self| if module { Ok(()) } else { hall.send_kit(channel, legacy.as_deref(), nested) };
        if let Err(error) = self.send_row(index, channel).and_then(|()| kit(self)) {
            process.end();
            return Err(error);
        }
        self.send_order(channel, order.to_json().as_bytes());
        self.send_waiting(channel);
        self.push_channel(channel);
        Ok(process)
    }

    /// A child without a nursery.
    pub(super) fn start_alone(&self, stdio: Vec<Option<OwnedFd>>, detached: bool) -> Result<Process, Errno> {
        Process::start(Spawn {
            program: self.processes.origin.program.clone(),
            argv0: Some("skep".into()),
            args: vec![CHILD_WORD.into()],
            env: Vec::new(),
            folder: None,
            stdio,
            detached,
            user: None,
            group: None,
        })
    }

    /// What a child of this guest is told: it may do what the guest may.
    fn order(&self, guest: u32, order: ChildOrder, plan: &ChildPlan) -> Result<ChildOrder, Errno> {
        let state = self.seats[guest as usize].guest.state();
        let folder = match &plan.folder {
            Some(folder) if !folder.is_dir() => return Err(Errno::ENOENT),
            folder => folder.clone(),
        };
        let mut grants = state.grants.clone();
        // Its own standard input was given to it by whoever starts it.
        grants.input |= !matches!(plan.stdio.first(), Some(ChildEnd::Inherit(0)));
        let env = match &plan.env {
            None => environment(state),
            Some(list) => {
                let pair = |text: &String| text.split_once('=').map(|(name, value)| (name.into(), Value::from(value)));
                list.iter().filter_map(pair).collect()
            }
        };
        Ok(ChildOrder {
            argv0: plan.argv0.clone(),
            args: plan.args.clone(),
            env,
            folder,
            grants,
            limits: state.limits.clone(),
            cache: self.processes.origin.cache.clone(),
            guest: self.processes.origin.guest.clone(),
            confine: self.processes.origin.confine,
            unconfined: self.processes.origin.unconfined,
            channel: plan.channel.is_some(),
            depth: state.depth + 1,
            ..order
        })
    }

    /// Code and image, which the child maps and shares with this process and all that have them. A clone's image is that of
    /// the guest it was. One from the nursery has the kit.
    pub(super) fn send_kit(&mut self, channel: u32, legacy: Option<&Legacy>, nested: bool) -> Result<(), Errno> {
        if nested && legacy.is_none() {
            return Ok(());
        }
        let source = match &mut self.processes.clones {
            Clones::OfModule(own) if legacy.is_some() => own,
            _ => &mut self.processes.kit,
        };
        let kit = match (source.get(), legacy) {
            (Some(kit), None) => kit.clone(),
            (Some(kit), Some(legacy)) => kit.with_image(legacy.image.clone()),
            (None, None) => return Ok(()),
            (None, Some(_)) => return Err(Errno::ENOMEM),
        };
        self.send_kit_files(channel, &kit, !nested)?;
        if let Some(legacy) = legacy {
            self.send_control(channel, Kind::Will, 0, &legacy.will.to_bytes(), None);
        }
        Ok(())
    }

    /// The files of a kit; one that has the code needs the image only.
    pub(super) fn send_kit_files(&mut self, channel: u32, kit: &Kit, with_code: bool) -> Result<(), Errno> {
        let code = with_code.then(|| process::duplicate(kit.code_file())).transpose()?;
        let layer = kit.layer_file().map(process::duplicate).transpose()?;
        let (image, head) = (process::duplicate(kit.image_file())?, kit.head());
        if let Some(code) = code {
            self.send_control(channel, Kind::Code, 0, &[], Some(code));
        }
        if let Some(layer) = layer {
            self.send_control(channel, Kind::Layer, 0, &[], Some(layer));
        }
        self.send_control(channel, Kind::Image, 0, &head, Some(image));
        Ok(())
    }

    /// The order goes before all messages.
    fn send_order(&mut self, channel: u32, order: &[u8]) {
        let most = self.processes.origin.frames.frame_bytes;
        let mut parts = order.chunks(most).peekable();
        let mut waiting = Vec::new();
        while let Some(payload) = parts.next() {
            let more = parts.peek().is_some();
            let mut bytes = Vec::with_capacity(ipc::HEAD + payload.len());
            ipc::encode(&mut bytes, &Frame { kind: Kind::Order, fd: false, more, id: 0, payload });
            waiting.push(Waiting { bytes, attach: None, counted: false });
        }
        if let Some(channel) = self.processes.channels.get_mut(channel as usize) {
            for part in waiting.into_iter().rev() {
                channel.waiting.push_front(part);
            }
        }
    }

    fn spawn_program(
        &mut self,
        guest: u32,
        program: PathBuf,
        plan: ChildPlan,
        ends: Vec<Option<OwnedFd>>,
    ) -> Result<Process, Errno> {
        let state = self.seats[guest as usize].guest.state();
        let env: Vec<(OsString, OsString)> = match plan.env {
            Some(list) => list
                .iter()
                .filter_map(|text| text.split_once('='))
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            None => environment(state)
                .iter()
                .filter_map(|(name, value)| Some((name.into(), value.as_str()?.into())))
                .collect(),
        };
        let mut env: Vec<(OsString, OsString)> = env.into_iter().filter(is_clean).collect();
        let mut options = vec![state.grants.words()];
        options.extend(self.limits.as_node.then(|| "--http=node".to_owned()));
        options.retain(|words| !words.is_empty());
        env.push((OPTIONS.into(), options.join("\n").into()));
        if plan.folder.as_ref().is_some_and(|folder| !folder.is_dir()) {
            return Err(Errno::ENOENT);
        }
        Process::start(Spawn {
            program,
            argv0: Some(plan.argv0.into()),
            args: plan.args.into_iter().map(OsString::from).collect(),
            env,
            folder: plan.folder,
            stdio: ends,
            detached: plan.detached,
            user: plan.user,
            group: plan.group,
        })
    }

    /// The tree allows no more.
    pub(super) fn child_refused(&mut self, index: u32, errno: i32) {
        self.processes.children[index as usize].stage = Stage::Ended(process::End::Code(0));
        self.child_failed(index, errno);
    }

    /// It could not be started.
    pub(super) fn child_failed(&mut self, index: u32, errno: i32) {
        let child = self.processes.children.remove(index as usize);
        if let Some(channel) = child.channel {
            self.drop_channel(channel, 0);
        }
        let Some((guest, handle)) = child.owner else { return };
        let Some(seat) = self.seats.get_mut(guest as usize) else { return };
        let state = seat.guest.state_mut();
        if let Some(known) = state.children.get_mut(&handle) {
            known.status.state = child_state::FAILED;
            known.status.code = errno;
            if known.sync {
                // The handle lives until the guest closes it.
                return seat.bind(handle, Resource::None);
            }
        }
        state.forget_child(handle, -i64::from(errno));
        seat.revoke(handle);
        seat.tell(events::CHILD_FAILED, Some(handle), errno as u32, &[]);
    }
}

fn is_clean((name, _): &(OsString, OsString)) -> bool {
    let name = name.to_string_lossy();
    !UNCLEAN.iter().any(|unclean| if unclean.ends_with('_') { name.starts_with(unclean) } else { name == *unclean })
}
