//! The hall under simulation: one seed is one run of the whole runtime, on a virtual clock and on
//! sockets in memory, with peers good and bad and a network that fails. They must not know how the
//! hall does what it does: what they look at inside is its books ([`super::http`]'s audit).
mod apart;
mod calm;
mod charges;
mod crews;
mod exchange;
mod fair;
mod famine;
mod fronts;
mod hive;
mod lines;
mod moves;
mod pace;
mod paced;
mod peers;
mod proxied;
mod signals;
mod sim;
mod sleep;
mod snapshots;
mod want;
mod world;
