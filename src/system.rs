//! The standard outputs as a place for what guests print. It must not know who prints.
use crate::reactor::StandardStreams;
use crate::runtime::LogSink;

/// Standard output and error as a place for logs.
pub(crate) struct Standard(pub StandardStreams);

impl LogSink for Standard {
    fn window(&self, fd: u8) -> Option<(u16, u16)> {
        self.0.window(fd)
    }

    fn write(&mut self, fd: u8, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(fd, bytes)
    }

    fn wait(&mut self, fd: u8) {
        self.0.wait(fd);
    }
}
