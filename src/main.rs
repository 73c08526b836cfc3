//! The program `skep`. It must not know anything but its command line.
use std::process::ExitCode;

fn main() -> ExitCode {
    skep::cli::main(std::env::args_os().collect())
}
