//! The beginning of a process that another of ours has started: its channel, its standard input, its order. Nothing of a
//! guest runs before all of it is there. It must not know how an order is carried out.
use super::nursery::{self, Nest};
use super::{Confine, Order, Program, World, own_program};
use crate::guest::{Kit, Open, Will};
use crate::policy::{Limits, PURSE_CELLS, Purse, Row};
use crate::proto::ipc::{Decoder, Kind, Side};
use crate::reactor::process;
use crate::runtime::{ChildOrder, Filter, Origin};
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes read at once.
const READ: usize = 64 << 10;

/// What has come.
pub(super) struct Arrival {
    pub order: What,
    pub kit: Option<Kit>,
    /// Of tenants whose programs are modules, by their places.
    pub modules: Vec<(u64, Kit)>,
    /// The image is a running guest's.
    pub will: Option<Will>,
    pub link: Link,
    pub given: Vec<Given>,
    /// Where the tree is counted, and the cells as they came.
    pub purse: Option<(Purse, OwnedFd)>,
    /// It was made by a nursery.
    pub nest: Option<Nest>,
}

/// A descriptor beyond the standard ones.
pub(super) struct Given {
    pub number: u64,
    pub open: Open,
}

/// What it is to do.
pub(super) enum What {
    Run(Box<ChildOrder>),
    /// Tenants, in the words of whoever serves them.
    Serve(Vec<u8>),
}

/// The channel, as far as it has been read.
pub(crate) struct Link {
    pub channel: OwnedFd,
    pub decoder: Decoder,
    pub fds: VecDeque<OwnedFd>,
    /// The guest is to have it.
    pub user: bool,
}

/// Waits for the order. Whoever sends it is the process that started this one, for nobody else has the channel's other end.
pub(super) fn arrive() -> Result<Arrival> {
    let mut channel = process::arrive().map_err(|error| anyhow!("there is no channel: {}", error.name()))?;
    let new_decoder = || Decoder::new(Side::Parent, Origin::new(&Limits::default()).frames);
    let (mut decoder, mut nest): (_, Option<Nest>) = (new_decoder(), None);
    let mut fds = VecDeque::new();
    let mut buffer = vec![0; READ];
    let mut text = Vec::new();
    let (mut code, mut layer, mut kit, mut will) = (None, None, None, None);
    let (mut given, mut purse, mut modules) = (Vec::new(), None, Vec::new());
    loop {
        let mut came = Vec::new();
        let count = process::receive(&channel, &mut buffer, &mut came)
            .map_err(|error| anyhow!("the channel cannot be read: {}", error.name()))?;
        if count == 0 {
            bail!("the channel ended before there was an order: this word is not for the command line");
        }
        decoder.feed(&buffer[..count], came.len());
        fds.extend(came);
        while let Some(frame) = decoder.next_frame().map_err(|fault| anyhow!("the channel brought {fault}"))? {
            match frame.kind {
                Kind::Input => {
                    process::set_input(&next(&mut fds)?)
                        .map_err(|error| anyhow!("there is no standard input: {}", error.name()))?;
                }
                Kind::Given => given.push(Given::read(frame.id, frame.payload, next(&mut fds)?, &given)?),
                Kind::Purse => {
                    let cells = next(&mut fds)?;
                    purse = Some((read_purse(&cells, frame.payload)?, cells));
                }
                Kind::Code => code = fds.pop_front(),
                Kind::Layer => layer = fds.pop_front(),
                Kind::Image => {
                    let image = next(&mut fds)?;
                    kit = Some(match (code.take(), &nest) {
                        (Some(code), _) => Kit::from_parts(code, image, layer.take(), frame.payload)?,
                        (None, Some(nest)) => nest.kit.with_image_files(image, layer.take(), frame.payload)?,
                        (None, None) => bail!("an image came without code"),
                    });
                }
                Kind::Module => modules.push((frame.id, kit.take().context("a module came without code")?)),
                Kind::Nest => {
                    ensure!(nest.is_none() && fds.is_empty(), "a nursery is one from its beginning");
                    let kit = kit.take().context("a nursery needs a kit")?;
                    let filter = Filter::of(frame.payload[0]).context("there is no such filter")?;
                    let rest = std::mem::replace(&mut decoder, new_decoder());
                    nest = Some(nursery::serve(&mut channel, rest, kit, filter)?);
                    break;
                }
                Kind::Will => will = Some(Will::from_bytes(frame.payload).context("the will makes no sense")?),
                Kind::Hive | Kind::Order if frame.more => text.extend_from_slice(frame.payload),
                Kind::Hive => {
                    text.extend_from_slice(frame.payload);
                    let kit = kit.or_else(|| nest.as_ref().map(|nest| nest.kit.clone()));
                    let link = Link { channel, decoder, fds, user: false };
                    return Ok(Arrival { order: What::Serve(text), kit, modules, will, nest, given, purse, link });
                }
                Kind::Order => {
                    text.extend_from_slice(frame.payload);
                    let order = ChildOrder::from_json(&text).context("the order makes no sense")?;
                    let user = order.channel;
                    let kit = kit.or_else(|| nest.as_ref().map(|nest| nest.kit.clone()));
                    let order = What::Run(Box::new(order));
                    let link = Link { channel, decoder, fds, user };
                    return Ok(Arrival { order, kit, modules, will, nest, given, purse, link });
                }
                kind => bail!("the channel brought {kind:?} before an order"),
            }
        }
    }
}

