//! What surrounds the cases: each is started as a process of its own, in a world with a folder to read, one to write, a
//! port that is granted and one that is not. It must not know what a case tries.
use super::cases::{CASES, Case, End, Layer};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// What cases find in their environment.
pub struct World {
    pub read: PathBuf,
    pub write: PathBuf,
    pub keep: PathBuf,
    pub port: u16,
    pub other_port: u16,
}

impl World {
    pub fn of_environment() -> World {
        let text = |name: &str| std::env::var(name).expect("the world was told");
        let number = |name: &str| text(name).parse().expect("a port");
        let [read, write, keep] = ["READ", "WRITE", "KEEP"].map(|name| text(&format!("WORLD_{name}")).into());
        World { read, write, keep, port: number("WORLD_PORT"), other_port: number("WORLD_OTHER_PORT") }
    }
}

/// Runs the cases whose names contain one of these words, or all.
pub fn all(words: &[String]) -> i32 {
    let words: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("confine-{}", std::process::id()));
    let [read, write, keep] = ["read", "write", "keep"].map(|name| folder.join(name));
    [&read, &write, &keep].into_iter().for_each(|folder| std::fs::create_dir_all(folder).expect("a folder"));
    std::fs::write(read.join("file"), "x").expect("a file");
    let listen = || TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = |listener: &TcpListener| listener.local_addr().expect("it has one").port();
    let listeners = [listen(), listen()];
    let name = format!("skep-confine-world-{}", std::process::id());
    let name = std::os::unix::net::SocketAddr::from_abstract_name(name).expect("a name");
    let _abstract = UnixListener::bind_addr(&name).expect("an abstract socket");
    let world = World { read, write, keep, port: port(&listeners[0]), other_port: port(&listeners[1]) };
    let lacking = skep::confine::lacking();
    let mut failed = 0;
    for case in CASES.iter().filter(|case| words.is_empty() || words.iter().any(|word| case.name.contains(*word))) {
        let lack = lacking.iter().find(|text| match case.layer {
            Layer::Seccomp => text.contains("seccomp"),
            Layer::Landlock => text.contains("Landlock"),
            Layer::None => false,
        });
        if let Some(lack) = lack {
            println!("case {} ... skipped: {lack}", case.name);
            continue;
        }
        let fault = fault(case, &run(case, &world));
        println!("case {} ... {}", case.name, if fault.is_none() { "ok" } else { "FAILED" });
        if let Some(text) = fault {
            println!("{text}");
            failed += 1;
        }
    }
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    println!("\ntest result: {}", if failed == 0 { "ok".to_owned() } else { format!("FAILED. {failed} cases") });
    i32::from(failed > 0)
}

fn run(case: &Case, world: &World) -> Output {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--case", case.name])
        .env("WORLD_READ", &world.read)
        .env("WORLD_WRITE", &world.write)
        .env("WORLD_KEEP", &world.keep)
        .env("WORLD_PORT", world.port.to_string())
        .env("WORLD_OTHER_PORT", world.other_port.to_string())
        .stdin(Stdio::null())
        .output()
        .expect("a case starts")
}

fn fault(case: &Case, output: &Output) -> Option<String> {
    let status = output.status;
    let right = match case.end {
        End::Passes => status.success(),
        End::Killed => status.signal() == Some(libc::SIGSYS),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    (!right).then(|| format!("{status} where {:?} was expected: {said}", case.end))
}

/// What a process that was started by a confined one tries.
pub fn again(what: &str) {
    let refused = match what {
        "read" => std::fs::read("/etc/passwd").is_err_and(|error| error.raw_os_error() == Some(libc::EACCES)),
        "nothing" => true,
        other => panic!("{other} is not known"),
    };
    std::process::exit(if refused { 0 } else { 1 });
}
