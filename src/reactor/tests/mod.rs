//! Tests of the reactor. The scenarios run on the operating system's sockets and on the simulated
//! ones, through one bench; what only one of them can show has a file of its own.

mod bench;
mod os;
mod parts;
mod scenarios;
mod simulated;
mod veil;