fn next(fds: &mut VecDeque<OwnedFd>) -> Result<OwnedFd> {
    fds.pop_front().context("the table says that it comes with one")
}

fn read_purse(cells: &OwnedFd, payload: &[u8]) -> Result<Purse> {
    let word = |at: usize| u64::from_le_bytes(payload[at..at + 8].try_into().expect("the table says how long it is"));
    let mapped = process::map_cells(cells, PURSE_CELLS)
        .map_err(|error| anyhow!("the tree's purse cannot be shared: {}", error.name()))?;
    Purse::of_child(mapped, Row { number: word(0), word: word(8) }).context("the row of the tree's purse is another's")
}

impl Given {
    fn read(number: u64, payload: &[u8], fd: OwnedFd, others: &[Given]) -> Result<Given> {
        let beyond = 3..3 + u64::from(Limits::default().child_descriptors);
        ensure!(beyond.contains(&number), "a descriptor has the number {number}");
        ensure!(others.iter().all(|other| other.number != number), "descriptor {number} came twice");
        let fd = Arc::new(fd);
        Ok(Given { number, open: if payload == [1] { Open::File(fd) } else { Open::Way(fd) } })
    }
}

impl ChildOrder {
    /// Goes to the order's folder; gives what the launch takes.
    pub(super) fn into_parts(self) -> Result<(Order, Origin, World)> {
        if let Some(folder) = &self.folder {
            std::env::set_current_dir(folder).with_context(|| format!("cannot go to {}", folder.display()))?;
        }
        let file = || self.main.as_ref().map(PathBuf::from).context("an order to run a file names one");
        let source = || self.source.clone().context("an order to run code has some");
        let program = match self.mode.as_str() {
            "file" | "check" => Program::File(file()?),
            "stdin" => Program::Stdin { module: self.module },
            "clone" => Program::Clone { module: self.module },
            mode => Program::Eval { source: source()?, print: mode == "print", module: self.module },
        };
        let origin = Origin {
            program: own_program()?,
            cache: self.cache,
            guest: self.guest,
            confine: self.confine,
            unconfined: self.unconfined,
            ..Origin::new(&self.limits)
        };
        let world = World { env: self.env, info: self.info, argv0: Some(self.argv0), depth: self.depth, folder: None };
        let order = Order {
            check: self.mode == "check",
            program,
            args: self.args.into_iter().map(OsString::from).collect(),
            node_flags: self.exec_argv,
            grants: self.grants,
            limits: self.limits,
            confine: Confine { this: true, required: self.confine, unconfined: self.unconfined },
        };
        Ok((order, origin, world))
    }
}
