//! Where plain programs would be run, in a build without the feature `wasi`.
use super::{End, World};
use crate::guest::engine::{Engine, Loaded};
use crate::policy::{Hoard, Limits, Purse};
use anyhow::{Result, bail};
use std::convert::Infallible;
use std::io::{Read, Write};
use std::sync::Arc;

/// No program has it.
pub const WIRE: u32 = 0;

/// A program that is ready to run: there is none.
pub struct Plain(Infallible);

impl Plain {
    /// # Errors
    /// Always.
    pub(in crate::guest) fn new(_: &Engine, _: Loaded, _: &World, _: &Limits) -> Result<Plain> {
        bail!("this is a program for WASI, and skep was built without the feature `wasi`")
    }

    /// Its CPU counts with its tree's, and its memory where that is limited for all.
    pub fn share(&mut self, _: Purse, _: &Limits) {
        match self.0 {}
    }

    /// What it writes counts there.
    pub fn draw_from(&mut self, _: Arc<Hoard>) {
        match self.0 {}
    }

    /// What its descriptor `WIRE` leads to.
    pub fn connect(&mut self, _: Box<dyn Read + Send>, _: Box<dyn Write + Send>) {
        match self.0 {}
    }

    /// Runs it to its end.
    pub fn run(self) -> End {
        match self.0 {}
    }
}
