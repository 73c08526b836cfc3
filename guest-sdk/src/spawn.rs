//! Other programs: those that were granted by name, with pipes or this guest's own descriptors. It must not know guests.
use crate::net::Stream;
use crate::process::{kill_child, start_child, ChildEvent, Order};
use crate::raw::{self, Handle};
use crate::Result;
use skep_abi::{child, child_stdio};

/// What a pipe's writer may have sent before its reader gives it more.
const FIRST_CREDIT: u32 = 64 << 10;

/// What one of a program's first three descriptors is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdio {
    /// Nothing comes, and what is written goes nowhere.
    Null,
    /// The guest's own.
    Inherit,
    /// A stream of the guest's.
    Piped,
}

/// A program that is to be started: `Command::new("git").arg("status").start(|event| ...)`. It has pipes, and the environment
/// that the guest was granted, if nothing else is said.
#[derive(Clone, Debug)]
pub struct Command {
    program: String,
    folder: String,
    words: Vec<String>,
    variables: Option<Vec<String>>,
    stdio: [Stdio; 3],
}

impl Command {
    /// A path, or a name to be looked for.
    pub fn new(program: &str) -> Command {
        Command {
            program: program.to_owned(),
            folder: String::new(),
            words: Vec::new(),
            variables: None,
            stdio: [Stdio::Piped; 3],
        }
    }

    /// One more word.
    #[must_use]
    pub fn arg(mut self, word: &str) -> Command {
        self.words.push(word.to_owned());
        self
    }

    /// One variable. With the first one the program has those that are given here, and no others.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Command {
        self.variables.get_or_insert_with(Vec::new).push(format!("{}={}", name, value));
        self
    }

    /// Where it begins.
    #[must_use]
    pub fn folder(mut self, path: &str) -> Command {
        self.folder = path.to_owned();
        self
    }

    /// What its input, its output and its errors are.
    #[must_use]
    pub fn stdio(mut self, input: Stdio, output: Stdio, errors: Stdio) -> Command {
        self.stdio = [input, output, errors];
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// `EACCES` without the grant of that program, `EAGAIN` when there are too many processes. What else keeps it from
    /// starting is told by [`ChildEvent::Failed`].
    pub fn start(&self, call: impl FnMut(ChildEvent) + 'static) -> Result<Program> {
        let kinds = |(number, stdio): (usize, &Stdio)| match stdio {
            Stdio::Null => (child_stdio::IGNORE, 0),
            Stdio::Inherit => (child_stdio::INHERIT, number as u32),
            Stdio::Piped => (child_stdio::PIPE, 0),
        };
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let order = Order {
            flags: if self.variables.is_none() { child::CLONE_ENV } else { 0 },
            program: &self.program,
            name: &self.program,
            folder: &self.folder,
            words: &words,
            variables: self.variables.as_deref().unwrap_or(&[]),
            stdio: &self.stdio.iter().enumerate().map(kinds).collect::<Vec<_>>(),
        };
        let handle = start_child(&order, call)?;
        let stream = |at: usize| {
            let stream = Stream::pipe(raw::child_stdio(handle, at as u32).ok()?);
            raw::credit(stream.handle(), FIRST_CREDIT);
            Some(stream)
        };
        Ok(Program { handle, input: stream(0), output: stream(1), errors: stream(2) })
    }
}

/// A program that was started. Dropping it changes nothing. A pipe is to be closed at its end; one that nobody listens to closes by
/// itself, and what comes by it is thrown away.
#[derive(Clone, Debug)]
pub struct Program {
    handle: Handle,
    /// What is written here it reads; [`Stream::shutdown`] ends it. There where that is a pipe.
    pub input: Option<Stream>,
    /// What it writes. Not read, or with its credit held, the program waits.
    pub output: Option<Stream>,
    /// What it writes as errors.
    pub errors: Option<Stream>,
}

impl Program {
    /// Sends it a signal; 0 only asks whether it lives.
    ///
    /// # Errors
    /// `ESRCH` when it has ended.
    pub fn kill(&self, signal: i32) -> Result<()> {
        kill_child(self.handle, signal)
    }
}
